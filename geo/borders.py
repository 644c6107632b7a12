"""Borders whose two sides are not drawn alike: vertices that do not match, cracks open to the outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crossing import unmatched_edges
from geo.findings import Finding, Progress, Tolerances, listed, metres
from geo.gaps import TOUCH_M
from geo.ground import Floats, Indexes, Objects
from geo.sheet import Sheet

SAMPLES_MAX = 1_000_000
"""Places along unmatched edges at which the neighbour is sought, from the longest edge on. A layer of four
million vertices none of which matches has so many edges that one place on each of a million will do."""

_SAMPLES_PER_EDGE = 50
_SAMPLE_EVERY_M = 2.0
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class _Edges:
    """Straight edges of areas: their ends as rows of x0, y0, x1, y1, and whose they are."""

    ends: Floats
    of: Indexes

    def those(self, which: NDArray[np.bool_] | Indexes) -> _Edges:
        return _Edges(self.ends[which], self.of[which])

    def lines(self) -> Objects:
        return np.asarray(shapely.linestrings(self.ends.reshape(-1, 2, 2)), dtype=object)


def about_borders(
    sheet: Sheet, edges: Objects, explained: Objects, tolerances: Tolerances, progress: Progress
) -> list[Finding]:
    """Unmatched borders and near misses of a sheet.

    `edges` are those of each area that match no neighbour's (shapely.coverage_invalid_edges without a gap
    width), `explained` the overlaps and gaps that are findings already; edges along them are left out.
    """
    unmatched = _split(edges)
    found: list[Finding] = []
    tree = shapely.STRtree(explained)
    loose = _unexplained(unmatched, tree)
    found += _tell_pairs(sheet, "border_unmatched", _facing(sheet, loose, 0.0, tree, progress))
    if tolerances.gap_m > TOUCH_M:
        near = unmatched_edges(sheet.shapes, tolerances.gap_m)
        if near is not None:
            apart = _without(_split(near), unmatched)
            cracks = _unexplained(apart, tree)
            found += _tell_pairs(sheet, "near_miss", _facing(sheet, cracks, tolerances.gap_m, tree, progress))
    return found


def _split(edges: Objects) -> _Edges:
    """Lines of each area into their straight edges."""
    lines, of = shapely.get_parts(edges, return_index=True)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    same = line[1:] == line[:-1]
    ends = np.column_stack([xy[:-1], xy[1:]])[same]
    return _Edges(ends, of[line[1:][same]])


def _without(edges: _Edges, others: _Edges) -> _Edges:
    rows = np.vstack([np.column_stack([edges.ends, edges.of]), np.column_stack([others.ends, others.of])])
    _, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.reshape(-1)
    return edges.those(~np.isin(number[: edges.of.size], number[edges.of.size :]))


def _unexplained(edges: _Edges, explained: shapely.STRtree) -> _Edges:
    """Edges that do not run along an overlap or a gap. That one ends at its corner does not count."""
    if not edges.of.size or not len(explained):
        return edges
    a, b = edges.ends[:, :2], edges.ends[:, 2:]
    middles = shapely.linestrings(np.stack([a + (b - a) * 0.01, b - (b - a) * 0.01], axis=1))
    at, _ = explained.query(middles, predicate="dwithin", distance=TOUCH_M)
    kept = np.ones(edges.of.size, dtype=bool)
    kept[at] = False
    return edges.those(kept)


@dataclass(frozen=True, slots=True)
class _Facing:
    """Edges and the other area each of them faces, metres of it that do, and how far off that is at most."""

    edges: _Edges
    other: Indexes
    length_m: Floats
    width_m: Floats


def _facing(sheet: Sheet, edges: _Edges, reach_m: float, explained: shapely.STRtree, progress: Progress) -> _Facing:
    """Find the area that lies beyond each edge: touching it, or across a crack up to `reach_m` wide.

    Each edge is asked at several places; a crack counts where its middle is in no area and in no known gap.
    """
    lines = edges.lines()
    length_m = sheet.plane.lengths_m(lines) if lines.size else np.zeros(0)
    order = np.lexsort((np.arange(length_m.size), -length_m))
    wanted = np.clip(np.ceil(length_m / _SAMPLE_EVERY_M), 1, _SAMPLES_PER_EDGE).astype(np.intp)
    if wanted.sum() > SAMPLES_MAX:
        wanted[:] = 1
        order = order[:SAMPLES_MAX]
    order = np.sort(order)
    edge = np.repeat(order, wanted[order])
    first = np.cumsum(wanted[order]) - wanted[order]
    step = np.arange(edge.size) - np.repeat(first, wanted[order])
    along = (step + 0.5) / wanted[edge]
    xy = edges.ends[edge, :2] + (edges.ends[edge, 2:] - edges.ends[edge, :2]) * along[:, np.newaxis]
    tree = shapely.STRtree(sheet.shapes)
    rows = []
    for start in range(0, edge.size, _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        at, other, apart = _across(tree, xy[some], edges.of[edge[some]], reach_m, explained)
        rows.append((edge[some][at], other, apart))
        progress("borders", min(start + _AT_ONCE, edge.size), int(edge.size))
    if not rows:
        none = np.zeros(0, dtype=np.intp)
        return _Facing(edges.those(none), none, np.zeros(0), np.zeros(0))
    hit, other, apart = (np.concatenate(column) for column in zip(*rows, strict=True))
    keys, group, count = np.unique(np.column_stack([hit, other]), axis=0, return_inverse=True, return_counts=True)
    width = np.zeros(len(keys))
    np.maximum.at(width, group.reshape(-1), apart)
    at = keys[:, 0]
    return _Facing(edges.those(at), keys[:, 1], length_m[at] * count / wanted[at], width)


def _across(
    tree: shapely.STRtree, xy: Floats, own: Indexes, reach_m: float, explained: shapely.STRtree
) -> tuple[Indexes, Indexes, Floats]:
    """For places on edges, the nearest other area: which places have one, which area, how far."""
    places = np.asarray(shapely.points(xy), dtype=object)
    at, other = tree.query(places, predicate="dwithin", distance=max(reach_m, TOUCH_M))
    strange = other != own[at]
    at, other = at[strange], other[strange]
    apart = shapely.distance(places[at], tree.geometries[other])
    order = np.lexsort((other, apart, at))
    at, other, apart = at[order], other[order], apart[order]
    nearest = np.r_[True, at[1:] != at[:-1]] if at.size else np.zeros(0, dtype=bool)
    at, other, apart = at[nearest], other[nearest], apart[nearest]
    if not reach_m or not at.size:
        return at, other, apart
    across = shapely.shortest_line(places[at], tree.geometries[other])
    middle = shapely.line_interpolate_point(across, 0.5, normalized=True)
    covered, _ = tree.query(middle, predicate="intersects")
    known, _ = explained.query(middle, predicate="dwithin", distance=TOUCH_M)
    crack = apart > TOUCH_M
    crack[covered] = False
    crack[known] = False
    return at[crack], other[crack], apart[crack]


def _tell_pairs(sheet: Sheet, kind: str, facing: _Facing) -> list[Finding]:
    """One finding for each pair of areas. Both sides of a border may be among the edges: the longer counts."""
    own, other = facing.edges.of, facing.other
    low, high = np.minimum(own, other), np.maximum(own, other)
    pairs, group = np.unique(np.column_stack([low, high]).reshape(-1, 2), axis=0, return_inverse=True)
    group = group.reshape(-1)
    sides = np.zeros((2, len(pairs)))
    np.add.at(sides, ((own > other).astype(np.intp), group), facing.length_m)
    length_m = sides.max(axis=0)
    width_m = np.zeros(len(pairs))
    np.maximum.at(width_m, group, facing.width_m)
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(len(pairs) + 1))

    def tell(k: int) -> Finding:
        pair = [int(pairs[k, 0]), int(pairs[k, 1])]
        names = f"{sheet.called(pair[0])} and {sheet.called(pair[1])}"
        length = metres(float(length_m[k]))
        measures = {"length_m": float(length_m[k])}
        if kind == "near_miss":
            sentence = f"Between {names} there is a crack along about {length}, up to {metres(float(width_m[k]))} wide."
            measures["width_m"] = float(width_m[k])
        else:
            sentence = f"{names} meet along about {length}, but the vertices of one are not all vertices of the other."
        lines = facing.edges.those(order[start[k] : start[k + 1]]).lines()
        where = sheet.place(shapely.MultiLineString(list(lines)))
        return Finding(kind, sheet.features(pair), sheet.codes(pair), where, sentence, measures)

    return listed(kind, length_m, tell)
