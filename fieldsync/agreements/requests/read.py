"""Reading resource requests: a page of the list, one of them with its offers, its history, who could help."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.agreements.requests import queries
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound

HISTORY_SHOWN = 200
"""Steps that are read along with a request, the latest; the others are in its history, page by page."""

FIRST = UUID(int=0)


class Document(NamedTuple):
    """JSON, and the version of the record that it shows."""

    version: int
    sent: bytes


class Listed(NamedTuple):
    """A page of JSON documents, and where the next page begins (None on the last)."""

    sent: list[str]
    next: str | None


def list_requests(
    session: Session, partnership_id: UUID, own: frozenset[UUID] | None, asked: dict[str, Any], at: datetime
) -> Listed:
    """A page of the partnership's requests, in the order in which they begin; one statement.

    Raises:
        Unprocessable: the cursor is not one that we gave.
    """
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    side, cursor, limit = asked.get("side"), asked["cursor"], asked["limit"]
    binds = given | {"partnership_id": partnership_id, "now": at, "rows": limit + 1}
    if cursor is not None:
        binds["after_at"], binds["after_id"] = decode(cursor, [datetime, UUID])
    if own is None and side is not None:
        # A role for the whole partnership is one for whoever asks.
        if side == "others":
            return Listed([], None)
        side = None
    if side is not None:
        binds["own"] = list(own or ())
    statement = queries.listed(given, side, paged=cursor is not None)
    rows = session.execute(statement, binds).all()
    next_ = encode([rows[limit - 1].starts_at, rows[limit - 1].id]) if len(rows) > limit else None
    return Listed([row.sent for row in rows[:limit]], next_)


def read_request(session: Session, partnership_id: UUID, request_id: UUID, at: datetime) -> Document:
    """A request with its offers and the latest of its history; one statement.

    Raises:
        NotFound: the partnership has none with this id.
    """
    binds = {"partnership_id": partnership_id, "id": request_id, "now": at, "shown": HISTORY_SHOWN}
    row = session.execute(queries.READ, binds).one_or_none()
    if row is None:
        raise NotFound
    more = "true" if row.more else "false"
    along = f', "offers": {row.offers}, "history": {row.history}, "more": {more}}}'
    return Document(row.version, (row.sent.removesuffix("}") + along).encode())


def read_offer(session: Session, partnership_id: UUID, request_id: UUID, offer_id: UUID, at: datetime) -> Document:
    """An offer, and the request as it stands; one statement.

    Raises:
        NotFound: the request has none with this id.
    """
    binds = {"partnership_id": partnership_id, "request_id": request_id, "id": offer_id, "now": at}
    row = session.execute(queries.READ_OFFER, binds).one_or_none()
    if row is None:
        raise NotFound
    return Document(row.version, f'{row.sent.removesuffix("}")}, "request": {row.request}}}'.encode())


def read_history(session: Session, partnership_id: UUID, request_id: UUID, cursor: str | None, limit: int) -> Listed:
    """A page of all steps of a request and of its offers, in their order.

    Raises:
        NotFound: the partnership has no request with this id.
        Unprocessable: the cursor is not one that we gave.
    """
    (after,) = decode(cursor, [UUID]) if cursor is not None else (FIRST,)
    binds = {"partnership_id": partnership_id, "id": request_id, "after": after, "rows": limit + 1}
    rows = session.execute(queries.HISTORY, binds).all()
    return _page([(row.id, row.sent) for row in rows], limit)


def list_helpers(
    session: Session, partnership_id: UUID, request_id: UUID, cursor: str | None, limit: int, at: datetime
) -> Listed:
    """A page of the other partners' crews that can do what is asked for, by code.

    Raises:
        NotFound: the partnership has no request with this id.
        Unprocessable: the cursor is not one that we gave.
    """
    (after,) = decode(cursor, [str]) if cursor is not None else (None,)
    binds = {"partnership_id": partnership_id, "id": request_id, "after": after, "rows": limit + 1, "now": at}
    rows = session.execute(queries.HELPERS, binds).all()
    return _page([(row.code, row.sent) for row in rows], limit)


def _page(rows: list[tuple[Any, str | None]], limit: int) -> Listed:
    """Of rows of ``(key, JSON)``: no row at all where there is no request, and one without JSON where it has none."""
    if not rows:
        raise NotFound
    found = [(key, sent) for key, sent in rows if sent is not None]
    next_ = encode([found[limit - 1][0]]) if len(found) > limit else None
    return Listed([sent for _, sent in found[:limit]], next_)
