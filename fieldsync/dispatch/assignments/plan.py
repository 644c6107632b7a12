"""The crews' time while a request is decided: each item sees what those before it have taken and left. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from fieldsync.agreements.rules import Grant, Usage
from fieldsync.crews.facts import CrewFacts, Span
from fieldsync.dispatch.assignments.spans import minutes_of
from fieldsync.dispatch.eligibility import Answer, Reason, examine
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.reasons import shown_to
from fieldsync.dispatch.travel import Travel

OVERRULED = frozenset(
    {"no_shift", "outside_shift", "overtime_exceeded", "capacity_exceeded", "way_there_too_long", "way_on_too_long",
     "out_of_reach", "no_jurisdiction"}
)  # fmt: skip
"""What a person who has looked at it may overrule: hours, the day's capacity, ways and reach. ``no_jurisdiction``: a
job in triage, which only somebody with a role for the whole partnership sees. Never an agreement, a cap, a skill, a
certificate, a crew that is away, or a crew that is elsewhere at that time."""

DOUBLE = "booked"
"""The reason that the exclusion constraint would give, too."""


class Part(Struct):
    """An assignment as it stands."""

    id: UUID
    version: int
    work_order_id: UUID
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    minutes: int
    pinned: bool
    state: str
    grant_id: UUID | None

    @property
    def span(self) -> Span:
        """Its planned time."""
        return Span(self.starts_at, self.ends_at)


class Place(NamedTuple):
    """An assignment in a crew's time."""

    crew_id: UUID
    booked: Booked


class Plan:
    """What the crews are booked for, and how much of the grants is used."""

    def __init__(
        self, crews: dict[UUID, CrewFacts], booked: dict[UUID, list[Booked]], grants: list[Grant], usage: Usage,
        travel: Travel, own: frozenset[UUID] | None,
    ) -> None:  # fmt: skip
        """The situation as it was read; ``booked`` is changed as items are decided. ``own``: the jurisdictions for
        which somebody plans; None: all."""
        self.crews = crews
        self._own = own
        self._booked = booked
        self.grants = grants
        self._by_id = {grant.id: grant for grant in grants}
        self._usage = usage
        self._travel = travel

    def put(self, place: Place) -> None:
        """Book the crew, and count it in the cap."""
        self._booked.setdefault(place.crew_id, []).append(place.booked)
        self._count(place.booked, 1)

    def take(self, place: Place) -> None:
        """Free the crew, and the cap."""
        booked = self._booked.get(place.crew_id, [])
        booked[:] = [one for one in booked if one.id != place.booked.id]
        self._count(place.booked, -1)

    def _count(self, booked: Booked, sign: int) -> None:
        grant = self._by_id.get(booked.grant_id) if booked.grant_id else None
        if grant is not None and grant.cap_period is not None:
            self._usage.add(grant, sign * minutes_of(booked.span), booked.span.starts)

    def examine(self, crew_id: UUID, job: JobFacts, span: Span) -> Answer:
        """Whether the crew can do the job then, with every reason, as whoever plans may read it."""
        crew, booked = self.crews[crew_id], self._booked.get(crew_id, [])
        answer = examine(crew, booked, job, span, self.grants, self._usage, self._travel)
        return answer.told(shown_to(self._own, crew, booked))


def place_of(part: Part, job: JobFacts) -> Place:
    """Where an assignment stands in its crew's time."""
    booked = Booked(
        part.id, part.work_order_id, part.span, job.at, part.pinned, part.grant_id, job.jurisdiction_id
    )  # fmt: skip
    return Place(part.crew_id, booked)


def weighed(answer: Answer, override: bool) -> tuple[list[Reason], list[Reason]]:
    """The reasons against it that stand, and those that a person overrules."""
    bad = answer.bad()
    overruled = [reason for reason in bad if override and reason.code in OVERRULED]
    return [reason for reason in bad if reason not in overruled], overruled


def against_untimed(answer: Answer) -> list[Reason]:
    """The reasons for which a crew is not given a job even without a time: those that nobody may overrule. Who did a
    job is also entered afterwards, so that it is done already is none of them."""
    return [reason for reason in answer.bad() if reason.code not in OVERRULED and reason.code != "job_done"]


def codes(reasons: Iterable[Reason]) -> list[str]:
    """Their codes, each once."""
    return list(dict.fromkeys(reason.code for reason in reasons))
