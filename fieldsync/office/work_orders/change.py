"""Writing at the desk: each of these is one transaction's work, and goes through the journal like a tablet's edits."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.database import new_id
from fieldsync.journal.edits import Edit
from fieldsync.office import queries
from fieldsync.office.desk import Desk, Found
from fieldsync.office.refused import refused
from fieldsync.problems import CrewNotEligible, EditReused, RecordDeleted
from fieldsync.workorders.kinds import KINDS
from fieldsync.workorders.rules import Status

Entered = dict[str, msgspec.Raw]
"""Field -> its value as it was sent."""


def create(
    desk: Desk, kind: str, fields: Entered, key: UUID | None, work_order_id: UUID | None = None
) -> tuple[Found, bool]:
    """Create a record; its present state, and whether it is new (not where ``key`` was used with the same content).

    Raises:
        NotFound: there is no work order ``work_order_id`` that she may see.
        EditRefused, EditReused, RecordDeleted, NotAllowed
    """
    if work_order_id is not None:
        fields = _with_parent(fields, work_order_id)
    if key is not None and (earlier := _earlier(desk, kind, fields, key)) is not None:
        return desk.read(kind, earlier, work_order_id or earlier), False
    record_id = new_id()
    edit = desk.edit(kind, record_id, "create", None, _encoded(fields), key)
    if work_order_id is not None:
        desk.lock(work_order_id)
        desk.expect_alive(work_order_id)
    desk.enter([edit])
    return desk.read(kind, record_id, work_order_id or record_id), True


def update(
    desk: Desk, kind: str, record_id: UUID, fields: Entered, wanted: frozenset[int], work_order_id: UUID,
    reason: str | None = None,
) -> Found:  # fmt: skip
    """Change fields of a record whose version is one of ``wanted``; a ``reason`` becomes a note beside it.

    Raises:
        NotFound, PreconditionFailed, RecordDeleted, EditRefused, NotAllowed
    """
    # What cannot be right on any version is said first.
    edits = [desk.edit(kind, record_id, "update", 0, _encoded(fields))]
    found = desk.read_locked(kind, record_id, work_order_id, wanted)
    if found.deleted:
        raise RecordDeleted
    if KINDS[kind].is_child:
        desk.expect_alive(work_order_id)
    edits[0].base_version = found.version
    if reason is not None:
        edits.append(_note(desk, work_order_id, reason))
    desk.enter(edits)
    return desk.read(kind, record_id, work_order_id)


def assign(desk: Desk, work_order_id: UUID, crew_id: UUID | None, reason: str | None, wanted: frozenset[int]) -> Found:
    """Give a work order to a crew, or take it back (``crew_id`` None). Raises what ``update`` raises."""
    return update(desk, "work_order", work_order_id, _fields(crew_id=crew_id), wanted, work_order_id, reason)


def cancel(desk: Desk, work_order_id: UUID, reason: str, wanted: frozenset[int]) -> Found:
    """Say that the work will not be done, and why. Raises what ``update`` raises."""
    fields = _fields(status=Status.CANCELLED)
    return update(desk, "work_order", work_order_id, fields, wanted, work_order_id, reason)


def delete(desk: Desk, kind: str, record_id: UUID, wanted: frozenset[int], work_order_id: UUID) -> Found:
    """Delete a record: it leaves all scopes, and can be restored.

    Raises:
        NotFound, PreconditionFailed, EditRefused
    """
    found = desk.read_locked(kind, record_id, work_order_id, wanted)
    desk.enter([desk.edit(kind, record_id, "delete", found.version)])
    return desk.read(kind, record_id, work_order_id)


def restore(desk: Desk, kind: str, record_id: UUID, wanted: frozenset[int], work_order_id: UUID) -> Found:
    """Bring a deleted record back as it was; a work order whose crew may not do it any more to nobody.

    Raises:
        NotFound, PreconditionFailed, RecordDeleted, EditRefused
    """
    found = desk.read_locked(kind, record_id, work_order_id, wanted)
    if KINDS[kind].is_child:
        desk.expect_alive(work_order_id)
    try:
        desk.enter([desk.edit(kind, record_id, "restore", found.version)])
    except CrewNotEligible:
        # It is written, and was only looked at then. What is deleted cannot be given to another crew beforehand.
        desk.enter([desk.edit(kind, record_id, "update", found.version + 1, _encoded(_fields(crew_id=None)))])
    return desk.read(kind, record_id, work_order_id)


def _earlier(desk: Desk, kind: str, fields: Entered, key: UUID) -> UUID | None:
    """The record that she created under this key before.

    Raises:
        EditReused: the key stands for something else.
    """
    ids = {"partnership_id": desk.partnership_id, "edit_id": key, "author_id": desk.staff_id}
    desk.session.execute(queries.LOCK_KEY, {"key": f"{desk.partnership_id} {desk.staff_id} {key}"})
    earlier = desk.session.execute(queries.EARLIER, ids).one_or_none()
    if earlier is None:
        return None
    if (earlier.kind, earlier.action, earlier.fields) != (kind, "create", json.loads(bytes(_encoded(fields)))):
        raise EditReused("This Idempotency-Key was used before with other content.", field="Idempotency-Key")
    record_id: UUID = earlier.record_id
    return record_id


def _with_parent(fields: Entered, work_order_id: UUID) -> Entered:
    path = _raw(work_order_id)
    if bytes(fields.get("work_order_id", path)).lower() != bytes(path):
        raise refused(
            {"code": "invalid_value", "detail": "Not the work order of this address.", "field": "work_order_id"}
        )
    return fields | {"work_order_id": path}


def _note(desk: Desk, work_order_id: UUID, body: str) -> Edit:
    fields = _encoded(_fields(work_order_id=work_order_id, body=body))
    return desk.edit("note", new_id(), "create", None, fields)


def _fields(**values: Any) -> Entered:
    return {name: _raw(value) for name, value in values.items()}


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _encoded(fields: Entered) -> msgspec.Raw:
    return _raw(fields)
