"""Proposed repairs of a draft: invalid polygons made valid, overlaps and narrow gaps closed.

A proposal is a new set of areas beside the old one, with the ground that changed hands and the findings that
go; what comes of it is a person's decision. Areas of which nothing would be left keep their polygon, and are
named.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from geo.areas import Areas
from geo.check import check
from geo.covered import only_in
from geo.crossing import crossings, entangled, overlaid, polygonal, united
from geo.findings import Finding, Progress, Tolerances, called
from geo.ground import Objects, Plane, quietly, sums
from geo.outlines import valid_of

Winner = Literal["lowest_code", "longest_border", "largest", "smallest"]
"""Who gets the ground where areas overlap."""

_STRATEGIES: dict[Winner, str] = {
    "lowest_code": "min_index",
    "longest_border": "longest_border",
    "largest": "max_area",
    "smallest": "min_area",
}

TRANSFERS_MAX = 20_000
"""Pairs of areas listed between which ground would go, the largest."""


LOST_M2 = 1e-4
"""A square centimetre: less that an area loses to nobody is the rounding of what it loses to others."""

_SAME_PLACE_DEG = 1e-7
"""A centimetre."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """An area whose polygon would change: square metres before and after, gained and lost.

    Before, and what it gained and lost, are None where its polygon was invalid: such a one has no area.
    """

    feature: int
    code: str | None
    name: str | None
    before_m2: float | None
    after_m2: float
    gained_m2: float | None
    lost_m2: float | None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Ground that one area would lose and whose it would be, or that one would gain and nobody had: None for
    no area.

    Where areas overlap and one keeps the ground, it goes from the other to the one that keeps it.
    """

    from_feature: int | None
    to_feature: int | None
    from_code: str | None
    to_code: str | None
    m2: float


@dataclass(frozen=True, slots=True)
class Refused:
    """An area that was left as it is, and why."""

    feature: int
    code: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Repair:
    """A proposal: the areas as they would be, what would change, and which findings about shapes would go,
    stay or come by it. Whatever was not changed is the same to the last bit."""

    areas: Areas
    repaired: tuple[Repaired, ...]
    transfers: tuple[Transfer, ...]
    refused: tuple[Refused, ...]
    vanishing: tuple[Finding, ...]
    staying: tuple[Finding, ...]
    arising: tuple[Finding, ...]


@quietly
def repair(
    areas: Areas,
    *,
    tolerances: Tolerances | None = None,
    validity: bool = True,
    coverage: bool = True,
    winner: Winner = "lowest_code",
    progress: Progress = lambda step, done, total: None,
) -> Repair:
    """Propose repairs of areas; they themselves are not touched.

    `validity` makes invalid polygons valid (shapely.make_valid, "structure": outlines bound ground, holes
    exclude it) and drops what collapses to lines. `coverage` gives overlapping ground to the `winner`, closes
    gaps up to `tolerances.fill_m` wide, and gives both sides of a border the same vertices
    (shapely.coverage_clean); vertices within `tolerances.snap_m` fall together. The lowest code wins by
    default, for points are placed so already: no job moves by it. Not for overlays, whose areas may overlap.
    Raises ValueError if there are too many areas upon each other.
    """
    tolerances = tolerances or Tolerances()
    valid = valid_of(areas.geoms)
    geoms = areas.geoms.copy()
    refused: list[Refused] = []
    progress("repair", 0, 4)
    if validity:
        geoms, refused = _made_valid(areas, valid)
    progress("repair", 1, 4)
    plane = Plane.around(geoms)
    if coverage:
        geoms, dropped = _fitted(areas, geoms, plane, tolerances, winner)
        refused += dropped
    progress("repair", 2, 4)
    after = replace(areas, geoms=geoms)
    repaired, transfers = _moved(areas, after, valid, plane)
    progress("repair", 3, 4)
    had = check(areas, tolerances=tolerances, overlay=not coverage, progress=progress).findings
    has = check(after, tolerances=tolerances, overlay=not coverage, progress=progress).findings
    progress("repair", 4, 4)
    vanishing, staying, arising = _sorted_out(had, has)
    in_order = tuple(sorted(refused, key=lambda each: each.feature))
    return Repair(after, repaired, transfers, in_order, vanishing, staying, arising)


def _made_valid(areas: Areas, valid: NDArray[np.bool_]) -> tuple[Objects, list[Refused]]:
    """All geometries, the invalid ones made valid; those of which nothing is left are refused."""
    geoms = areas.geoms.copy()
    refused = []
    for at in np.flatnonzero(~valid).tolist():
        made = _valid_polygons(geoms[at])
        if made is None:
            name = called(areas.codes[at], areas.names[at], at + 1)
            sentence = f"Nothing would be left of {name} if its polygon were made valid; it was left as it is."
            refused.append(Refused(at + 1, areas.codes[at], sentence))
        else:
            geoms[at] = made
    return geoms, refused


def _valid_polygons(geom: shapely.Geometry | None) -> shapely.MultiPolygon | None:
    if geom is None or shapely.is_empty(geom):
        return None
    try:
        made = shapely.make_valid(geom, method="structure", keep_collapsed=False)
    except GEOSException:
        try:
            made = shapely.make_valid(geom)
        except GEOSException:
            return None
    # Lines and points are what collapsed.
    polygons = polygonal(np.array([made], dtype=object))[0]
    return None if shapely.is_empty(polygons) else _multi(polygons)


def _multi(polygons: shapely.Geometry) -> shapely.MultiPolygon:
    return shapely.MultiPolygon(list(shapely.get_parts(polygons)))


def _fitted(
    areas: Areas, geoms: Objects, plane: Plane, tolerances: Tolerances, winner: Winner
) -> tuple[Objects, list[Refused]]:
    """All geometries, the valid ones without overlaps and narrow gaps. Those still invalid are left out."""
    at = np.flatnonzero(valid_of(geoms))
    # The lowest index wins, where the lowest code shall.
    at = np.array(sorted(at.tolist(), key=lambda k: (areas.codes[k] is None, areas.codes[k] or "", k)), dtype=np.intp)
    flat = plane.flat(geoms[at])
    if entangled(flat, flat):
        raise ValueError("Too many areas lie upon each other to be fitted together.")
    try:
        # Newer than the types that are published for shapely.
        cleaned = shapely.coverage_clean(  # type: ignore[attr-defined]
            flat,
            gap_width=tolerances.fill_m,
            snapping_distance=tolerances.snap_m,
            merge_strategy=_STRATEGIES[winner],
        )
    except GEOSException as error:
        raise ValueError(f"The areas could not be fitted together: GEOS says {str(error)[:200]}") from error
    fitted = plane.lonlat(cleaned, np.concatenate([areas.geoms[valid_of(areas.geoms)], geoms[at]]))
    fitted = np.array([_multi(geom) for geom in fitted], dtype=object)
    same = shapely.equals_identical(shapely.normalize(fitted), shapely.normalize(geoms[at]))
    usable = ~shapely.is_empty(fitted) & valid_of(fitted)
    result = geoms.copy()
    refused = []
    for k in np.flatnonzero(~same).tolist():
        here = int(at[k])
        if usable[k]:
            result[here] = fitted[k]
            continue
        name = called(areas.codes[here], areas.names[here], here + 1)
        why = "Nothing would be left of" if shapely.is_empty(fitted[k]) else "There would be no valid polygon of"
        sentence = f"{why} {name} if the areas were fitted together; it was left as it is."
        refused.append(Refused(here + 1, areas.codes[here], sentence))
    return result, refused


def _moved(
    areas: Areas, after: Areas, valid: NDArray[np.bool_], plane: Plane
) -> tuple[tuple[Repaired, ...], tuple[Transfer, ...]]:
    """What each area would gain and lose, and to whom the ground goes."""
    there = ~shapely.is_missing(after.geoms)
    changed = np.flatnonzero(there & ~shapely.equals_identical(areas.geoms, after.geoms))
    now = np.flatnonzero(valid_of(after.geoms))
    measured = changed[valid[changed]]
    old, new = plane.flat(areas.geoms[measured]), plane.flat(after.geoms[measured])
    lost = polygonal(overlaid(shapely.difference, old, new))
    gained = polygonal(overlaid(shapely.difference, new, old))
    before_m2, lost_m2, gained_m2 = plane.areas_m2(old), plane.areas_m2(lost), plane.areas_m2(gained)
    after_m2 = plane.areas_m2(plane.flat(after.geoms[changed]))
    where = {int(at): k for k, at in enumerate(measured)}
    repaired = []
    for at, m2 in zip(changed.tolist(), after_m2.tolist(), strict=True):
        k = where.get(at)
        known = (None, None, None) if k is None else (float(before_m2[k]), float(gained_m2[k]), float(lost_m2[k]))
        repaired.append(Repaired(at + 1, areas.codes[at], areas.names[at], known[0], m2, known[1], known[2]))
    whose = plane.flat(after.geoms[now])
    taken = crossings(plane, lost, whose, lambda i, j: measured[i] != now[j], lambda done: None)
    rows = [
        (int(measured[i]), int(now[j]), float(m2)) for i, j, m2 in zip(taken.left, taken.right, taken.m2, strict=True)
    ]
    # Neither had by any before, nor anybody's now.
    had = united(plane.flat(areas.geoms[valid]))
    for k, left in enumerate(lost_m2 - sums(taken.left, taken.m2, measured.size)):
        if left > LOST_M2:
            rows.append((int(measured[k]), -1, float(left)))
    fresh = only_in(plane, united(gained), had)[0]
    found = crossings(plane, gained, fresh, None, lambda done: None)
    for k, m2 in enumerate(sums(found.left, found.m2, measured.size)):
        if m2 > 0:
            rows.append((-1, int(measured[k]), float(m2)))
    rows.sort(key=lambda row: (-row[2], row))
    return tuple(repaired), tuple(_transfer(areas, *row) for row in sorted(rows[:TRANSFERS_MAX]))


def _transfer(areas: Areas, source: int, target: int, m2: float) -> Transfer:
    features = [None if at < 0 else at + 1 for at in (source, target)]
    codes = [None if at < 0 else areas.codes[at] for at in (source, target)]
    return Transfer(features[0], features[1], codes[0], codes[1], m2)


Findings = tuple[Finding, ...]


def _sorted_out(had: Findings, has: Findings) -> tuple[Findings, Findings, Findings]:
    """Findings that go, stay and come. One stays if there is one of its kind about the same features in the
    same place afterwards."""
    waiting: defaultdict[tuple[str, tuple[int, ...]], list[Finding]] = defaultdict(list)
    for finding in had:
        waiting[finding.kind, finding.features].append(finding)
    staying, arising = [], []
    for finding in has:
        before = waiting[finding.kind, finding.features]
        again = next((each for each in before if _same_place(each, finding)), None)
        if again is None:
            arising.append(finding)
        else:
            before.remove(again)
            staying.append(finding)
    going = {id(finding) for left in waiting.values() for finding in left}
    return tuple(finding for finding in had if id(finding) in going), tuple(staying), tuple(arising)


def _same_place(one: Finding, other: Finding) -> bool:
    if one.place is None or other.place is None:
        return one.place is other.place
    return bool(shapely.dwithin(one.place, other.place, _SAME_PLACE_DEG))
