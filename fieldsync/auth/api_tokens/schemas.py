"""The shapes of API tokens."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.schemas import Answer, Instant, PageArgs, Request, Text, page_of


class ApiTokenSchema(Answer):
    """An API token, without its text."""

    id = fields.UUID()
    staff_id = fields.UUID(metadata={"description": "As whom it acts."})
    label = fields.String()
    created_at = Instant()
    expires_at = Instant(allow_none=True)
    revoked_at = Instant(allow_none=True)
    last_used_at = Instant(allow_none=True, metadata={"description": "To within ten minutes."})


ApiTokenPageSchema = page_of(ApiTokenSchema)


class CreatedApiTokenSchema(ApiTokenSchema):
    """An API token as it is made."""

    token = fields.String(metadata={"description": "Send it as `Authorization: Bearer …`. Shown this once."})


class NewApiTokenSchema(Request):
    """An API token to make."""

    staff_id = fields.UUID(required=True, metadata={"description": "As whom it acts: it has her roles."})
    label = Text(200, min_length=1, required=True, metadata={"description": "What it is for."})
    expires_at = Instant(load_default=None, allow_none=True, metadata={"description": "null: it lasts until revoked."})


class ApiTokenArgs(PageArgs):
    """Which API tokens to list."""

    staff_id = fields.UUID()
