"""The demo's jobs: entered as the dispatcher would, through the journal."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.crews.models import Crew
from fieldsync.database import new_id
from fieldsync.demo.content import CREWS, SERVICES, STREETS, ServiceKind
from fieldsync.demo.places import Place, Places
from fieldsync.journal.edits import Author, Edit, Verdict
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.workorders.models import ServiceType

ASSIGNED_SHARE = 0.85
"""The rest waits for a dispatcher."""

TASKS = ("Secure the site", "Do the work", "Take photos", "Clean up")


def make_jobs(
    session: Session, partnership_id: UUID, dispatcher_id: UUID, count: int, chance: random.Random, at: datetime
) -> None:
    """Enter ``count`` work orders, some with tasks, at points within the counties.

    ``chance`` decides all but the ids; ``at`` is when they are entered.
    """
    places = Places()
    services = _ids(session, ServiceType, partnership_id)
    crews = _ids(session, Crew, partnership_id)
    edits: list[Edit] = []
    for _ in range(count):
        service = chance.choice(SERVICES)
        work_order_id = new_id()
        fields = job(service, places.inside(chance), chance)
        fields |= {"service_type_id": services[service.code], "crew_id": None}
        fields["due_at"] = at + timedelta(hours=service.target_hours)
        if chance.random() < ASSIGNED_SHARE:
            able = [crew.code for crew in CREWS if service.skill in crew.skills]
            fields["crew_id"] = crews[chance.choice(able)]
        edits.append(_create("work_order", work_order_id, fields, at))
        if chance.random() < 0.3:
            edits += [
                _create("task", new_id(), {"work_order_id": work_order_id, "title": title, "position": position}, at)
                for position, title in enumerate(TASKS)
            ]
    outcome = enter(session, Author(dispatcher_id, "office", partnership_id), edits, at)
    assert all(decision.verdict is Verdict.APPLIED for decision in outcome.decisions)


def job(service: ServiceKind, place: Place, chance: random.Random) -> dict[str, Any]:
    """The fields of a new work order that a person would type in: title, address, priority, tags, location."""
    title = chance.choice(service.titles)
    street = chance.choice(STREETS)
    return {
        "title": f"{title}, {street}",
        "address": f"{chance.randint(1, 900)} {street}",
        "priority": service.priority,
        "tags": chance.sample(("school-route", "bus-line", "night-work", "one-lane"), chance.choice((0, 0, 1, 2))),
        "location": {"lon": place.lon, "lat": place.lat},
    }


def _create(kind: str, record_id: UUID, fields: dict[str, Any], at: datetime) -> Edit:
    raw = msgspec.Raw(msgspec.json.encode(fields))
    return prepare("office", new_id(), None, kind, record_id, "create", None, at, at, raw)


def _ids(session: Session, model: type[ServiceType] | type[Crew], partnership_id: UUID) -> dict[str, UUID]:
    rows = session.execute(select(model.code, model.id).where(model.partnership_id == partnership_id))
    return {row.code: row.id for row in rows}
