"""Work orders over HTTP, for dispatchers and, to read, for admins."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from flask import Response, url_for
from msgspec import Meta, Struct

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
    read_body,
    versions_wanted,
)
from fieldsync.office.answers import HistoryPage, WorkOrderPage, WorkOrderRead, WorkOrderWhole
from fieldsync.office.desk import Desk, Found
from fieldsync.office.refused import A_STATUS_REFUSED, A_VALUE_REFUSED
from fieldsync.office.work_orders import change
from fieldsync.office.work_orders.read import list_work_orders, read_history, read_work_order
from fieldsync.office.work_orders.schemas import WorkOrderArgs, WorkOrdersArgs
from fieldsync.problems import CrewNotEligible, EditReused, NotAllowed, NotFound, RecordDeleted
from fieldsync.schemas import PageArgs
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.workorders.kinds import WorkOrderFields

blp = Blueprint(
    "work_orders", __name__, url_prefix="/v1/work-orders", actors=("dispatcher", "admin"),
    description="Work orders. Every change is an edit in the journal, like a tablet's. Admins read, dispatchers act;"
                " each for the jurisdictions of her role. Those in none (triage) are for whoever has a role for all.",
)  # fmt: skip
WRITERS = ("dispatcher",)
A_CHANGE = (*STALE, NotAllowed, RecordDeleted, CrewNotEligible, *A_STATUS_REFUSED, *A_VALUE_REFUSED)
"""The problems of any change of a work order."""

Reason = Annotated[str, Meta(min_length=1, max_length=8_000)]


class Assignment(Struct, forbid_unknown_fields=True):
    """Which crew a work order is given to; null takes it back."""

    crew_id: UUID | None
    reason: Reason | None = None
    """Kept as a note on the work order, which the new crew can read."""


class Cancellation(Struct, forbid_unknown_fields=True):
    """Why a work order will not be done."""

    reason: Reason
    """Kept as a note on the work order."""


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())


def _found(found: Found, status: int = 200) -> Response:
    return json_response(found.sent, found.version, status)


@blp.get("")
@blp.arguments(WorkOrdersArgs, location="query")
@blp.doc(
    responses={200: json_answer(WorkOrderPage, "A page, and the number up to which it is complete.")},
)
def list_(asked: dict[str, Any]) -> Response:
    """List work orders, in the order of their last change

    To keep a copy current, ask again with `changed_since` = the `change` of the first page, and `deleted=include`.

    An id in a filter that means nothing here gives an empty list. A job that boundaries or a dispatcher moved out of
    what you may see is no longer in any answer: read the list again from its start once in a while.
    """
    page = list_work_orders(_desk(), asked)
    document = {
        "items": [msgspec.Raw(sent.encode()) for sent in page.sent],
        "next": page.next,
        "change": page.change,
        "epoch": page.epoch,
    }
    return json_response(msgspec.json.encode(document))


@blp.get("/<uuid:work_order_id>")
@blp.arguments(WorkOrderArgs, location="query")
@blp.doc(
    responses={200: json_answer(WorkOrderWhole, "The work order; ETag is its version.")},
)
@refuses(NotFound)
def read(asked: dict[str, Any], work_order_id: UUID) -> Response:
    """Read a work order

    Deleted ones can be read, too (`deleted_at`), so that they can be restored.
    """
    found, document = read_work_order(_desk(), work_order_id, asked["include"])
    return json_response(document, found.version)


@blp.get("/<uuid:work_order_id>/history")
@blp.arguments(PageArgs, location="query")
@blp.doc(
    responses={200: json_answer(HistoryPage, "Edits of the work order and of what is recorded on it, as received.")},
)
@refuses(NotFound)
def history(asked: dict[str, Any], work_order_id: UUID) -> Response:
    """Who changed what, when and from where

    Refused edits of what is there are in it, and every value that lost: nothing that was entered is left out.
    Only fields of a refused edit that are too large for a page are read alone (`entered_left_out`).
    """
    entries, next_ = read_history(_desk(), work_order_id, asked["cursor"], asked["limit"])
    document = {"items": [msgspec.Raw(entry.encode()) for entry in entries], "next": next_}
    return json_response(msgspec.json.encode(document))


@blp.post("", actors=WRITERS)
@blp.doc(
    requestBody=body_of(WorkOrderFields),
    parameters=[IDEMPOTENCY_KEY],
    responses={
        201: json_answer(WorkOrderRead, "It is there, placed in its jurisdiction."),
        200: json_answer(WorkOrderRead, "It was there already: the same request came before."),
    },
)
@refuses(NotAllowed, EditReused, CrewNotEligible, *A_STATUS_REFUSED, *A_VALUE_REFUSED)
def create() -> Response:
    """Create a work order

    `title`, `service_type_id` and `location` are needed.
    """
    fields, key = entered_fields(), idempotency_key()
    with transaction():
        found, is_new = change.create(_desk(), "work_order", fields, key)
    response = _found(found, 201 if is_new else 200)
    response.headers["Location"] = url_for("work_orders.read", work_order_id=found.id)
    return response


@blp.patch("/<uuid:work_order_id>", actors=WRITERS)
@blp.doc(
    requestBody=body_of(WorkOrderFields),
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "As it is now.")},
)
@refuses(*A_CHANGE)
def edit(work_order_id: UUID) -> Response:
    """Edit a work order

    Fields that are left out stay. Giving the job to a crew is an edit of `crew_id`.
    """
    fields, wanted = entered_fields(), versions_wanted()
    with transaction():
        found = change.update(_desk(), "work_order", work_order_id, fields, wanted, work_order_id)
    return _found(found)


@blp.post("/<uuid:work_order_id>/assignment", actors=WRITERS)
@blp.doc(
    requestBody=body_of(Assignment),
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "As it is now.")},
)
@refuses(*A_CHANGE)
def assign(work_order_id: UUID) -> Response:
    """Give a work order to a crew, or take it back

    The old crew's tablets drop the job, the new one's receive it with all that is recorded on it.
    """
    body, wanted = read_body(Assignment), versions_wanted()
    with transaction():
        found = change.assign(_desk(), work_order_id, body.crew_id, body.reason, wanted)
    return _found(found)


@blp.post("/<uuid:work_order_id>/cancellation", actors=WRITERS)
@blp.doc(
    requestBody=body_of(Cancellation),
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "As it is now.")},
)
@refuses(*A_CHANGE)
def cancel(work_order_id: UUID) -> Response:
    """Cancel a work order

    The job stays with its crew, as cancelled, and the reason is a note on it.
    """
    body, wanted = read_body(Cancellation), versions_wanted()
    with transaction():
        found = change.cancel(_desk(), work_order_id, body.reason, wanted)
    return _found(found)


@blp.delete("/<uuid:work_order_id>", actors=WRITERS)
@blp.doc(
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "As it was; `deleted_at` says when.")},
)
@refuses(*A_CHANGE)
def delete(work_order_id: UUID) -> Response:
    """Delete a work order

    It leaves its crew's tablets and the lists, and can be restored. What crews still send about it is kept.
    """
    wanted = versions_wanted()
    with transaction():
        found = change.delete(_desk(), "work_order", work_order_id, wanted, work_order_id)
    return _found(found)


@blp.post("/<uuid:work_order_id>/restoration", actors=WRITERS)
@blp.doc(
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "As it is now.")},
)
@refuses(*A_CHANGE)
def restore(work_order_id: UUID) -> Response:
    """Restore a deleted work order

    It is back with its crew, and with all that was recorded on it; with nobody, where its crew may not do it any more.
    """
    wanted = versions_wanted()
    with transaction():
        found = change.restore(_desk(), "work_order", work_order_id, wanted, work_order_id)
    return _found(found)
