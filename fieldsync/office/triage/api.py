"""Triage over HTTP: work orders of which a person must say whose they are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import fields, validate
from msgspec import Meta, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.office.answers import PlacementRead, WorkOrderRead
from fieldsync.office.desk import Desk
from fieldsync.office.triage import decide, queries
from fieldsync.pages import decode, encode
from fieldsync.problems import NotAllowed, NotInTriage, RecordDeleted, UnknownReference, Unprocessable
from fieldsync.schemas import PageArgs
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.workorders.models import TRIAGE
from fieldsync.workorders.rules import Status
from geo.assign import in_force

blp = Blueprint(
    "triage", __name__, url_prefix="/v1/triage", actors=("dispatcher", "gis", "admin"),
    description="Work orders that lie outside every area, or so that a person should say whose they are.",
)  # fmt: skip

REASONS = tuple(reason for reason in TRIAGE if reason != "accepted")


class TriageArgs(PageArgs):
    """Filters of the list; all that are given must hold."""

    reason = fields.String(validate=validate.OneOf(REASONS))
    jurisdiction_id = fields.UUID(metadata={"description": "Where the rules placed it."})
    status = fields.List(fields.Enum(Status, by_value=True), metadata={"description": "Any of these; repeatable."})


class Near(Struct):
    """An area near the point, by the version in force."""

    code: str
    name: str
    jurisdiction_id: UUID | None
    """None where no jurisdiction bears the area's code."""
    distance_m: float
    """0 inside."""


class TriageItem(Struct):
    """A work order in triage."""

    reason: str
    """``outside``: no area; ``no_jurisdiction``: the area's code is no jurisdiction's; ``near_border``: within the
    layer's border distance; ``withdrawn``: placed by a version that has been withdrawn."""
    work_order: WorkOrderRead
    placement: PlacementRead
    near: list[Near]
    """The three nearest areas."""


class TriagePage(Struct):
    """Those that wait longest come first."""

    items: list[TriageItem]
    next: str | None
    waiting: dict[str, int]
    """Reason -> how many wait, whatever the filters."""


class Decision(Struct, forbid_unknown_fields=True):
    """What a person says."""

    decision: Literal["accept", "move"]
    """``accept``: it stays where the rules placed it; ``move``: it is ``jurisdiction_id``'s."""
    jurisdiction_id: UUID | None = None
    reason: Annotated[str, Meta(max_length=300, pattern="^[^\\x00]*$")] | None = None
    """Kept in the history."""


@blp.get("")
@blp.arguments(TriageArgs, location="query")
@blp.doc(responses={200: json_answer(TriagePage, "A page, and how many wait.")})
def list_(asked: dict[str, Any]) -> Response:
    """List what waits for a decision

    Who dispatches for some jurisdictions only sees theirs; what lies outside all of them is for those who see all.
    """
    desk = _desk()
    given = {name: value for name in queries.FILTERS if (value := asked.get(name)) is not None}
    if "status" in given:
        given["status"] = [str(status) for status in given["status"]]
    cursor = asked["cursor"]
    after = decode(cursor, [datetime, UUID]) if cursor is not None else [None, None]
    base = in_force(desk.session, desk.partnership_id).base
    base_id = None if base is None else base.version_id
    bound = desk.ids(base_id=base_id, after_at=after[0], after_id=after[1], rows=asked["limit"] + 1) | given
    rows = desk.session.execute(queries.listed(given), bound).all()
    page = rows[: asked["limit"]]
    waiting = desk.session.execute(queries.WAITING, desk.ids()).scalar_one()
    document = {
        "items": [msgspec.Raw(row.sent.encode()) for row in page],
        "next": encode([page[-1].placed_at, page[-1].id]) if len(rows) > len(page) else None,
        "waiting": msgspec.Raw(waiting.encode()),
    }
    return json_response(msgspec.json.encode(document))


@blp.post("/<uuid:work_order_id>", actors=("dispatcher", "gis"))
@blp.doc(
    requestBody=body_of(Decision),
    parameters=[IF_MATCH],
    responses={200: json_answer(WorkOrderRead, "The work order as it stands now.")},
)
@refuses(*STALE, NotAllowed, NotInTriage, RecordDeleted, UnknownReference)
def decide_(work_order_id: UUID) -> Response:
    """Decide whose a work order is

    The decision is remembered for this work order: a publication does not overrule a `move`, and does not ask again
    about what was accepted and stays. A correction of its point or service type places it by the rules again.
    """
    body, wanted = read_body(Decision), versions_wanted()
    if (body.decision == "move") is (body.jurisdiction_id is None):
        raise Unprocessable("It is given with a move, and only then.", field="jurisdiction_id")
    with transaction():
        desk = _desk()
        if body.jurisdiction_id is None:
            found = decide.accept(desk, work_order_id, body.reason, wanted)
        else:
            found = decide.move(desk, work_order_id, body.jurisdiction_id, body.reason, wanted)
    return json_response(found.sent, found.version)


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())
