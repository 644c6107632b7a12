"""Suggestions over HTTP: crews for a work order, and work orders for a crew's day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, current_app

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.dispatch.rank import Slot
from fieldsync.dispatch.reasons import shown_to
from fieldsync.dispatch.router import Router, Ways, router_of
from fieldsync.dispatch.suggestions.shapes import (
    CrewsArgs,
    CrewSuggestions,
    Document,
    JobsArgs,
    JobSuggestions,
)
from fieldsync.dispatch.suggestions.suggest import Asked, Own, Suggested, crews_for, jobs_for
from fieldsync.documents import json_response
from fieldsync.problems import NotFound
from fieldsync.shapes import json_answer, refuses

blp = Blueprint(
    "suggestions", __name__, url_prefix="/v1", actors=("dispatcher", "admin"),
    description="Which crew is best for a work order, and which work for a crew's day, with every reason for and"
                " against. Nothing is written: a proposal becomes an assignment when somebody assigns it.",
)  # fmt: skip


@blp.get("/work-orders/<uuid:work_order_id>/suggestions")
@blp.arguments(CrewsArgs, location="query")
@blp.doc(responses={200: json_answer(CrewSuggestions, "Crews, the best first, with every reason.")})
@refuses(NotFound)
def suggest_crews(asked: dict[str, Any], work_order_id: UUID) -> Response:
    """Suggest crews for a work order

    Yours, and those that an agreement or an offer gives to your jurisdictions. Those that cannot do it come last, with
    what is in the way. What is planned for the work order already is taken as moving away.
    """
    own = own_jurisdictions()
    starts_at: datetime | None = asked.get("starts_at")
    wanted = Asked(starts_at and starts_at.astimezone(UTC), asked.get("minutes"), asked["days"], asked["limit"])
    actor = staff_actor()
    job, found = crews_for(db.session(), actor.partnership_id, own, work_order_id, wanted, now(), _router())
    document = {
        "suggestions": [
            _suggestion(slot, found, own, wanted.minutes or job.minutes, slot.crew.id) | {"crew": _crew(slot)}
            for slot in found.slots
        ],
        "travel": _travel(found.ways),
        "from": found.within.starts,
        "until": found.within.ends,
        "minutes": wanted.minutes or job.minutes,
        "considered": found.considered,
        "unexamined": found.unexamined,
        "more": found.more,
    }
    return json_response(msgspec.json.encode(document))


@blp.get("/crews/<uuid:crew_id>/suggestions")
@blp.arguments(JobsArgs, location="query")
@blp.doc(responses={200: json_answer(JobSuggestions, "Work orders, the most urgent first, each with a time.")})
@refuses(NotFound)
def suggest_jobs(asked: dict[str, Any], crew_id: UUID) -> Response:
    """Suggest work for a crew's day

    Open work orders that nobody is assigned to and that fit the time that the crew has left on that day, each by
    itself. For a crew of yours also those of other jurisdictions that an agreement lets it serve (`yours`: false):
    their dispatchers can assign it. For a guest only those of your jurisdictions.
    """
    own, actor = own_jurisdictions(), staff_actor()
    day: date | None = asked.get("day")
    found = jobs_for(db.session(), actor.partnership_id, own, crew_id, day, asked["limit"], now(), _router())
    document = {
        "suggestions": [
            _suggestion(slot, found, own, slot.job.minutes, slot.job.id) | {"work_order": _job(slot, own)}
            for slot in found.slots
        ],
        "travel": _travel(found.ways),
        "day": found.day,
        "considered": found.considered,
        "unexamined": found.unexamined,
        "waiting": found.waiting,
        "ruled_out": found.ruled_out,
    }
    return json_response(msgspec.json.encode(document))


def _router() -> Router:
    settings: Settings = current_app.config["FIELDSYNC"]
    return router_of(settings)


def _suggestion(slot: Slot, found: Suggested, own: Own, minutes: int, id_: UUID) -> Document:
    answer = slot.answer.told(shown_to(own, slot.crew, found.situation.booked.get(slot.crew.id, ()))).document()
    starts_at: datetime | None = None if slot.span is None else slot.span.starts
    assignment = {
        "work_order_id": slot.job.id, "crew_id": slot.crew.id, "starts_at": starts_at, "minutes": minutes,
        "grant_id": answer["grant_id"], "reasons": answer["reasons"],
    }  # fmt: skip
    load = slot.load
    return {
        "eligible": slot.fits,
        "assignments": [assignment],
        "shortfalls": [reason.code for reason in slot.answer.bad()],
        "late": slot.late,
        "travel_minutes": answer["travel_minutes"],
        "added_travel_minutes": slot.added_travel,
        "overtime_minutes": answer["overtime_minutes"],
        "load": load and {
            "day": load.day, "work_minutes": load.work, "travel_minutes": load.travel,
            "capacity_minutes": load.capacity,
        },
        "travel_by": "router" if id_ in found.routed else "straight_line",
    }  # fmt: skip


def _travel(ways: Ways) -> Document:
    return {"by": ways.by, "because": ways.because, "unrouted": ways.unrouted}


def _crew(slot: Slot) -> Document:
    crew = slot.crew
    return {"id": crew.id, "code": crew.code, "name": crew.name, "jurisdiction_id": crew.jurisdiction_id}


def _job(slot: Slot, own: Own) -> Document:
    job = slot.job
    return {
        "id": job.id, "title": job.title, "service_type_id": job.service_type_id, "service_type": job.service_type,
        "jurisdiction_id": job.jurisdiction_id, "status": job.status, "priority": job.priority, "due_at": job.due_at,
        "location": {"lon": job.at.lon, "lat": job.at.lat}, "yours": own is None or job.jurisdiction_id in own,
    }  # fmt: skip
