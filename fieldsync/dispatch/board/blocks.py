"""A crew as the board shows it: its days with their load, and its assignments with what speaks against them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from msgspec import Raw, Struct

from fieldsync.agreements.rules import Grant, Usage
from fieldsync.crews.facts import CrewFacts, Day, Point, Span
from fieldsync.crews.spans import joined, without
from fieldsync.dispatch.board.shapes import (
    BoardAbsence,
    BoardAssignment,
    BoardCrew,
    BoardDay,
    BoardJob,
    BoardLead,
    BoardSpan,
    place,
)
from fieldsync.dispatch.eligibility import examine
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.load import load_of, stops_of
from fieldsync.dispatch.reasons import shown_to
from fieldsync.dispatch.travel import Travel

A_MINUTE = timedelta(minutes=1)

NO_CLASH = frozenset({"cap_minutes_reached", "cap_cents_reached", "job_done"})
"""What was within a cap when it was assigned stays so, and other crews' work must not change how this one looks."""


class Row(Struct, kw_only=True):
    """An assignment as it is read."""

    id: UUID
    version: int
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    minutes: int
    state: str
    pinned: bool
    grant_id: UUID | None
    work_order: Raw
    """A ``BoardJob``, as the database has made it: it is only handed on."""
    facts: JobFacts

    @property
    def span(self) -> Span:
        """Its time."""
        return Span(self.starts_at, self.ends_at)


class Remembered:
    """Ways that are asked for again and again: each assignment of a day asks for all of the day's ways."""

    def __init__(self, travel: Travel) -> None:
        self._travel = travel
        self._known: dict[tuple[Point, Point], float] = {}

    def minutes(self, a: Point, b: Point) -> float:
        """Minutes from ``a`` to ``b``."""
        known = self._known.get((a, b))
        if known is None:
            known = self._known[a, b] = self._travel.minutes(a, b)
        return known


class Surroundings(Struct):
    """What the crews' blocks are made of."""

    own: frozenset[UUID] | None
    """The jurisdictions that the reader dispatches for; None: all."""
    first: date
    last: date
    """The board's days."""
    booked: Mapping[UUID, Sequence[Booked]]
    rows: Mapping[UUID, Sequence[Row]]
    """By crew, in the order of time."""
    grants: Sequence[Grant]
    travel: Travel

    def is_own(self, jurisdiction_id: UUID | None) -> bool:
        """Whether she dispatches for it."""
        return self.own is None or jurisdiction_id in self.own


def by_crew(rows: Iterable[Row]) -> dict[UUID, list[Row]]:
    """Assignments by their crew."""
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.crew_id].append(row)
    return found


def crew_block(around: Surroundings, crew: CrewFacts) -> BoardCrew:
    """All that the board shows of a crew."""
    rows = around.rows.get(crew.id, ())
    first, last = around.first.isoformat(), around.last.isoformat()
    days = [day for day in crew.days if first <= day.day <= last]
    own = around.is_own(crew.jurisdiction_id)
    return BoardCrew(
        id=crew.id,
        code=crew.code,
        name=crew.name,
        jurisdiction_id=crew.jurisdiction_id,
        own=own,
        disbanded=crew.disbanded,
        time_zone=crew.time_zone,
        skills=sorted(crew.skills),
        depot=place(crew.depot),
        reach_m=crew.reach_m,
        overtime_minutes=crew.overtime_minutes,
        has_shifts=crew.has_shifts,
        days=[_day(around, crew, day, rows, own) for day in days],
        assignments=[_assignment(around, crew, row, own) for row in rows],
    )


def _day(around: Surroundings, crew: CrewFacts, day: Day, rows: Sequence[Row], own: bool) -> BoardDay:
    load = load_of(crew, day, stops_of(around.booked.get(crew.id, ())), around.travel)
    done = sum((_within(row.span, day.span) for row in rows if row.state == "done"), timedelta())
    lead = next((one for one in crew.people if _overlap(one.leads, day.span)), None)
    absent = [] if not own else [
        BoardAbsence(one.id, one.name, span.starts, span.ends)
        for one in crew.people
        for span in _cut(without(one.belongs, one.there), day.span)
    ]  # fmt: skip
    return BoardDay(
        day=date.fromisoformat(day.day),
        starts=day.span.starts,
        ends=day.span.ends,
        shifts=[BoardSpan(*shift) for shift in day.shifts],
        away=[BoardSpan(*span) for span in _cut(crew.away, day.span)],
        lead=None if lead is None else BoardLead(lead.id, lead.name),
        people=sum(_overlap(one.there, day.span) for one in crew.people),
        absent=absent,
        work_minutes=load.work,
        travel_minutes=load.travel,
        load_minutes=load.minutes,
        capacity_minutes=load.capacity,
        over_minutes=0 if load.capacity is None else max(0, load.minutes - load.capacity),
        done_minutes=done // A_MINUTE,
    )


def _assignment(around: Surroundings, crew: CrewFacts, row: Row, own: bool) -> BoardAssignment:
    hers = own or around.is_own(row.facts.jurisdiction_id)
    shown = BoardAssignment(
        id=row.id,
        version=row.version if hers else None,
        etag=f'"{row.version}"' if hers else None,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        minutes=row.minutes,
        state=row.state,
        pinned=row.pinned if hers else None,
        grant_id=row.grant_id if hers else None,
        work_order=cast("BoardJob", row.work_order) if hers else None,
        travel_minutes=None,
        clashes=[],
    )
    if hers and row.state == "planned":
        booked = around.booked.get(crew.id, ())
        answer = examine(
            crew, booked, row.facts, row.span, around.grants, Usage(), around.travel, ignoring=(row.id,)
        )  # fmt: skip
        if answer.travel_minutes is not None:
            shown.travel_minutes = round(answer.travel_minutes, 1)
        if not answer.eligible:
            told = answer.told(shown_to(around.own, crew, booked))
            shown.clashes = [reason.document() for reason in told.bad() if reason.code not in NO_CLASH]
    return shown


def _overlap(spans: Iterable[Span], day: Span) -> bool:
    return any(span[0] < day[1] and span[1] > day[0] for span in spans)


def _cut(spans: Iterable[Span], day: Span) -> tuple[Span, ...]:
    """What of the spans lies in the day."""
    return joined(Span(max(starts, day[0]), min(ends, day[1])) for starts, ends in spans)


def _within(span: Span, day: Span) -> timedelta:
    return max(timedelta(), min(span[1], day[1]) - max(span[0], day[0]))
