"""Business calendars over HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, url_for

from fieldsync.auth.actor import STAFF, Blueprint, require_whole_partnership, staff_actor
from fieldsync.clock import now
from fieldsync.crews.problems import TooManyThere
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, versions_wanted
from fieldsync.problems import AlreadyThere, ComeAgain, NotAllowed, NotFound
from fieldsync.schemas import PageArgs
from fieldsync.servicelevels.answers import CalendarPage, CalendarRead
from fieldsync.servicelevels.calendars import change
from fieldsync.servicelevels.calendars.change import Acting
from fieldsync.servicelevels.calendars.schemas import CalendarBodySchema
from fieldsync.servicelevels.problems import CalendarInUse
from fieldsync.shapes import json_answer, refuses

blp = Blueprint(
    "service_calendars", __name__, url_prefix="/v1/service-levels/calendars", actors=STAFF,
    description="Business calendars: when the time of service levels counts. All staff read them; admins of the whole"
                " partnership change them.",
)  # fmt: skip
ADMINS = ("admin",)

ATTEMPTS = 3
"""So often a calendar is replaced anew where clocks began to run by it meanwhile, before the admin is asked to come
again: each time it waits for the batches that began them, and then knows their work orders."""


def _acting() -> Acting:
    return Acting(db.session(), staff_actor().partnership_id, now())


def _answer(calendar_id: UUID, status: int = 200) -> Response:
    found = change.read_calendar(_acting(), calendar_id)
    return json_response(msgspec.json.encode(found), found.version, status)


@blp.get("")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(CalendarPage, "A page of calendars.")})
def list_(asked: dict[str, Any]) -> Response:
    """List calendars, by name"""
    return json_response(msgspec.json.encode(change.list_calendars(_acting(), asked["limit"], asked["cursor"])))


@blp.post("", actors=ADMINS)
@blp.arguments(CalendarBodySchema)
@blp.doc(responses={201: json_answer(CalendarRead, "It is there; no policy counts by it yet.")})
@refuses(NotAllowed, AlreadyThere, TooManyThere)
def create(wanted: dict[str, Any]) -> Response:
    """Add a calendar"""
    require_whole_partnership()
    with transaction():
        calendar_id = change.create(_acting(), wanted)
    response = _answer(calendar_id, 201)
    response.headers["Location"] = url_for("service_calendars.read", calendar_id=calendar_id)
    return response


@blp.get("/<uuid:calendar_id>")
@blp.doc(responses={200: json_answer(CalendarRead, "The calendar with its holidays; ETag is its version.")})
@refuses(NotFound)
def read(calendar_id: UUID) -> Response:
    """Read a calendar"""
    return _answer(calendar_id)


@blp.put("/<uuid:calendar_id>", actors=ADMINS)
@blp.arguments(CalendarBodySchema)
@blp.doc(parameters=[IF_MATCH], responses={200: json_answer(CalendarRead, "As it is now.")})
@refuses(*STALE, NotAllowed, AlreadyThere, CalendarInUse)
def replace(wanted: dict[str, Any], calendar_id: UUID) -> Response:
    """Replace a calendar, with its holidays

    Of one by which a policy counts, only the name and the holidays after today may change: what has counted stays. The
    clocks that run by it then run out as the new holidays say.
    """
    require_whole_partnership()
    versions = versions_wanted()
    for _ in range(ATTEMPTS):
        with suppress(change.Overtaken):
            with transaction():
                change.replace(_acting(), calendar_id, wanted, versions)
            return _answer(calendar_id)
    raise ComeAgain


@blp.delete("/<uuid:calendar_id>", actors=ADMINS)
@blp.response(204)
@refuses(NotFound, NotAllowed, CalendarInUse)
def delete(calendar_id: UUID) -> None:
    """Remove a calendar that no policy names"""
    require_whole_partnership()
    with transaction():
        change.delete(_acting(), calendar_id)
