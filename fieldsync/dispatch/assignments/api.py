"""Assignments over HTTP, for dispatchers and, to read, for admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response, current_app

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.dispatch.assignments import read as reading
from fieldsync.dispatch.assignments.give import give
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.dispatch.assignments.move import move, move_one
from fieldsync.dispatch.assignments.problems import AssignmentOver, AssignmentPinned, PartsLeftBehind, RecallNotAgreed
from fieldsync.dispatch.assignments.schemas import AssignmentsArgs
from fieldsync.dispatch.assignments.shapes import (
    AssignmentHistory,
    AssignmentHistoryPage,
    AssignmentMoves,
    AssignmentPage,
    AssignmentPatch,
    AssignmentsWanted,
    AssignmentTakenBack,
    AssignmentVerdicts,
)
from fieldsync.dispatch.assignments.take_back import recall, release
from fieldsync.dispatch.travel import StraightLine
from fieldsync.documents import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    STALE,
    idempotency_key,
    json_response,
    read_body,
    versions_wanted,
)
from fieldsync.problems import CrewNotEligible, CrewTaken, NotAllowed, NotFound, UnknownReference, Unprocessable
from fieldsync.schemas import PageArgs
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "assignments", __name__, url_prefix="/v1/assignments", actors=("dispatcher", "admin"),
    description="Assignments: a work order's crew in a planned time. A work order has one crew at a time, and as many"
                " assignments of it as it takes days. Dispatchers of the jurisdiction where the work lies plan it, with"
                " their own crews and those that agreements give them; a crew's home sees what it is planned for, and"
                " recalls it where that was agreed. Admins read.",
)  # fmt: skip
of_work_order_blp = Blueprint(
    "work_order_assignments", __name__, url_prefix="/v1/work-orders/<uuid:work_order_id>/assignments",
    actors=("dispatcher", "admin"), description="What was planned for a work order, and what became of it.",
)  # fmt: skip
WRITERS = ("dispatcher",)


def _dispatcher() -> Dispatcher:
    actor, settings = staff_actor(), current_app.config["FIELDSYNC"]
    return Dispatcher(
        db.session(), actor.partnership_id, actor.staff_id, own_jurisdictions(), now(), StraightLine.of(settings)
    )


def _page(found: tuple[list[str], str | None]) -> Response:
    sent, next_ = found
    return json_response(msgspec.json.encode({"items": [msgspec.Raw(one.encode()) for one in sent], "next": next_}))


def _present(assignment_id: UUID) -> Response:
    sent, version = reading.read_assignment(_dispatcher(), assignment_id)
    return json_response(sent, version)


@blp.get("")
@blp.arguments(AssignmentsArgs, location="query")
@blp.doc(responses={200: json_answer(AssignmentPage, "A page.")})
def list_(asked: dict[str, Any]) -> Response:
    """List assignments by their start

    Those of the work orders that you dispatch, and those of your crews wherever they are lent.
    """
    return _page(reading.list_assignments(_dispatcher(), asked))


@blp.post("", actors=WRITERS)
@blp.doc(
    requestBody=body_of(AssignmentsWanted),
    parameters=[IDEMPOTENCY_KEY],
    responses={200: json_answer(AssignmentVerdicts, "A verdict for each item, in their order.")},
)
@refuses(Unprocessable, CrewTaken)
def assign() -> Response:
    """Give work orders to crews for a time

    The items are decided in their order, each with what those before it have taken. A work order that has no crew yet,
    or another one, goes to the crew; what was planned for the other is released. Several items for one work order and
    one crew are parts of it, one a day, say.

    A refused item says why with every reason; the others are done, unless `all_or_none`. With an `id` for each item, or
    an Idempotency-Key from which ids are made, the same request sent again assigns nothing twice.
    """
    wanted, key = read_body(AssignmentsWanted), idempotency_key()
    with transaction():
        document = msgspec.json.encode(give(_dispatcher(), wanted, key))
    return json_response(document)


@blp.post("/moves", actors=WRITERS)
@blp.doc(
    requestBody=body_of(AssignmentMoves),
    responses={200: json_answer(AssignmentVerdicts, "A verdict for each item, in their order.")},
)
@refuses(Unprocessable, CrewTaken)
def move_many() -> Response:
    """Move assignments together

    All leave their places first, so that crews can exchange their jobs, and a day can be shifted by an hour. One that
    is refused stays where it is.
    """
    wanted = read_body(AssignmentMoves)
    with transaction():
        document = msgspec.json.encode(move(_dispatcher(), wanted))
    return json_response(document)


@blp.get("/<uuid:assignment_id>")
@blp.doc(responses={200: json_answer(AssignmentHistory, "The assignment; ETag is its version.")})
@refuses(NotFound)
def read(assignment_id: UUID) -> Response:
    """Read an assignment, and what happened to it"""
    return _present(assignment_id)


@blp.patch("/<uuid:assignment_id>", actors=WRITERS)
@blp.doc(
    requestBody=body_of(AssignmentPatch),
    parameters=[IF_MATCH],
    responses={200: json_answer(AssignmentHistory, "As it is now.")},
)
@refuses(*STALE, NotAllowed, UnknownReference, Unprocessable, AssignmentOver, AssignmentPinned, PartsLeftBehind,
         CrewTaken, CrewNotEligible)  # fmt: skip
def edit(assignment_id: UUID) -> Response:
    """Move, resize or pin an assignment"""
    change, versions = read_body(AssignmentPatch), versions_wanted()
    with transaction():
        move_one(_dispatcher(), assignment_id, change, versions)
    return _present(assignment_id)


@blp.post("/<uuid:assignment_id>/release", actors=WRITERS)
@blp.doc(
    requestBody=body_of(AssignmentTakenBack),
    parameters=[IF_MATCH],
    responses={200: json_answer(AssignmentHistory, "As it is now.")},
)
@refuses(*STALE, NotAllowed, Unprocessable, AssignmentOver)
def release_(assignment_id: UUID) -> Response:
    """Release an assignment

    The crew has its time back, and keeps the work order without this part of the plan.
    """
    body, versions = read_body(AssignmentTakenBack), versions_wanted()
    with transaction():
        release(_dispatcher(), assignment_id, versions, body.reason)
    return _present(assignment_id)


@blp.post("/<uuid:assignment_id>/recall", actors=WRITERS)
@blp.doc(
    requestBody=body_of(AssignmentTakenBack),
    parameters=[IF_MATCH],
    responses={200: json_answer(AssignmentHistory, "As it is now.")},
)
@refuses(*STALE, NotAllowed, Unprocessable, AssignmentOver, RecallNotAgreed)
def recall_(assignment_id: UUID) -> Response:
    """Recall a crew

    By a dispatcher of the jurisdiction that employs it, where the agreement gives the home priority or the crew was
    offered for a request. The work order leaves the crew with all that is planned of it; the reason is a note on it.
    """
    body, versions = read_body(AssignmentTakenBack), versions_wanted()
    with transaction():
        recall(_dispatcher(), assignment_id, versions, body.reason)
    return _present(assignment_id)


@of_work_order_blp.get("")
@of_work_order_blp.arguments(PageArgs, location="query")
@of_work_order_blp.doc(responses={200: json_answer(AssignmentHistoryPage, "A page.")})
@refuses(NotFound)
def list_of_work_order(asked: dict[str, Any], work_order_id: UUID) -> Response:
    """A work order's assignments, and what happened to each"""
    return _page(reading.list_of_work_order(_dispatcher(), work_order_id, asked))
