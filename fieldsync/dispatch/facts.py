"""What is planned, and what is to be done, as plain values. Pure."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from fieldsync.crews.facts import Point, Span


class Booked(Struct, frozen=True):
    """A planned assignment of the crew."""

    id: UUID
    work_order_id: UUID
    span: Span
    at: Point
    pinned: bool = False
    grant_id: UUID | None = None
    """The grant by which it is done, and in whose caps it counts."""
    jurisdiction_id: UUID | None = None
    """Where the work lies."""


class JobFacts(Struct, frozen=True, kw_only=True):
    """A work order, as far as dispatching goes."""

    id: UUID
    title: str
    jurisdiction_id: UUID | None
    service_type_id: UUID
    service_type: str
    """Its name."""
    skill: str | None
    certificates: frozenset[str]
    minutes: int
    """What it usually takes."""
    at: Point
    status: str
    crew_id: UUID | None
    priority: int = 3
    due_at: datetime | None = None
    """The earlier of what the office entered and what the service level says."""
