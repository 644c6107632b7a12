"""When a crew could do a job, and which crew or job is the best. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from fieldsync.agreements.rules import Grant, Usage, windows_of
from fieldsync.crews.facts import CrewFacts, Day, Span
from fieldsync.dispatch.eligibility import Answer, examine
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.load import Load, load_of, stops_of
from fieldsync.dispatch.permission import about
from fieldsync.dispatch.reasons import OF_THE_TIME
from fieldsync.dispatch.travel import Travel
from fieldsync.wallclock import moment

GRID = timedelta(minutes=5)
"""Proposed times are told by the clock: nobody plans for 10:03."""

BEGINNINGS_MAX = 300
"""Beginnings that are tried for one crew and job: two weeks of ten assignments, two shifts and a few agreements' hours
a day stay below it."""


EFFORT_MAX = 20_000
"""What one request may have examined, counted in times examined: some three times what a hundred crews with two full
weeks take, and a second or two of a process that others wait for."""

GRANTS_A_TIME = 10
"""So many grants that are tried at a time cost about as much as examining the time once more."""


class Effort:
    """How much looking for times may still cost."""

    __slots__ = ("left",)

    def __init__(self, most: int | None = None) -> None:
        """``most``: times that may be examined; left out: ``EFFORT_MAX``."""
        self.left = EFFORT_MAX if most is None else most

    def spend(self, grants: int) -> None:
        """One time was examined, under so many grants."""
        self.left -= 1 + grants // GRANTS_A_TIME

    @property
    def spent(self) -> bool:
        """Whether nothing more ought to be begun. What has been begun is finished: ``BEGINNINGS_MAX`` bounds it."""
        return self.left <= 0


class Slot(Struct, frozen=True):
    """A time for a job with a crew, and what eligibility says of it."""

    crew: CrewFacts
    job: JobFacts
    span: Span | None
    """None: no time was looked for, because nothing about the time would help."""
    answer: Answer
    load: Load | None = None
    """Of the day on which it begins, with this job."""
    added_travel: int = 0
    """Minutes by which it makes the day's way longer."""

    @property
    def fits(self) -> bool:
        """Whether the crew can do it, at a time that was found."""
        return self.answer.eligible and self.span is not None

    @property
    def late(self) -> bool:
        """Whether it ends after the job is due."""
        return self.span is not None and self.job.due_at is not None and self.span.ends > self.job.due_at


def at_once(
    crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span | None, grants: Sequence[Grant],
    usage: Usage, travel: Travel, effort: Effort | None = None,
) -> Slot:  # fmt: skip
    """The job at that very time (None: whatever the time). What it costs is taken from ``effort``."""
    fitting = about(grants, crew, job)
    if effort is not None:
        effort.spend(len(fitting))
    return _slot(crew, booked, job, span, examine(crew, booked, job, span, fitting or grants, usage, travel), travel)


def _slot(
    crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span | None, answer: Answer, travel: Travel
) -> Slot:
    day = None if span is None else day_of(crew, span.starts)
    if span is None or day is None:
        return Slot(crew, job, span, answer)
    before = stops_of(booked)
    load = load_of(crew, day, [*before, (span, job.at)], travel)
    return Slot(crew, job, span, answer, load, load.travel - load_of(crew, day, before, travel).travel)


def earliest(
    crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, minutes: int, within: Span, grants: Sequence[Grant],
    usage: Usage, travel: Travel, effort: Effort | None = None,
) -> Slot:  # fmt: skip
    """The first time at which the crew can begin the job within ``within``, and end it there.

    Where there is none, the attempt with the fewest reasons against it, the first of them; without a time where
    something that does not depend on the time rules the crew out, or ``within`` is too short.

    A crew that is the first to begin at the moment at which something allows it (a shift, the way from the assignment
    before, an agreement's hours, a certificate, the end of an absence) cannot begin earlier; so only these moments are
    tried, on the grid of five minutes, and at a shift's beginning with the way from the depot behind it. A job that
    would fit only because midnight divides it between two days in a certain way is not found.

    What it costs is taken from ``effort``, of which the caller asks whether to begin.
    """
    effort = effort or Effort()
    effort.spend(0)
    fitting = about(grants, crew, job)
    whenever = examine(crew, booked, job, None, fitting or grants, usage, travel)
    if not whenever.eligible:
        return Slot(crew, job, None, whenever)
    length = timedelta(minutes=minutes)
    best: Slot | None = None
    for starts in islice(_beginnings(crew, booked, job, within, length, fitting, travel), BEGINNINGS_MAX):
        span = Span(starts, starts + length)
        answer = examine(crew, booked, job, span, fitting, usage, travel)
        effort.spend(len(fitting))
        if answer.eligible:
            return _slot(crew, booked, job, span, answer, travel)
        if best is None or len(answer.bad()) < len(best.answer.bad()):
            best = Slot(crew, job, span, answer)
    if best is None:
        return Slot(crew, job, None, whenever)
    return _slot(crew, booked, job, best.span, best.answer, travel)


def _beginnings(
    crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, within: Span, length: timedelta,
    grants: Sequence[Grant], travel: Travel,
) -> Iterator[datetime]:  # fmt: skip
    """Moments at which something begins to allow it, from the first on. ``grants`` are about the crew and the job."""
    drive = timedelta() if crew.depot is None else timedelta(minutes=travel.minutes(crew.depot, job.at))
    moments = {within.starts}
    for day in crew.days:
        moments.add(day.span.starts)
        moments.update(shift.starts + drive for shift in day.shifts)
    moments.update(one.span.ends + timedelta(minutes=travel.minutes(one.at, job.at)) for one in booked)
    moments.update(one.ends for one in crew.away)
    for person in crew.people:
        moments.update(one.starts for one in person.there)
        moments.update(held.span.starts for held in person.held)
    for grant in grants:
        moments.add(grant.starts)
        moments.update(_openings(grant, within))
    last = within.ends - length
    yield from sorted({on_grid(one) for one in moments if within.starts <= one <= last and on_grid(one) <= last})


def _openings(grant: Grant, within: Span) -> Iterator[datetime]:
    """When its hours begin, and perhaps a new period of its caps."""
    zone = ZoneInfo(grant.time_zone)
    day, last = (one.astimezone(zone).date() for one in within)
    while day <= last:
        if grant.cap_period is not None:
            yield moment(zone, day)
        yield from (opens for opens, _ in windows_of(grant.hours, grant.time_zone, day))
        day += timedelta(days=1)


def on_grid(moment: datetime) -> datetime:
    """The next moment of the grid of five minutes, or this one."""
    return moment + (datetime.min.replace(tzinfo=UTC) - moment) % GRID


def day_of(crew: CrewFacts, moment: datetime) -> Day | None:
    """The crew's day that a moment lies in; None where it is beyond what is known."""
    return next((day for day in crew.days if day.span.starts <= moment < day.span.ends), None)


def best_crews(slots: Iterable[Slot]) -> list[Slot]:
    """Crews for one job: who can do it first; in time before late; by the day; without overtime; by how much longer
    the day's way becomes; by when it begins; by how full the day is. Those who cannot: first those whom another time
    would help, then by how much is in the way."""
    return sorted(slots, key=_crew_key)


def _crew_key(slot: Slot) -> tuple[bool, bool, int, bool, str, int, int, float, float, str, UUID]:
    answer, load = slot.answer, slot.load
    full = 0.0 if load is None or not load.capacity else load.minutes / load.capacity
    against = answer.bad()
    return (
        not slot.fits, any(one.code not in OF_THE_TIME for one in against), len(against), slot.late,
        "" if load is None else load.day, answer.overtime_minutes, slot.added_travel,
        0.0 if slot.span is None else slot.span.starts.timestamp(), full, slot.crew.name, slot.crew.id,
    )  # fmt: skip


NEVER = "9999-12-31"


def urgency(job: JobFacts, time_zone: str) -> tuple[str, int]:
    """By which jobs for a crew are ranked before their way counts: the day on which they are due (in the crew's time
    zone; those that are not due last), then their priority."""
    due = NEVER if job.due_at is None else job.due_at.astimezone(ZoneInfo(time_zone)).date().isoformat()
    return due, job.priority


def best_jobs(slots: Iterable[Slot]) -> list[Slot]:
    """Jobs for one crew: by the day on which they are due, their priority, how much longer the day's way becomes, and
    the moment at which they are due."""
    return sorted(slots, key=_job_key)


def _job_key(slot: Slot) -> tuple[tuple[str, int], int, datetime, UUID]:
    due = slot.job.due_at or datetime.max.replace(tzinfo=UTC)
    return urgency(slot.job, slot.crew.time_zone), slot.added_travel, due, slot.job.id
