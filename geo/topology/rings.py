"""Arcs -> the polygons of each area, as rings of arcs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import shapely

from geo.topology.arcs import Points

Ring: TypeAlias = list[int]
"""Arcs one after the other: `k` is arc k as it runs, `~k` (which is -1 - k) the same arc backwards."""

Shape: TypeAlias = list[list[Ring]]
"""Polygons, each an outer ring (counter-clockwise) and its holes (clockwise)."""

_Node: TypeAlias = tuple[int, int]


def shapes_of(
    lines: Sequence[Points], left: Sequence[tuple[int, ...]], right: Sequence[tuple[int, ...]], count: int
) -> list[Shape]:
    """The polygons of `count` areas from a plan's arcs (see `geo.topology.arcs.Arcs`), which none of them cross.

    The shape of an area that no arc has on one of its sides is empty. All polygons are valid; where an area touches
    itself in a point, two rings do.
    """
    around: list[Ring] = [[] for _ in range(count)]
    for k, (one, other) in enumerate(zip(left, right, strict=True)):
        for area in one:
            if area not in other:
                around[area].append(k)
        for area in other:
            if area not in one:
                around[area].append(~k)
    return [_shape(lines, sides) for sides in around]


def points_of(lines: Sequence[Points], ring: Ring) -> Points:
    """The points of a ring, the first one again at the end."""
    runs = [lines[k] if k >= 0 else lines[~k][::-1] for k in ring]
    return np.concatenate([runs[0], *(run[1:] for run in runs[1:])])


def polygons_of(lines: Sequence[Points], shape: Shape) -> shapely.MultiPolygon:
    """The area in whole steps of the grid."""
    return shapely.MultiPolygon(
        [shapely.Polygon(points_of(lines, rings[0]), [points_of(lines, hole) for hole in rings[1:]]) for rings in shape]
    )


def _shape(lines: Sequence[Points], sides: Ring) -> Shape:
    rings = _rings(lines, sides)
    if len(rings) == 1:
        return [rings]
    sizes = [_doubled_area(points_of(lines, ring)) for ring in rings]
    outer = [k for k, size in enumerate(sizes) if size > 0]
    shape = {k: [rings[k]] for k in outer}
    if len(outer) < len(rings):
        drawn = {k: shapely.Polygon(points_of(lines, rings[k])) for k in outer}
        for k, size in enumerate(sizes):
            if size < 0:
                hole = shapely.Polygon(points_of(lines, rings[k]))
                # The smallest that it lies in: an island in a lake on an island.
                within = [n for n in outer if sizes[n] > -size and drawn[n].covers(hole)]
                shape[min(within, key=lambda n: sizes[n])].append(rings[k])
    return list(shape.values())


def _rings(lines: Sequence[Points], sides: Ring) -> list[Ring]:
    """Rings with the area on their left, none of which passes through a point twice."""
    leaving: dict[_Node, Ring] = {}
    for side in sides:
        leaving.setdefault(_start(lines, side), []).append(side)
    left = dict.fromkeys(sides)
    rings: list[Ring] = []
    while left:
        side = next(iter(left))
        walk: Ring = []
        while side in left:
            del left[side]
            walk.append(side)
            side = _next(lines, side, leaving)
        rings += _split(lines, walk)
    return rings


def _next(lines: Sequence[Points], side: int, leaving: dict[_Node, Ring]) -> int:
    """The side on which the border of the same piece of the area goes on from the end of this one."""
    choices = leaving[_start(lines, ~side)]
    if len(choices) == 1:
        return choices[0]
    back = _bearing(lines, ~side)
    # The first one clockwise from where we came: what lies between is the area that we have on our left.
    return min(choices, key=lambda choice: (back - _bearing(lines, choice)) % (2 * math.pi) or 2 * math.pi)


def _split(lines: Sequence[Points], walk: Ring) -> list[Ring]:
    """A walk around a piece of an area, cut where it comes by a point again: an outer ring that a hole touches."""
    rings: list[Ring] = []
    path: Ring = []
    at: dict[_Node, int] = {}
    for side in walk:
        node = _start(lines, side)
        if node in at:
            begin = at[node]
            rings.append(path[begin:])
            for gone in path[begin:]:
                at.pop(_start(lines, gone), None)
            del path[begin:]
        at[node] = len(path)
        path.append(side)
    rings.append(path)
    return rings


def _start(lines: Sequence[Points], side: int) -> _Node:
    x, y = (lines[side][0] if side >= 0 else lines[~side][-1]).tolist()
    return x, y


def _bearing(lines: Sequence[Points], side: int) -> float:
    """The direction in which a side leaves its start, in radians counter-clockwise from east."""
    one, two = lines[side][:2].tolist() if side >= 0 else lines[~side][:-3:-1].tolist()
    return math.atan2(two[1] - one[1], two[0] - one[0])


def _doubled_area(points: Points) -> int:
    x, y = points[:, 0] - points[0, 0], points[:, 1] - points[0, 1]
    return int((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())
