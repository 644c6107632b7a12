"""What one of a crew's days holds already, and how much fits it. Pure.

Days are those of the crew's calendar, from midnight to midnight; work over midnight counts in each day for the part
that lies in it. A day's way begins at the depot, goes to each place in the order of time, and ends at the depot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from msgspec import Struct

from fieldsync.crews.facts import CrewFacts, Day, Point, Span
from fieldsync.dispatch.facts import Booked
from fieldsync.dispatch.travel import Travel

A_MINUTE = timedelta(minutes=1)
NOTHING = timedelta()
GRAIN = 1e-6
"""Minutes by which a sum of ways may be off, as numbers on computers are."""


class Load(Struct, frozen=True):
    """How full a day is; minutes."""

    day: str
    """ISO date."""
    work: int
    travel: int
    """On the whole day's way, rounded up."""
    capacity: int | None
    """Work and travel that fit without overtime; None: not known."""

    @property
    def minutes(self) -> int:
        """Work and travel."""
        return self.work + self.travel


def load_of(crew: CrewFacts, day: Day, stops: Sequence[tuple[Span, Point]], travel: Travel) -> Load:
    """The load of one day with these stops, in any order; those that lie in other days count nothing."""
    starts, ends = day.span
    here = sorted(stop for stop in stops if stop[0][0] < ends and stop[0][1] > starts)
    work = NOTHING
    way, place = 0.0, crew.depot
    for span, at in here:
        work += min(span[1], ends) - max(span[0], starts)
        if place is not None and place != at:
            way += travel.minutes(place, at)
        place = at
    if here and crew.depot is not None and place is not None:
        way += travel.minutes(place, crew.depot)
    return Load(day.day, ceil(work / A_MINUTE), ceil(way - GRAIN), capacity_of(crew, day))


def capacity_of(crew: CrewFacts, day: Day) -> int | None:
    """Minutes of work and travel that fit the day: what was entered for the crew, or else what its shifts cover of the
    day; None where neither is known."""
    if crew.capacity_minutes is not None:
        return crew.capacity_minutes
    if not crew.has_shifts:
        return None
    starts, ends = day.span
    covered = NOTHING
    for other in crew.days:
        for shift in other.shifts:
            if shift[0] < ends and shift[1] > starts:
                covered += min(shift[1], ends) - max(shift[0], starts)
    return covered // A_MINUTE


def stops_of(booked: Sequence[Booked]) -> list[tuple[Span, Point]]:
    """Where the crew is to be, and when."""
    return [(one.span, one.at) for one in booked]
