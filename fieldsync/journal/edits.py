"""The values that a decision works on: edits, records, what others did to them, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.workorders.completion import RequiredOnCompletion, Task
from fieldsync.workorders.kinds import Kind, Policy, Values

LATEST_ENTRY = 2**63 - 1
"""Stands for the place in the journal of an edit that is being decided: behind all that are there."""


class Verdict(StrEnum):
    """What became of an edit, by precedence: the first that holds is the verdict."""

    REPEATED = "repeated"  # it was here before; answered with its recorded verdict
    REFUSED = "refused"  # it cannot be accepted; its body is kept in the journal
    CONFLICTED = "conflicted"  # at least one field met another value: both are kept
    MERGED = "merged"  # others had changed the record, and nothing clashed
    APPLIED = "applied"  # nobody else had changed the record


class Refusal(Exception):
    """An edit cannot be accepted. Becomes the problem in its verdict; never an HTTP status."""

    def __init__(self, code: str, detail: str, field: str | None = None, **facts: Any) -> None:
        """``facts``: what else the problem says, as JSON values."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.facts = facts

    def problem(self) -> dict[str, Any]:
        """The problem as it stands in the verdict and in the journal."""
        problem: dict[str, Any] = {"code": self.code, "title": REFUSALS[self.code], "detail": self.detail}
        if self.field is not None:
            problem["field"] = self.field
        return problem | self.facts


REFUSALS: dict[str, str] = {
    "edit_reused": "This edit id or number was used before with other content; the first one stands.",
    "not_released": "The device was revoked, and a dispatcher did not let this edit into the records.",
    "malformed_edit": "The edit's envelope cannot be read.",
    "unknown_kind": "There is no such kind of record.",
    "read_only_kind": "Records of this kind are not edited from here.",
    "action_not_allowed": "This action is not open to you for this kind of record.",
    "unknown_field": "The record has no such field.",
    "invalid_value": "A field's value is not acceptable.",
    "missing_field": "A field that must be given is missing.",
    "create_only_field": "This field is given when the record is created and stays.",
    "field_not_yours": "Only the office enters this field.",
    "record_exists": "A record with this id exists already.",
    "depends_on": "The record's creation was refused, so later edits of it cannot be accepted.",
    "unknown_record": "There is no such record that you may see.",
    "unknown_reference": "The field names something that does not exist.",
    "illegal_transition": "The work order's status cannot change in this way.",
    "completion_requirements": "Something is missing without which the work order may not be completed.",
}
"""Every reason to refuse an edit, in the order in which they are checked: the first that holds is given."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes the edits of one batch: a device of a crew, or a member of staff."""

    id: UUID
    side: str
    """``crew`` or ``office``; ``boundaries`` for the publication of a version, which only places."""
    partnership_id: UUID
    crew_id: UUID | None = None
    jurisdiction_ids: frozenset[UUID] | None = None
    """The office only: the jurisdictions it may touch; None means all."""
    former_crew_ids: frozenset[UUID] = frozenset()
    """The crews that the device carried for before: what it still holds for their records is taken, too."""


class Edit(msgspec.Struct, gc=False):
    """One change to one record, ready to be decided."""

    edit_id: UUID
    seq: int | None
    kind: str
    record_id: UUID
    action: str
    base_version: int | None
    observed_at: datetime
    happened_at: datetime
    raw: msgspec.Raw
    """``fields`` as it was sent."""
    values: Values = {}
    """``fields`` decoded; empty where ``refusal`` is set."""
    refusal: Refusal | None = None
    """Why it cannot even be tried."""
    base_entry: int | None = None
    """Where ``base_version`` was seen before the server was restored: the last entry of the journal that both histories
    have. What came after it the author never saw."""
    refused_fields: list[dict[str, Any]] = []
    """Fields that a newer app knows and we do not: a problem for each. The rest of the edit is decided."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Where a work order belongs, as it stands in its row."""

    jurisdiction_id: UUID | None
    area_id: UUID | None
    placed_version_id: UUID | None
    placed_by: str
    triage: str | None
    placed_at: datetime


class PlacementMade(msgspec.Struct, frozen=True, gc=False):
    """Why a work order was placed anew: see ``PlacementChange``."""

    cause: str
    cause_id: UUID
    released_crew_id: UUID | None = None


class Record(msgspec.Struct, eq=False):
    """A record as it stands, and while edits are folded into it."""

    kind: Kind
    id: UUID
    version: int
    values: Values
    """All fields of a new record; of one that exists, those that were read: what the batch's edits name."""
    work_order_id: UUID
    """Itself, for a work order."""
    crew_id: UUID | None
    """Whose tablets see it (for what hangs on a work order: the work order's crew)."""
    jurisdiction_id: UUID | None = None
    deleted: bool = False
    created: bool = False
    """Made by this batch."""
    changed: bool = False
    """This batch changed it."""
    placed: Placed | None = None
    """Where a work order belongs, and why."""
    placed_before: Placed | None = None
    """Where it belonged before it was placed anew in this batch."""
    was_done: bool = False
    """A work order that was completed, closed or cancelled before this batch."""
    moved: bool = False
    """A work order whose point must be placed (again)."""
    placing: Values | None = None
    """By what: its point and service type, as they were left by the last edit that found it not done."""
    scope_was: UUID | None = None
    """The crew that saw it before this batch, or that it was made for."""
    left_because: str | None = None
    """Why it leaves its crew, where that is neither the author's plain choice nor a deletion: one of
    ``RELEASED_BECAUSE``."""
    touches: list[Touch] | None = None
    """What was done to it since the oldest base version in the batch; taken from ``Known.history`` when first asked."""

    @property
    def scope(self) -> UUID | None:
        """The crew whose tablets see it now."""
        return None if self.deleted else self.crew_id


class Touch(msgspec.Struct, gc=False):
    """What an earlier edit did to a record."""

    version: int
    author_id: UUID
    side: str
    happened_at: datetime
    entered: Values
    """What its author entered, whether it stood or not."""
    before: Values
    """The fields it changed, with the values they had."""
    entry: int = LATEST_ENTRY
    """Its place in the journal."""


class Recorded(msgspec.Struct, gc=False):
    """What stands on a work order that is to be completed, beside what the batch itself has read and done."""

    values: Values = {}
    """``service_type_id``, and the fields that requirements may name, as JSON has them."""
    tasks: list[Task] = []
    """Those that no edit of the batch names."""
    edited: list[tuple[Values, Record]] = []
    """The tasks that edits of the batch name or have made, each as it stands at this point of the batch; and what
    stood before of the fields that were not read with it."""
    entries: dict[str, int] = {}
    """Kind -> how many are recorded; those of the batch that came before included."""


@dataclass(slots=True)
class Known:
    """Everything a decision may know; loaded beforehand."""

    records: dict[tuple[str, UUID], Record] = field(default_factory=dict)
    history: dict[tuple[str, UUID], list[Touch]] = field(default_factory=dict)
    """Kind and record id -> accepted edits after the oldest base version in the batch, oldest first."""
    left: set[UUID] = field(default_factory=set)
    """Work orders that were once in the author's scope and have left it."""
    refused_creates: set[UUID] = field(default_factory=set)
    """Records whose creation by this author was refused."""
    existing: dict[str, set[UUID]] = field(default_factory=dict)
    """Table name -> the ids, among those that the edits name, that exist."""
    policies: Mapping[tuple[str, str], Policy] = field(default_factory=dict)
    """(kind, field) -> the partnership's own choice."""
    custody_merges: frozenset[tuple[str, str]] = frozenset()
    """(kind, field) whose late edits are merged although the record has left the crew, and not held for a person."""
    required: Mapping[UUID, RequiredOnCompletion] = field(default_factory=dict)
    """Service type -> what completing needs; those that need something, where an edit of the batch completes.

    It decides whether an edit is taken, and nothing of what is done with one that is. So accepted edits are replayed
    without it, whatever was required since.
    """
    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    """Work order -> what stands on it; those that the batch completes or makes, where ``required`` is not empty."""


class Clash(msgspec.Struct, gc=False):
    """Two values for one field that cannot both stand."""

    sort: str
    record: Record
    field: str
    policy: Policy
    base: Any
    kept: Any
    other: Any
    kept_is_mine: bool
    """Whether the edit's own value is the one that stands."""
    against: Touch | None
    """The edit that it ran into, where one is known."""
    settled: bool
    """By its policy; otherwise it waits for a person."""


class Decision(msgspec.Struct, gc=False):
    """What became of one edit."""

    edit: Edit
    verdict: Verdict
    version: int | None
    before: Values | None = None
    after: Values | None = None
    clashes: list[Clash] = []
    problem: dict[str, Any] | None = None

    @property
    def refused_fields(self) -> list[dict[str, Any]]:
        """Fields that the edit was taken without; none where it was not taken."""
        return [] if self.verdict is Verdict.REFUSED else self.edit.refused_fields


@dataclass(slots=True)
class Outcome:
    """What became of a batch: to be written as it is."""

    decisions: list[Decision] = field(default_factory=list)
    touched: dict[tuple[str, UUID], Record] = field(default_factory=dict)
    """The records that this batch made or changed, each in its final state."""
