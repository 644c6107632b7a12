"""Areas -> the arcs between them: every stretch of border once, with what lies on its left and on its right.

All borders of a layer are drawn into one plan on a grid of GRID_DEG and cut where they meet, so that neighbours
whose borders differ by less than the grid have one border from then on. Overlaps and gaps wider than that stay
what they are: faces of the plan that several areas cover, or none. So the plan needs no valid coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

STEPS_PER_DEG = 100_000
GRID_DEG = 1 / STEPS_PER_DEG
"""A step of the grid: 1.1 m northward, 0.8 m eastward at 45 degrees."""

Points: TypeAlias = NDArray[np.int64]
"""(n, 2) whole steps of the grid: longitude and latitude in degrees, times STEPS_PER_DEG."""

_HALF = 1 << 25
"""Brings steps (at most 18,000,000 either way) above zero, so that two of them make one key."""


@dataclass(frozen=True, slots=True)
class Arcs:
    """The arcs of a plan. No two cross, meet other than at their ends, or are the same; none is closed.

    `left` and `right` say for each arc which areas (positions, ascending) lie on that side of it as it runs;
    the two always differ.
    """

    lines: list[Points]
    left: list[tuple[int, ...]]
    right: list[tuple[int, ...]]


def arcs_of(geoms: NDArray[np.object_]) -> Arcs:
    """The arcs of valid (Multi)Polygons in EPSG:4326, in an order and direction that follow from them alone.

    What of an area is narrower than a step may be lost. The work grows with the number of places where borders
    meet: areas that overlap each other by the thousand are not what this is for.
    """
    drawn = shapely.transform(geoms, lambda degrees: degrees * STEPS_PER_DEG)
    plan = shapely.union_all(shapely.boundary(drawn), grid_size=1)
    faces = shapely.orient_polygons(shapely.get_parts(shapely.polygonize([plan])), exterior_cw=False)
    sides = _Sides(plan, faces, _covers(drawn, faces))
    edges = shapely.get_parts(plan)
    edges = edges[[left != right for left, right in sides.of(edges)]]
    if edges.size == 0:
        return Arcs([], [], [])
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(edges)))
    ends = _ends(merged)
    lines = [piece for line in merged for piece in _canonical(_points(line), ends)]
    found = sides.of(drawn_lines(lines))
    return Arcs(lines, [left for left, _ in found], [right for _, right in found])


def _covers(drawn: NDArray[np.object_], faces: NDArray[np.object_]) -> list[tuple[int, ...]]:
    """For each face the areas that cover a point within it."""
    found: list[list[int]] = [[] for _ in faces]
    shapely.prepare(drawn)
    points = shapely.point_on_surface(faces)
    face, area = shapely.STRtree(drawn).query(points)
    x, y = shapely.get_x(points)[face], shapely.get_y(points)[face]
    inside = shapely.contains_xy(drawn[area], x, y)
    at_border = ~inside & shapely.intersects_xy(drawn[area], x, y)
    for k, n in zip(face[inside].tolist(), area[inside].tolist(), strict=True):
        found[k].append(n)
    for k, n in sorted(zip(face[at_border].tolist(), area[at_border].tolist(), strict=True)):
        # The face is narrower than the grid, and its point is on a border as it was before: it is nobody's more
        # than another's, but it is neither a new gap nor a new overlap.
        if not found[k]:
            found[k].append(n)
    return [tuple(sorted(areas)) for areas in found]


class _Sides:
    """What lies on the left and on the right of a line, found by its first segment among those of the faces."""

    def __init__(self, plan: shapely.Geometry, faces: NDArray[np.object_], covers: list[tuple[int, ...]]) -> None:
        self._covers = [*covers, ()]
        self._nodes = np.unique(_keys(shapely.get_coordinates(plan)))
        rings, face_of_ring = shapely.get_rings(faces, return_index=True)
        coordinates, ring = shapely.get_coordinates(rings, return_index=True)
        within = ring[:-1] == ring[1:]
        segments = self._segments(coordinates[:-1][within], coordinates[1:][within])
        order = np.argsort(segments)
        self._segment = segments[order]
        self._face = face_of_ring[ring[:-1][within][order]]

    def of(self, lines: NDArray[np.object_]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        first = shapely.get_coordinates(shapely.get_point(lines, 0))
        second = shapely.get_coordinates(shapely.get_point(lines, 1))
        left, right = self._find(first, second), self._find(second, first)
        return [(self._covers[k], self._covers[n]) for k, n in zip(left, right, strict=True)]

    def _find(self, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> list[int]:
        wanted = self._segments(starts, ends)
        if not self._segment.size:
            return [-1] * wanted.size
        at = np.minimum(np.searchsorted(self._segment, wanted), self._segment.size - 1)
        found: list[int] = np.where(self._segment[at] == wanted, self._face[at], -1).tolist()
        return found

    def _segments(self, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.int64]:
        """A key of each directed segment between nodes of the plan."""
        one = np.searchsorted(self._nodes, _keys(starts))
        two = np.searchsorted(self._nodes, _keys(ends))
        keys: NDArray[np.int64] = one * self._nodes.size + two
        return keys


def _keys(coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
    steps = np.rint(coordinates).astype(np.int64) + _HALF
    keys: NDArray[np.int64] = steps[:, 0] * (2 * _HALF) + steps[:, 1]
    return keys


def _points(lines: shapely.Geometry | NDArray[np.object_]) -> Points:
    points: Points = np.rint(shapely.get_coordinates(lines)).astype(np.int64)
    return points


def _ends(merged: NDArray[np.object_]) -> frozenset[tuple[int, int]]:
    """The points where borders meet: a ring that begins in one stays so. Where only it ends, it may begin anywhere."""
    ends = np.concatenate([_points(shapely.get_point(merged, 0)), _points(shapely.get_point(merged, -1))])
    nodes, count = np.unique(ends, axis=0, return_counts=True)
    return frozenset(map(tuple, nodes[count != 2].tolist()))


def _canonical(line: Points, ends: frozenset[tuple[int, int]]) -> list[Points]:
    """The line in the direction that follows from its points; a ring in two halves.

    Merging gives any direction and, of a ring, any start. The same border must give the same arcs in each version
    of a layer, or a tablet would be sent what it has.
    """
    if (line[0] != line[-1]).any():
        return [_directed(line)]
    if tuple(line[0].tolist()) not in ends:
        start = int(np.lexsort((line[:-1, 1], line[:-1, 0]))[0])
        line = np.concatenate([line[:-1][start:], line[: start + 1]])
    line = min(line, line[::-1], key=lambda points: points.tolist())
    # A ring has no two ends to simplify between, and could be simplified away.
    away = ((line - line[0]) ** 2).sum(axis=1)
    far = int(away.argmax())
    return [_directed(line[: far + 1]), _directed(line[far:])]


def _directed(line: Points) -> Points:
    return line if line[0].tolist() < line[-1].tolist() else line[::-1]


def drawn_lines(lines: Sequence[Points], metres: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.object_]:
    """LineStrings of lines on the grid, a step being as long as `metres` says eastward and northward."""
    index = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    return np.asarray(shapely.linestrings(np.concatenate(lines) * np.array(metres), indices=index))
