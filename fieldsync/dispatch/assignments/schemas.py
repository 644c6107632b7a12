"""What may be asked of the list of assignments."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import Instant, PageArgs
from fieldsync.workorders.models import ASSIGNMENT_STATES


class AssignmentsArgs(PageArgs):
    """Filters; all that are given must hold."""

    crew_id = fields.UUID()
    work_order_id = fields.UUID()
    jurisdiction_id = fields.UUID(metadata={"description": "Where the work lies."})
    since = Instant(metadata={"description": "Only those that end after this moment."})
    until = Instant(metadata={"description": "Only those that start before this moment."})
    state = fields.List(
        fields.String(validate=validate.OneOf(ASSIGNMENT_STATES)),
        metadata={"description": "Any of these; repeatable."},
    )
