"""Keyset pages: a list is read on from the last row's key, so that rows added meanwhile shift nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from fieldsync.problems import Unprocessable


class Page(NamedTuple):
    """Some rows of a list, and where the next page begins (None on the last)."""

    items: Sequence[Any]
    next: str | None


def read_page(
    session: Session,
    query: sa.Select[Any],
    keys: Sequence[InstrumentedAttribute[Any]],
    limit: int,
    cursor: str | None,
) -> Page:
    """A page of the entities that ``query`` selects, in the order of ``keys`` (never null, together unique).

    Raises:
        Unprocessable: ``cursor`` is not one that we gave.
    """
    if cursor is not None:
        values = decode(cursor, [key.type.python_type for key in keys])
        bound = [sa.literal(value, key.type) for key, value in zip(keys, values, strict=True)]
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*bound))
    rows = session.scalars(query.order_by(*keys).limit(limit + 1)).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], encode([getattr(rows[limit - 1], key.key) for key in keys]))


def encode(values: Sequence[Any]) -> str:
    """A key as text that a client keeps and sends back. Opaque to it."""
    plain = json.dumps([value.isoformat() if isinstance(value, date) else str(value) for value in values])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(text: str, types: Sequence[type]) -> list[Any]:
    """The key that ``encode`` was given, each value as its type (``str``, ``int``, ``UUID``, ``date``, ``datetime``).

    Raises:
        Unprocessable: it is not one that we gave.
    """
    try:
        values = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(types):
            raise ValueError
        return [_typed(value, kind) for value, kind in zip(values, types, strict=True)]
    except (ValueError, RecursionError):
        raise Unprocessable("This is no cursor of this list.", field="cursor") from None


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # half a surrogate pair is no text
    if kind is UUID:
        return UUID(value)
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    if kind is date:
        return date.fromisoformat(value)
    if kind is int:
        number = int(value)
        if abs(number) >= 2**63:
            raise ValueError
        return number
    return value
