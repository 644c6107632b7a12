"""Long-lived tokens for programs, which act as a member of staff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from fieldsync.auth import tokens
from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.auth.api_tokens.schemas import (
    ApiTokenArgs,
    ApiTokenPageSchema,
    CreatedApiTokenSchema,
    NewApiTokenSchema,
)
from fieldsync.auth.models import Staff, Token
from fieldsync.clock import now
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import NotFound, UnknownReference, Unprocessable

# A token has the roles of the person it acts as, so making one is managing staff.
blp = Blueprint(
    "api_tokens", __name__, url_prefix="/v1/api-tokens", actors=("admin",), whole_partnership=True,
    description="Long-lived tokens for programs.",
)  # fmt: skip


@blp.get("")
@blp.arguments(ApiTokenArgs, location="query")
@blp.response(200, ApiTokenPageSchema)
def list_api_tokens(args: dict[str, Any]) -> Page:
    """API tokens, oldest first, those that have ended included"""
    query = select(Token).where(Token.partnership_id == staff_actor().partnership_id, Token.purpose == "api")
    if "staff_id" in args:
        query = query.where(Token.staff_id == args["staff_id"])
    return read_page(db.session(), query, [Token.id], args["limit"], args["cursor"])


@blp.post("")
@blp.arguments(NewApiTokenSchema)
@blp.response(201, CreatedApiTokenSchema)
def create_api_token(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make an API token

    Its text is in this answer and never again.
    """
    partnership_id, at = staff_actor().partnership_id, now()
    if wanted["expires_at"] is not None and wanted["expires_at"] <= at:
        raise Unprocessable("It would have expired already.", field="expires_at")
    text, token_hash = tokens.make("api", partnership_id)
    row = wanted | {"id": new_id(), "created_at": at}
    with transaction() as session:
        person = session.scalars(
            select(Staff)
            .where(Staff.partnership_id == partnership_id, Staff.id == wanted["staff_id"])
            # Were she disabled at this moment, that would wait, and then end this token as well.
            .with_for_update(key_share=True)
        ).one_or_none()
        if person is None or person.disabled_at is not None:
            raise UnknownReference("There is no such member of staff, or she is disabled.", field="staff_id")
        session.add(Token(partnership_id=partnership_id, token_hash=token_hash, purpose="api", **row))
    return row | {"token": text, "revoked_at": None, "last_used_at": None}


@blp.delete("/<uuid:token_id>")
@blp.response(204)
def revoke_api_token(token_id: UUID) -> None:
    """End an API token

    Safe to repeat.
    """
    partnership_id = staff_actor().partnership_id
    this_one = (Token.partnership_id == partnership_id, Token.id == token_id, Token.purpose == "api")
    with transaction() as session:
        if session.scalars(select(Token.id).where(*this_one)).one_or_none() is None:
            raise NotFound
        # The first time stands.
        session.execute(update(Token).where(*this_one, Token.revoked_at.is_(None)).values(revoked_at=now()))
