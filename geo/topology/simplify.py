"""Arcs with fewer points, none farther away than a tolerance, and the plan that they make still the same.

Each arc is simplified by itself with Douglas and Peucker's rule ("Algorithms for the reduction of the number of
points required to represent a digitized line", Cartographica 10/2, 1973), which bounds the distance both ways. Where
arcs then cross, meet or pass over each other, those arcs are simplified less, at last not at all.

Visvalingam and Whyatt's rule, which GEOS's coverage_simplify follows, bounds the area of what is cut off and no
distance: a spike of a metre by a hundred has the area of a bulge of ten by ten. docs/boundaries-serving.md compares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.topology.arcs import Points, drawn_lines

_HALVINGS = 4
"""A tolerance that had to be halved so often is given up: the arc keeps all its points."""


def simplify(lines: Sequence[Points], tolerance_m: float, metres: tuple[float, float]) -> list[Points]:
    """The lines of a plan (see `geo.topology.arcs.Arcs`) with as few of their points as the tolerance allows.

    Ends stay. `metres` is how long a step of the grid is at most, eastward and northward; distances are measured
    with these, so that on the ground they are no longer. The results do not cross, touch other than at ends or
    coincide, and no end of a line has come to the other side of another line.
    """
    if not lines:
        return []
    on_ground = drawn_lines(lines, metres)
    ends = _distinct_ends(lines)
    tolerances = np.full(len(lines), tolerance_m)
    halved = np.zeros(len(lines), dtype=np.int64)
    while True:
        fewer = _steps(shapely.simplify(on_ground, tolerances, preserve_topology=False), metres)
        spoilt = _spoilt(lines, fewer, ends)
        # An arc with all its points is right; whatever it is in conflict with is among the others found.
        spoilt = spoilt[tolerances[spoilt] > 0]
        if not spoilt.size:
            return fewer
        halved[spoilt] += 1
        tolerances[spoilt] = np.where(halved[spoilt] > _HALVINGS, 0.0, tolerances[spoilt] / 2)


def _steps(lines: NDArray[np.object_], metres: tuple[float, float]) -> list[Points]:
    coordinates, index = shapely.get_coordinates(lines, return_index=True)
    steps = np.rint(coordinates / np.array(metres)).astype(np.int64)
    return np.split(steps, np.flatnonzero(np.diff(index)) + 1)


def _distinct_ends(lines: Sequence[Points]) -> NDArray[np.object_]:
    ends = np.unique(np.array([point for line in lines for point in (line[0], line[-1])]), axis=0)
    return np.asarray(shapely.points(ends.astype(np.float64)))


def _spoilt(before: Sequence[Points], after: Sequence[Points], ends: NDArray[np.object_]) -> NDArray[np.intp]:
    """The positions of lines that must be simplified less."""
    drawn = drawn_lines(after)
    found = [np.flatnonzero(~shapely.is_simple(drawn)), _passed_over(before, after, ends)]
    if not shapely.is_simple(shapely.multilinestrings(drawn)):
        found.append(_meeting(drawn))
    return np.unique(np.concatenate(found)).astype(np.intp)


def _meeting(drawn: NDArray[np.object_]) -> NDArray[np.intp]:
    """Lines that have anything in common but ends."""
    one, two = shapely.STRtree(drawn).query(drawn, predicate="intersects")
    one, two = one[one < two], two[one < two]
    # DE-9IM: no inside of one on the inside or on an end of the other.
    apart = shapely.relate_pattern(drawn[one], drawn[two], "FF*F*****")
    return np.concatenate([one[~apart], two[~apart]])


def _passed_over(before: Sequence[Points], after: Sequence[Points], ends: NDArray[np.object_]) -> NDArray[np.intp]:
    """Lines that have passed over an end of another one, such as a small island's, without meeting any."""
    changed = np.array([k for k in range(len(after)) if len(after[k]) < len(before[k])], dtype=np.intp)
    if not changed.size:
        return changed
    loops = [np.concatenate([before[k], after[k][-2::-1]]) for k in changed.tolist()]
    index = np.repeat(np.arange(len(loops)), [len(loop) for loop in loops])
    # The loop may cross itself. A point on earth has changed sides if it is within by the rule of odd crossings,
    # which is the one that GEOS applies to points.
    rings = np.asarray(shapely.linearrings(np.concatenate(loops).astype(np.float64), indices=index))
    between = np.asarray(shapely.polygons(rings))
    shapely.prepare(between)
    loop, end = shapely.STRtree(ends).query(between)
    within = shapely.contains_xy(between[loop], shapely.get_x(ends[end]), shapely.get_y(ends[end]))
    return np.asarray(changed[np.unique(loop[within])])
