"""What the office's routes answer, for the API reference. The JSON itself is made by the database (see queries).

The records' own fields are those of ``fieldsync.workorders.kinds``: nothing is written twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from fieldsync.workorders.kinds import NoteFields, TaskFields, WorkOrderFields


class WorkOrderRecord(WorkOrderFields, kw_only=True):
    """A work order as it stands: what was entered, and where it lies."""

    respond_by: datetime | None
    """When work must have begun by the service level; null without one, once it has begun, or while its clock is
    paused."""
    resolve_by: datetime | None
    """The same for completing it."""
    jurisdiction_id: UUID | None
    placed_by: str
    triage: str | None
    """Why a person should look at where it was placed; ``accepted`` once she has."""
    created_at: datetime
    updated_at: datetime


class TaskRecord(TaskFields, kw_only=True):
    """A task as it stands."""

    created_at: datetime
    updated_at: datetime


class NoteRecord(NoteFields, kw_only=True):
    """A note as it stands."""

    created_at: datetime
    updated_at: datetime


class _Read(Struct, kw_only=True):
    kind: str
    id: UUID
    version: int
    etag: str
    """For If-Match."""
    change: int
    """The partnership's commit that last wrote it."""
    deleted_at: datetime | None


class WorkOrderRead(_Read, kw_only=True):
    """A work order."""

    record: WorkOrderRecord


class TaskRead(_Read, kw_only=True):
    """A task."""

    record: TaskRecord


class NoteRead(_Read, kw_only=True):
    """A note."""

    record: NoteRecord


class EntryRead(_Read, kw_only=True):
    """A labor, equipment or material entry, by its ``kind``."""

    record: dict[str, Any]


class WorkOrderWhole(WorkOrderRead, kw_only=True):
    """A work order, and what was asked for along with it."""

    tasks: list[TaskRead] | None = None
    notes: list[NoteRead] | None = None
    entries: list[EntryRead] | None = None
    more: list[str] | None = None
    """Kinds of which there is more than is shown."""


class WorkOrderPage(Struct):
    """Work orders in the order of their last change."""

    items: list[WorkOrderRead]
    next: str | None
    """Cursor of the next page; null at the end."""
    change: int
    """Everything up to this commit is in the answer. Of several pages the first one's number is the one to go on from
    with ``changed_since``."""
    epoch: UUID
    """Another value after the server was restored from a backup: numbers from before mean nothing any more."""


class Person(Struct):
    """A member of staff (side ``office``), a tablet (side ``crew``) with its crew, the publication of a boundary
    version (side ``boundaries``), or an agreement or an accepted offer that ended (side ``agreements``)."""

    side: str
    id: UUID
    name: str
    app_version: str | None = None
    """As of the tablet's last exchange."""
    crew_id: UUID | None = None
    crew_name: str | None = None


class FieldChange(Struct):
    """What an edit did to one field."""

    before: Any
    after: Any


class SettledBrief(Struct, rename={"as_": "as"}):
    """How a conflict was settled, by whom and why; ``by`` is null where its policy did."""

    as_: str
    by: Person | None
    at: datetime
    edit_id: UUID | None
    """The edit with which the value was entered that stands."""
    reason: str | None


class RefusedEditDecided(Struct):
    """What was decided on a refused edit last."""

    state: str
    """``applied``, ``sent_back`` or ``dismissed``."""
    by: Person | None
    at: datetime
    reason: str | None
    edit_id: UUID | None
    """Applied: the edit of ``by`` with which it was entered."""


class ConflictBrief(Struct):
    """A conflict that an edit ran into."""

    id: UUID
    sort: str
    field: str
    state: str
    settled: SettledBrief | None


class PlacementRead(Struct):
    """Where a work order was placed, and what decided."""

    jurisdiction_id: UUID | None
    rule: str
    """``inside``, ``border``, ``overlap``, ``nearest``, ``outside``, ``overlay``, or ``person``."""
    triage: str | None
    placed_at: datetime
    layer: str | None
    layer_role: str | None
    version_id: UUID | None
    version: int | None
    """The number of the layer's version."""
    area: str | None
    """The area's code."""
    area_name: str | None


class HistoryEntry(Struct):
    """One edit, and what became of it."""

    edit_id: UUID
    kind: str
    record_id: UUID
    action: str
    happened_at: datetime
    """The author's time, corrected for the clock's skew."""
    observed_at: datetime
    """The author's time, as it was sent."""
    received_at: datetime
    by: Person | None
    verdict: str
    base_version: int | None
    version: int | None
    entered: Any
    """As it was sent. Null where it was refused and is too large for a page:
    ``/v1/refused-edits/{device_id}/{edit_id}`` shows it."""
    entered_left_out: bool
    changed: dict[str, FieldChange] | None
    placement: PlacementRead | None
    """Where this edit placed the work order; null where it left it."""
    problem: dict[str, Any] | None
    """Why it was refused."""
    refused_fields: list[dict[str, Any]]
    """Fields of an edit that was taken without them, a problem each."""
    decided: RefusedEditDecided | None
    """What the office made of what was refused."""
    conflicts: list[ConflictBrief]
    settles: list[UUID]
    """Conflicts that were settled by this edit."""


class HistoryPage(Struct):
    """Edits in the order in which they were received."""

    items: list[HistoryEntry]
    next: str | None
