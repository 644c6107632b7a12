"""What reading a boundary file gives, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

AREAS_MAX = 100_000
"""Areas of a version. All voting precincts of a large state are about 10,000, a county's road segments some
tens of thousands; more is some other kind of data."""

VERTICES_MAX = 4_000_000
"""Vertices of a version: 64 MB of coordinates, 240 MB in a worker's index. The most detailed layer in our
tests, a county of 130 towns, has 70,000."""

CODE_CHARS_MAX = 64
NAME_CHARS_MAX = 200
"""Codes are keys that people type and read out; names head columns."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of a layer version, in the order of the file or of their codes.

    `geoms` are 2D MultiPolygons in EPSG:4326 lon/lat with finite coordinates and closed rings. Those of a
    draft may be invalid, its codes missing (None) or repeated, its names missing: `geo.check` tells. Those of
    a published version are valid, with distinct codes and a name each.

    `owners` are the codes of the jurisdictions responsible for each area, empty where an area's own code is
    that (the jurisdiction layer); `valid_from` the day from which each area holds by the file, empty or None
    where the file does not say.
    """

    codes: tuple[str | None, ...]
    names: tuple[str | None, ...]
    geoms: NDArray[np.object_]
    owners: tuple[str | None, ...] = field(default=(), kw_only=True)
    valid_from: tuple[date | None, ...] = field(default=(), kw_only=True)

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class Source:
    """Where areas come from and how the file was understood.

    `accuracy_m` is how far the transformation to WGS 84 may be off, None when unknown and 0 when there was
    none. A field is None where the file has none for it; `fields` are all fields of the layer, to choose
    others from.
    """

    name: str
    format: str
    layer: str | None
    crs: str
    encoding: str
    code_field: str
    name_field: str
    accuracy_m: float | None
    valid_from_field: str | None = None
    owner_field: str | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AreaSet(Areas):
    """Areas as a file gave them, in the file's order.

    `notes` are sentences about what was assumed or left out; whoever publishes should read them.
    """

    source: Source
    notes: tuple[str, ...] = ()
