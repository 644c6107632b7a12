"""Reading the board: whole, or what has changed since. Everything in an answer is of one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Usage
from fieldsync.crews.facts import CrewFacts
from fieldsync.dispatch import situation
from fieldsync.dispatch.assignments.spans import MINUTES_MAX
from fieldsync.dispatch.board import queries
from fieldsync.dispatch.board.blocks import Remembered, Row, Surroundings, by_crew, crew_block
from fieldsync.dispatch.board.shapes import (
    Board,
    BoardChanges,
    BoardCounts,
    BoardCrew,
    BoardJob,
    BoardJobPage,
    BoardJobs,
    ChangedBoardAssignment,
    ChangedBoardJob,
)
from fieldsync.dispatch.travel import Travel
from fieldsync.pages import decode, encode
from fieldsync.problems import Unprocessable
from fieldsync.wallclock import moment

DAYS_MAX = 14
"""Two weeks are planned at a glance; more is read as several boards."""

CREWS_MAX = 1_000
"""Crews on one board. Ten times what the largest partnership has; whoever has more asks for a jurisdiction."""

ASSIGNMENTS_MAX = 20_000
"""Assignments on one board: some 10 MB of JSON. Whoever has more asks for fewer days, or for a jurisdiction."""

CHANGES_PAGE = 500
"""Records in one answer about changes, unless a single commit wrote more."""

CHANGES_MAX = 2_000
"""Above so many the whole board is read faster, and is not larger."""

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""In the place of the time at which a job is due, where there is none."""

_BEFORE_ALL = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))
_JOBS = msgspec.json.Decoder(list[msgspec.Raw])
_LAST = msgspec.json.Decoder(BoardJob)
_ROWS = msgspec.json.Decoder(list[Row])
_ASSIGNMENTS = msgspec.json.Decoder(list[ChangedBoardAssignment])


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, in a transaction that sees one snapshot. ``own``: the jurisdictions she dispatches for; None: all."""

    session: Session
    partnership_id: UUID
    own: frozenset[UUID] | None
    at: datetime
    travel: Travel

    def ids(self, **more: Any) -> dict[str, Any]:
        """What every statement binds, and ``more``."""
        own = None if self.own is None else list(self.own)
        usual = situation.USUAL_MINUTES
        return {"partnership_id": self.partnership_id, "own": own, "at": self.at, "usual": usual} | more


@dataclass(frozen=True, slots=True)
class Horizon:
    """The days that a board shows, and up to which commit."""

    first: date
    last: date
    starts: datetime
    ends: datetime
    time_zone: str
    change: int
    epoch: UUID

    def times(self, margin: timedelta = timedelta()) -> dict[str, datetime]:
        """What statements bind that look for assignments in this time, or so near that they bear on it."""
        starts, ends = self.starts - margin, self.ends + margin
        return {"starts": starts, "ends": ends, "earliest": starts - timedelta(minutes=MINUTES_MAX)}

    def standing(self, reader: Reader) -> dict[str, Any]:
        """The fields of ``BoardStanding``."""
        return {
            "epoch": self.epoch, "change": self.change, "at": reader.at, "time_zone": self.time_zone,
            "starts": self.starts, "ends": self.ends,
        }  # fmt: skip


def read_board(reader: Reader, first: date, last: date, limit: int) -> Board:
    """The board of these days, both included, with the first ``limit`` jobs that wait.

    Raises:
        Unprocessable: there are too many days, crews or assignments.
    """
    horizon = look(reader, first, last)
    seen = _seen(reader, horizon)
    if len(seen) > CREWS_MAX:
        raise Unprocessable(f"A board shows {CREWS_MAX:,} crews; ask for a jurisdiction.", field="jurisdiction_id")
    return Board(
        **horizon.standing(reader),
        crews=_crews(reader, horizon, seen),
        unassigned=_unassigned(reader, None, limit),
        counts=_counts(reader),
    )


def read_jobs(reader: Reader, cursor: str | None, limit: int) -> BoardJobPage:
    """A page of the open jobs for which nothing is planned."""
    page = _unassigned(reader, cursor, limit)
    return BoardJobPage(page.items, page.next)


def look(reader: Reader, first: date, last: date) -> Horizon:
    """The first look into the snapshot: how far the partnership is, and when its days begin and end.

    Raises:
        Unprocessable: the days are too many, or end before they begin.
    """
    if not 0 <= (last - first).days < DAYS_MAX:
        raise Unprocessable(f"From the first day to the last, a board has 1 to {DAYS_MAX} days.", field="to")
    head = reader.session.execute(queries.HEAD, reader.ids()).one()
    zone = ZoneInfo(head.time_zone)
    starts, ends = moment(zone, first), moment(zone, last + timedelta(days=1))
    return Horizon(first, last, starts, ends, head.time_zone, head.change, head.epoch)


def _seen(reader: Reader, horizon: Horizon, among: Collection[UUID] | None = None) -> list[UUID]:
    """The crews that she sees (``among`` these), by code: she may give them work, or they have work of hers. A
    disbanded one is there only where something is planned for it, which somebody else has to do."""
    bound = reader.ids(**horizon.times(), crew_ids=None if among is None else list(among))
    rows = reader.session.execute(queries.CREWS, bound).all()
    grants = load_grants(reader.session, reader.partnership_id, horizon.starts, horizon.ends)
    crews = {row.id: CrewFacts(id=row.id, name="", jurisdiction_id=row.jurisdiction_id) for row in rows}
    may = situation.serving(
        situation.Situation(crews, {}, grants, Usage()), reader.own, horizon.starts, horizon.ends
    )  # fmt: skip
    return [row.id for row in rows if (row.id in may or row.hers) and (row.busy or not row.disbanded)]


def _crews(reader: Reader, horizon: Horizon, crew_ids: Collection[UUID]) -> list[BoardCrew]:
    """These crews as the board shows them, by code."""
    session, partnership_id = reader.session, reader.partnership_id
    # Without what is used of caps: an assignment that was within one stays so (``blocks.NO_CLASH``).
    now = situation.load(session, partnership_id, crew_ids, horizon.starts, horizon.ends, receivers=())
    bound = reader.ids(**horizon.times(), crew_ids=list(now.crews), rows=ASSIGNMENTS_MAX + 1)
    rows = _ROWS.decode(session.execute(queries.PLANNED, bound).scalar_one())
    if len(rows) > ASSIGNMENTS_MAX:
        raise Unprocessable(f"A board shows {ASSIGNMENTS_MAX:,} assignments; ask for fewer days.", field="to")
    travel = Remembered(reader.travel)
    around = Surroundings(reader.own, horizon.first, horizon.last, now.booked, by_crew(rows), now.grants, travel)
    return [crew_block(around, crew) for crew in now.crews.values()]


def _unassigned(reader: Reader, cursor: str | None, limit: int) -> BoardJobs:
    after_due, after_id = _BEFORE_ALL if cursor is None else decode(cursor, [datetime, UUID])
    bound = reader.ids(after_due=after_due, after_id=after_id, rows=limit + 1)
    jobs = _JOBS.decode(reader.session.execute(queries.UNASSIGNED, bound).scalar_one())
    page = cast("list[BoardJob]", jobs[:limit])  # handed on as the database has made them
    if len(jobs) <= limit:
        return BoardJobs(page, None)
    last = _LAST.decode(jobs[limit - 1])
    return BoardJobs(page, encode([last.due or _NEVER, last.id]))


def _counts(reader: Reader) -> BoardCounts:
    made: str = reader.session.execute(queries.COUNTS, reader.ids()).scalar_one()
    return cast("BoardCounts", msgspec.Raw(made.encode()))


# --- what has changed since ---------------------------------------------------------------------------------------


class _Found(msgspec.Struct):
    """A work order that was written, or whose plan was."""

    id: UUID
    seen: bool
    left: bool
    job: msgspec.Raw
    """A ``ChangedBoardJob``."""


_FOUND = msgspec.json.Decoder(list[_Found])


@dataclass(slots=True)
class _Written:
    """What was written after a number."""

    work_order_ids: set[UUID]
    crew_ids: set[UUID]
    assignment_ids: set[UUID]


@dataclass(frozen=True, slots=True)
class Since:
    """What a console has."""

    change: int
    seen_at: datetime | None
    epoch: UUID


def read_changes(reader: Reader, first: date, last: date, since: Since) -> BoardChanges:
    """What has changed on the board of these days.

    Raises:
        Unprocessable: the days are too many, or end before they begin.
    """
    horizon = look(reader, first, last)
    changes = BoardChanges(
        **horizon.standing(reader), reset=False, more=False, crews=[], crew_ids=None, jobs=[], left_jobs=[],
        assignments=[], counts=_counts(reader),
    )  # fmt: skip
    if since.change > horizon.change or since.epoch != horizon.epoch:
        changes.reset = True
        return changes
    written = _written(reader, horizon, since, changes)
    if written is None:
        changes.reset = True
        return changes
    run_out = _run_out(reader, since)
    if len(run_out) > CHANGES_MAX:
        changes.reset = True
        return changes
    if jobs := written.work_order_ids | run_out:
        _fill_jobs(reader, changes, jobs)
    if written.assignment_ids:
        bound = reader.ids(ids=list(written.assignment_ids))
        changes.assignments = _ASSIGNMENTS.decode(reader.session.execute(queries.ASSIGNMENTS, bound).scalar_one())
    if written.work_order_ids or written.crew_ids:
        _fill_crews(reader, horizon, changes, written)
    return changes


def _written(reader: Reader, horizon: Horizon, since: Since, changes: BoardChanges) -> _Written | None:
    """What was written since, up to a whole commit; ``changes`` is told how far that is. None: too much."""
    bound = reader.ids(since=since.change, rows=CHANGES_MAX + 1)
    rows: Sequence[Any] = reader.session.execute(queries.CHANGED, bound).all()
    if len(rows) > CHANGES_MAX or any(row.everything for row in rows):
        return None
    if len(rows) > CHANGES_PAGE:
        # Cut between two commits: half of one cannot be said to be known.
        cut = max(rows[0].change, rows[CHANGES_PAGE].change - 1)
        kept = [row for row in rows if row.change <= cut]
        changes.more = len(kept) < len(rows)
        if changes.more:
            changes.change = cut
        rows = kept
    return _Written(
        {row.work_order_id for row in rows if row.work_order_id is not None},
        {row.crew_id for row in rows if row.crew_id is not None},
        {row.assignment_id for row in rows if row.assignment_id is not None},
    )


def _run_out(reader: Reader, since: Since) -> set[UUID]:
    """The work orders of which a planned time has passed since: nothing may be planned for them any more."""
    if since.seen_at is None or since.seen_at >= reader.at:
        return set()
    bound = reader.ids(seen_at=since.seen_at, rows=CHANGES_MAX + 1)
    return set(reader.session.execute(queries.RUN_OUT, bound).scalars())


def _fill_jobs(reader: Reader, changes: BoardChanges, ids: Collection[UUID]) -> None:
    for found in _FOUND.decode(reader.session.execute(queries.JOBS, reader.ids(ids=list(ids))).scalar_one()):
        if found.seen:
            changes.jobs.append(cast("ChangedBoardJob", found.job))
        elif found.left:
            changes.left_jobs.append(found.id)


def _fill_crews(reader: Reader, horizon: Horizon, changes: BoardChanges, written: _Written) -> None:
    bound = reader.ids(
        **horizon.times(situation.MARGIN), crew_ids=list(written.crew_ids),
        assignment_ids=list(written.assignment_ids), work_order_ids=list(written.work_order_ids),
    )  # fmt: skip
    affected = set(reader.session.execute(queries.AFFECTED_CREWS, bound).scalars())
    if not affected:
        return
    shown = _seen(reader, horizon, affected)
    if shown:
        changes.crews = _crews(reader, horizon, shown)
    if len(shown) < len(affected):
        # Not which ones she does not see: some of them she never did.
        changes.crew_ids = _seen(reader, horizon)
