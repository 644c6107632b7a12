"""Writing what was decided: the journal's edits, the head, and under it the assignments with their events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg.types.json import Json

from fieldsync.database import new_id
from fieldsync.dispatch.assignments import queries
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.journal.edits import Author, Edit, Outcome
from fieldsync.journal.load import load
from fieldsync.journal.merge import decide
from fieldsync.journal.prepare import prepare
from fieldsync.journal.write import write
from fieldsync.partnerships.head import next_change
from fieldsync.problems import Unprocessable

_ENCODER = msgspec.json.Encoder()


class Row(Struct):
    """An assignment as it is to stand."""

    id: UUID
    work_order_id: UUID
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    minutes: int
    pinned: bool
    grant_id: UUID | None

    def facts(self) -> dict[str, Any]:
        """What its history remembers of it."""
        return {name: getattr(self, name) for name in ("crew_id", "starts_at", "ends_at", "minutes", "pinned")}


class EventRow(Struct):
    """What is done to an assignment."""

    assignment_id: UUID
    work_order_id: UUID
    action: str
    reason: str | None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    id: UUID = msgspec.field(default_factory=new_id)


class HandOver(Struct):
    """A work order that goes to another crew, or to none (``crew_id`` None)."""

    work_order_id: UUID
    version: int
    crew_id: UUID | None
    reason: str | None
    left_because: str | None = None
    """Where that is neither a plain choice nor a deletion: one of ``RELEASED_BECAUSE``."""


def insert(dispatcher: Dispatcher, rows: Sequence[Row], events: Sequence[EventRow]) -> None:
    """Make assignments."""
    if rows:
        _stamp(dispatcher, queries.INSERT, rows=_json(rows), staff_id=dispatcher.staff_id)
        _remember(dispatcher, events)


def move(dispatcher: Dispatcher, rows: Sequence[Row], events: Sequence[EventRow]) -> None:
    """Write where assignments now lie; all at once, so that crews can exchange theirs."""
    if rows:
        _stamp(dispatcher, queries.MOVE, rows=_json(rows))
        _remember(dispatcher, events)


def release(dispatcher: Dispatcher, ids: Sequence[UUID], because: str, events: Sequence[EventRow]) -> None:
    """Release assignments."""
    if ids:
        _stamp(dispatcher, queries.RELEASE, ids=list(ids), because=because)
        _remember(dispatcher, events)


def hand_over(dispatcher: Dispatcher, given: Iterable[HandOver]) -> Outcome:
    """Edit whose the work orders are, and keep the reasons as notes on them. They are locked already.

    Raises:
        Unprocessable: one of the edits is refused; the caller's transaction is to be rolled back.
    """
    given = list(given)
    if not given:
        return Outcome()
    edits: list[Edit] = []
    for one in given:
        edits.append(_edit(dispatcher, "work_order", one.work_order_id, "update", one.version, crew_id=one.crew_id))
        if one.reason is not None:
            note = {"work_order_id": one.work_order_id, "body": one.reason}
            edits.append(_edit(dispatcher, "note", new_id(), "create", None, **note))
    # Whether she may touch these work orders has been decided: a home that recalls its crew writes on another's job.
    author = Author(dispatcher.staff_id, "office", dispatcher.partnership_id)
    outcome = decide(author, edits, load(dispatcher.session, author, edits))
    for decision in outcome.decisions:
        if decision.problem is not None:
            raise Unprocessable(decision.problem["detail"], field="reason")
    for one in given:
        if (record := outcome.touched.get(("work_order", one.work_order_id))) is not None:
            record.left_because = one.left_because
    write(dispatcher.session, author, outcome, dispatcher.at)
    return outcome


def _edit(dispatcher: Dispatcher, kind: str, record_id: UUID, action: str, base: int | None, **fields: Any) -> Edit:
    raw = msgspec.Raw(_ENCODER.encode(fields))
    at = dispatcher.at
    return prepare("office", new_id(), None, kind, record_id, action, base, at, at, raw)


def _stamp(dispatcher: Dispatcher, statement: Any, **bound: Any) -> None:
    # Under the head, so that nobody who writes assignments ever waits for somebody else's half-written ones.
    change = next_change(dispatcher.session, dispatcher.partnership_id)
    dispatcher.session.execute(statement, dispatcher.ids(change=change, at=dispatcher.at, **bound))


def _remember(dispatcher: Dispatcher, events: Sequence[EventRow]) -> None:
    bound = dispatcher.ids(at=dispatcher.at, staff_id=dispatcher.staff_id, rows=_json(events))
    dispatcher.session.execute(queries.INSERT_EVENTS, bound)


def _json(rows: Sequence[Struct]) -> Json:
    return Json(rows, dumps=_ENCODER.encode)
