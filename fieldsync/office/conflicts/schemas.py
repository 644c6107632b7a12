"""What may be asked of the list of conflicts."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fieldsync.schemas import Instant, PageArgs, Text
from fieldsync.workorders.kinds import KINDS, Policy

SORTS = ("field", "deleted", "custody")
STATES = ("open", "settled")
EDITABLE = tuple(kind.name for kind in KINDS.values() if not kind.appends_only)
FIELDS = tuple(sorted({name for kind in KINDS.values() for name in kind.policies} | {"deleted"}))
ORDERS = ("oldest", "newest", "urgent")

PAGE_ROWS_MAX = 100
"""Fewer than of other lists: each conflict may hold three texts of 8,000 characters, which are compared."""


class ConflictsArgs(PageArgs):
    """Filters of the list of conflicts; all that are given must hold."""

    limit = fields.Integer(
        load_default=PAGE_ROWS_MAX, validate=validate.Range(1, PAGE_ROWS_MAX),
        metadata={"description": "Most items wanted."},
    )  # fmt: skip
    state = fields.String(validate=validate.OneOf(STATES))
    sort = fields.String(validate=validate.OneOf(SORTS))
    kind = fields.String(validate=validate.OneOf(EDITABLE))
    field = fields.String(validate=validate.OneOf(FIELDS))
    policy = fields.String(validate=validate.OneOf([str(policy) for policy in Policy]))
    jurisdiction_id = fields.UUID(metadata={"description": "Where the work lies."})
    crew_id = fields.UUID(metadata={"description": "Whose work it is now, or whose edit ran into the conflict."})
    device_id = fields.UUID(metadata={"description": "Whose value is one of the two."})
    work_order_id = fields.UUID()
    record_id = fields.UUID(metadata={"description": "The work order or task that the field is of."})
    since = Instant(metadata={"description": "That came about at this moment or later."})
    until = Instant(metadata={"description": "That came about before this moment."})
    title = Text(
        100, min_length=2,
        metadata={"description": "A part of the work order's title, in any case. With `state=open` only."},
    )  # fmt: skip
    order = fields.String(
        load_default="oldest", validate=validate.OneOf(ORDERS),
        metadata={"description": "`urgent`: by the work order's priority, then by when it is due, then the oldest;"
                                 " with `state=open` only."},
    )  # fmt: skip

    @validates_schema
    def queue_alone(self, data: dict[str, Any], **_: Any) -> None:
        """What no index serves is asked of the queue, which is short, and not of all that was ever settled."""
        if data.get("state") == "open":
            return
        if "title" in data:
            raise ValidationError("Only open conflicts are searched by title: say state=open.", "title")
        if data.get("order") == "urgent":
            raise ValidationError("Only open conflicts are urgent: say state=open.", "order")
