"""Coordinate systems by reference (OGC API Features Part 2): URIs, axis order, and what a bbox covers on the ground.

A coordinate is written as the authority of its system writes it: EPSG:4326 is latitude before longitude, CRS84 the
other way round. Here, as in PostGIS, x (east) always comes first; ``Crs.flips`` says where that differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.affinity import translate

Box = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y."""

WORLD: Box = (-180.0, -90.0, 180.0, 90.0)

DECIMALS_DEGREE = 9
"""Decimals of degrees: a tenth of a millimetre, the distance at which placement takes two points for one."""
DECIMALS_LENGTH = 4
"""Decimals of metres and feet: the same."""

SLACK_DEG = 1.0
"""How far beyond its system's area of use a box is followed: as far as the reader lets a layer reach."""

POINTS_PER_EDGE = 100
"""A box drawn on another map has curved edges in degrees, which are followed by so many straight ones. On the edge of a
box of 100 km they stray from the curve by less than 2 cm, of 1,000 km by less than 2 m."""


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate system that is offered."""

    uri: str
    srid: int
    flips: bool
    """The authority writes north before east."""
    decimals: int
    geographic: bool
    bounds: Box
    """Where it can be used, in its own units, x first."""


CRS84 = Crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84", 4326, False, DECIMALS_DEGREE, True, WORLD)
"""WGS 84, longitude first: what everything is stored in, and given in unless something else is asked for."""


@lru_cache(maxsize=256)
def of_epsg(code: int) -> Crs | None:
    """The system with this EPSG code; None where it is none whose axes are east and north, in either order."""
    try:
        crs = CRS.from_epsg(code).to_2d()
        directions = [axis.direction for axis in crs.axis_info]
        if directions not in (["east", "north"], ["north", "east"]) or not (crs.is_geographic or crs.is_projected):
            return None
        bounds = WORLD if crs.is_geographic else _bounds(crs)
    except (CRSError, ProjError):
        return None
    if bounds is None:
        return None
    decimals = DECIMALS_DEGREE if crs.is_geographic else DECIMALS_LENGTH
    uri = f"http://www.opengis.net/def/crs/EPSG/0/{code}"
    return Crs(uri, code, directions[0] == "north", decimals, crs.is_geographic, bounds)


def _bounds(crs: CRS) -> Box | None:
    if crs.area_of_use is None:
        return None
    west, south, east, north = crs.area_of_use.bounds
    if west <= east:  # Elsewhere it lies across the antimeridian, and goes round by itself.
        west, east = max(west - SLACK_DEG, -180.0), min(east + SLACK_DEG, 180.0)
    south, north = max(south - SLACK_DEG, -90.0), min(north + SLACK_DEG, 90.0)
    forth = Transformer.from_crs(CRS84.srid, crs, always_xy=True)
    bounds: Box = forth.transform_bounds(west, south, east, north)
    return bounds if all(map(math.isfinite, bounds)) else None


def offered(codes: Iterable[int]) -> tuple[Crs, ...]:
    """CRS84, EPSG:4326 and EPSG:3857, and after them those of ``codes`` that are usable."""
    distinct = dict.fromkeys((4326, 3857, *codes))
    return (CRS84, *(crs for crs in map(of_epsg, distinct) if crs is not None))


def ground(crs: Crs, numbers: Sequence[float]) -> list[bytes]:
    """What a bbox covers, as WKB in EPSG:4326 lon/lat: a polygon, line or point; two where it lies across the
    antimeridian; none where it lies outside the world or outside the area that its system is made for.

    ``numbers``: lower corner, upper corner, finite, in the order of the system's own axes. Between longitudes, a first
    one above the second is a box across the antimeridian (Part 1, 7.15.3).

    Raises:
        ValueError: the corners are not in that order; the sentence says so.
    """
    x0, y0, x1, y1 = (numbers[i] for i in ((1, 0, 3, 2) if crs.flips else (0, 1, 2, 3)))
    if y0 > y1:
        raise ValueError("The lower corner comes first.")
    if x0 > x1 and not crs.geographic:
        raise ValueError("The left corner comes first.")
    spans = [(x0, x1)] if x0 <= x1 else [(x0, 180.0), (-180.0, x1)]
    left, bottom, right, top = crs.bounds
    boxes = [(max(a, left), max(y0, bottom), min(b, right), min(y1, top)) for a, b in spans]
    boxes = [box for box in boxes if box[0] <= box[2] and box[1] <= box[3]]
    if crs.srid == CRS84.srid:
        return [_wkb(_corners(box)) for box in boxes]
    return [shape for box in boxes for shape in _led(crs, box)]


def _corners(box: Box) -> NDArray[np.float64]:
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _wkb(corners: NDArray[np.float64]) -> bytes:
    # Of a box without width or height this is a line or a point, where a polygon would be invalid.
    return bytes(shapely.to_wkb(shapely.MultiPoint(corners).convex_hull))


def _led(crs: Crs, box: Box) -> list[bytes]:
    """A box on another map, led to degrees."""
    corners = _corners(box)
    steps = np.linspace(0.0, 1.0, POINTS_PER_EDGE, endpoint=False)[:, None]
    ring = np.concatenate([a + steps * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
    back = Transformer.from_crs(crs.srid, CRS84.srid, always_xy=True)
    lon, lat = back.transform(ring[:, 0], ring[:, 1])
    # Where the ring crosses the antimeridian its longitudes jump by a turn: on without the jump, then cut there.
    lonlat = np.column_stack([np.unwrap(lon, period=360.0), lat])
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    if len(lonlat) < 3:
        return []
    if np.ptp(corners, axis=0).min() == 0:
        return [_wkb(lonlat)]
    shape = shapely.make_valid(shapely.polygons(lonlat))
    west, _, east, _ = shape.bounds
    if west >= -180.0 and east <= 180.0:
        return [bytes(shapely.to_wkb(shape))]
    turns = range(math.floor((west + 180.0) / 360.0), math.floor((east + 180.0) / 360.0) + 1)
    parts = [translate(shape, -360.0 * turn).intersection(shapely.box(*WORLD)) for turn in turns]
    return [bytes(shapely.to_wkb(part)) for part in parts if not part.is_empty]
