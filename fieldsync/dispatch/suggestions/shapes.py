"""What may be asked of suggestions, and what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields, validate
from msgspec import Struct

from fieldsync.dispatch.assignments.spans import MINUTES_MAX
from fieldsync.schemas import Day, Instant, Request

SUGGESTED_MAX = 50
"""Suggestions in one answer: more than anybody reads, and few enough that a router can be asked about all of them."""

DAYS_MAX = 14
"""Days in which the earliest time is looked for: what a crew's plan is made for."""

DAYS = 7

SUGGESTED = 10


class CrewsArgs(Request):
    """For when crews are looked for."""

    starts_at = Instant(metadata={"description": "Left out: the earliest time that fits each crew is looked for."})
    minutes = fields.Integer(
        validate=validate.Range(1, MINUTES_MAX),
        metadata={"description": "How long it takes; left out: what its service type usually takes."},
    )
    days = fields.Integer(
        load_default=DAYS, validate=validate.Range(1, DAYS_MAX),
        metadata={"description": "Without `starts_at`: in how many days from now a time is looked for."},
    )  # fmt: skip
    limit = fields.Integer(
        load_default=SUGGESTED, validate=validate.Range(1, SUGGESTED_MAX),
        metadata={"description": "Most crews wanted."},
    )  # fmt: skip


class JobsArgs(Request):
    """For which day jobs are looked for."""

    day = Day(metadata={"description": "By the crew's calendar; left out: today."})
    limit = fields.Integer(
        load_default=SUGGESTED, validate=validate.Range(1, SUGGESTED_MAX),
        metadata={"description": "Most jobs wanted."},
    )  # fmt: skip


class ReasonRead(Struct):
    """Why, or why not: see docs/eligibility.md for the codes, and for what else each says."""

    code: str
    good: bool
    sentence: str


class ProposedAssignment(Struct):
    """A work order with a crew at a time. Whoever plans for several proposes several of them."""

    work_order_id: UUID
    crew_id: UUID
    starts_at: datetime | None
    """Null: there is no time that would help."""
    minutes: int
    grant_id: UUID | None
    """By which agreement's term or offer; null: it is the home crew, or nothing allows it."""
    reasons: list[ReasonRead]
    """Every one, good and bad, in the order of docs/eligibility.md."""


class LoadRead(Struct):
    """How full a day of the crew is with the proposal; minutes."""

    day: str
    work_minutes: int
    travel_minutes: int
    capacity_minutes: int | None
    """Null: not known."""


class _Suggestion(Struct, kw_only=True):
    eligible: bool
    """False: listed so that it can be seen why not."""
    assignments: list[ProposedAssignment]
    shortfalls: list[str]
    """Codes of the reasons that rule it out; empty where it is eligible."""
    late: bool
    """It would end after the work is due."""
    travel_minutes: float | None
    """From the assignment before, or from the depot; null: not known."""
    added_travel_minutes: int
    """By how much the day's way becomes longer."""
    overtime_minutes: int
    load: LoadRead | None
    travel_by: str
    """``router`` or ``straight_line``."""


class CrewBrief(Struct):
    """A crew."""

    id: UUID
    code: str
    name: str
    jurisdiction_id: UUID


class CrewSuggestion(_Suggestion, kw_only=True):
    """A crew for the work order."""

    crew: CrewBrief


class PlaceRead(Struct):
    """Degrees, EPSG:4326."""

    lon: float
    lat: float


class JobBrief(Struct):
    """A work order, as far as it may be known to whoever may send a crew there."""

    id: UUID
    title: str
    service_type_id: UUID
    service_type: str
    jurisdiction_id: UUID
    status: str
    priority: int
    due_at: datetime | None
    """The earliest of what the office entered and what its service levels say."""
    location: PlaceRead
    yours: bool
    """False: it lies in a jurisdiction that you do not dispatch for, which your agreement lets your crew serve."""


class JobSuggestion(_Suggestion, kw_only=True):
    """A work order for the crew's day."""

    work_order: JobBrief


class TravelRead(Struct):
    """By what ways were reckoned."""

    by: str
    """``router``: those of the listed; or ``straight_line``."""
    because: str | None
    """Why not by a router: ``not_configured``, ``unavailable``, ``too_many_places``."""
    unrouted: int
    """Pairs of places between which the router knows no way."""


class CrewSuggestions(Struct, rename={"from_": "from"}):
    """Crews for a work order, the best first; those that cannot do it after those that can."""

    suggestions: list[CrewSuggestion]
    travel: TravelRead
    from_: datetime
    until: datetime
    """Within this time it would be done."""
    minutes: int
    considered: int
    """How many crews were looked at."""
    unexamined: int
    """How many were to be looked at, and were not: one request may cost so much and no more."""
    more: bool
    """Whether there are crews that were not looked at: further away than those."""


class JobSuggestions(Struct):
    """Work orders for a crew's day, the most urgent first. Each by itself: two of them may want the same time."""

    suggestions: list[JobSuggestion]
    travel: TravelRead
    day: str
    considered: int
    """How many work orders were looked at, before as many as wanted were found."""
    unexamined: int
    """How many were to be looked at, and were not: one request may cost so much and no more."""
    waiting: int
    """How many there are that nobody is assigned to, where the crew may work and within its reach."""
    ruled_out: dict[str, int]
    """Code -> how many of those looked at it rules out."""


Document = dict[str, Any]
