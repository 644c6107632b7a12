"""Reading work orders at the desk: a page of the list, one of them, its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from fieldsync.office.desk import Desk, Found
from fieldsync.office.work_orders import queries
from fieldsync.pages import decode, encode
from fieldsync.problems import NotFound

RECORDED_MAX = 500
"""What is read along with a work order, of each kind. The rest is in the feed and the history, page by page."""

INCLUDED = {"tasks": ("task",), "notes": ("note",), "entries": ("labor_entry", "equipment_entry", "material_entry")}
"""What a caller may ask for -> the kinds that it means."""

NONE = "none"
LAST_ID = UUID(int=2**128 - 1)
"""Sorts after every id."""


class WorkOrders(NamedTuple):
    """A page of work orders."""

    sent: list[str]
    next: str | None
    """The cursor of the page that follows; None at the end."""
    change: int
    epoch: UUID


def list_work_orders(desk: Desk, asked: dict[str, Any]) -> WorkOrders:
    """A page of the work orders that she may see, in the order of their last change; one statement.

    A work order that changes while somebody reads the pages moves to the end: it is read twice, never missed.
    """
    filters = {name: asked[name] for name in queries.FILTERS if asked.get(name) is not None}
    empty = {name for name, value in filters.items() if value == NONE}
    if filters.get("placed_by") == "outside":
        empty.add("outside")
        del filters["placed_by"]
    given = {name: value for name, value in filters.items() if name not in empty}
    if "status" in given:
        given["status"] = [str(status) for status in given["status"]]
    cursor, limit = asked["cursor"], asked["limit"]
    after: tuple[int, UUID] = (asked.get("changed_since", -1), LAST_ID)
    if cursor is not None:
        change, id_ = decode(cursor, [int, UUID])
        after = max(after, (change, id_))
    statement = queries.listed(given, empty, asked["deleted"], scoped=desk.own is not None)
    binds = desk.ids(after_change=after[0], after_id=after[1], rows=limit + 1) | queries.bound(given)
    if "breached" in given:
        binds["now"] = desk.at
    if desk.own is None:
        del binds["own"]
    rows = desk.session.execute(statement, binds).all()
    found = [row for row in rows if row.id is not None]
    more = len(found) > limit
    found = found[:limit]
    next_ = encode([found[-1].change, found[-1].id]) if more else None
    return WorkOrders([row.sent for row in found], next_, rows[0].head, rows[0].epoch)


def read_work_order(desk: Desk, work_order_id: UUID, include: Sequence[str]) -> tuple[Found, bytes]:
    """A work order, and its JSON together with what is to be included.

    Raises:
        NotFound: there is none that she may see.
    """
    found = desk.read("work_order", work_order_id, work_order_id)
    if not include:
        return found, found.sent.encode()
    part_of = {kind: name for name in include for kind in INCLUDED[name]}
    binds = {"partnership_id": desk.partnership_id, "id": work_order_id, "rows": RECORDED_MAX + 1}
    sent: dict[str, list[msgspec.Raw]] = {kind: [] for kind in part_of}
    for kind, record in desk.session.execute(queries.recorded(part_of), binds):
        sent[kind].append(msgspec.Raw(record.encode()))
    document: dict[str, list[Any]] = {name: [] for name in include}
    for kind, records in sent.items():
        document[part_of[kind]] += records[:RECORDED_MAX]
    document["more"] = [kind for kind, records in sent.items() if len(records) > RECORDED_MAX]
    # The record's own members, and after them what goes along.
    return found, found.sent.rstrip().removesuffix("}").encode() + b"," + msgspec.json.encode(document)[1:]


def read_history(desk: Desk, work_order_id: UUID, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    """A page of all edits of a work order and of what is recorded on it, in the order of receipt, and the next cursor.

    Raises:
        NotFound: there is no such work order that she may see.
    """
    (after,) = decode(cursor, [int]) if cursor is not None else (0,)
    rows = desk.session.execute(queries.HISTORY, desk.ids(id=work_order_id, after=after, rows=limit + 1)).all()
    if not rows:
        raise NotFound
    entries = [row for row in rows if row.entry is not None]
    more = len(entries) > limit
    entries = entries[:limit]
    next_ = encode([entries[-1].entry]) if more else None
    return [entry.sent for entry in entries], next_
