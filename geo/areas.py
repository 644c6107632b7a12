"""What reading a boundary file gives, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AREAS_MAX = 20_000
"""Areas of a version. All voting precincts of a large state are about 10,000; more is some other kind of
data."""

VERTICES_MAX = 2_000_000
"""Vertices of a version: 32 MB of coordinates, 120 MB in a worker's index. The most detailed layer in our
tests, a county of 130 towns, has 70,000."""

CODE_CHARS_MAX = 64
NAME_CHARS_MAX = 200
"""Codes are keys that people type and read out; names head columns."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where areas come from and how the file was understood.

    `accuracy_m` is how far the transformation to WGS 84 may be off, None when unknown and 0 when there was
    none.
    """

    name: str
    format: str
    layer: str | None
    crs: str
    encoding: str
    code_field: str
    name_field: str
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class AreaSet:
    """Areas in the file's order: distinct codes, names, valid 2D MultiPolygons in EPSG:4326 lon/lat.

    `notes` are sentences about what was assumed or left out; whoever publishes should read them.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    geoms: NDArray[np.object_]
    source: Source
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)
