"""What is wrong with the areas of a layer version, or merely worth knowing, before anybody publishes it.

Pure: areas in, a report out. Nothing is repaired (geo.repair proposes that), and the same areas give the same
report. Shapes are checked in the plane of longitude and latitude, in which points are placed, and measured on
the ellipsoid (geo.ground).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import shapely
from shapely.errors import GEOSException

from geo.areas import Areas
from geo.borders import about_borders
from geo.codes import about_codes
from geo.crossing import Entangled, polygonal
from geo.findings import Finding, Progress, Report, Tolerances, in_order
from geo.gaps import about_gaps
from geo.ground import Objects, Plane, quietly
from geo.outlines import about_parts, about_validity, valid_of
from geo.overlaps import Overlaps, about_overlaps
from geo.sheet import Sheet
from geo.since import about_since


@quietly
def check(
    areas: Areas,
    *,
    before: Areas | None = None,
    expected: Mapping[str, str] | None = None,
    tolerances: Tolerances | None = None,
    overlay: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> Report:
    """Check areas: their codes, their shapes, how they fit together, and what changed since `before`.

    `before` is the version in force, None for the first; `expected` the jurisdictions of the partnership, code
    to name. In an `overlay` areas may lie upon each other and leave ground free, and owners instead of codes
    are held against `expected`. `progress` is told step, done and total, and may raise to end the check.
    Areas with an invalid geometry are findings, and are left out where shapes are measured.
    """
    tolerances = tolerances or Tolerances()
    progress("codes", 0, len(areas))
    found = about_codes(areas, expected, overlay=overlay)
    progress("shapes", 0, len(areas))
    invalid, valid = about_validity(areas)
    found += invalid
    plane = Plane.around(areas.geoms[valid], *([] if before is None else [before.geoms]))
    sheet = Sheet.of(areas, plane, valid)
    found += _tried("Parts far away or tiny", lambda: about_parts(sheet, tolerances))
    progress("shapes", len(areas), len(areas))
    measures = {
        "areas": float(len(areas)),
        "vertices": float(shapely.get_num_coordinates(areas.geoms).sum()),
        "invalid": float(np.count_nonzero(~valid)),
        "area_m2": float(sheet.m2.sum()),
    }
    if not overlay and len(sheet):
        found += _tried("Overlaps, gaps and borders", lambda: _fitting(sheet, tolerances, progress, measures))
    if before is not None:
        old = Sheet.of(before, plane, valid_of(before.geoms))
        doubtful = _perhaps(plane, areas.geoms[~valid])
        found += _tried(
            "What changed since the version before",
            lambda: _since(old, sheet, doubtful, tolerances, progress, measures, overlay=overlay),
        )
    return Report(in_order(found), measures)


def _tried(what: str, tell: Callable[[], list[Finding]]) -> list[Finding]:
    """Findings, or the one that says what could not be checked. Valid polygons can still be too much for GEOS."""
    try:
        return tell()
    except Entangled:
        why = "too many areas lie upon each other"
    except GEOSException as error:
        why = f"GEOS says {str(error)[:200]}"
    return [Finding("not_checked", (), (), None, f"{what} could not be checked: {why}.")]


def _fitting(sheet: Sheet, tolerances: Tolerances, progress: Progress, measures: dict[str, float]) -> list[Finding]:
    """How the areas of one sheet fit together: they should neither overlap nor leave gaps."""
    overlaps = about_overlaps(sheet, tolerances, progress)
    measures |= overlaps.measures
    if not overlaps.finished:
        return overlaps.findings
    return overlaps.findings + _tried("Gaps and borders", lambda: _between(overlaps, tolerances, progress, measures))


def _between(
    overlaps: Overlaps, tolerances: Tolerances, progress: Progress, measures: dict[str, float]
) -> list[Finding]:
    edges = overlaps.edges
    matched = edges is not None and not overlaps.shapes.size and bool(shapely.is_empty(edges).all())
    gaps = about_gaps(overlaps.distinct, matched, tolerances, progress)
    measures |= gaps.measures
    if edges is None:
        sentence = "Borders could not be checked: GEOS cannot tell which edges match."
        return [*gaps.findings, Finding("not_checked", (), (), None, sentence)]
    explained = np.concatenate([overlaps.shapes, gaps.shapes])
    return gaps.findings + about_borders(overlaps.distinct, edges, explained, tolerances, progress)


def _since(
    old: Sheet,
    new: Sheet,
    doubtful: Objects,
    tolerances: Tolerances,
    progress: Progress,
    measures: dict[str, float],
    *,
    overlay: bool,
) -> list[Finding]:
    since = about_since(old, new, doubtful, tolerances, progress, overlay=overlay)
    measures |= since.measures
    return since.findings


def _perhaps(plane: Plane, geoms: Objects) -> Objects:
    """What invalid polygons may cover: only to not call it lost as well."""
    there = geoms[~(shapely.is_missing(geoms) | shapely.is_empty(geoms))]
    try:
        made = np.asarray(shapely.make_valid(there, method="structure", keep_collapsed=False), dtype=object)
    except GEOSException:
        return np.zeros(0, dtype=object)
    made = polygonal(made)
    return plane.flat(made[~shapely.is_empty(made)])
