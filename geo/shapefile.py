"""A shapefile: several files beside each other, held against their headers and each other.

Facts of the format are from "ESRI Shapefile Technical Description" (1998), pages 4, 8 to 15, 23 and 24.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geo.areas import VERTICES_MAX
from geo.refusals import ArchiveIncomplete, FileTooLarge, FileUnreadable, TooManyVertices

NEEDED = ("shp", "shx", "dbf")
EXTENSIONS = (*NEEDED, "prj", "cpg")

TEXT_BYTES_MAX = 65_536
"""Bytes of a .prj or .cpg that are read. The longest definitions of coordinate systems have some 10,000."""

_HEADER_BYTES = 100
_VERTEX_BYTES = {3: 16, 5: 16, 23: 24, 25: 24}  # PolyLine and Polygon, with M; those with Z have 24 or 32.


@dataclass(frozen=True, slots=True)
class Shapefile:
    """One shapefile: the path of its .shp, the layer's name, and the texts of its .prj and .cpg."""

    path: Path
    layer: str
    prj: str | None
    cpg: str | None


def beside(path: Path, folder: Path, bytes_max: int) -> Shapefile:
    """The shapefile whose .shp lies at `path` with the others beside it, linked into `folder`.

    Names are compared without regard to case. Raises ArchiveIncomplete, FileTooLarge if all come to more
    than `bytes_max`.
    """
    siblings = {file.name.lower(): file for file in sorted(path.parent.iterdir(), reverse=True) if file.is_file()}
    files = {"shp": path} | {
        extension: siblings[name]
        for extension in EXTENSIONS[1:]
        if (name := f"{path.stem}.{extension}".lower()) in siblings
    }
    for extension in NEEDED:
        if extension not in files:
            raise ArchiveIncomplete(f"There is no .{extension} beside {path.name}.", part=f".{extension}")
    size = sum(file.stat().st_size for file in files.values())
    if size > bytes_max:
        raise FileTooLarge(f"Its files come to {size} bytes, at most {bytes_max} are read.")
    for extension, file in files.items():
        (folder / f"areas.{extension}").symlink_to(file.resolve())
    return opened_in(folder, path.stem)


def opened_in(folder: Path, layer: str) -> Shapefile:
    """The shapefile that stands as "areas" in `folder`. What its .prj and .cpg say is for us to judge, so they
    are taken away: GDAL would act on them."""
    return Shapefile(folder / "areas.shp", layer, _take(folder / "areas.prj"), _take(folder / "areas.cpg"))


def _take(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        text = file.read(TEXT_BYTES_MAX)
    path.unlink()
    return text.decode("utf-8", errors="replace").removeprefix("\ufeff").strip()


def refuse_damaged(shp: Path) -> None:
    """Hold the files against their headers and each other: GDAL reads a shapefile that was cut short as far
    as it goes.

    Raises FileUnreadable with the file as `part`, and TooManyVertices, both before anything is read whole.
    """
    for path in (shp, shp.with_suffix(".shx")):
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES or struct.unpack(">i", head[:4]) != (9994,):
            raise FileUnreadable("It has no shapefile header.", part=path.suffix)
        (words,) = struct.unpack(">i", head[24:28])
        if path.stat().st_size < 2 * words:
            raise FileUnreadable(f"It should have {2 * words} bytes.", part=path.suffix)
    shapes = _refuse_disagreeing(shp)
    dbf = shp.with_suffix(".dbf")
    with dbf.open("rb") as file:
        head = file.read(32)
    if len(head) < 32:
        raise FileUnreadable("It has no header.", part=".dbf")
    rows, header_bytes, row_bytes = struct.unpack("<IHH", head[4:12])
    if dbf.stat().st_size < header_bytes + rows * row_bytes:
        raise FileUnreadable(f"It should have {header_bytes + rows * row_bytes} bytes.", part=".dbf")
    if rows != shapes:
        raise FileUnreadable(f"It has {rows} rows for {shapes} shapes.", part=".dbf")


def _refuse_disagreeing(shp: Path) -> int:
    """The number of shapes, after looking up each where the .shx says that it is."""
    size = shp.stat().st_size
    with shp.open("rb") as file:
        (kind,) = struct.unpack("<i", file.read(36)[32:])
    index = np.fromfile(shp.with_suffix(".shx"), dtype=">i4", offset=_HEADER_BYTES)
    index = index[: index.size // 2 * 2].reshape(-1, 2).astype(np.int64) * 2
    # A ring has at least four vertices for the four bytes that it takes beside them.
    vertices = (size - _HEADER_BYTES - 84 * len(index)) // (_VERTEX_BYTES.get(kind, 32) + 1)
    if vertices > VERTICES_MAX:
        raise TooManyVertices(f"It has at least {vertices}, at most {VERTICES_MAX} are taken.", part=".shp")
    offsets, lengths = index.T
    outside = (offsets < _HEADER_BYTES) | (lengths < 4) | (offsets + 8 + lengths > size)
    wrong = outside.copy()
    if not outside.all():
        content = np.memmap(shp, dtype=np.uint8, mode="r")
        at = offsets[~outside, None] + 4 + np.arange(4)
        wrong[~outside] = content[at].view(">i4").ravel().astype(np.int64) * 2 != lengths[~outside]
    if wrong.any():
        raise FileUnreadable("It leads to where no shape begins.", feature=int(np.argmax(wrong)) + 1, part=".shx")
    return len(index)
