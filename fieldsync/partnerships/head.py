"""The partnership's line of commits: whoever takes its next number writes synced records next."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.partnerships.announce import PENDING

NEXT_CHANGE = text("UPDATE head SET change = change + 1 WHERE partnership_id = :partnership_id RETURNING change")


def next_change(session: Session, partnership_id: UUID) -> int:
    """The next number of the partnership's feed, to be stamped on the records that this transaction writes.

    It locks the partnership's head until the end of the transaction: take it after all other locks. Once that is
    committed, the partnership's consoles are told (``announce``).
    """
    change: int = session.execute(NEXT_CHANGE, {"partnership_id": partnership_id}).scalar_one()
    session.info.setdefault(PENDING, set()).add(partnership_id)
    return change
