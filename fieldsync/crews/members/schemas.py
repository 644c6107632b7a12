"""The shapes of members and of their time in crews."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from fieldsync.schemas import Answer, Day, Flag, PageArgs, Request, Text, page_of

MEMBERSHIPS_MAX = 2_000
"""Of one crew, those that are over included: somebody new every second day of ten years."""

_LEAD = {"description": "Whether she leads the crew in that time; one member does at a time."}


class MemberSchema(Answer):
    """A person who works in the field."""

    id = fields.UUID()
    jurisdiction_id = fields.UUID(
        allow_none=True, metadata={"description": "The partner that employs her, if one does."}
    )
    name = fields.String()
    personnel_number = fields.String(allow_none=True)


MemberPageSchema = page_of(MemberSchema)


class NewMemberSchema(Request):
    """A person to add."""

    jurisdiction_id = fields.UUID(load_default=None, allow_none=True)
    name = Text(200, min_length=1, required=True)
    personnel_number = Text(50, min_length=1, load_default=None, allow_none=True)


class MemberPatchSchema(Request):
    """What may be changed of a person; what is left out stays."""

    jurisdiction_id = fields.UUID(allow_none=True)
    name = Text(200, min_length=1)
    personnel_number = Text(50, min_length=1, allow_none=True)


class MembershipSchema(Answer):
    """A member's time in a crew."""

    id = fields.UUID()
    crew_id = fields.UUID()
    member_id = fields.UUID()
    since = fields.Date()
    until = fields.Date(allow_none=True, metadata={"description": "The last day, included; null: open-ended."})
    is_lead = fields.Boolean(metadata=_LEAD)


MembershipPageSchema = page_of(MembershipSchema)


class MembershipArgs(PageArgs):
    """Which times in the crew to list."""

    on = Day(metadata={"description": "Only those that hold on this day."})


class NewMembershipSchema(Request):
    """A member's time in a crew, to add."""

    member_id = fields.UUID(required=True)
    since = Day(required=True)
    until = Day(load_default=None, allow_none=True, metadata={"description": "The last day, included."})
    is_lead = Flag(load_default=False, metadata=_LEAD)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["until"] is not None and data["until"] < data["since"]:
            raise ValidationError("The last day is before the first.", "until")


class MembershipPatchSchema(Request):
    """What may be changed of a member's time in a crew; what is left out stays."""

    since = Day()
    until = Day(allow_none=True)
    is_lead = Flag(metadata=_LEAD)


class NewLeadSchema(Request):
    """Who leads a crew from a day on."""

    membership_id = fields.UUID(required=True, metadata={"description": "Her time in the crew, which holds `since`."})
    since = Day(required=True, metadata={"description": "The first day on which she leads."})
