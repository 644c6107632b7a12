"""What may be asked of the list of refused edits."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.journal.edits import REFUSALS
from fieldsync.schemas import PageArgs
from fieldsync.workorders.kinds import KINDS

STATES = ("waiting", "applied", "sent_back", "dismissed")


class RefusedEditsArgs(PageArgs):
    """Filters of the list of refused edits; all that are given must hold."""

    state = fields.String(
        validate=validate.OneOf(STATES), metadata={"description": "`waiting`: nobody has decided on it."}
    )
    order = fields.String(
        load_default="oldest", validate=validate.OneOf(["oldest", "newest"]),
        metadata={"description": "By when they were received."},
    )  # fmt: skip
    code = fields.String(
        validate=validate.OneOf(list(REFUSALS)),
        metadata={"description": "Why; `unknown_field` also those of which only some fields were refused."},
    )  # fmt: skip
    kind = fields.String(validate=validate.OneOf(list(KINDS)))
    crew_id = fields.UUID(metadata={"description": "The tablet's crew when it was received."})
    device_id = fields.UUID()
    work_order_id = fields.UUID(metadata={"description": "That it is about, or that it was to be recorded on."})
    jurisdiction_id = fields.UUID(metadata={"description": "The crew's, or the one in which the work order lies."})
