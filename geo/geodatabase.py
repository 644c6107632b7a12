"""A file geodatabase: a folder of tables, of which we hold each against its header before GDAL reads it.

The layout is undocumented; what is used of it is in "FGDB Spec" by Even Rouault, the author of GDAL's driver.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from geo.refusals import ArchiveIncomplete, FileUnreadable

TABLE_FILE = re.compile(r"a[0-9a-f]{8}\.gdbtabl[ex]", re.IGNORECASE)
"""The files of a table: its rows, and the offsets of the rows (those end in "x")."""

_CATALOG = "a00000001.gdbtable"


@dataclass(frozen=True, slots=True)
class Geodatabase:
    """An unpacked geodatabase: its folder, and the layer if the archive's name for it told."""

    path: Path
    layer: str | None


def refuse_damaged(database: Geodatabase) -> None:
    """Hold the tables' lengths against their headers: GDAL reads as far as they go, and without the offsets
    it guesses where rows begin.

    Raises ArchiveIncomplete and FileUnreadable with the file as `part`.
    """
    if not (database.path / _CATALOG).exists():
        raise ArchiveIncomplete("The geodatabase's catalog is not there.", part=_CATALOG)
    for table in sorted(database.path.glob("*.gdbtable")):
        offsets = table.with_suffix(".gdbtablx")
        if not offsets.exists():
            raise ArchiveIncomplete(f"It belongs to {table.name}.", part=offsets.name)
        with table.open("rb") as file:
            head = file.read(40)
        _refuse_short(table, struct.unpack("<q", head[24:32])[0] if len(head) == 40 else 40)
        with offsets.open("rb") as file:
            head = file.read(16)
        _refuse_short(offsets, 16)
        version, blocks, _, offset_bytes = struct.unpack("<iiii", head)
        if version == 3:  # The layout of 4, with row numbers of 64 bits, is not known well enough.
            _refuse_short(offsets, 16 + 1024 * blocks * offset_bytes)
    for offsets in sorted(database.path.glob("*.gdbtablx")):
        if not offsets.with_suffix(".gdbtable").exists():
            raise ArchiveIncomplete(f"It belongs to {offsets.name}.", part=offsets.with_suffix(".gdbtable").name)


def _refuse_short(path: Path, expected: int) -> None:
    if path.stat().st_size < expected:
        raise FileUnreadable(f"It should have {expected} bytes.", part=path.name)
