"""Reading refused edits at the desk."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from fieldsync.office.desk import Desk
from fieldsync.office.refusals import queries
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound

LAST_ENTRY = 2**63 - 1


class RefusedEdits(NamedTuple):
    """A page of refused edits."""

    sent: list[str]
    next: str | None
    waiting: str
    """JSON: how many wait, by code; null on pages that follow another."""


def list_refused(desk: Desk, asked: dict[str, Any]) -> RefusedEdits:
    """A page of the refused edits that she may see, and how many wait; two statements."""
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    state, newest = asked.get("state"), asked["order"] == "newest"
    cursor, limit = asked["cursor"], asked["limit"]
    (after,) = decode(cursor, [int]) if cursor is not None else (LAST_ENTRY if newest else 0,)
    statement = queries.listed(given, state, newest=newest)
    rows = desk.session.execute(statement, desk.ids(after=after, rows=limit + 1, state=state) | given).all()
    waiting = "null"
    if cursor is None:
        waiting = desk.session.execute(queries.counted(given), desk.ids(**given)).scalar_one()
    more = len(rows) > limit
    rows = rows[:limit]
    return RefusedEdits([row.sent for row in rows], encode([rows[-1].entry]) if more else None, waiting)


def read_refused(desk: Desk, sender_id: UUID, edit_id: UUID) -> tuple[int, str]:
    """The version of what was decided on a refused edit (0: nothing), and its JSON with all its fields.

    Raises:
        NotFound: there is none that she may see.
    """
    row = desk.session.execute(queries.READ, desk.ids(sender_id=sender_id, edit_id=edit_id)).one_or_none()
    if row is None:
        raise NotFound
    return row.version, row.sent
