"""What may be asked of the list of conflicts."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import PageArgs
from fieldsync.workorders.kinds import KINDS

SORTS = ("field", "deleted", "custody")
STATES = ("open", "settled")
EDITABLE = tuple(kind.name for kind in KINDS.values() if not kind.appends_only)


class ConflictsArgs(PageArgs):
    """Filters of the list of conflicts; all that are given must hold."""

    state = fields.String(validate=validate.OneOf(STATES))
    sort = fields.String(validate=validate.OneOf(SORTS))
    kind = fields.String(validate=validate.OneOf(EDITABLE))
    jurisdiction_id = fields.UUID(metadata={"description": "Where the work lies."})
    crew_id = fields.UUID(metadata={"description": "Whose work it is now, or whose edit ran into the conflict."})
    work_order_id = fields.UUID()
