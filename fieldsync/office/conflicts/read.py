"""Reading conflicts at the desk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from fieldsync.office.conflicts import queries
from fieldsync.office.desk import Desk
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound

START = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


class Conflicts(NamedTuple):
    """A page of conflicts."""

    sent: list[str]
    next: str | None
    open: dict[str, int]
    """How many are open, by sort."""


def list_conflicts(desk: Desk, asked: dict[str, Any]) -> Conflicts:
    """A page of the conflicts that she may see, the oldest first; one statement."""
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    cursor, limit = asked["cursor"], asked["limit"]
    after_at, after_id = decode(cursor, [datetime, UUID]) if cursor is not None else START
    binds = desk.ids(after_at=after_at, after_id=after_id, rows=limit + 1) | given
    rows = desk.session.execute(queries.listed(given, queue=given.get("state") == "open"), binds).all()
    found = [row for row in rows if row.id is not None]
    more = len(found) > limit
    found = found[:limit]
    next_ = encode([found[-1].created_at, found[-1].id]) if more else None
    return Conflicts([row.sent for row in found], next_, rows[0].open)


def read_conflict(desk: Desk, conflict_id: UUID) -> tuple[int, bytes]:
    """A conflict's version, and its JSON together with the record that it is about (``current``).

    Raises:
        NotFound: there is none that she may see.
    """
    row = desk.session.execute(queries.READ, desk.ids(id=conflict_id)).one_or_none()
    if row is None:
        raise NotFound
    return row.version, f'{row.sent.removesuffix("}")}, "current" : {row.current}}}'.encode()
