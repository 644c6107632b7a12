"""Reading assignments: one with its history, a page of a list, a work order's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fieldsync.dispatch.assignments import queries
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound

_START = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


def read_assignment(dispatcher: Dispatcher, assignment_id: UUID) -> tuple[str, int]:
    """An assignment and its history as JSON, and its version.

    Raises:
        NotFound: there is none that she may see.
    """
    row = dispatcher.session.execute(queries.READ, dispatcher.reads(id=assignment_id)).one_or_none()
    if row is None:
        raise NotFound
    return row.sent, row.version


def list_assignments(dispatcher: Dispatcher, asked: dict[str, Any]) -> tuple[list[str], str | None]:
    """A page of assignments by their start, each as JSON, and the cursor of the next; one statement.

    ``asked``: ``limit``, ``cursor`` and any of ``queries.FILTERS``.
    """
    given = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    return _page(dispatcher, given, asked, events=False)


def list_of_work_order(
    dispatcher: Dispatcher, work_order_id: UUID, asked: dict[str, Any]
) -> tuple[list[str], str | None]:
    """The same of one work order, with what happened to each.

    Raises:
        NotFound: there is no such work order that she may see.
    """
    bound = dispatcher.reads(work_order_id=work_order_id)
    if dispatcher.session.execute(queries.OF_ONE, bound).one_or_none() is None:
        raise NotFound
    return _page(dispatcher, {"work_order_id": work_order_id}, asked, events=True)


def _page(
    dispatcher: Dispatcher, given: dict[str, Any], asked: dict[str, Any], *, events: bool
) -> tuple[list[str], str | None]:
    cursor, limit = asked["cursor"], asked["limit"]
    after = _START if cursor is None else decode(cursor, [datetime, UUID])
    bound = dispatcher.reads(after_start=after[0], after_id=after[1], rows=limit + 1, **given)
    rows = dispatcher.session.execute(queries.listed(given, events=events), bound).all()
    more = len(rows) > limit
    rows = rows[:limit]
    return [row.sent for row in rows], encode([rows[-1].starts_at, rows[-1].id]) if more else None
