"""What dispatchers send and read about assignments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from fieldsync.dispatch.assignments.spans import MINUTES_MAX
from fieldsync.schemas import NO_NUL

ITEMS_MAX = 200
"""Items of one bulk assignment: a week of twenty crews. Keeps its locks short (some 100 ms of work)."""

MOVES_MAX = 100
"""Moves in one request: a week of two crews that change places. Each may have to be looked at again for each other."""

VERSION_MAX = 2**31 - 1

Instant = Annotated[datetime, Meta(tz=True)]
Minutes = Annotated[int, Meta(ge=1, le=MINUTES_MAX)]
Version = Annotated[int, Meta(ge=0, le=VERSION_MAX)]
Reason = Annotated[str, Meta(min_length=1, max_length=8_000, pattern=NO_NUL)]


class AssignmentWanted(Struct, forbid_unknown_fields=True, kw_only=True):
    """A work order to give to a crew for a time: ``starts_at`` with ``minutes`` or ``ends_at`` (or both, if they
    agree)."""

    id: UUID | None = None
    """The assignment's id, chosen by you. Sent again with the same content, it is not made twice."""
    work_order_id: UUID
    crew_id: UUID
    starts_at: Instant
    ends_at: Instant | None = None
    minutes: Minutes | None = None
    pinned: bool = False
    """Nobody moves it but a person who says so."""
    reason: Reason | None = None
    """Kept in the assignment's history; where the work order changes hands, also as a note on it."""
    override: bool = False
    """A person has looked at hours, day, way and reach, and sends the crew all the same. Needs a ``reason``."""
    move_pinned: bool = False
    """Take the work order from a crew for which a pinned part of it is planned."""
    work_order_version: Version | None = None
    """The version of the work order that was looked at; with another one the item is refused."""
    planned_parts: Annotated[int, Meta(ge=0, le=VERSION_MAX)] | None = None
    """How many parts of the work order were planned when it was looked at; with others the item is refused."""


class AssignmentsWanted(Struct, forbid_unknown_fields=True):
    """Work orders to give to crews, in this order."""

    items: Annotated[list[AssignmentWanted], Meta(min_length=1, max_length=ITEMS_MAX)]
    all_or_none: bool = False
    """Do nothing at all where one of the items is refused."""


class AssignmentPatch(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where an assignment comes to lie. Another ``starts_at`` moves it as long as it is; another ``ends_at`` or
    ``minutes`` leaves its start; of two that are given the third follows; all three must agree."""

    starts_at: Instant | None = None
    ends_at: Instant | None = None
    minutes: Minutes | None = None
    crew_id: UUID | None = None
    """Another crew takes it over, and with it the work order."""
    pinned: bool | None = None
    move_pinned: bool = False
    """Move it although it is pinned. It stays pinned, unless ``pinned`` is false."""
    reason: Reason | None = None
    override: bool = False
    """As for a new assignment."""


class AssignmentMove(AssignmentPatch, forbid_unknown_fields=True, kw_only=True):
    """An assignment to move."""

    id: UUID
    version: Version
    """The version of the assignment that was looked at; with another one the item is refused."""


class AssignmentMoves(Struct, forbid_unknown_fields=True):
    """Assignments to move together: each is looked at with the others where they are to be."""

    items: Annotated[list[AssignmentMove], Meta(min_length=1, max_length=MOVES_MAX)]
    all_or_none: bool = False
    """Move nothing where one of the items is refused."""


class AssignmentTakenBack(Struct, forbid_unknown_fields=True):
    """Why an assignment does not hold any more."""

    reason: Reason


class AssignmentRead(Struct, kw_only=True):
    """An assignment."""

    id: UUID
    version: int
    etag: str
    """For If-Match."""
    change: int
    """The partnership's commit that last wrote it."""
    work_order_id: UUID
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    minutes: int
    pinned: bool
    state: str
    """``planned``, ``done`` (the work order was completed after it had begun) or ``released``."""
    released_because: str | None
    grant_id: UUID | None
    """The agreement's term, or the offer, by which a crew of another partner does it."""
    assigned_by: UUID | None
    created_at: datetime
    updated_at: datetime


class AssignmentHappened(Struct, kw_only=True):
    """What happened to an assignment."""

    id: UUID
    at: datetime
    action: str
    by: dict[str, Any] | None
    """``{id, name}`` of the person; null where it followed from the work order or from an agreement's end."""
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    """``{crew_id, starts_at, ends_at, minutes, pinned}``, and ``overruled``: the codes that a person overruled."""


class AssignmentHistory(AssignmentRead, kw_only=True):
    """An assignment and what happened to it."""

    events: list[AssignmentHappened]
    """The oldest first; of very many the last ones."""


class AssignmentPage(Struct):
    """Assignments by their start."""

    items: list[AssignmentRead]
    next: str | None
    """Cursor of the next page; null at the end."""


class AssignmentHistoryPage(Struct):
    """A work order's assignments by their start."""

    items: list[AssignmentHistory]
    next: str | None
    """Cursor of the next page; null at the end."""


class WorkOrderVersion(Struct):
    """The work order of an assignment, as it is now."""

    id: UUID
    version: int
    etag: str


class AssignmentVerdict(Struct, kw_only=True):
    """What became of an item. Verdicts stand in the order of the items."""

    verdict: str
    """``assigned``, ``moved`` or ``refused``."""
    id: UUID
    repeated: bool = False
    """It was there already: the same request came before."""
    assignment: Any = None
    work_order: WorkOrderVersion | None = None
    overruled: list[str] = []
    """Codes of the reasons against it that a person overruled."""
    problem: dict[str, Any] | None = None
    """Why it was refused: RFC 9457, with ``code``, ``detail``, and ``reasons`` of the eligibility."""


class AssignmentVerdictRead(AssignmentVerdict, kw_only=True):
    """What became of an item. Verdicts stand in the order of the items."""

    assignment: AssignmentRead | None = None


class AssignmentVerdicts(Struct):
    """A verdict for each item."""

    verdicts: list[AssignmentVerdictRead]
    done: int
    """How many were assigned, or moved."""
    refused: int
