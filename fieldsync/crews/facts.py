"""A crew as dispatching sees it, as plain values. Pure.

All moments are aware and in UTC; spans are half open, sorted and do not touch; points are degrees, EPSG:4326.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct


class Point(NamedTuple):
    """Degrees, EPSG:4326."""

    lon: float
    lat: float


class Span(NamedTuple):
    """From ``starts`` up to, and without, ``ends``."""

    starts: datetime
    ends: datetime


class Held(Struct, frozen=True):
    """A skill or a certificate that a member holds during ``span``."""

    sort: str
    """``skill`` or ``certificate``."""
    code: str
    span: Span


class Person(Struct, frozen=True):
    """A member, and when she is with the crew: her membership less her absences."""

    id: UUID
    name: str
    there: tuple[Span, ...]
    held: tuple[Held, ...] = ()
    """All that she has ever held, so that a refusal can say when it ran out."""
    belongs: tuple[Span, ...] = ()
    """Her membership, absences not taken out."""
    leads: tuple[Span, ...] = ()
    """When the crew is hers to lead: she may be absent then."""


class Day(Struct, frozen=True):
    """One of the crew's days, by the calendar of its time zone, and the shifts that begin on it."""

    day: str
    """ISO date."""
    span: Span
    """From midnight to midnight."""
    shifts: tuple[Span, ...]
    """Exceptions and the crew's absences taken out already; one may reach into the next day."""


class CrewFacts(Struct, frozen=True, kw_only=True):
    """A crew within a horizon of days."""

    id: UUID
    name: str
    jurisdiction_id: UUID
    """Its employer."""
    code: str = ""
    time_zone: str = "UTC"
    """IANA name: its own, or the partnership's."""
    change: int = 0
    """The partnership's commit that last changed anything about it."""
    disbanded: bool = False
    skills: frozenset[str] = frozenset()
    people: tuple[Person, ...] = ()
    depot: Point | None = None
    reach_m: int | None = None
    capacity_minutes: int | None = None
    overtime_minutes: int = 0
    days: tuple[Day, ...] = ()
    has_shifts: bool = True
    """False where nobody has entered any hours for it: then its hours are not known, and do not rule anything out."""
    away: tuple[Span, ...] = ()
    """The crew's absences, and the days on which it does not work by exception; never at the time of one of its shifts.
    Where it has no shifts, they rule out by themselves."""
