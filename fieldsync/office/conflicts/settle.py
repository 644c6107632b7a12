"""Settling a conflict: compare-and-set on its version, and an edit through the journal where a value changes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from fieldsync.documents import etag
from fieldsync.journal.edits import Edit
from fieldsync.office.conflicts import queries
from fieldsync.office.conflicts.read import read_conflict
from fieldsync.office.desk import Desk
from fieldsync.office.refused import refused
from fieldsync.problems import ConflictSettled, NotFound, PreconditionFailed, RecordDeleted, Unprocessable
from fieldsync.workorders.rules import Status, way


class Choice(StrEnum):
    """What a person may decide."""

    KEPT = "kept"  # the record stays as it is now
    OTHER = "other"  # the value that lost is what stands
    VALUE = "value"  # a third one


def settle(desk: Desk, conflict_id: UUID, choice: Choice, value: msgspec.Raw | None, wanted: frozenset[int]) -> None:
    """Settle a conflict whose version is one of ``wanted``, within the caller's transaction.

    ``value`` is the JSON of the chosen value, for ``VALUE`` only. Tablets learn of a changed value by their feed.

    Raises:
        NotFound: there is none that she may see.
        PreconditionFailed: it was settled after she read it; the problem holds it as it is.
        ConflictSettled: she read it as settled already.
        Unprocessable, EditRefused: the value cannot be one of that field.
        RecordDeleted: the record was deleted meanwhile, and not because of this conflict.
    """
    if (choice is Choice.VALUE) != (value is not None):
        raise Unprocessable("A value is given with the choice `value`, and only with it.", field="value")
    work_order_id = desk.session.execute(queries.FIND, desk.ids(id=conflict_id)).scalar_one_or_none()
    if work_order_id is None:
        raise NotFound
    # In the order in which the journal takes its locks: the work order, then what hangs on it.
    desk.lock(work_order_id)
    conflict = desk.session.execute(queries.LOCK, {"partnership_id": desk.partnership_id, "id": conflict_id}).one()
    if conflict.version not in wanted:
        _, current = read_conflict(desk, conflict_id)
        raise PreconditionFailed(
            "The conflict has changed since you read it.", current=msgspec.Raw(current), etag=etag(conflict.version)
        )
    if conflict.state == "settled":
        raise ConflictSettled
    if value is None:
        value = _json(conflict.kept_value if choice is Choice.KEPT else conflict.other_value)
    edits = [] if choice is Choice.KEPT else _edits(desk, conflict, value, choice)
    if edits:
        desk.enter(edits)
    decided = {
        "choice": choice.value,
        "value": bytes(value).decode(),
        "staff_id": desk.staff_id,
        "now": desk.at,
        "edit_id": edits[-1].edit_id if edits else None,
    }
    desk.session.execute(queries.SETTLE, {"partnership_id": desk.partnership_id, "id": conflict_id} | decided)


def _edits(desk: Desk, conflict: Row[Any], value: msgspec.Raw, choice: Choice) -> list[Edit]:
    """What must be entered so that the value stands."""
    kind, record_id = conflict.kind, conflict.record_id
    ids = {"partnership_id": desk.partnership_id, "id": record_id}
    record = desk.session.execute(queries.STANDING[kind], ids).one()
    if conflict.field == "deleted":
        if choice is Choice.VALUE:
            raise Unprocessable("Whether a record is deleted is `kept` or `other`, nothing else.", field="choice")
        return [] if record.deleted else [desk.edit(kind, record_id, "delete", record.version)]
    if kind != "work_order":
        desk.expect_alive(conflict.work_order_id)
    edits: list[Edit] = []
    if record.deleted:
        if conflict.sort != "deleted":
            raise RecordDeleted
        edits.append(desk.edit(kind, record_id, "restore", record.version))
    for step in _steps(conflict.field, record.status, value):
        fields = _json({conflict.field: step})
        # Each edit is made on what the one before it left.
        edits.append(desk.edit(kind, record_id, "update", record.version + len(edits), fields))
    return edits


def _steps(field: str, current: str | None, value: msgspec.Raw) -> list[Any]:
    """The values to enter one after the other. Only a status may need more than one.

    A crew completed what the office had cancelled: no rule leads from one to the other, but the person who decides
    that the work counts may reopen and complete it.
    """
    if field != "status" or current is None:
        return [value]
    try:
        wanted = Status(msgspec.json.decode(value, type=str))
    except (ValueError, msgspec.ValidationError):
        return [value]  # The journal says what is wrong with it.
    steps = way("office", Status(current), wanted)
    if steps is None:
        raise refused(
            {"code": "illegal_transition", "detail": f"Nothing leads from {current} to {wanted}.", "field": "value"}
        )
    return list(steps) or [wanted]


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
