"""Entering edits: load what deciding needs, decide, write. Tablets and the office both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from fieldsync.journal.edits import Author, Edit, Outcome
from fieldsync.journal.load import load
from fieldsync.journal.merge import decide
from fieldsync.journal.write import write


def enter(
    session: Session, author: Author, edits: Sequence[Edit], received_at: datetime, *, ids_may_be_taken: bool = True
) -> Outcome:
    """Decide the edits of one author, in their order, and write the outcome within the caller's transaction.

    Raises:
        IdTaken: when the transaction is written without ``ids_may_be_taken``, and one was after all.
    """
    known = load(session, author, edits, ids_may_be_taken=ids_may_be_taken)
    outcome = decide(author, edits, known)
    write(session, author, outcome, received_at)
    return outcome
