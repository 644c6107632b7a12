"""Refused edits over HTTP: what crews entered and was not taken, for a person to look at."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from flask import Response
from msgspec import Meta, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.observe import REFUSALS_DECIDED
from fieldsync.office.desk import Desk
from fieldsync.office.refusals import decide
from fieldsync.office.refusals.answers import RefusedEditPage, RefusedEditRead
from fieldsync.office.refusals.enter import Correction
from fieldsync.office.refusals.read import list_refused, read_refused
from fieldsync.office.refusals.schemas import RefusedEditsArgs
from fieldsync.office.refused import A_STATUS_REFUSED, A_VALUE_REFUSED, REFUSED
from fieldsync.problems import (
    CrewNotEligible,
    NotAllowed,
    NotFound,
    RecordDeleted,
    RefusedEditApplied,
    RefusedEditNotApplicable,
)
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "refused_edits", __name__, url_prefix="/v1/refused-edits", actors=("dispatcher", "admin"),
    description="What crews entered and was refused, whole or in part, with what became of it. Admins read, dispatchers"
                " decide. It is seen by whoever has the jurisdiction of the crew, or the one in which the work lies.",
)  # fmt: skip
WRITERS = ("dispatcher",)

DECIDED = (*STALE, RefusedEditApplied)

Why = Annotated[str, Meta(min_length=1, max_length=2_000, pattern="^[^\\x00]*$")]
Name = Annotated[str, Meta(max_length=300)]


class Application(Struct, forbid_unknown_fields=True):
    """How a refused edit is entered."""

    fields: dict[str, Any] = {}
    """Corrections: these values instead of, or beside, the crew's."""
    without: Annotated[list[Name], Meta(max_length=100)] = []
    """The crew's fields that are left out, such as those that nobody here knows."""
    record_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    """The version of the record that you saw, 0 where there was none; 412 where it is another one by now. Left out: as
    it is now."""
    reason: Why | None = None


class _Application(Struct, forbid_unknown_fields=True):
    """``Application`` as it is read: values stay as they were sent."""

    fields: dict[str, msgspec.Raw] = {}
    without: Annotated[list[Name], Meta(max_length=100)] = []
    record_version: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    reason: Why | None = None


class RefusedEditReason(Struct, forbid_unknown_fields=True):
    """Why a refused edit is sent back, or dismissed. Its tablet shows it."""

    reason: Why


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())


@blp.get("")
@blp.arguments(RefusedEditsArgs, location="query")
@blp.doc(responses={200: json_answer(RefusedEditPage, "A page, and how many wait.")})
def list_(asked: dict[str, Any]) -> Response:
    """List refused edits, by when they were received

    `state=waiting` is the queue. An id in a filter that means nothing here gives an empty list.
    """
    page = list_refused(_desk(), asked)
    document = {
        "items": [msgspec.Raw(sent.encode()) for sent in page.sent],
        "next": page.next,
        "waiting": msgspec.Raw(page.waiting.encode()),
    }
    return json_response(msgspec.json.encode(document))


@blp.get("/<uuid:sender_id>/<uuid:refused_edit_id>")
@blp.doc(responses={200: json_answer(RefusedEditRead, "With all its fields; ETag is its version.")})
@refuses(NotFound)
def read(sender_id: UUID, refused_edit_id: UUID) -> Response:
    """Read a refused edit

    Named by the tablet that sent it and its own id: ids are an author's own.
    """
    version, document = read_refused(_desk(), sender_id, refused_edit_id)
    return json_response(document, version)


@blp.post("/<uuid:sender_id>/<uuid:refused_edit_id>/apply", actors=WRITERS)
@blp.doc(
    requestBody=body_of(Application),
    parameters=[IF_MATCH],
    responses={200: json_answer(RefusedEditRead, "It stands, as an edit of yours.")},
)
@refuses(
    *DECIDED, RefusedEditNotApplicable, NotAllowed, RecordDeleted, CrewNotEligible, *A_STATUS_REFUSED, *A_VALUE_REFUSED,
    REFUSED["record_exists"], REFUSED["depends_on"], REFUSED["unknown_record"], REFUSED["action_not_allowed"],
)  # fmt: skip
def apply(sender_id: UUID, refused_edit_id: UUID) -> Response:
    """Apply a refused edit as the office

    It becomes an edit of yours, with your corrections, on the record as it is now. A creation makes the record under
    the id that the tablet gave it, so that what depended on it can be applied afterwards; a new work order is the
    crew's, unless you say otherwise. Of an edit that was taken in part, the refused fields are entered. The tablet
    learns of it by its feed, and that you decided by its own list.
    """
    body, wanted = read_body(_Application), versions_wanted()
    correction = Correction(body.fields, frozenset(body.without), body.record_version, body.reason)
    with transaction():
        desk = _desk()
        decide.apply(desk, sender_id, refused_edit_id, correction, wanted)
        answer = _decided(desk, sender_id, refused_edit_id)
    REFUSALS_DECIDED.labels("applied").inc()
    return answer


@blp.post("/<uuid:sender_id>/<uuid:refused_edit_id>/send-back", actors=WRITERS)
@blp.doc(
    requestBody=body_of(RefusedEditReason),
    parameters=[IF_MATCH],
    responses={200: json_answer(RefusedEditRead, "Its tablet is told with its next exchange.")},
)
@refuses(*DECIDED)
def send_back(sender_id: UUID, refused_edit_id: UUID) -> Response:
    """Send a refused edit back to its crew

    Its tablet shows it with your words, and lets the crew enter it again.
    """
    return _put(sender_id, refused_edit_id, "sent_back")


@blp.post("/<uuid:sender_id>/<uuid:refused_edit_id>/dismiss", actors=WRITERS)
@blp.doc(
    requestBody=body_of(RefusedEditReason),
    parameters=[IF_MATCH],
    responses={200: json_answer(RefusedEditRead, "Nobody has to look at it any more.")},
)
@refuses(*DECIDED)
def dismiss(sender_id: UUID, refused_edit_id: UUID) -> Response:
    """Dismiss a refused edit

    It stays in the journal, with who dismissed it and why. It can still be applied, or sent back, later.
    """
    return _put(sender_id, refused_edit_id, "dismissed")


def _put(sender_id: UUID, refused_edit_id: UUID, state: str) -> Response:
    body, wanted = read_body(RefusedEditReason), versions_wanted()
    with transaction():
        desk = _desk()
        decide.put(desk, sender_id, refused_edit_id, state, body.reason, wanted)
        answer = _decided(desk, sender_id, refused_edit_id)
    REFUSALS_DECIDED.labels(state).inc()
    return answer


def _decided(desk: Desk, sender_id: UUID, edit_id: UUID) -> Response:
    version, document = read_refused(desk, sender_id, edit_id)
    return json_response(document, version)
