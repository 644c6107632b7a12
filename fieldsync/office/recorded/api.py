"""What is recorded on a work order, over HTTP: the notes and tasks that the office adds.

Labor, equipment and material are recorded by those who worked: their tablets send them.
"""

from __future__ import annotations

from uuid import UUID

from flask import Response

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    STALE,
    entered_fields,
    idempotency_key,
    json_response,
    versions_wanted,
)
from fieldsync.office.answers import NoteRead, TaskRead
from fieldsync.office.desk import Desk
from fieldsync.office.refused import A_VALUE_REFUSED
from fieldsync.office.work_orders import change
from fieldsync.problems import EditReused, NotFound, RecordDeleted
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.workorders.kinds import NoteFields, TaskFields

blp = Blueprint(
    "recorded", __name__, url_prefix="/v1/work-orders/<uuid:work_order_id>", actors=("dispatcher",),
    description="Notes and tasks that dispatchers add to a work order. `work_order_id` need not be in the body.",
)  # fmt: skip


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())


def _create(kind: str, work_order_id: UUID) -> Response:
    fields, key = entered_fields(), idempotency_key()
    with transaction():
        found, is_new = change.create(_desk(), kind, fields, key, work_order_id)
    return json_response(found.sent, found.version, 201 if is_new else 200)


@blp.post("/notes")
@blp.doc(
    requestBody=body_of(NoteFields),
    parameters=[IDEMPOTENCY_KEY],
    responses={
        201: json_answer(NoteRead, "It is there."),
        200: json_answer(NoteRead, "It was there already: the same request came before."),
    },
)
@refuses(NotFound, RecordDeleted, EditReused, *A_VALUE_REFUSED)
def add_note(work_order_id: UUID) -> Response:
    """Add a note

    Notes are never changed once they are there.
    """
    return _create("note", work_order_id)


@blp.post("/tasks")
@blp.doc(
    requestBody=body_of(TaskFields),
    parameters=[IDEMPOTENCY_KEY],
    responses={
        201: json_answer(TaskRead, "It is there."),
        200: json_answer(TaskRead, "It was there already: the same request came before."),
    },
)
@refuses(NotFound, RecordDeleted, EditReused, *A_VALUE_REFUSED)
def add_task(work_order_id: UUID) -> Response:
    """Add a task

    The crew's tablets receive it with their next exchange.
    """
    return _create("task", work_order_id)


@blp.patch("/tasks/<uuid:task_id>")
@blp.doc(
    requestBody=body_of(TaskFields),
    parameters=[IF_MATCH],
    responses={200: json_answer(TaskRead, "As it is now.")},
)
@refuses(*STALE, RecordDeleted, *A_VALUE_REFUSED)
def edit_task(work_order_id: UUID, task_id: UUID) -> Response:
    """Edit a task

    Fields that are left out stay.
    """
    fields, wanted = entered_fields(), versions_wanted()
    with transaction():
        found = change.update(_desk(), "task", task_id, fields, wanted, work_order_id)
    return json_response(found.sent, found.version)


@blp.delete("/tasks/<uuid:task_id>")
@blp.doc(
    parameters=[IF_MATCH],
    responses={200: json_answer(TaskRead, "As it was; `deleted_at` says when.")},
)
@refuses(*STALE, RecordDeleted, *A_VALUE_REFUSED)
def delete_task(work_order_id: UUID, task_id: UUID) -> Response:
    """Delete a task

    It leaves the crew's tablets, and can be restored.
    """
    wanted = versions_wanted()
    with transaction():
        found = change.delete(_desk(), "task", task_id, wanted, work_order_id)
    return json_response(found.sent, found.version)


@blp.post("/tasks/<uuid:task_id>/restoration")
@blp.doc(
    parameters=[IF_MATCH],
    responses={200: json_answer(TaskRead, "As it is now.")},
)
@refuses(*STALE, RecordDeleted, *A_VALUE_REFUSED)
def restore_task(work_order_id: UUID, task_id: UUID) -> Response:
    """Restore a deleted task

    It is back on the crew's tablets as it was.
    """
    wanted = versions_wanted()
    with transaction():
        found = change.restore(_desk(), "task", task_id, wanted, work_order_id)
    return json_response(found.sent, found.version)
