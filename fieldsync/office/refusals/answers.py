"""What the routes of refused edits answer, for the API reference. The JSON itself is made by the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from fieldsync.office.answers import Person, RefusedEditDecided
from fieldsync.workorders.rules import Status


class WorkOrderOfRefused(Struct):
    """The work order that a refused edit is about, as it stands."""

    id: UUID
    title: str
    status: Status
    jurisdiction_id: UUID | None
    crew_id: UUID | None
    deleted: bool


class RefusedCreation(Struct):
    """The creation from whose refusal another refusal followed: apply it first."""

    device_id: UUID
    edit_id: UUID
    kind: str
    record_id: UUID
    state: str


class RefusedEditRead(Struct):
    """An edit of a crew that was refused, or of which some fields were."""

    device_id: UUID
    edit_id: UUID
    """As the tablet made it; one of ours where that could not be read, or was used before."""
    version: int
    etag: str
    """For If-Match: how often it was decided on."""
    state: str
    """``waiting``, ``applied``, ``sent_back`` or ``dismissed``."""
    verdict: str
    """``refused``; any other was taken without ``refused_fields``."""
    code: str
    problem: dict[str, Any] | None
    refused_fields: list[dict[str, Any]]
    seq: int | None
    kind: str
    record_id: UUID
    action: str
    base_version: int | None
    fields: Any
    """As they were sent. What could not even be kept as JSON is ``{"unreadable": <its text>}``."""
    fields_left_out: bool
    """They are too large for the list: read this edit alone."""
    observed_at: datetime
    happened_at: datetime
    received_at: datetime
    by: Person | None
    """The tablet, and the crew that it had when the edit was received."""
    work_order: WorkOrderOfRefused | None
    """Null: there is none, or none that you may see."""
    record: dict[str, Any] | None
    """The record as it stands, as other addresses show it; null: there is none, or none that you may see."""
    depends_on: RefusedCreation | None
    decided: RefusedEditDecided | None


class RefusedEditPage(Struct):
    """Refused edits by when they were received."""

    items: list[RefusedEditRead]
    next: str | None
    waiting: dict[str, int] | None
    """How many wait, by code, under the same filters but those of state and code; 10,000 are counted at most. Null on
    pages that follow another."""
