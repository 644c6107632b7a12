"""What the routes of conflicts answer, for the API reference. The JSON itself is made by the database (see queries)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from fieldsync.office.answers import Person
from fieldsync.workorders.rules import Status


class Standing(Struct):
    """One of the two values of a conflict, and whose it is."""

    value: Any
    by: Person | None
    at: datetime | None


class Settled(Struct, rename={"as_": "as"}):
    """How a conflict was settled: by its ``policy``, or by a person as ``kept``, ``other`` or ``value``."""

    as_: str
    value: Any
    by: Person | None
    at: datetime | None
    edit_id: UUID | None
    reason: str | None


class DiffPiece(Struct):
    """A piece of a text."""

    op: str
    """``same``, ``removed`` or ``added``."""
    text: str


class TextDiff(Struct, rename={"from_": "from"}):
    """What became of a long text, piece by piece: by sentences and lines, and within those by words."""

    from_: str
    """``base``: both values are compared with what the author had seen. ``kept``: nothing had been there, so the one
    that lost is compared with the one that stands."""
    kept: list[DiffPiece] | None
    other: list[DiffPiece]


class WorkOrderBrief(Struct):
    """The work order that a conflict is about, as it stands."""

    title: str
    status: Status
    priority: int
    jurisdiction_id: UUID | None
    crew_id: UUID | None
    deleted: bool


class ConflictRead(Struct):
    """Two values for one field that could not both stand."""

    id: UUID
    version: int
    etag: str
    state: str
    sort: str
    kind: str
    record_id: UUID
    work_order_id: UUID
    work_order: WorkOrderBrief
    field: str
    policy: str
    base: Any
    kept: Standing
    other: Standing
    distance_m: float | None
    """Between two points: metres on the spheroid of WGS 84."""
    edit_id: UUID
    received_at: datetime | None
    """When the edit was received that ran into the conflict."""
    created_at: datetime
    settled: Settled | None
    diff: TextDiff | None
    """For text of 80 characters or more, or of several lines."""


class ConflictWhole(ConflictRead, kw_only=True):
    """A conflict, and the record that it is about as it stands."""

    current: dict[str, Any]


class OpenByField(Struct):
    """How many conflicts about a field are open."""

    kind: str
    field: str
    open: int


class OpenByCrew(Struct):
    """How many conflicts about a crew's work are open; ``crew_id`` null: about work that nobody has."""

    crew_id: UUID | None
    crew_name: str | None
    open: int


class OpenByAge(Struct):
    """How many are open since a day at most, a week at most, and longer."""

    day: int
    week: int
    older: int


class ConflictCounts(Struct):
    """How many wait for a person."""

    fields: list[OpenByField]
    crews: list[OpenByCrew]
    """The 50 crews with the most."""
    ages: OpenByAge


class ConflictPage(Struct):
    """Conflicts in the order that was asked for."""

    items: list[ConflictRead]
    next: str | None
    open: dict[str, int]
    """How many wait for a person, by sort, under the same filters but those of state and sort."""
    counts: ConflictCounts
    """The same by field, by crew and by age."""


class ConflictsSettled(Struct):
    """Conflicts that were settled together, the oldest first."""

    conflicts: list[ConflictWhole]
