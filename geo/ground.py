"""Metres on the ground: areas and lengths of what is drawn in degrees, and a plane to draw in.

An area of ours is bounded by straight lines between vertices in the plane of longitude and latitude
(docs/boundaries.md); that is the plane in which points are placed, so it is the plane in which layers are
checked. Nothing here draws an edge anew: another projection would bow it (ten kilometres along a parallel by
more than a metre), and layers that fit would seem not to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

Objects = NDArray[np.object_]
Floats = NDArray[np.float64]
Indexes = NDArray[np.intp]

WGS84 = Geod(ellps="WGS84")
_E2 = WGS84.es
_E = _E2**0.5

NOISE_M2 = 1e-6
"""A square millimetre. Areas under it come and go with the last bit of the coordinates (a double holds a
longitude to a hundred-millionth of a metre, and a border is kilometres long); they are no findings."""

# Gauss-Legendre, three nodes on [0, 1]: exact for polynomials of degree five, and along an edge of a degree
# the integrand differs from one by less than a part in 10^12.
_NODES = (0.5 - 0.15**0.5, 0.5, 0.5 + 0.15**0.5)
_WEIGHTS = (5 / 18, 8 / 18, 5 / 18)


quietly = np.errstate(invalid="ignore")
"""For functions that ask GEOS a lot: it compares with NaN inside, now and then leaves the processor's flag for
that set, and numpy takes it for a fault of its own and warns."""


def areas_m2(geoms: Any) -> Floats:
    """Square metres on the WGS 84 ellipsoid of valid (multi)polygons in degrees, edges straight in degrees.

    Not an approximation by a map projection: what lies under an edge is integrated over the ellipsoid, and
    the parts of a cut polygon add up to it. Against the same polygon with geodesic edges the difference is
    that between the two lines. A geometry that is no polygon has 0.
    """
    return _areas(np.asarray(geoms, dtype=object), np.radians(1.0), np.radians(1.0), 0.0)


def distance_m(line: shapely.Geometry) -> float:
    """Metres along the geodesic between the two ends of a line in degrees."""
    ends = shapely.get_coordinates(line)
    _, _, metres = WGS84.inv(*ends[0], *ends[-1])
    return float(metres)


@dataclass(frozen=True, slots=True)
class Plane:
    """Degrees stretched to metres around a place: x east, y north, the origin at (`lon`, `lat`).

    The map is affine, so straight lines stay straight and what touches goes on touching. Near its latitude
    a unit is a metre in every direction; away from it, one eastward is longer or shorter by the cosine of
    the latitude: by 1 % a layer 60 km north to south at 40 degrees. Areas and lengths are therefore not
    taken from the plane's numbers but by `areas_m2` and `lengths_m`, which know where on earth they are.
    """

    lon: float
    lat: float
    east_m: float
    north_m: float

    @classmethod
    def around(cls, *geoms: Objects) -> Plane:
        """The plane around the middle of all of these, given in degrees."""
        bounds = np.array([shapely.total_bounds(some) for some in geoms if some.size]).reshape(-1, 4)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if not bounds.size:
            bounds = np.zeros((1, 4))
        lon = float(bounds[:, 0].min() + bounds[:, 2].max()) / 2
        # Within a degree of a pole a degree of longitude has next to no length, and the way back is lost.
        lat = float(np.clip((bounds[:, 1].min() + bounds[:, 3].max()) / 2, -89.0, 89.0))
        meridian, parallel = _radii(np.radians(lat))
        return cls(lon, lat, float(np.radians(parallel)), float(np.radians(meridian)))

    def flat(self, geoms: Any) -> Objects:
        """Degrees to metres."""
        return self._moved(geoms, self._flat_coordinates)

    def lonlat(self, geoms: Any, corners: Any = None) -> Objects:
        """Metres to degrees. Vertices that came from the geometries `corners` (in degrees) come back to the
        last bit; others are rounded to doubles."""

        def back(xy: Floats) -> Floats:
            lonlat: Floats = xy / self._scale + self._origin
            if corners is None or not xy.size:
                return lonlat
            wanted, of = np.unique(_keys(xy), return_inverse=True)
            known = shapely.get_coordinates(corners)
            keys = _keys(self._flat_coordinates(known))
            at = np.minimum(np.searchsorted(wanted, keys), wanted.size - 1)
            same = wanted[at] == keys
            source = np.full(wanted.size, -1)
            source[at[same]] = np.flatnonzero(same)
            source = source[of.reshape(-1)]
            return np.where((source >= 0)[:, np.newaxis], known[source], lonlat)

        return self._moved(geoms, back)

    def areas_m2(self, geoms: Any) -> Floats:
        """Square metres on the ellipsoid of (multi)polygons in this plane; see the function of that name."""
        flat = np.asarray(geoms, dtype=object)
        return _areas(flat, np.radians(1 / self.east_m), np.radians(1 / self.north_m), np.radians(self.lat))

    def lengths_m(self, geoms: Any) -> Floats:
        """Metres on the ground along the lines (or rings) of geometries in this plane."""
        flat = np.atleast_1d(np.asarray(geoms, dtype=object))
        lines, of = shapely.get_parts(flat, return_index=True)
        polygons = shapely.get_type_id(lines) == 3
        lines[polygons] = shapely.boundary(lines[polygons])
        lines, line_of = shapely.get_parts(lines, return_index=True)
        xy, at = shapely.get_coordinates(lines, return_index=True)
        edge = at[1:] == at[:-1]
        steps = np.diff(xy, axis=0)[edge]
        middle = np.radians(self.lat) + np.radians((xy[1:, 1] + xy[:-1, 1])[edge] / (2 * self.north_m))
        meridian, parallel = _radii(middle)
        east = np.radians(steps[:, 0] / self.east_m) * parallel
        north = np.radians(steps[:, 1] / self.north_m) * meridian
        return sums(of[line_of[at[1:][edge]]], np.hypot(east, north), flat.size)

    @property
    def _scale(self) -> Floats:
        return np.array([self.east_m, self.north_m])

    @property
    def _origin(self) -> Floats:
        return np.array([self.lon, self.lat])

    def _flat_coordinates(self, lonlat: Floats) -> Floats:
        return (lonlat - self._origin) * self._scale

    def _moved(self, geoms: Any, move: Any) -> Objects:
        moved = np.array(geoms, dtype=object, copy=True)
        return np.asarray(shapely.set_coordinates(moved, move(shapely.get_coordinates(moved))), dtype=object)


def _keys(xy: Floats) -> NDArray[np.complex128]:
    """A sortable key of each vertex. Adding zero makes -0 and 0 one."""
    return (xy[:, 0] + 0.0) + 1j * (xy[:, 1] + 0.0)


def _radii(lat: Any) -> tuple[Any, Any]:
    """Metres a radian of latitude and of longitude at a latitude in radians (Snyder, Map Projections, 4-18
    to 4-20)."""
    bent = 1 - _E2 * np.sin(lat) ** 2
    return WGS84.a * (1 - _E2) / bent**1.5, WGS84.a * np.cos(lat) / np.sqrt(bent)


def _areas(geoms: Objects, east: float, north: float, lat: float) -> Floats:
    """Areas of polygons whose units are `east` and `north` radians, `lat` radians at y = 0."""
    flat = np.atleast_1d(geoms)
    parts, of = shapely.get_parts(flat, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    if not rings.size:
        return np.zeros(flat.size)
    xy, at = shapely.get_coordinates(rings, return_index=True)
    first = np.searchsorted(at, np.arange(rings.size))
    # Each ring from its own first vertex: a sliver's numbers stay as small as the sliver.
    x = (xy[:, 0] - xy[first, 0][at]) * east
    y = (xy[:, 1] - xy[first, 1][at]) * north
    start = lat + xy[first, 1] * north
    edge = at[1:] == at[:-1]
    of_ring = at[1:][edge]
    low, step = y[:-1][edge], np.diff(y)[edge]
    under = sum(w * _belt(low + n * step, start[of_ring]) for n, w in zip(_NODES, _WEIGHTS, strict=True))
    m2 = np.abs(sums(of_ring, under * np.diff(x)[edge], rings.size))
    exterior = np.r_[True, part[1:] != part[:-1]]
    return sums(of[part], np.where(exterior, m2, -m2), flat.size)


def sums(of: Indexes, amounts: Floats, size: int) -> Floats:
    """The sum of the amounts of each number from 0 to below `size`."""
    return np.bincount(of, weights=amounts, minlength=size).astype(np.float64, copy=False)


def _belt(up: Floats, start: Floats) -> Floats:
    """Square metres a radian of longitude between the latitude `start` and the one `up` radians from it.

    The authalic function of Snyder, Map Projections, 3-12, as a difference without cancellation.
    """
    s0 = np.sin(start)
    rise = 2 * np.cos(start + up / 2) * np.sin(up / 2)
    s1 = s0 + rise
    fraction = rise * (1 + _E2 * s0 * s1) / ((1 - _E2 * s1**2) * (1 - _E2 * s0**2))
    logarithm = np.arctanh(_E * rise / (1 - _E2 * s0 * s1)) / _E
    return np.asarray(WGS84.a**2 * (1 - _E2) / 2 * (fraction + logarithm))
