"""The clocks of a work order over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from flask import Response
from msgspec import Meta, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import json_response, read_body
from fieldsync.problems import NotAllowed, NotFound, RecordDeleted
from fieldsync.servicelevels.answers import WorkOrderClocks
from fieldsync.servicelevels.problems import ClockNotPaused, ClockPaused, NoClockRuns
from fieldsync.servicelevels.work_order_clocks import change
from fieldsync.servicelevels.work_order_clocks.change import Acting
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "service_clocks", __name__, url_prefix="/v1/work-orders/<uuid:work_order_id>/clock",
    actors=("dispatcher", "admin"),
    description="The clocks of a work order: until work begins, and until it is completed. Dispatchers of its"
                " jurisdiction pause and resume them.",
)  # fmt: skip
WRITERS = ("dispatcher",)


class ClockReason(Struct, forbid_unknown_fields=True):
    """Why the clocks are paused, or go on."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000, pattern=r"^[^\u0000]*$")]


def _acting() -> Acting:
    actor = staff_actor()
    return Acting(db.session(), actor.partnership_id, actor.staff_id, own_jurisdictions(), now())


def _answer(work_order_id: UUID) -> Response:
    return json_response(msgspec.json.encode(change.read_clocks(_acting(), work_order_id)))


@blp.get("")
@blp.doc(responses={200: json_answer(WorkOrderClocks, "As of now.")})
@refuses(NotFound)
def read(work_order_id: UUID) -> Response:
    """Read the clocks of a work order

    What was promised by which policy, what is spent, when it runs out, and when it stood still and why. A work order
    for which nothing was promised has none.
    """
    return _answer(work_order_id)


@blp.post("/pause", actors=WRITERS)
@blp.doc(requestBody=body_of(ClockReason), responses={200: json_answer(WorkOrderClocks, "They stand still.")})
@refuses(NotFound, NotAllowed, RecordDeleted, NoClockRuns, ClockPaused)
def pause(work_order_id: UUID) -> Response:
    """Pause the clocks of a work order

    They stand still until somebody resumes them, or the work is completed or cancelled. Beginning the work is still a
    response.
    """
    body = read_body(ClockReason)
    with transaction():
        change.pause(_acting(), work_order_id, body.reason)
    return _answer(work_order_id)


@blp.post("/resume", actors=WRITERS)
@blp.doc(requestBody=body_of(ClockReason), responses={200: json_answer(WorkOrderClocks, "They go on.")})
@refuses(NotFound, NotAllowed, RecordDeleted, ClockNotPaused)
def resume(work_order_id: UUID) -> Response:
    """Resume the clocks of a work order

    They run, unless the work order is on hold.
    """
    body = read_body(ClockReason)
    with transaction():
        change.resume(_acting(), work_order_id, body.reason)
    return _answer(work_order_id)
