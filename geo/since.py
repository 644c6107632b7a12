"""What a check says against the version before: codes that came, went or changed places, shapes that moved,
ground that was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from geo.areas import Areas
from geo.covered import about_ground
from geo.crossing import crossings, overlaid, polygonal
from geo.findings import Finding, Progress, Tolerances, area, called, listed, place, share
from geo.ground import NOISE_M2, Floats, Indexes, Objects
from geo.sheet import Sheet
from geo.shift import Shift, common_shift

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Since:
    findings: list[Finding]
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Areas with the same code in both versions, by their positions in either sheet: m² that each lost and
    gained."""

    old: Indexes
    new: Indexes
    lost_m2: Floats
    gained_m2: Floats


def about_since(
    old: Sheet, new: Sheet, doubtful: Objects, tolerances: Tolerances, progress: Progress, *, overlay: bool
) -> Since:
    """Compare a sheet with that of the version before, both in one plane.

    Codes are compared for all areas, shapes for the valid ones. `doubtful` are what the invalid ones may
    cover, in the plane: ground in those is not called lost. The ground of an overlay is not compared. Raises
    Entangled.
    """
    progress("before", 0, 4)
    kept = _kept(old, new)
    progress("before", 1, 4)
    gone, come = _codes_only_in(old.areas, new.areas), _codes_only_in(new.areas, old.areas)
    recoded = _recoded(old, new, kept, tolerances)
    progress("before", 2, 4)
    shift = common_shift(old, new, kept.old, kept.new, tolerances)
    found = _told_recoded(old, new, recoded)
    explained_old = {old.code(int(i)) for i, _ in recoded}
    explained_new = {new.code(int(j)) for _, j in recoded}
    found += _told_codes("vanished", old.areas, [code for code in gone if code not in explained_old])
    found += _told_codes("appeared", new.areas, [code for code in come if code not in explained_new])
    found += _renamed(old.areas, new.areas)
    found += _reshaped(old, new, kept, tolerances)
    found += _told_shift(shift)
    progress("before", 3, 4)
    measures: dict[str, float] = {"codes_gone": float(len(gone)), "codes_come": float(len(come))}
    if not overlay:
        ground, covered = about_ground(old, new, doubtful, tolerances)
        found += ground
        measures |= covered
    progress("before", 4, 4)
    return Since(found, measures)


def _codes_only_in(some: Areas, others: Areas) -> list[str]:
    return sorted({code for code in some.codes if code} - {code for code in others.codes if code})


def _single(areas: Areas) -> dict[str, int]:
    """Where each code is that only one area has."""
    many = Counter(areas.codes)
    return {code: at for at, code in enumerate(areas.codes) if code and many[code] == 1}


def _kept(old: Sheet, new: Sheet) -> _Kept:
    before, after = _single(old.areas), _single(new.areas)
    in_old = {int(at): k for k, at in enumerate(old.at)}
    in_new = {int(at): k for k, at in enumerate(new.at)}
    pairs = [
        (in_old[at], in_new[after[code]])
        for code, at in sorted(before.items())
        if code in after and at in in_old and after[code] in in_new
    ]
    i, j = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    shared = old.m2[i].copy()
    moved = np.flatnonzero(~shapely.equals_identical(old.shapes[i], new.shapes[j]))
    for start in range(0, moved.size, _AT_ONCE):
        some = moved[start : start + _AT_ONCE]
        cut = overlaid(shapely.intersection, old.shapes[i[some]], new.shapes[j[some]])
        shared[some] = old.plane.areas_m2(polygonal(cut))
    # Of a polygon laid upon itself the last bits may differ.
    return _Kept(i, j, np.maximum(old.m2[i] - shared, 0.0), np.maximum(new.m2[j] - shared, 0.0))


def _recoded(old: Sheet, new: Sheet, kept: _Kept, tolerances: Tolerances) -> list[tuple[int, int]]:
    """Pairs of the same shape under two codes, none of which has that shape in both versions.

    Raises Entangled.
    """
    still = _alike(old.m2[kept.old] - kept.lost_m2, old.m2[kept.old], new.m2[kept.new]) >= tolerances.same_shape
    i = np.setdiff1d(np.arange(len(old)), kept.old[still])
    j = np.setdiff1d(np.arange(len(new)), kept.new[still])
    found = crossings(
        old.plane,
        old.shapes[i],
        new.shapes[j],
        lambda a, b: (
            _alike(np.minimum(old.m2[i[a]], new.m2[j[b]]), old.m2[i[a]], new.m2[j[b]]) >= tolerances.same_shape
        ),
        lambda done: None,
    )
    pairs = zip(i[found.left].tolist(), j[found.right].tolist(), found.m2.tolist(), strict=True)
    return [
        (a, b)
        for a, b, m2 in pairs
        if m2 >= tolerances.same_shape * (old.m2[a] + new.m2[b] - m2)
        and old.code(a)
        and new.code(b)
        and old.code(a) != new.code(b)
    ]


def _alike(shared: Floats, one: Floats, other: Floats) -> Floats:
    """What two areas share, of what either covers."""
    both: Floats = shared / np.maximum(one + other - shared, NOISE_M2)
    return both


def _told_recoded(old: Sheet, new: Sheet, pairs: list[tuple[int, int]]) -> list[Finding]:
    def tell(k: int) -> Finding:
        i, j = pairs[k]
        sentence = f"{old.called(i)} has the code {new.code(j)} now; its shape is the same."
        codes = (old.code(i), new.code(j))
        return Finding("code_changed", new.features([j]), codes, new.place(new.shapes[j]), sentence)

    return listed("code_changed", [float(old.m2[i]) for i, _ in pairs], tell)


def _told_codes(kind: str, areas: Areas, codes: list[str]) -> list[Finding]:
    where: dict[str, int] = {}
    for at, code in enumerate(areas.codes):
        if code:
            where.setdefault(code, at)

    def tell(k: int) -> Finding:
        at = where[codes[k]]
        name = called(areas.codes[at], areas.names[at], at + 1)
        if kind == "vanished":
            sentence = f"{name} was in the version before and is not in this one."
        else:
            sentence = f"{name} is new: the version before has no such code."
        features = (at + 1,) if kind == "appeared" else ()
        return Finding(kind, features, (codes[k],), place(areas.geoms[at]), sentence)

    return listed(kind, np.zeros(len(codes)), tell)


def _renamed(old: Areas, new: Areas) -> list[Finding]:
    before, after = _single(old), _single(new)
    changed = [
        code
        for code in sorted(set(before) & set(after))
        if old.names[before[code]] and new.names[after[code]] and old.names[before[code]] != new.names[after[code]]
    ]

    def tell(k: int) -> Finding:
        at = after[changed[k]]
        sentence = f"{changed[k]} was called {old.names[before[changed[k]]]} and is called {new.names[at]} now."
        return Finding("renamed", (at + 1,), (changed[k],), place(new.geoms[at]), sentence)

    return listed("renamed", np.zeros(len(changed)), tell)


def _reshaped(old: Sheet, new: Sheet, kept: _Kept, tolerances: Tolerances) -> list[Finding]:
    changed_m2 = kept.lost_m2 + kept.gained_m2
    part = changed_m2 / np.maximum(old.m2[kept.old], NOISE_M2)
    much = part > tolerances.reshaped_share
    found: list[Finding] = []
    for kind, which in (("shape_changed", much), ("shape_adjusted", ~much)):
        at = np.flatnonzero(which & (changed_m2 >= tolerances.piece_m2))

        def tell(k: int, kind: str = kind, at: Indexes = at) -> Finding:
            here = int(at[k])
            i, j = int(kept.old[here]), int(kept.new[here])
            lost, gained = float(kept.lost_m2[here]), float(kept.gained_m2[here])
            # What is under the tolerance beside the rest is drawing.
            steps = [
                f"{verb} {area(m2)}" for verb, m2 in (("lost", lost), ("gained", gained)) if m2 >= tolerances.piece_m2
            ]
            steps = steps or [f"changed by {area(lost + gained)}"]
            sentence = (
                f"{new.called(j)} {' and '.join(steps)} since the version before, "
                f"{share(float(part[here]))} of the {area(float(old.m2[i]))} that it had."
            )
            measures = {"lost_m2": lost, "gained_m2": gained, "share": float(part[here])}
            differing = overlaid(shapely.symmetric_difference, old.shapes[[i]], new.shapes[[j]])
            where = new.place(polygonal(differing)[0])
            return Finding(kind, new.features([j]), new.codes([j]), where, sentence, measures)

        found += listed(kind, changed_m2[at], tell)
    return found


def _told_shift(shift: Shift | None) -> list[Finding]:
    if shift is None:
        return []
    east = f"{abs(shift.east_m):.2f} m {'east' if shift.east_m >= 0 else 'west'}"
    north = f"{abs(shift.north_m):.2f} m {'north' if shift.north_m >= 0 else 'south'}"
    sentence = (
        f"The layer lies {shift.distance_m:.2f} m from where it lay in the version before: {shift.moved:,} of "
        f"{shift.areas:,} areas moved by {east} and {north}. Its coordinate system may have been mistaken."
    )
    measures = {"east_m": shift.east_m, "north_m": shift.north_m, "distance_m": shift.distance_m}
    return [Finding("layer_shifted", (), (), None, sentence, measures | {"areas": float(shift.moved)})]
