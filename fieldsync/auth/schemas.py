"""What the shapes of staff, sessions and tokens have in common."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from fieldsync.auth.models import ROLES
from fieldsync.auth.passwords import PASSWORD_CHARS
from fieldsync.schemas import Answer, Request, Text

SLUG = "^[a-z0-9][a-z0-9-]{1,39}$"


class Email(Text):
    """An e-mail address in ASCII; which of them exist, only mail can tell."""

    def __init__(self, **options: Any) -> None:
        super().__init__(254, pattern="^[!-?A-~]+@[!-?A-~]+$", **options)

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).lower()


class NewPassword(Text):
    """A password that is to be set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(PASSWORD_CHARS[1], min_length=PASSWORD_CHARS[0], load_only=True, **options)


class RoleRequestSchema(Request):
    """A role to give."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    jurisdiction_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "null: for the whole partnership."}
    )


class RoleSchema(Answer):
    """A role that somebody has."""

    role = fields.String(validate=validate.OneOf(ROLES))
    jurisdiction_id = fields.UUID(allow_none=True, metadata={"description": "null: for the whole partnership."})


class PartnershipSchema(Answer):
    """The partnership that one belongs to."""

    id = fields.UUID()
    slug = fields.String()
    name = fields.String()
