"""What the routes of resource requests answer, for the API reference. The JSON itself is made by the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from fieldsync.workorders.kinds import Location


class ResourcePerson(Struct):
    """A member of staff."""

    id: UUID
    name: str


class ResourceCrew(Struct):
    """A crew that is, or could be, offered."""

    id: UUID
    code: str
    name: str


class ResourceRequestRead(Struct, kw_only=True):
    """Help that a jurisdiction asks the others for."""

    id: UUID
    version: int
    etag: str
    """For If-Match."""
    state: str
    """``open``, ``filled`` (as many crews are accepted as were asked for), ``closed`` (nobody is wanted any more, or
    the time is over) or ``cancelled``."""
    jurisdiction_id: UUID
    title: str
    note: str | None
    skill: str | None
    service_type_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    crews_wanted: int
    crews_accepted: int
    crews_offered: int
    """Offers that wait for an answer."""
    location: Location | None
    address: str | None
    created_at: datetime
    created_by: ResourcePerson


class ResourceOfferRead(Struct, kw_only=True):
    """A helper's crew for a request."""

    id: UUID
    version: int
    etag: str
    request_id: UUID
    state: str
    """``offered``, ``accepted``, ``declined``, ``withdrawn`` or ``released``."""
    over: bool
    """Whether its time is over."""
    jurisdiction_id: UUID
    """The helper."""
    crew: ResourceCrew
    starts_at: datetime
    ends_at: datetime
    """As offered; brought forward by a release (and ``starts_at``, too, where it had not begun)."""
    cents_per_hour: int | None
    note: str | None
    created_at: datetime
    created_by: ResourcePerson


class ResourceChange(Struct):
    """What a step did to one field."""

    before: Any
    after: Any


class ResourceEventRead(Struct, kw_only=True):
    """A step: what was done, by whom, for which side, when and why."""

    id: UUID
    at: datetime
    action: str
    """``requested``, ``changed``, ``offered``, ``accepted``, ``declined``, ``withdrawn``, ``released``, ``cancelled``
    or ``closed``."""
    offer_id: UUID | None
    jurisdiction_id: UUID
    """The side for which it was done."""
    by: ResourcePerson
    reason: str | None
    changed: dict[str, ResourceChange] | None


class ResourceRequestWhole(ResourceRequestRead, kw_only=True):
    """A request with its offers and its history."""

    offers: list[ResourceOfferRead]
    """In the order in which they were made."""
    history: list[ResourceEventRead]
    """The latest steps, in their order."""
    more: bool
    """Whether there were steps before these: see ``/history``."""


class ResourceOfferWhole(ResourceOfferRead, kw_only=True):
    """An offer, and the request as it stands."""

    request: ResourceRequestRead


class ResourceRequestPage(Struct):
    """Requests in the order in which they begin."""

    items: list[ResourceRequestRead]
    next: str | None


class ResourceEventPage(Struct):
    """Steps in their order."""

    items: list[ResourceEventRead]
    next: str | None


class ResourceHelper(Struct):
    """A crew that could help by what it can do. Whether it is free, its own dispatchers know."""

    crew: ResourceCrew
    jurisdiction_id: UUID
    """Its employer."""
    offer_id: UUID | None
    """The offer that is made of it for this request, if it waits or is accepted."""


class ResourceHelperPage(Struct):
    """Crews that could help, by code."""

    items: list[ResourceHelper]
    next: str | None
