"""What polygons have in common, for many at once, without ever comparing all with all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from geo.areas import VERTICES_MAX
from geo.ground import NOISE_M2, Floats, Indexes, Objects, Plane

Pairing = Callable[[Indexes, Indexes], NDArray[np.bool_]]

WORK_MAX = 400_000_000
"""Vertices of all pairs of polygons whose boxes meet. A layer of 100,000 areas and 4,000,000 vertices whose
areas lie side by side comes to 74,000,000. More, and the areas lie upon each other by the thousand, or one of
a million vertices has a thousand neighbours; each pair would have to be cut, for hours."""

SHARED_VERTICES_MAX = 3 * VERTICES_MAX
"""Vertices of what pairs share. Had no two areas of the largest layer a vertex in common, all their borders
would overlap by slivers with two vertices for each of theirs."""

AT_ONCE = 64
"""Polygons asked about at once: were all boxes of a layer to meet, 64 times 100,000 pairs are 100 MB."""

_GRID_M = 1e-4
"""Where GEOS gives up on doubles, it is asked again on a grid of a tenth of a millimetre."""

_POLYGON, _MULTIPOLYGON, _COLLECTION = 3, 6, 7
_NOTHING = shapely.Polygon()


class Entangled(Exception):
    """So many polygons lie upon each other that what they share was not computed to the end."""


@dataclass(frozen=True, slots=True)
class Crossings:
    """Pairs that share ground: the left one's position, the right one's, what they share in the plane, and
    its square metres."""

    left: Indexes
    right: Indexes
    shapes: Objects
    m2: Floats

    def __len__(self) -> int:
        return int(self.left.size)

    def those(self, which: Any) -> Crossings:
        return Crossings(self.left[which], self.right[which], self.shapes[which], self.m2[which])


def near_pairs(
    left: Objects, right: Objects, wanted: Pairing | None = None, *, work_max: float = WORK_MAX
) -> Iterator[tuple[int, Indexes, Indexes]]:
    """Pairs whose boxes meet and that are wanted, some at a time: how many of `left` are done, and positions.

    Raises Entangled when they weigh more than `work_max`.
    """
    tree = shapely.STRtree(right)
    weights = shapely.get_num_coordinates(left), shapely.get_num_coordinates(right)
    work = 0
    for start in range(0, left.size, AT_ONCE):
        i, j = tree.query(left[start : start + AT_ONCE])
        i = i + start
        if wanted is not None:
            meant = wanted(i, j)
            i, j = i[meant], j[meant]
        order = np.lexsort((j, i))
        i, j = i[order], j[order]
        each = np.cumsum(weights[0][i] + weights[1][j])
        if each.size and work + each[-1] > work_max:
            some = int(np.searchsorted(each, work_max - work))
            yield start, i[:some], j[:some]
            raise Entangled
        work += int(each[-1]) if each.size else 0
        yield min(start + AT_ONCE, left.size), i, j


def entangled(left: Objects, right: Objects) -> bool:
    """Whether comparing these would be endless. Looks at boxes only."""
    try:
        for _ in near_pairs(left, right):
            pass
    except Entangled:
        return True
    return False


def crossings(
    plane: Plane,
    left: Objects,
    right: Objects,
    wanted: Pairing | None,
    tell: Callable[[int], None],
    *,
    work_max: float = WORK_MAX,
    into: list[Crossings] | None = None,
) -> Crossings:
    """What each wanted pair of valid polygons shares, if it is more than NOISE_M2, by left and right.

    Without `wanted` all pairs are. `tell` is told how many of `left` are done. Raises Entangled; what was found
    until then is in `into`.
    """
    found: list[Crossings] = [] if into is None else into
    vertices = 0
    for done, i, j in near_pairs(left, right, wanted, work_max=work_max):
        shared = polygonal(overlaid(shapely.intersection, left[i], right[j]))
        m2 = plane.areas_m2(shared)
        more = m2 > NOISE_M2
        if more.any():
            found.append(Crossings(i[more], j[more], shared[more], m2[more]))
            vertices += int(shapely.get_num_coordinates(shared[more]).sum())
            if vertices > SHARED_VERTICES_MAX:
                raise Entangled
        tell(done)
    return joined(found)


def self_crossings(
    plane: Plane,
    shapes: Objects,
    suspect: NDArray[np.bool_],
    tell: Callable[[int, int], None],
    *,
    work_max: float = WORK_MAX,
    into: list[Crossings] | None = None,
) -> Crossings:
    """What each pair of these valid polygons shares, left before right.

    Where two areas overlap, an edge of one of them lies within the other or crosses it, so one of them has an
    unmatched edge: only pairs with a `suspect` have to be cut. Raises Entangled; what was found until then is
    in `into`.
    """
    among = np.flatnonzero(suspect)

    def wanted(i: Indexes, j: Indexes) -> NDArray[np.bool_]:
        # Of two suspects, the pair is met twice.
        once: NDArray[np.bool_] = (among[i] != j) & (~suspect[j] | (among[i] < j))
        return once

    found: list[Crossings] = []
    try:
        crossings(
            plane,
            shapes[among],
            shapes,
            wanted,
            lambda done: tell(done, int(among.size)),
            work_max=work_max,
            into=found,
        )
    except Entangled:
        if into is not None:
            into.append(_left_first(joined(found), among))
        raise
    return _left_first(joined(found), among)


def _left_first(found: Crossings, among: Indexes) -> Crossings:
    """Pairs of one set of polygons, the lower position left, in their order."""
    one, other = among[found.left], found.right
    first, second = np.minimum(one, other), np.maximum(one, other)
    return Crossings(first, second, found.shapes, found.m2).those(np.lexsort((second, first)))


def unmatched_edges(shapes: Objects, gap_m: float = 0.0) -> Objects | None:
    """shapely.coverage_invalid_edges, or None where GEOS fails."""
    try:
        return np.asarray(shapely.coverage_invalid_edges(shapes, gap_m), dtype=object)
    except GEOSException:
        return None


def suspects(edges: Objects | None, size: int) -> NDArray[np.bool_]:
    """Which polygons have unmatched edges; all, if that could not be asked."""
    if edges is None:
        return np.ones(size, dtype=bool)
    some: NDArray[np.bool_] = ~shapely.is_empty(edges)
    return some


def joined(found: list[Crossings]) -> Crossings:
    """Several runs of pairs as one."""
    if not found:
        none = np.zeros(0, dtype=np.intp)
        return Crossings(none, none, np.zeros(0, dtype=object), np.zeros(0))
    return Crossings(
        np.concatenate([each.left for each in found]),
        np.concatenate([each.right for each in found]),
        np.concatenate([each.shapes for each in found]),
        np.concatenate([each.m2 for each in found]),
    )


def overlaid(cut: Callable[..., Any], left: Objects, right: Objects) -> Objects:
    """shapely.intersection, difference or union of each pair.

    GEOS computes in doubles and now and then finds its own cuts contradicting each other; such a pair alone
    is computed again on a grid of a tenth of a millimetre, which cannot fail that way.
    """
    try:
        return np.asarray(cut(left, right), dtype=object)
    except GEOSException:
        return np.array([_cut(cut, a, b) for a, b in zip(left, right, strict=True)], dtype=object)


def _cut(cut: Callable[..., Any], a: shapely.Geometry, b: shapely.Geometry) -> Any:
    try:
        return cut(a, b)
    except GEOSException:
        return cut(a, b, grid_size=_GRID_M)


def united(shapes: Objects, *, matched: bool | None = None) -> shapely.Geometry:
    """The union of valid polygons that may overlap.

    `matched` is whether they are a valid coverage, None if that is to be asked: then the union is what is
    left when shared edges are dropped, and no edge has to be cut by another, which takes a twentieth of the
    time.
    """
    try:
        if shapely.coverage_is_valid(shapes) if matched is None else matched:
            matching: shapely.Geometry = shapely.coverage_union_all(shapes)
            return matching
    except GEOSException:
        pass
    try:
        whole: shapely.Geometry = shapely.union_all(shapes)
    except GEOSException:
        whole = shapely.union_all(shapes, grid_size=_GRID_M)
    return whole


def polygonal(geoms: Objects) -> Objects:
    """The polygons in each: without the lines and points along which two areas merely touch."""
    kept = geoms.copy()
    kinds = shapely.get_type_id(geoms)
    kept[~np.isin(kinds, (_POLYGON, _MULTIPOLYGON, _COLLECTION))] = _NOTHING
    mixed = np.flatnonzero(kinds == _COLLECTION)
    for at in mixed.tolist():
        # A part of a collection may itself be a MultiPolygon.
        parts = shapely.get_parts(shapely.get_parts(geoms[at]))
        kept[at] = shapely.MultiPolygon(list(parts[shapely.get_type_id(parts) == _POLYGON]))
    return kept
