"""What a check says of each area's own outline: invalid rings, parts far away, parts too small to be meant."""

from __future__ import annotations

import re

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from geo.areas import Areas
from geo.crossing import united
from geo.findings import Finding, Tolerances, all_called, area, called, listed, metres, place
from geo.ground import Floats, Indexes, Objects, distance_m
from geo.sheet import Sheet

_REASONS = {
    "Self-intersection": "its outline crosses itself",
    "Ring Self-intersection": "a ring of it touches or crosses itself",
    "Hole lies outside shell": "a hole lies outside its outline",
    "Holes are nested": "a hole lies inside another hole",
    "Nested shells": "a part lies inside another part",
    "Nested holes": "a hole lies inside another hole",
    "Interior is disconnected": "holes cut it apart",
    "Duplicate Rings": "a ring is there twice",
    "Too few points in geometry component": "a ring has too few points",
    "Ring is not closed": "a ring is not closed",
    "Invalid Coordinate": "a coordinate is not a number",
}

BOX_STEPS = 8
"""A part's box is drawn on a grid of so many steps to `far_m` before boxes are joined, so that a hundred
thousand parts are a few hundred boxes; "far" may come out a quarter too far."""


def about_validity(areas: Areas) -> tuple[list[Finding], NDArray[np.bool_]]:
    """A finding for each invalid geometry, and which are valid."""
    valid = valid_of(areas.geoms)
    at = np.flatnonzero(~valid)

    def tell(k: int) -> Finding:
        here = int(at[k])
        geom = areas.geoms[here]
        why, point = _reason(geom)
        name = called(areas.codes[here], areas.names[here], here + 1)
        where = f", near {point.x:.6f} {point.y:.6f}" if point is not None else ""
        sentence = f"The polygon of {name} is invalid: {why}{where}. It is left out of the checks of shapes."
        return Finding("geometry_invalid", (here + 1,), (areas.codes[here],), point or _box(geom), sentence)

    return listed("geometry_invalid", np.zeros(at.size), tell), valid


def valid_of(geoms: Objects) -> NDArray[np.bool_]:
    """Which geometries are valid; none, an empty one and one that GEOS cannot judge are not."""
    there = ~(shapely.is_missing(geoms) | shapely.is_empty(geoms))
    try:
        judged = shapely.is_valid(geoms)
    except GEOSException:
        judged = np.array([_is_valid(geom) for geom in geoms], dtype=bool)
    valid: NDArray[np.bool_] = np.logical_and(there, judged)
    return valid


def _is_valid(geom: shapely.Geometry | None) -> bool:
    try:
        return bool(shapely.is_valid(geom))
    except GEOSException:
        return False


def _reason(geom: shapely.Geometry | None) -> tuple[str, shapely.Point | None]:
    """Why it is invalid in words, and the place that GEOS names: "Self-intersection[-77.1 38.9]"."""
    if geom is None or shapely.is_empty(geom):
        return "it is empty", None
    try:
        stated = shapely.is_valid_reason(geom)
    except GEOSException as error:
        return f"GEOS says {error}", None
    parted = re.fullmatch(r"(.*?)(?:\[(\S+) (\S+)\])?", stated, re.DOTALL)
    what, x, y = parted.groups() if parted else (stated, None, None)
    why = f"{_REASONS[what]} ({what})" if what in _REASONS else what
    try:
        point = shapely.Point(float(x), float(y)) if x is not None and y is not None else None
    except ValueError:
        point = None
    return why, point if point is not None and np.isfinite([point.x, point.y]).all() else None


def _box(geom: shapely.Geometry | None) -> shapely.Geometry | None:
    bounds = shapely.bounds(geom)
    return place(shapely.box(*bounds)) if np.isfinite(bounds).all() else None


def about_parts(sheet: Sheet, tolerances: Tolerances) -> list[Finding]:
    """Parts far from the rest of the layer or of their area, and parts too small to be meant."""
    parts, of = shapely.get_parts(sheet.shapes, return_index=True)
    if not parts.size:
        return []
    m2 = sheet.plane.areas_m2(parts)
    far, strayed = _far_from_layer(sheet, parts, of, m2, tolerances.far_m)
    return [
        *far,
        *_far_from_area(sheet, parts, of, m2, strayed, tolerances.far_m),
        *_tiny(sheet, parts, of, m2, tolerances.tiny_m2),
    ]


def _clusters(shapes: Objects, reach_m: float) -> Indexes:
    """Which shapes hang together: a number each, the same where no more than about `reach_m` lies between
    one box and the next."""
    step = reach_m / BOX_STEPS
    bounds = shapely.bounds(shapes)
    cells = np.column_stack([np.floor(bounds[:, :2] / step), np.ceil(bounds[:, 2:] / step)])
    boxes, of = np.unique(cells, axis=0, return_inverse=True)
    reach = BOX_STEPS / 2
    grown = shapely.box(boxes[:, 0] - reach, boxes[:, 1] - reach, boxes[:, 2] + reach, boxes[:, 3] + reach)
    joined = shapely.get_parts(united(grown, matched=False))
    middle = shapely.points((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
    box, cluster = shapely.STRtree(joined).query(middle, predicate="intersects")
    label = np.zeros(len(boxes), dtype=np.intp)
    # A middle is in one only: what touches was joined.
    label[box] = cluster
    return np.asarray(label[of.reshape(-1)], dtype=np.intp)


def _far_from_layer(
    sheet: Sheet, parts: Objects, of: Indexes, m2: Floats, far_m: float
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """A finding for each group of parts far from the largest one, and which parts those are."""
    label = _clusters(parts, far_m)
    sizes = np.bincount(label, weights=m2)
    strayed = label != np.argmax(sizes)
    groups = np.unique(label[strayed])
    rest = parts[~strayed]
    tree = shapely.STRtree(rest)

    def tell(k: int) -> Finding:
        here = np.flatnonzero(label == groups[k])
        (each, nearest), apart = tree.query_nearest(parts[here], return_distance=True, all_matches=False)
        closest = int(np.argmin(apart))
        line = shapely.shortest_line(parts[here[each[closest]]], rest[nearest[closest]])
        whose = np.unique(of[here])
        names = all_called([sheet.called(int(at)) for at in whose])
        wholly = np.isin(whose, of[~strayed]).any()
        what = f"{here.size:,} part{'s' * (here.size > 1)} of {names}" if wholly else names
        verb = "lies" if (here.size if wholly else whose.size) == 1 else "lie"
        return _far(sheet, whose, parts[here], line, f"{what} {verb}", "the rest of the layer")

    return listed("far_part", sizes[groups], tell, "area_m2"), strayed


def _far_from_area(
    sheet: Sheet, parts: Objects, of: Indexes, m2: Floats, strayed: NDArray[np.bool_], far_m: float
) -> list[Finding]:
    """A finding for each area that has parts far from its largest one, though near to others."""
    found: list[tuple[int, Objects, shapely.Geometry, float]] = []
    bounds = shapely.bounds(sheet.shapes)
    wide = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) > far_m
    start = np.searchsorted(of, np.arange(len(sheet) + 1))
    for at in np.flatnonzero(wide & (np.diff(start) > 1)).tolist():
        here = np.arange(start[at], start[at + 1])
        here = here[~strayed[here]]
        if here.size < 2:
            continue
        label = _clusters(parts[here], far_m)
        main = label == label[np.argmax(m2[here])]
        if main.all():
            continue
        away = parts[here[~main]]
        line = shapely.shortest_line(shapely.MultiPolygon(list(away)), shapely.MultiPolygon(list(parts[here[main]])))
        found.append((at, away, line, float(m2[here[~main]].sum())))

    def tell(k: int) -> Finding:
        at, away, line, _ = found[k]
        what = f"{away.size:,} part{'s' * (away.size > 1)} of {sheet.called(at)} {'lie' if away.size > 1 else 'lies'}"
        return _far(sheet, np.array([at]), away, line, what, "the rest of that area, among others")

    return listed("far_part", [each[3] for each in found], tell, "area_m2")


def _far(sheet: Sheet, whose: Indexes, away: Objects, line: shapely.Geometry, what: str, rest: str) -> Finding:
    apart_m = distance_m(sheet.plane.lonlat([line])[0])
    m2 = float(sheet.plane.areas_m2(away).sum())
    sentence = f"{what} {metres(apart_m)} from {rest}."
    measures = {"distance_m": apart_m, "area_m2": m2, "parts": float(away.size)}
    where = sheet.place(shapely.MultiPolygon(list(away)))
    return Finding("far_part", sheet.features(whose), sheet.codes(whose), where, sentence, measures)


def _tiny(sheet: Sheet, parts: Objects, of: Indexes, m2: Floats, tiny_m2: float) -> list[Finding]:
    small = np.flatnonzero(m2 < tiny_m2)
    whose, start = np.unique(of[small], return_index=True)
    groups = np.split(small, start[1:]) if small.size else []
    held = np.bincount(of, minlength=len(sheet))

    def tell(k: int) -> Finding:
        here, at = groups[k], int(whose[k])
        total = float(m2[here].sum())
        if here.size == held[at]:
            sentence = f"{sheet.called(at)} as a whole has {area(total)}."
        elif here.size == 1:
            sentence = f"A part of {sheet.called(at)} has only {area(total)}."
        else:
            sentence = f"{here.size:,} parts of {sheet.called(at)} have only {area(total)} together."
        measures = {"area_m2": total, "parts": float(here.size)}
        where = sheet.place(shapely.MultiPolygon(list(parts[here])))
        return Finding("tiny_part", sheet.features([at]), sheet.codes([at]), where, sentence, measures)

    return listed("tiny_part", [float(m2[here].sum()) for here in groups], tell, "area_m2")
