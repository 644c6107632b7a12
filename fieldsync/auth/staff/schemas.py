"""The shapes of staff, as admins see and change them."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.auth.schemas import Email, NewPassword, RoleRequestSchema, RoleSchema
from fieldsync.schemas import Answer, Instant, PageArgs, QueryFlag, Request, Text, page_of

ROLES_MAX = 100
"""Roles of one person: four for the partnership, or four for each of 25 jurisdictions."""


class StaffSchema(Answer):
    """A person in an office."""

    id = fields.UUID()
    email = fields.String()
    name = fields.String()
    roles = fields.List(fields.Nested(RoleSchema))
    has_password = fields.Boolean(metadata={"description": "Without one she can only use API tokens."})
    created_at = Instant()
    disabled_at = Instant(allow_none=True)


StaffPageSchema = page_of(StaffSchema)


class StaffArgs(PageArgs):
    """Which staff to list."""

    disabled = QueryFlag(metadata={"description": "Only those who are disabled, or only those who are not."})


class NewStaffSchema(Request):
    """A person to add."""

    email = Email(required=True)
    name = Text(200, min_length=1, required=True)
    roles = fields.List(fields.Nested(RoleRequestSchema), load_default=list, validate=validate.Length(max=ROLES_MAX))
    password = NewPassword(metadata={"description": "Left out: she can only use API tokens."})


class StaffPatchSchema(Request):
    """What may be changed of a person; what is left out stays."""

    email = Email()
    name = Text(200, min_length=1)


class RolesSchema(Request):
    """All the roles that a person is to have."""

    roles = fields.List(
        fields.Nested(RoleRequestSchema), required=True, validate=validate.Length(max=ROLES_MAX)
    )  # fmt: skip


class SetPasswordSchema(Request):
    """A password that an admin sets for somebody."""

    password = NewPassword(required=True)
