"""A zip archive -> the files of one shapefile or one geodatabase in a folder of ours, or a reason why not.

Nothing is written under a name from the archive, and bytes are counted as they come out, whatever the
archive's directory claims.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from geo.geodatabase import TABLE_FILE, Geodatabase
from geo.refusals import (
    ArchiveIncomplete,
    ArchiveTooLarge,
    ArchiveUnsafe,
    FileUnreadable,
    LayerNotChosen,
    LayerNotFound,
)
from geo.shapefile import EXTENSIONS, NEEDED, Shapefile, opened_in

ENTRIES_MAX = 5_000
"""Entries of an archive. A shapefile has at most a dozen files, and portals pack some tens of layers
together; a geodatabase has some seven files a table."""

INFLATED_BYTES_MAX = 800_000_000
"""Bytes that one layer's files may come to. Four million vertices with heights and measures take 130 MB;
100,000 rows of attributes, of which a shapefile may have 4,000 bytes in each, 400 MB. A geodatabase comes
with all its tables, whichever is read."""

_CHUNK_BYTES = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

Entries = dict[PurePosixPath, zipfile.ZipInfo]


def unpack(path: Path, folder: Path, layer: str | None) -> Shapefile | Geodatabase:
    """Unpack one shapefile or geodatabase of the archive at `path` into `folder`.

    The layer of a shapefile is its path in the archive without ".shp"; those of a geodatabase have their
    own names, behind its path and a slash if the archive holds something else, too. Raises ArchiveUnsafe,
    ArchiveTooLarge, ArchiveIncomplete, LayerNotChosen (with `layers`), LayerNotFound, FileUnreadable.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, path.stat().st_size)
            chosen, inner = _choose(entries, layer)
            if any(name.parent == chosen and TABLE_FILE.fullmatch(name.name) for name in entries):
                files = _of_geodatabase(chosen, entries)
                (folder / "areas.gdb").mkdir()
                _extract(archive, {folder / "areas.gdb" / name: info for name, info in files.items()})
                return Geodatabase(folder / "areas.gdb", inner)
            files = _of_shapefile(chosen, entries)
            _extract(archive, {folder / name: info for name, info in files.items()})
            return opened_in(folder, str(chosen))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error) as error:
        raise FileUnreadable(f"The archive cannot be unpacked: {error}.") from error


def _entries(archive: zipfile.ZipFile, size: int) -> Entries:
    """The archive's files by their path, without folders and what macOS adds."""
    infos = archive.infolist()
    if len(infos) > ENTRIES_MAX:
        raise ArchiveTooLarge(f"It has {len(infos)} entries, at most {ENTRIES_MAX} are read.")
    entries: Entries = {}
    for info in infos:
        if not info.filename or not 0 <= info.header_offset < size:
            raise FileUnreadable("The archive's directory is damaged.", part=info.filename[:200] or None)
        name = PurePosixPath(info.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in info.filename:
            raise ArchiveUnsafe("The path leads out of the archive.", part=info.filename[:200])
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveUnsafe("It is a link.", part=info.filename[:200])
        if info.flag_bits & 0x1:
            raise ArchiveUnsafe("It is encrypted.", part=info.filename[:200])
        if info.is_dir() or not name.parts or name.parts[0] == "__MACOSX" or name.name.startswith("._"):
            continue
        if name in entries:
            raise ArchiveUnsafe("The archive has it twice.", part=info.filename[:200])
        entries[name] = info
    return entries


def _choose(entries: Entries, layer: str | None) -> tuple[PurePosixPath, str | None]:
    """The path of the shapefile (without ".shp") or of the geodatabase's folder, and the layer in the latter."""
    shapefiles = [name.with_suffix("") for name in entries if name.suffix.lower() == ".shp"]
    databases = sorted({name.parent for name in entries if TABLE_FILE.fullmatch(name.name)})
    choices = sorted([*shapefiles, *databases])
    if not choices:
        others = ", ".join(sorted(str(name)[:100] for name in entries)[:5])
        raise ArchiveIncomplete(
            f"There is no .shp and no geodatabase in it{f', but {others}' if others else ''}.", part=".shp"
        )
    names = [str(choice) for choice in choices]
    if layer is None:
        if len(choices) > 1:
            raise LayerNotChosen(f"They are {', '.join(names)[:500]}.", layers=names)
        return choices[0], None
    for choice in choices:
        if layer in (str(choice), choice.name):
            return choice, None
    for database in databases:
        for name in {str(database), database.name}:
            if layer.startswith(f"{name}/"):
                return database, layer.removeprefix(f"{name}/")
    if choices == databases and len(databases) == 1:
        return databases[0], layer
    raise LayerNotFound(f"It has {', '.join(names)[:500]}.", part=layer, layers=names)


def _of_shapefile(chosen: PurePosixPath, entries: Entries) -> dict[str, zipfile.ZipInfo]:
    """The shapefile's files under our names; theirs are compared without regard to case, as on Windows."""
    folded = {str(name).lower(): info for name, info in entries.items()}
    files = {
        f"areas.{extension}": folded[name]
        for extension in EXTENSIONS
        if (name := f"{chosen}.{extension}".lower()) in folded
    }
    for extension in NEEDED:
        if f"areas.{extension}" not in files:
            raise ArchiveIncomplete(f"There is no .{extension} beside {chosen}.shp.", part=f".{extension}")
    return files


def _of_geodatabase(chosen: PurePosixPath, entries: Entries) -> dict[str, zipfile.ZipInfo]:
    """The files of the geodatabase's tables. Its indexes are not needed for reading a table from end to end."""
    files: dict[str, zipfile.ZipInfo] = {}
    for name, info in entries.items():
        if name.parent != chosen or not (TABLE_FILE.fullmatch(name.name) or name.name.lower() in ("gdb", "timestamps")):
            continue
        if name.name.lower() in files:
            raise ArchiveUnsafe("The archive has it twice.", part=info.filename[:200])
        files[name.name.lower()] = info
    return files


def _extract(archive: zipfile.ZipFile, files: dict[Path, zipfile.ZipInfo]) -> None:
    left = INFLATED_BYTES_MAX
    for path, info in files.items():
        if info.compress_type not in _METHODS:
            # Others may ask for gigabytes of memory before the first byte comes out.
            raise FileUnreadable("It is packed in another way than by deflate.", part=info.filename[:200])
        with archive.open(info) as packed, path.open("wb") as unpacked:
            while chunk := packed.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveTooLarge(
                        f"Its files come to more than {INFLATED_BYTES_MAX} bytes.", part=info.filename[:200]
                    )
                unpacked.write(chunk)
