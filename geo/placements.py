"""What placing points gives: for each point an area or none, and the rule that decided.

The rules, by precedence. "Covers" takes in the border; "contains" does not.

1. One area covers the point: `inside`.
2. Several cover it and at least one contains it, so areas truly overlap there: `overlap`, the lowest code.
3. Several cover it, all with their border: `border`, the lowest code.
4. None covers it, and one or more lie within the tolerance: `nearest`, the lowest code among those as near.
5. `outside`: no area. It is for a person to decide, never guessed.

Codes are compared by code point, in Python as in SQL (COLLATE "C"), so that no locale changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from geo.tables import TOLERANCE_M_MAX

Rule: TypeAlias = Literal["inside", "border", "overlap", "nearest", "outside"]
Floats: TypeAlias = NDArray[np.float64]

POINTS_PER_CALL_MAX = 100_000
"""Points of one call. An exchange sends at most some hundreds; a reassignment goes through its jobs in
slices of this, so that neither the arrays nor one statement grow with the partnership."""

TIE_M = 0.001
"""Areas nearest to within a millimetre count as equally near: a border shared by two areas has the same
distance from both, but the last bits of the two computations differ."""

# The shortest that a degree gets on WGS 84: of latitude at the equator, of longitude (times the cosine)
# anywhere.
_METRES_PER_DEGREE_LAT = 110_574.0
_METRES_PER_DEGREE_LON = 111_319.0


class Placement(NamedTuple):
    """Where one point belongs: `area_id` and `code` are None together, when `rule` is outside."""

    area_id: UUID | None
    code: str | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Placements:
    """The answer for a batch, three lists in the order of the points."""

    area_ids: list[UUID | None]
    codes: list[str | None]
    rules: list[Rule]

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, position: int) -> Placement:
        return Placement(self.area_ids[position], self.codes[position], self.rules[position])

    def __iter__(self) -> Iterator[Placement]:
        return map(Placement, self.area_ids, self.codes, self.rules)


def as_points(lon: object, lat: object) -> tuple[Floats, Floats]:
    """Two sequences of degrees as float arrays of one length.

    Raises ValueError when they are not flat, differ in length, or are more than POINTS_PER_CALL_MAX.
    """
    lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if lons.ndim != 1 or lons.shape != lats.shape:
        raise ValueError(f"lon and lat must be flat and of one length, not {lons.shape} and {lats.shape}")
    if lons.size > POINTS_PER_CALL_MAX:
        raise ValueError(f"{lons.size} points in one call, at most {POINTS_PER_CALL_MAX}")
    return lons, lats


def check_tolerance(tolerance_m: float) -> None:
    """Raises ValueError for a tolerance that no layer may have."""
    if not 0 <= tolerance_m <= TOLERANCE_M_MAX:
        raise ValueError(f"tolerance_m is {tolerance_m}, it must be from 0 to {TOLERANCE_M_MAX}")


def on_earth(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Which points are finite and within ±180, ±90 degrees. The others are `outside`."""
    return (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)


def reach_deg(lat: Floats, tolerance_m: float) -> tuple[Floats, float]:
    """Half width (one for each point) and half height, in degrees, of a box that holds all within
    tolerance_m.

    The cosine is taken at the box's edge nearest to the pole, where a degree of longitude is shortest; near
    a pole the box is all longitudes. The antimeridian is not crossed: areas end there, as RFC 7946 section
    3.1.9 asks.
    """
    height = tolerance_m / _METRES_PER_DEGREE_LAT
    shrink = np.cos(np.radians(np.minimum(np.abs(lat) + height, 90.0)))
    with np.errstate(divide="ignore"):
        width = np.minimum(tolerance_m / (_METRES_PER_DEGREE_LON * np.maximum(shrink, 0.0)), 360.0)
    return width, height
