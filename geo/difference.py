"""What differs between two versions of a layer: areas that came, went or changed, and the ground that changed
hands, from whom to whom.

Ground counts for the area by which a point on it is placed (docs/boundaries.md): where areas overlap, that of
the lowest code. So every piece of ground has one area or none in each version, and the numbers add up: what a
code has now is what it had, plus what it gained, less what it lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.areas import Areas
from geo.crossing import Entangled
from geo.findings import Progress, Tolerances
from geo.ground import Objects, Plane, quietly, sums
from geo.moved import Moved, Parted, moved_ground
from geo.outlines import valid_of

MOVES_MAX = 20_000
"""Pairs of codes listed with their ground. A layer of 130 towns that was drawn again altogether has 700."""

NAMED_MAX = 20
"""Features that a refusal names."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A code in either version, by whom points are placed there: square metres before and now (0 where it was
    not), and those that it lost and gained."""

    code: str
    old_name: str | None
    new_name: str | None
    old_m2: float
    new_m2: float
    lost_m2: float
    gained_m2: float


@dataclass(frozen=True, slots=True)
class Recoded:
    """A shape that has another code now, and the square metres that both have in common."""

    old_code: str
    new_code: str
    old_name: str | None
    new_name: str | None
    m2: float


@dataclass(frozen=True, slots=True)
class Move:
    """Ground that went from one code to another, None for no area.

    `m2` is all of it; of its `pieces`, `slivers` are smaller than the tolerance, together `slivers_m2`. `geom`
    is a MultiPolygon in EPSG:4326 of the others, the exact cut; it is empty if all are slivers.
    """

    from_code: str | None
    to_code: str | None
    m2: float
    pieces: int
    slivers: int
    slivers_m2: float
    geom: shapely.MultiPolygon

    @property
    def hectares(self) -> float:
        return self.m2 / 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything in the order of codes.

    `changed` are all codes that differ in any way. Of those, `added` and `removed` are in one version only and
    not `recoded`, `renamed` and `reshaped` in both, reshaped by at least the tolerance. `moves` are by from
    and to, "no area" first; when there are more than MOVES_MAX, the smallest are `further`, `further_m2` in
    all.
    """

    changed: tuple[Changed, ...]
    added: tuple[Changed, ...]
    removed: tuple[Changed, ...]
    renamed: tuple[Changed, ...]
    recoded: tuple[Recoded, ...]
    reshaped: tuple[Changed, ...]
    moves: tuple[Move, ...]
    further: int
    further_m2: float

    @property
    def moved_m2(self) -> float:
        return sum(move.m2 for move in self.moves) + self.further_m2

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.recoded or self.moves)


@quietly
def difference(
    old: Areas,
    new: Areas,
    *,
    tolerances: Tolerances | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Difference:
    """What differs from `old` to `new`, both with valid polygons and a distinct code each.

    Raises ValueError naming the features where they are not (check them first), and where so many areas lie
    upon each other that the answer would take hours. `progress` is told step, done and total, and may raise.
    """
    tolerances = tolerances or Tolerances()
    _refuse(old, "old")
    _refuse(new, "new")
    plane = Plane.around(old.geoms, new.geoms)
    try:
        before = Parted.of(old, plane, lambda done, total: progress("old", done, total))
        after = Parted.of(new, plane, lambda done, total: progress("new", done, total))
        moved = moved_ground(before, after, lambda done, total: progress("moves", done, total))
    except Entangled:
        raise ValueError("Too many areas lie upon each other for the versions to be compared.") from None
    corners = np.concatenate([old.geoms, new.geoms])
    moves, further, further_m2 = _moves(before, after, moved, corners, tolerances.piece_m2)
    changed = _changed(before, after, moved)
    recoded = _recoded(before, after, moved, tolerances)
    gone, come = {row.old_code for row in recoded}, {row.new_code for row in recoded}
    had, has = set(before.codes), set(after.codes)
    both = [row for row in changed if row.code in had and row.code in has]
    return Difference(
        changed=tuple(changed),
        added=tuple(row for row in changed if row.code not in had and row.code not in come),
        removed=tuple(row for row in changed if row.code not in has and row.code not in gone),
        renamed=tuple(row for row in both if row.old_name != row.new_name),
        recoded=recoded,
        reshaped=tuple(row for row in both if row.lost_m2 + row.gained_m2 >= tolerances.piece_m2),
        moves=moves,
        further=further,
        further_m2=further_m2,
    )


def _refuse(areas: Areas, which: str) -> None:
    """Raises ValueError for areas whose difference would mean nothing."""
    seen: set[str] = set()
    repeated = []
    for at, code in enumerate(areas.codes):
        if code is not None and code in seen:
            repeated.append(at)
        seen.add(code or "")
    for what, wrong in (
        ("have no code", [at for at, code in enumerate(areas.codes) if not code]),
        ("repeat a code", repeated),
        ("are invalid", np.flatnonzero(~valid_of(areas.geoms)).tolist()),
    ):
        if wrong:
            named = ", ".join(str(at + 1) for at in wrong[:NAMED_MAX])
            more = f" and {len(wrong) - NAMED_MAX} more" if len(wrong) > NAMED_MAX else ""
            raise ValueError(f"Areas of the {which} version {what}: features {named}{more}.")


def _moves(
    before: Parted, after: Parted, moved: Moved, corners: Objects, piece_m2: float
) -> tuple[tuple[Move, ...], int, float]:
    """Ground by pair of codes: the largest, how many more, and their square metres."""
    pairs, of = np.unique(np.column_stack([moved.old, moved.new]), axis=0, return_inverse=True)
    of = of.reshape(-1)
    total = sums(of, moved.m2, len(pairs))
    order = np.lexsort((np.arange(len(pairs)), -total))
    listed, left = order[:MOVES_MAX].tolist(), order[MOVES_MAX:]
    large = (moved.m2 >= piece_m2) & np.isin(of, order[:MOVES_MAX])
    shown = np.full(moved.m2.size, None, dtype=object)
    # Vertices that were in either version come back as they were.
    shown[large] = before.plane.lonlat(moved.shapes[large], corners)
    by_pair = np.argsort(of, kind="stable")
    start = np.searchsorted(of[by_pair], np.arange(len(pairs) + 1))

    def move(k: int) -> Move:
        here = by_pair[start[k] : start[k + 1]]
        small = here[moved.m2[here] < piece_m2]
        return Move(
            None if pairs[k, 0] < 0 else before.codes[pairs[k, 0]],
            None if pairs[k, 1] < 0 else after.codes[pairs[k, 1]],
            float(total[k]),
            int(here.size),
            int(small.size),
            float(moved.m2[small].sum()),
            shapely.MultiPolygon(list(shown[here[large[here]]])),
        )

    moves = sorted(map(move, listed), key=lambda move: (move.from_code or "", move.to_code or ""))
    return tuple(moves), int(left.size), float(total[left].sum())


def _changed(before: Parted, after: Parted, moved: Moved) -> list[Changed]:
    """The codes of which anything differs."""
    lost, gained = moved.by_code(len(before.codes), len(after.codes))
    i = {code: at for at, code in enumerate(before.codes)}
    j = {code: at for at, code in enumerate(after.codes)}
    rows = []
    for code in sorted({*i, *j}):
        a, b = i.get(code), j.get(code)
        row = Changed(
            code,
            None if a is None else before.names[a],
            None if b is None else after.names[b],
            0.0 if a is None else float(before.m2[a]),
            0.0 if b is None else float(after.m2[b]),
            0.0 if a is None else float(lost[a]),
            0.0 if b is None else float(gained[b]),
        )
        if a is None or b is None or row.lost_m2 or row.gained_m2 or row.old_name != row.new_name:
            rows.append(row)
    return rows


def _recoded(before: Parted, after: Parted, moved: Moved, tolerances: Tolerances) -> tuple[Recoded, ...]:
    found = []
    for i, j, m2 in moved.by_pair():
        if m2 >= tolerances.same_shape * (before.m2[i] + after.m2[j] - m2):
            found.append(Recoded(before.codes[i], after.codes[j], before.names[i], after.names[j], m2))
    return tuple(sorted(found, key=lambda row: (row.old_code, row.new_code)))
