"""Ground that only one of two versions covers."""

from __future__ import annotations

import numpy as np
import shapely

from geo.crossing import Entangled, entangled, overlaid, polygonal, united
from geo.findings import Finding, Tolerances, all_called, area
from geo.ground import NOISE_M2, Floats, Objects, Plane
from geo.sheet import Sheet


def about_ground(
    old: Sheet, new: Sheet, doubtful: Objects, tolerances: Tolerances
) -> tuple[list[Finding], dict[str, float]]:
    """Ground lost and gained between two sheets in one plane: findings, and square metres of both.

    `doubtful` is what areas that could not be measured may cover. Raises Entangled.
    """
    if any(entangled(sheet.shapes, sheet.shapes) for sheet in (old, new)):
        raise Entangled
    before, after = united(old.shapes), united(new.shapes)
    found: list[Finding] = []
    measures: dict[str, float] = {}
    for kind, sheet, had, has in (
        ("ground_lost", old, before, united(np.array([*doubtful, after]), matched=False)),
        ("ground_gained", new, after, before),
    ):
        pieces, m2 = only_in(sheet.plane, had, has)
        measures[f"{kind}_m2"] = float(m2.sum())
        large = m2 >= tolerances.piece_m2
        if large.any():
            found.append(_told(kind, sheet, pieces[large], m2[large]))
    return found, measures


def only_in(plane: Plane, some: shapely.Geometry, other: shapely.Geometry) -> tuple[Objects, Floats]:
    """Polygons of what only the first covers, and their square metres, from NOISE_M2 on."""
    left = polygonal(overlaid(shapely.difference, np.array([some]), np.array([other])))
    pieces = shapely.get_parts(left)
    m2 = plane.areas_m2(pieces)
    return pieces[m2 > NOISE_M2], m2[m2 > NOISE_M2]


def _told(kind: str, sheet: Sheet, pieces: Objects, m2: Floats) -> Finding:
    total, count = float(m2.sum()), int(m2.size)
    inside = shapely.point_on_surface(pieces)
    whose = np.unique(shapely.STRtree(sheet.shapes).query(inside, predicate="intersects")[1])
    names = all_called([sheet.called(int(at)) for at in whose])
    places = f" in {count:,} places" if count > 1 else ""
    if kind == "ground_lost":
        sentence = f"{area(total)}{places} that belonged to {names} in the version before are in no area now."
    else:
        sentence = f"{area(total)}{places} that belong to {names} now were in no area of the version before."
    features = sheet.features(whose) if kind == "ground_gained" else ()
    where = sheet.place(shapely.MultiPolygon(list(pieces)))
    return Finding(kind, features, sheet.codes(whose), where, sentence, {"area_m2": total, "pieces": float(count)})
