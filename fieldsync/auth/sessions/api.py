"""Logging in and out, and who one is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from fieldsync.auth import passwords, queries
from fieldsync.auth.actor import ANYONE, STAFF, Blueprint, staff_actor
from fieldsync.auth.models import Staff
from fieldsync.auth.sessions.login import Session, count_attempt, forget_attempts, log_in
from fieldsync.auth.sessions.schemas import LoginSchema, MeSchema, OwnPasswordSchema, SessionSchema
from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.database import db, transaction
from fieldsync.problems import NotAllowed, TooManyRequests, Unprocessable, WrongCredentials
from fieldsync.shapes import refuses

login_blp = Blueprint("login", __name__, url_prefix="/v1/sessions", actors=(ANYONE,), description="Logging in.")
blp = Blueprint("me", __name__, url_prefix="/v1", actors=STAFF, description="The person who asks.")


@login_blp.post("")
@login_blp.arguments(LoginSchema)
@login_blp.response(201, SessionSchema)
@refuses(WrongCredentials, TooManyRequests)
def create_session(wanted: dict[str, Any]) -> Session:
    """Log in with a password

    The token lasts a working day. After several failed attempts nobody can log in with that address for a while;
    `Retry-After` says how long.
    """
    settings: Settings = current_app.config["FIELDSYNC"]
    lasts = timedelta(hours=settings.session_token_hours)
    return log_in(wanted["partnership"], wanted["email"], wanted["password"], now(), lasts)


@blp.delete("/sessions/current")
@blp.response(204)
def end_session() -> None:
    """Log out

    The token of this request ends. API tokens are ended by an admin instead.
    """
    actor = staff_actor()
    bound = {"partnership_id": actor.partnership_id, "token_id": actor.token_id, "now": now()}
    with transaction() as session:
        # RETURNING would serve as well; a count needs no row to be sent.
        ended = session.execute(queries.END_SESSION, bound).rowcount  # type: ignore[attr-defined]
    if not ended:
        raise NotAllowed("This is an API token, not a session; an admin revokes it.")


@blp.get("/me")
@blp.response(200, MeSchema)
def read_me() -> dict[str, Any]:
    """Who asks, with which roles"""
    actor = staff_actor()
    row = db.session.execute(queries.ME, {"partnership_id": actor.partnership_id, "token_id": actor.token_id}).one()
    return row._asdict() | {
        "partnership": {"id": row.partnership_id, "slug": row.slug, "name": row.partnership_name},
        "token": row,
    }


@blp.put("/me/password")
@blp.arguments(OwnPasswordSchema)
@blp.response(204)
@refuses(TooManyRequests)
def change_own_password(wanted: dict[str, Any]) -> None:
    """Change one's own password

    All other sessions of hers end.
    """
    actor, at = staff_actor(), now()
    key = {"partnership_id": actor.partnership_id, "staff_id": actor.staff_id}
    person = db.session.scalars(
        select(Staff).where(Staff.partnership_id == actor.partnership_id, Staff.id == actor.staff_id)
    ).one()
    stored, email = person.password_hash, person.email
    # A stolen session must not serve to guess the password.
    count_attempt(actor.partnership_id, email, at)
    if not passwords.check(stored, wanted["current_password"]).right:
        raise Unprocessable("The current password is not right.", field="current_password")
    new_hash = passwords.hashed(wanted["new_password"])
    with transaction() as session:
        changed = session.execute(queries.REHASH, key | {"new_hash": new_hash, "password_hash": stored})
        if not changed.rowcount:  # type: ignore[attr-defined]
            raise Unprocessable("The current password has just been changed.", field="current_password")
        session.execute(queries.REVOKE_TOKENS, key | {"now": at, "purposes": ["session"], "but": actor.token_id})
        forget_attempts(session, actor.partnership_id, email, at)
