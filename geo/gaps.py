"""Ground that is enclosed by areas and belongs to none; areas that lie in another's hole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crossing import overlaid, united
from geo.findings import Finding, Progress, Tolerances, all_called, area, listed, metres
from geo.ground import NOISE_M2, Floats, Indexes, Objects
from geo.sheet import Sheet

TOUCH_M = 1e-3
"""What is as near as a millimetre touches: cuts are rounded, and no border is known as well."""

_WITHIN = 0.99
"""Of a part that lies in a hole, so much lies there; the rest is an overlap with the area around it."""


_CIRCLES_MAX = 10_000
"""Gaps, the largest, into which a circle is laid; it takes GEOS half a millisecond. Ten times as many as are
listed."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was found of gaps; `shapes` are the gaps in the sheet's plane, slivers and holes too."""

    findings: list[Finding]
    shapes: Objects
    measures: Mapping[str, float]


def about_gaps(sheet: Sheet, matched: bool, tolerances: Tolerances, progress: Progress) -> Gaps:
    """Gaps between a sheet's areas, holes in one, and enclaves.

    `matched` is whether the areas are a valid coverage: neither overlaps nor unmatched edges.
    """
    progress("gaps", 0, 2)
    shapes = _enclosed(united(sheet.shapes, matched=matched))
    m2 = sheet.plane.areas_m2(shapes)
    shapes, m2 = shapes[m2 > NOISE_M2], m2[m2 > NOISE_M2]
    shapes, m2 = _in_reading_order(shapes, m2)
    progress("gaps", 1, 2)
    around = _around(sheet, shapes)
    slivers = _narrow(shapes, m2, tolerances)
    alone = np.array([whose.size == 1 for whose in around], dtype=bool)
    found: list[Finding] = []
    for kind, which in (("gap_sliver", slivers), ("hole", ~slivers & alone), ("gap", ~slivers & ~alone)):
        found += _told(sheet, kind, np.flatnonzero(which), shapes, m2, around)
    found += _enclaves(sheet)
    progress("gaps", 2, 2)
    return Gaps(found, shapes, {"gaps": float(shapes.size), "gaps_m2": float(m2.sum())})


def _enclosed(whole: shapely.Geometry) -> Objects:
    """The holes of a union, without what lies in them: islands are parts of the union themselves."""
    parts = shapely.get_parts(whole)
    parts = parts[shapely.get_type_id(parts) == 3]
    rings, of = shapely.get_rings(parts, return_index=True)
    inner = np.r_[False, of[1:] == of[:-1]]
    holes = np.asarray(shapely.polygons(rings[inner]), dtype=object)
    if parts.size > 1 and holes.size:
        # Filled, for what lies in a hole of an island is a hole of its own.
        islands = np.asarray(shapely.polygons(rings[~inner]), dtype=object)
        hole, island = shapely.STRtree(islands).query(holes, predicate="covers")
        for at, start, end in _runs(hole):
            here = islands[island[start:end]]
            holes[at] = overlaid(
                shapely.difference, holes[at : at + 1], np.array([united(here, matched=False)], dtype=object)
            )[0]
        holes = shapely.get_parts(holes)
    solid: Objects = holes[shapely.get_type_id(holes) == 3]
    return solid


def _runs(sorted_: Indexes) -> list[tuple[int, int, int]]:
    """Runs of one number in sorted numbers: the number, where it starts, where it ends."""
    numbers, start = np.unique(sorted_, return_index=True)
    end = np.append(start, sorted_.size)[1:]
    return list(zip(numbers.tolist(), start.tolist(), end.tolist(), strict=True))


def _in_reading_order(shapes: Objects, m2: Floats) -> tuple[Objects, Floats]:
    """From north to south and west to east, so that the order tells nothing of how a union was computed."""
    bounds = shapely.bounds(shapes)
    order = np.lexsort((bounds[:, 0], -bounds[:, 3]))
    return shapes[order], m2[order]


def _around(sheet: Sheet, shapes: Objects) -> list[Indexes]:
    """The areas that border each gap, in the sheet's order."""
    gap, area_ = shapely.STRtree(sheet.shapes).query(shapes, predicate="dwithin", distance=TOUCH_M)
    order = np.lexsort((area_, gap))
    gap, area_ = gap[order], area_[order]
    around: list[Indexes] = [np.zeros(0, dtype=np.intp)] * shapes.size
    for at, start, end in _runs(gap):
        around[at] = area_[start:end]
    return around


def _narrow(shapes: Objects, m2: Floats, tolerances: Tolerances) -> NDArray[np.bool_]:
    """Which gaps are slivers: too small, or a circle of the tolerance's width does not fit in.

    No polygon is narrower than twice its area over its perimeter; only where that bound does not tell, the
    circle is sought. Of more than _CIRCLES_MAX such, the smaller ones are taken for narrow.
    """
    small: NDArray[np.bool_] = m2 < tolerances.gap_m2
    narrow = small | (2 * m2 / shapely.length(shapes) < tolerances.gap_m)
    open_ = np.flatnonzero(narrow & ~small)
    asked = open_[np.lexsort((open_, -m2[open_]))[:_CIRCLES_MAX]]
    if asked.size:
        narrow[asked] = _width_m(shapes[asked], tolerances.gap_m / 50) < tolerances.gap_m
    return narrow


def _width_m(shapes: Any, step_m: float) -> Any:
    """The diameter of the largest circle in each, to about `step_m` or a millimetre."""
    return 2 * shapely.length(shapely.maximum_inscribed_circle(shapes, max(step_m, 1e-3)))


def _told(sheet: Sheet, kind: str, which: Indexes, shapes: Objects, m2: Floats, around: list[Indexes]) -> list[Finding]:
    def tell(k: int) -> Finding:
        at = int(which[k])
        whose = around[at]
        names = all_called([sheet.called(int(each)) for each in whose]) if whose.size else "the areas"
        where = f"in {names}" if whose.size == 1 else f"between {names}"
        bound = 2 * float(m2[at]) / float(shapely.length(shapes[at]))
        width = max(bound, float(_width_m(shapes[at], bound / 50)))
        size = f"{area(float(m2[at]))}, {metres(width)} wide,"
        sentence = (
            f"A gap of {size} lies {where}." if kind != "hole" else f"A hole of {size} {where} is filled by none."
        )
        measures = {"area_m2": float(m2[at]), "width_m": width}
        return Finding(kind, sheet.features(whose), sheet.codes(whose), sheet.place(shapes[at]), sentence, measures)

    return listed(kind, m2[which], tell, "area_m2")


def _enclaves(sheet: Sheet) -> list[Finding]:
    """Parts of areas that lie in a hole of another area."""
    parts, of = shapely.get_parts(sheet.shapes, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    inner = np.r_[False, ring_of[1:] == ring_of[:-1]] if rings.size else np.zeros(0, dtype=bool)
    if not inner.any():
        return []
    holes = np.asarray(shapely.polygons(rings[inner]), dtype=object)
    host = of[ring_of[inner]]
    hole, part = shapely.STRtree(shapely.point_on_surface(parts)).query(holes, predicate="contains")
    other = of[part] != host[hole]
    hole, part = hole[other], part[other]
    shared = shapely.area(overlaid(shapely.intersection, parts[part], holes[hole]))
    within = shared >= _WITHIN * shapely.area(parts[part])
    pairs: dict[tuple[int, int], list[int]] = {}
    for h, p in zip(hole[within].tolist(), part[within].tolist(), strict=True):
        pairs.setdefault((int(of[p]), int(host[h])), []).append(p)
    rows = sorted(pairs.items())
    held = np.bincount(of, minlength=len(sheet))
    sizes = [float(sheet.plane.areas_m2(parts[np.unique(inside)]).sum()) for _, inside in rows]

    def tell(k: int) -> Finding:
        (inside, outside), ps = rows[k]
        count = len(set(ps))
        whole = count == held[inside]
        what = sheet.called(inside) if whole else f"A part of {sheet.called(inside)}"
        if count > 1 and not whole:
            what = f"{count:,} parts of {sheet.called(inside)}"
        verb = "lie" if count > 1 and not whole else "lies"
        sentence = f"{what}, {area(sizes[k])}, {verb} in a hole of {sheet.called(outside)}."
        pair = [inside, outside]
        where = sheet.place(shapely.MultiPolygon(list(parts[sorted(set(ps))])))
        measures = {"area_m2": sizes[k], "parts": float(count)}
        return Finding("enclave", sheet.features(pair), sheet.codes(pair), where, sentence, measures)

    return listed("enclave", sizes, tell, "area_m2")
