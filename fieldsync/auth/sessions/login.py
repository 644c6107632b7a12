"""Logging in: a password for a token that lasts a working day."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import orm

from fieldsync.auth import passwords, queries, tokens
from fieldsync.auth.models import Token
from fieldsync.config import LOGIN_ATTEMPTS_MAX, LOGIN_LOCK_MINUTES
from fieldsync.database import db, new_id, transaction
from fieldsync.problems import TooManyRequests, WrongCredentials

log = structlog.get_logger()


class Session(NamedTuple):
    """A session as it begins: the only time that its token is seen."""

    token: str
    expires_at: datetime


def log_in(slug: str, email: str, password: str, at: datetime, lasts: timedelta) -> Session:
    """Begin a session for the person with this address and password.

    Raises:
        WrongCredentials: partnership, address or password is not right; nothing tells which.
        TooManyRequests: too many attempts with this address failed.
    """
    email = email.lower()
    partnership = db.session.execute(queries.FIND_PARTNERSHIP, {"slug": slug}).one_or_none()
    if partnership is None:
        passwords.check(None, password)
        raise WrongCredentials
    count_attempt(partnership.id, email, at)
    key = {"partnership_id": partnership.id}
    person = db.session.execute(queries.FIND_STAFF, key | {"email": email}).one_or_none()
    # No connection is held while the processor works on the password.
    db.session.rollback()
    checked = passwords.check(person.password_hash if person else None, password)
    if person is None or not checked.right:
        raise WrongCredentials
    key |= {"staff_id": person.id, "now": at}
    text, token_hash = tokens.make("session", partnership.id)
    with transaction() as session:
        forget_attempts(session, partnership.id, email, at)
        session.execute(queries.FORGET_SESSIONS, key)
        if checked.new_hash:
            session.execute(queries.REHASH, key | {"new_hash": checked.new_hash, "password_hash": person.password_hash})
        session.add(
            Token(
                partnership_id=partnership.id, token_hash=token_hash, id=new_id(), staff_id=person.id,
                purpose="session", expires_at=at + lasts,
            )
        )  # fmt: skip
    return Session(text, at + lasts)


def count_attempt(partnership_id: UUID, email: str, at: datetime) -> None:
    """Count an attempt to prove who she is, before it is looked at.

    Raises:
        TooManyRequests: too many have failed, whether the address is known to us or not.
    """
    with transaction() as session:
        row = session.execute(
            queries.COUNT_ATTEMPT,
            {"partnership_id": partnership_id, "email_hash": _email_hash(email), "now": at,
             "until": at + timedelta(minutes=LOGIN_LOCK_MINUTES), "most": LOGIN_ATTEMPTS_MAX},
        ).one()  # fmt: skip
    if row.attempts > LOGIN_ATTEMPTS_MAX:
        log.warning("login_locked", partnership_id=str(partnership_id))
        raise TooManyRequests(retry_after_s=max(1, math.ceil((row.forgotten_at - at).total_seconds())))


def forget_attempts(session: orm.Session, partnership_id: UUID, email: str, at: datetime) -> None:
    """She has proved who she is: what failed before counts no longer."""
    bound = {"partnership_id": partnership_id, "email_hash": _email_hash(email), "now": at}
    session.execute(queries.FORGET_ATTEMPTS, bound)


def _email_hash(email: str) -> bytes:
    return hashlib.sha256(email.encode()).digest()
