"""Lines with a width -> the ground that they take: a road, a stream, an easement."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from geo.crs import Objects
from geo.refusals import LineTooLong, OutsideAreaOfUse

WIDTH_M_MAX = 1_000.0
"""Total width. The widest rights of way are some hundred metres; who needs more draws an area."""

REACH_M_MAX = 300_000.0
"""How far east or west of its middle a line may reach, beyond which its width would be off by more than a
thousandth."""

_EDGE_DEG_MAX = 0.02
_QUARTER_SEGMENTS = 4


def widen(geoms: Objects, width_m: float) -> Objects:
    """MultiPolygons in place of the lines among `geoms` (EPSG:4326), round at ends and bends.

    A line is widened by half of `width_m` to each side in a transverse Mercator projection on the whole
    degree next to its middle. At x metres from that meridian the scale is cosh(x / R), so the width is true
    to 1.2 in a thousand within REACH_M_MAX and to 4 in 100,000 within 50 km. Edges are straight in degrees,
    as everywhere here: long ones are followed in steps of 0.02 degrees, which strays by 0.1 m at most below
    70 degrees of latitude. Round ends are polygons of 16 sides, at most 2 % of the half width inside the circle:
    more sides would make a county's roads too many vertices.

    Raises LineTooLong and OutsideAreaOfUse (over the antimeridian or a pole) with the feature.
    """
    lines = np.flatnonzero(shapely.get_dimensions(geoms) == 1)
    if not lines.size:
        return geoms
    stepped = shapely.segmentize(geoms[lines], _EDGE_DEG_MAX)
    bounds = shapely.bounds(stepped)
    meridians = np.round((bounds[:, 0] + bounds[:, 2]) / 2)
    wide = geoms.copy()
    for meridian in np.unique(meridians):
        chosen = np.flatnonzero(meridians == meridian)
        wide[lines[chosen]] = _widen_beside(stepped[chosen], float(meridian), width_m, lines[chosen])
    return wide


def _widen_beside(lines: Objects, meridian: float, width_m: float, at: NDArray[np.intp]) -> Objects:
    there = Transformer.from_crs(
        "EPSG:4326", f"+proj=tmerc +lon_0={meridian} +k=1 +datum=WGS84 +units=m", always_xy=True
    )
    lonlat, of = shapely.get_coordinates(lines, return_index=True)
    x, y = there.transform(lonlat[:, 0], lonlat[:, 1])
    far = ~(np.abs(x) <= REACH_M_MAX)
    if far.any():
        raise LineTooLong(
            f"It reaches more than {REACH_M_MAX / 1000:g} km east or west of its middle.",
            feature=int(at[of[np.argmax(far)]]) + 1,
        )
    flat = shapely.set_coordinates(lines.copy(), np.column_stack([x, y]))
    grounds = shapely.buffer(flat, width_m / 2, quad_segs=_QUARTER_SEGMENTS, cap_style="round", join_style="round")
    corners, of = shapely.get_coordinates(grounds, return_index=True)
    lon, lat = there.transform(corners[:, 0], corners[:, 1], direction="INVERSE")
    lon = meridian + (lon - meridian + 180.0) % 360.0 - 180.0
    astray = ~((np.abs(lon) <= 180.0) & (np.abs(lon - meridian) < 90.0) & np.isfinite(lat))
    if astray.any():
        raise OutsideAreaOfUse(
            "With its width it reaches over the antimeridian or a pole: cut it there.",
            feature=int(at[of[np.argmax(astray)]]) + 1,
        )
    shapely.set_coordinates(grounds, np.column_stack([lon, lat]))
    parts, of = shapely.get_parts(grounds, return_index=True)
    return np.asarray(shapely.multipolygons(parts, indices=of), dtype=object)
