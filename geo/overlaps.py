"""Ground that lies in two areas, and areas that are practically the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from geo.crossing import WORK_MAX, Crossings, Entangled, entangled, joined, self_crossings, suspects, unmatched_edges
from geo.findings import Finding, Progress, Tolerances, all_called, area, listed, share
from geo.ground import NOISE_M2, Floats, Indexes, Objects
from geo.sheet import Sheet

ENTANGLED_WORK_MAX = WORK_MAX // 100
"""When areas lie upon each other without end, so much is still compared: enough to show a thousand overlaps."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """What was found of overlaps.

    `shapes` are the overlaps, in the sheet's plane. `distinct` is the sheet without all but one of polygons
    that are exactly the same; `edges` are the edges of each of its areas that do not match its neighbours'
    (shapely.coverage_invalid_edges), None where that could not be asked. `finished` is whether all pairs were
    compared.
    """

    findings: list[Finding]
    shapes: Objects
    distinct: Sheet
    edges: Objects | None
    finished: bool
    measures: Mapping[str, float]


def about_overlaps(sheet: Sheet, tolerances: Tolerances, progress: Progress) -> Overlaps:
    """Overlaps of a sheet's areas, worst first if there are too many to list."""
    twins = _twins(sheet)
    rest = np.ones(len(sheet), dtype=bool)
    for group in twins:
        rest[group[1:]] = False
    distinct = sheet.those(rest)
    endless = entangled(distinct.shapes, distinct.shapes)
    edges = None if endless else unmatched_edges(distinct.shapes)
    found, finished = _search(distinct, edges, endless, progress)
    together = found.m2 / (distinct.m2[found.left] + distinct.m2[found.right] - found.m2)
    same = together >= tolerances.same_shape
    apart = found.those(~same)
    findings = [
        *_same_shape(sheet, twins, distinct, found.those(same), together[same]),
        *_overlapping(distinct, apart.those(apart.m2 >= tolerances.overlap_m2), "overlap"),
        *_overlapping(distinct, apart.those(apart.m2 < tolerances.overlap_m2), "overlap_sliver"),
    ]
    if not finished:
        findings.append(_unfinished(len(found)))
    measures = {"overlaps": float(len(apart)), "overlaps_m2": float(apart.m2.sum())}
    return Overlaps(findings, found.shapes, distinct, edges, finished, measures)


def _search(sheet: Sheet, edges: Objects | None, endless: bool, progress: Progress) -> tuple[Crossings, bool]:
    """Pairs that overlap, and whether all were compared."""
    some: list[Crossings] = []
    try:
        found = self_crossings(
            sheet.plane,
            sheet.shapes,
            suspects(edges, len(sheet)),
            lambda done, total: progress("overlaps", done, total),
            work_max=ENTANGLED_WORK_MAX if endless else WORK_MAX,
            into=some,
        )
    except Entangled:
        return joined(some), False
    return found, True


def _twins(sheet: Sheet) -> list[Indexes]:
    """Groups of areas with exactly the same polygon, however it is written down. They are set aside, so that
    a thousand copies are not half a million pairs."""
    facts = np.column_stack([shapely.bounds(sheet.shapes), shapely.get_num_coordinates(sheet.shapes)])
    _, of, many = np.unique(facts, axis=0, return_inverse=True, return_counts=True)
    of = of.reshape(-1)
    alike = np.flatnonzero(many[of] > 1)
    written: dict[bytes, list[int]] = {}
    for at, wkb in zip(alike.tolist(), shapely.to_wkb(shapely.normalize(sheet.shapes[alike])), strict=True):
        written.setdefault(wkb, []).append(at)
    return [np.array(group) for group in written.values() if len(group) > 1]


def _same_shape(
    sheet: Sheet, twins: list[Indexes], distinct: Sheet, pairs: Crossings, together: Floats
) -> list[Finding]:
    """`twins` are positions in the sheet, `pairs` are between positions in `distinct`."""
    almost = np.searchsorted(sheet.at, distinct.at[np.column_stack([pairs.left, pairs.right])])
    groups = [*twins, *almost]
    shared = [1.0] * len(twins) + together.tolist()

    def tell(k: int) -> Finding:
        names = all_called([sheet.called(int(at)) for at in groups[k]])
        m2 = float(sheet.m2[groups[k][0]])
        exactly = "exactly" if k < len(twins) else f"to {100 * min(shared[k], 0.9999):.2f} %"
        sentence = f"{names} are {exactly} the same polygon of {area(m2)}."
        measures = {"area_m2": m2, "count": float(groups[k].size), "shared": shared[k]}
        where = sheet.place(sheet.shapes[groups[k][0]])
        return Finding("duplicate_shape", sheet.features(groups[k]), sheet.codes(groups[k]), where, sentence, measures)

    return listed("duplicate_shape", [float(sheet.m2[group[0]]) for group in groups], tell, "area_m2")


def _overlapping(sheet: Sheet, pairs: Crossings, kind: str) -> list[Finding]:
    def tell(k: int) -> Finding:
        pair = [int(pairs.left[k]), int(pairs.right[k])]
        m2 = float(pairs.m2[k])
        smaller = min(pair, key=lambda at: float(sheet.m2[at]))
        pieces = int(shapely.get_num_geometries(pairs.shapes[k]))
        part = min(1.0, m2 / max(float(sheet.m2[smaller]), NOISE_M2))
        of = f", {share(part)} of {sheet.called(smaller)}" if part >= 0.001 else ""
        places = f" in {pieces:,} places" if pieces > 1 else ""
        sentence = f"{sheet.called(pair[0])} and {sheet.called(pair[1])} overlap by {area(m2)}{places}{of}."
        measures = {"area_m2": m2, "pieces": float(pieces), "share": part}
        where = sheet.place(pairs.shapes[k])
        return Finding(kind, sheet.features(pair), sheet.codes(pair), where, sentence, measures)

    return listed(kind, pairs.m2, tell, "area_m2")


def _unfinished(seen: int) -> Finding:
    sentence = (
        f"So many areas lie upon each other that the search for overlaps was ended after {seen:,}, and gaps were "
        "not sought. Is this a layer of areas side by side?"
    )
    return Finding("not_checked", (), (), None, sentence, {"overlaps": float(seen)})
