"""A zipped shapefile -> the files of one shapefile in a folder of ours, or a reason why not.

Nothing is written under a name from the archive, and bytes are counted as they come out, whatever the
archive's directory claims.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geo.refusals import (
    ArchiveIncomplete,
    ArchiveTooLarge,
    ArchiveUnsafe,
    FileUnreadable,
    LayerNotChosen,
    LayerNotFound,
)

ENTRIES_MAX = 1_000
"""Entries of an archive. A shapefile has at most a dozen files; portals pack some tens of layers together."""

INFLATED_BYTES_MAX = 200_000_000
"""Bytes that one layer's files may come to. Two million vertices take 32 MB of .shp; 20,000 rows of
attributes with 4,000 bytes in each, 80 MB."""

_NEEDED = ("shp", "shx", "dbf")
_WELCOME = ("prj", "cpg")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Shapefile:
    """One shapefile, unpacked: the path of its .shp, the layer's name, and the texts of its .prj and .cpg."""

    path: Path
    layer: str
    prj: str | None
    cpg: str | None


def unpack(path: Path, folder: Path, layer: str | None) -> Shapefile:
    """Unpack one shapefile of the archive at `path` into `folder`.

    Its name in the archive without ".shp" is the layer. Raises ArchiveUnsafe, ArchiveTooLarge,
    ArchiveIncomplete, LayerNotChosen (with `layers`), LayerNotFound, FileUnreadable.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive)
            chosen = _choose(entries, layer)
            files = _files_of(chosen, entries)
            _extract(archive, files, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"The archive cannot be unpacked: {error}.") from error
    return Shapefile(folder / "areas.shp", chosen, _take(folder / "areas.prj"), _take(folder / "areas.cpg"))


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's files by their path, without folders and what macOS adds."""
    infos = archive.infolist()
    if len(infos) > ENTRIES_MAX:
        raise ArchiveTooLarge(f"It has {len(infos)} entries, at most {ENTRIES_MAX} are read.")
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = PurePosixPath(info.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in info.filename:
            raise ArchiveUnsafe("The path leads out of the archive.", part=info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveUnsafe("It is a link.", part=info.filename)
        if info.flag_bits & 0x1:
            raise ArchiveUnsafe("It is encrypted.", part=info.filename)
        if info.is_dir() or name.parts[0] == "__MACOSX" or name.name.startswith("._"):
            continue
        if str(name) in entries:
            raise ArchiveUnsafe("The archive has it twice.", part=info.filename)
        entries[str(name)] = info
    return entries


def _choose(entries: dict[str, zipfile.ZipInfo], layer: str | None) -> str:
    layers = sorted(name[:-4] for name in entries if name.lower().endswith(".shp"))
    if not layers:
        raise ArchiveIncomplete("There is no .shp in it.", part=".shp")
    if layer is None:
        if len(layers) > 1:
            raise LayerNotChosen(f"They are {', '.join(layers)}.", layers=layers)
        return layers[0]
    for name in layers:
        if layer in (name, PurePosixPath(name).name):
            return name
    raise LayerNotFound(f"It has {', '.join(layers)}.", part=layer, layers=layers)


def _files_of(layer: str, entries: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The shapefile's files by extension; names are compared without regard to case, as on Windows."""
    folded = {name.lower(): info for name, info in entries.items()}
    files = {
        extension: folded[name]
        for extension in (*_NEEDED, *_WELCOME)
        if (name := f"{layer}.{extension}".lower()) in folded
    }
    for extension in _NEEDED:
        if extension not in files:
            raise ArchiveIncomplete(f"There is no .{extension} beside {layer}.shp.", part=f".{extension}")
    return files


def _take(path: Path) -> str | None:
    """A small text, removed from the folder: what it says is for us to judge, and GDAL would act on it."""
    if not path.exists():
        return None
    text = path.read_bytes().decode("utf-8", errors="replace").strip()
    path.unlink()
    return text


def _extract(archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    left = INFLATED_BYTES_MAX
    for extension, info in files.items():
        with archive.open(info) as packed, (folder / f"areas.{extension}").open("wb") as unpacked:
            while chunk := packed.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveTooLarge(
                        f"Its files come to more than {INFLATED_BYTES_MAX} bytes.", part=info.filename
                    )
                unpacked.write(chunk)
