"""Reading conflicts at the desk."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from fieldsync.office.conflicts import queries
from fieldsync.office.conflicts.compare import compare
from fieldsync.office.desk import Desk
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound, Unprocessable

_KEYS: dict[str, dict[str, type]] = {
    "oldest": {"at": datetime, "id": UUID},
    "newest": {"at": datetime, "id": UUID},
    "urgent": {"priority": int, "due_at": datetime, "at": datetime, "id": UUID},
}
"""Order -> by what a page is read on."""


class Conflicts(NamedTuple):
    """A page of conflicts."""

    sent: list[bytes]
    next: str | None
    open: dict[str, int]
    """How many are open, by sort."""
    counts: dict[str, Any]
    """The same by field, by crew and by age."""


def list_conflicts(desk: Desk, asked: dict[str, Any]) -> Conflicts:
    """A page of the conflicts that she may see; one statement.

    Raises:
        Unprocessable: the cursor is none of a list in this order.
    """
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    cursor, limit, order = asked["cursor"], asked["limit"], asked["order"]
    binds = desk.ids(rows=limit + 1, now=desk.at) | given
    if cursor is not None:
        binds |= _keys(order, cursor)
    statement = queries.listed(given, queue=given.get("state") == "open", order=order, onwards=cursor is not None)
    rows = desk.session.execute(statement, binds).all()
    found = [row for row in rows if row.id is not None]
    next_ = None
    if len(found) > limit:
        found = found[:limit]
        next_ = encode([order, *[getattr(found[-1], name) for name in _KEYS[order]]])
    return Conflicts([_whole(row) for row in found], next_, rows[0].open, rows[0].counts)


def _keys(order: str, cursor: str) -> dict[str, Any]:
    names = _KEYS[order]
    given, *values = decode(cursor, [str, *names.values()])
    if given != order:
        raise Unprocessable("This is no cursor of a list in this order.", field="cursor")
    return dict(zip(names, values, strict=True))


def read_conflict(desk: Desk, conflict_id: UUID) -> tuple[int, bytes]:
    """A conflict's version, and its JSON together with the record that it is about (``current``).

    Raises:
        NotFound: there is none that she may see.
    """
    for _, version, document in read_conflicts(desk, [conflict_id]):
        return version, document
    raise NotFound


def read_conflicts(desk: Desk, ids: Collection[UUID]) -> list[tuple[UUID, int, bytes]]:
    """Of the conflicts among ``ids`` that she may see: id, version and JSON with ``current``, the oldest first."""
    rows = desk.session.execute(queries.READ, desk.ids(ids=list(ids)))
    return [(row.id, row.version, _whole(row, row.current)) for row in rows]


def _whole(row: Any, current: str | None = None) -> bytes:
    diff = msgspec.json.encode(compare(*row.compared) if row.compared is not None else None).decode()
    more = "" if current is None else f', "current" : {current}'
    return f'{row.sent.removesuffix("}")}, "diff" : {diff}{more}}}'.encode()
