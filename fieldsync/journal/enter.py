"""Entering edits: load what deciding needs, decide, write. Tablets and the office both come through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from fieldsync.journal.edits import REFUSALS, Author, Decision, Edit, Outcome
from fieldsync.journal.load import load
from fieldsync.journal.merge import decide
from fieldsync.journal.write import write

_AFTER_RECORD_EXISTS = frozenset(list(REFUSALS)[list(REFUSALS).index("record_exists") + 1 :])


def enter(
    session: Session, author: Author, edits: Sequence[Edit], received_at: datetime, *, ids_may_be_taken: bool = True
) -> Outcome:
    """Decide the edits of one author, in their order, and write the outcome within the caller's transaction.

    Raises:
        IdTaken: when the transaction is written without ``ids_may_be_taken``, and one was after all.
    """
    known = load(session, author, edits, ids_may_be_taken=ids_may_be_taken)
    outcome = decide(author, edits, known)
    if not ids_may_be_taken and any(map(_might_exist, outcome.decisions)):
        outcome = decide(author, edits, load(session, author, edits))
    write(session, author, outcome, received_at)
    return outcome


def _might_exist(decision: Decision) -> bool:
    """Whether a create was refused for a reason before which ``record_exists`` would be given. As such an edit is not
    written, the database does not tell; and the reason given must not depend on the edits that came along with it."""
    problem = decision.problem
    return problem is not None and decision.edit.action == "create" and problem["code"] in _AFTER_RECORD_EXISTS
