"""The shapes of logging in."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.auth.schemas import SLUG, Email, NewPassword, PartnershipSchema, RoleSchema
from fieldsync.schemas import Answer, Instant, Request, Text


class LoginSchema(Request):
    """Who wants to log in."""

    partnership = Text(40, pattern=SLUG, required=True, metadata={"description": "The partnership's short name."})
    email = Email(required=True)
    # Whatever is longer than any password may be is not one; hashing it would only cost time.
    password = Text(200, required=True, load_only=True)


class SessionSchema(Answer):
    """A session that has begun."""

    token = fields.String(metadata={"description": "Send it as `Authorization: Bearer …`. Shown this once."})
    expires_at = Instant()


class TokenInUseSchema(Answer):
    """The token that the request came with."""

    purpose = fields.String(validate=validate.OneOf(("session", "api")))
    label = fields.String(allow_none=True)
    expires_at = Instant(allow_none=True)


class MeSchema(Answer):
    """Who asks."""

    id = fields.UUID()
    email = fields.String()
    name = fields.String()
    roles = fields.List(fields.Nested(RoleSchema))
    partnership = fields.Nested(PartnershipSchema)
    token = fields.Nested(TokenInUseSchema)


class OwnPasswordSchema(Request):
    """A person's change of her own password."""

    current_password = Text(200, required=True, load_only=True)
    new_password = NewPassword(required=True)
