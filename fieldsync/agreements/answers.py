"""What the routes of agreements answer, for the API reference. The JSON itself is made by the database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class Signatory(Struct):
    """A member of staff who acted for a party."""

    id: UUID
    name: str


class AgreementPartyRead(Struct):
    """A jurisdiction that must accept a version, and whether it has."""

    jurisdiction_id: UUID
    name: str
    accepted_at: datetime | None
    accepted_by: Signatory | None


class AgreementHours(Struct, rename={"starts": "from"}):
    """Weekly hours on one day, by the clock of the partnership's time zone; 1 is Monday."""

    weekday: int
    starts: str
    until: str


class AgreementTermRead(Struct):
    """One direction of a version. An empty list means: any."""

    id: UUID
    giver_id: UUID
    receiver_id: UUID
    crew_ids: list[UUID]
    skills: list[str]
    service_type_ids: list[UUID]
    hours: list[AgreementHours]
    cap_minutes: int | None
    cap_cents: int | None
    cap_period: str | None
    home_priority: bool
    cents_per_hour: int | None
    cost: dict[str, Any]


class AgreementVersionRead(Struct):
    """A version: what was proposed, what the parties said, and when it holds."""

    id: UUID
    agreement_id: UUID
    number: int
    state: str
    """``proposed``, ``accepted``, ``declined`` or ``withdrawn``."""
    starts_on: date
    ends_on: date | None
    notice_days: int
    note: str | None
    proposer_id: UUID
    proposed_at: datetime
    settled_at: datetime | None
    holds_from: date | None
    """Its first day, once accepted; null as well where it was replaced or ended before it began."""
    holds_until: date | None
    """Its last day: less than agreed where a later version or an end cuts it; null: no end is known."""
    taken_out_at: datetime | None
    """When the jobs that rested on it were taken from their crews, after its last day."""
    parties: list[AgreementPartyRead]
    terms: list[AgreementTermRead] | None
    """Null: not told here, because those of many versions would be too much; read the version by itself."""


class AgreementVersionPage(Struct):
    """Versions in the order in which they were proposed, without their terms."""

    items: list[AgreementVersionRead]
    next: str | None


class AgreementEventRead(Struct):
    """What somebody did to an agreement."""

    id: UUID
    at: datetime
    action: str
    """``proposed``, ``accepted``, ``declined``, ``withdrawn``, ``came_into_force`` (all have accepted), ``ended`` or
    ``taken_out``."""
    version_id: UUID | None
    version: int | None
    """Its number."""
    jurisdiction_id: UUID | None
    """The party for which it was done."""
    by: Signatory | None
    reason: str | None


class AgreementHistoryPage(Struct):
    """Events in the order in which they happened."""

    items: list[AgreementEventRead]
    next: str | None


class ProposalBrief(Struct):
    """A proposal, and for whom it waits."""

    version_id: UUID
    number: int
    proposer_id: UUID
    proposed_at: datetime
    waiting_for: list[UUID]


class AgreementBrief(Struct):
    """An agreement in a list."""

    id: UUID
    code: str
    title: str
    state: str
    """``in_force``: a version holds today; ``upcoming``: one will; ``ended``: one did; ``proposed``: none was accepted
    yet; ``lapsed``: none was, and none waits."""
    created_at: datetime
    ended_on: date | None
    """The last day, where a party has ended it."""
    holds_from: date | None
    """Of the version in force, else of the next one, else of the last."""
    holds_until: date | None
    jurisdiction_ids: list[UUID]
    """Givers and receivers of that version; of the newest one where none was accepted."""
    proposal: ProposalBrief | None


class AgreementPage(Struct):
    """Agreements, by code."""

    items: list[AgreementBrief]
    next: str | None


class AgreementWhole(AgreementBrief, kw_only=True):
    """An agreement with its versions and what happened to it."""

    versions: list[AgreementVersionRead]
    """What holds, will hold or waits, and the newest others; all of them are at ``/versions``. With their terms: the
    one in force (else the next one, else the last that was, else the newest) and the one that waits."""
    history: list[AgreementEventRead]
    """The newest events, oldest first; all of them are at ``/history``."""
    more: list[str]
    """``versions`` or ``history``, where there is more than is shown."""


class GrantRead(Struct):
    """Crews of the giver may work for the receiver, within limits. An empty list means: any."""

    id: UUID
    sort: str
    """``term`` of an agreement, or accepted ``offer`` for a resource request."""
    code: str
    """The agreement's code, or the request's title."""
    version_id: UUID
    giver_id: UUID
    receiver_id: UUID
    crew_ids: list[UUID]
    skills: list[str]
    service_type_ids: list[UUID]
    starts: datetime
    ends: datetime | None
    hours: list[AgreementHours]
    time_zone: str
    cap_minutes: int | None
    cap_cents: int | None
    cap_period: str | None
    cents_per_hour: int | None
    home_priority: bool


class GrantPage(Struct):
    """Grants in the order in which they are tried."""

    items: list[GrantRead]
    next: str | None
