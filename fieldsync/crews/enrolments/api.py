"""Enrolment: a dispatcher makes a code, a tablet trades it for its token."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import segno
from flask import current_app, request
from sqlalchemy import select, update

from fieldsync.auth.actor import ANYONE, Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.crews.enrolments import codes
from fieldsync.crews.enrolments.schemas import (
    CreatedEnrolmentSchema,
    EnrolledSchema,
    EnrolmentArgs,
    EnrolmentPageSchema,
    NewEnrolmentSchema,
    TradeSchema,
)
from fieldsync.crews.enrolments.trade import trade
from fieldsync.crews.find import working_crew
from fieldsync.crews.models import Crew, Enrolment
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.partnerships.models import Partnership
from fieldsync.problems import CodeNotValid, CrewDisbanded, NotFound, UnknownReference
from fieldsync.shapes import refuses

blp = Blueprint(
    "enrolments", __name__, url_prefix="/v1/enrolments", actors=("dispatcher", "admin"),
    description="One-time codes by which tablets join crews.",
)  # fmt: skip
trade_blp = Blueprint(
    "enrolling", __name__, url_prefix="/v1/devices", actors=(ANYONE,), description="A tablet joins its crew."
)


def _visible() -> Any:
    query = select(Enrolment).where(Enrolment.partnership_id == staff_actor().partnership_id)
    if (own := own_jurisdictions()) is None:
        return query
    return query.where(
        Crew.partnership_id == Enrolment.partnership_id, Crew.id == Enrolment.crew_id, Crew.jurisdiction_id.in_(own)
    )


@blp.get("")
@blp.arguments(EnrolmentArgs, location="query")
@blp.response(200, EnrolmentPageSchema)
def list_enrolments(args: dict[str, Any]) -> Page:
    """Codes that were made, oldest first, used and expired ones included; never the codes themselves"""
    query = _visible()
    if "crew_id" in args:
        query = query.where(Enrolment.crew_id == args["crew_id"])
    return read_page(db.session(), query, [Enrolment.id], args["limit"], args["cursor"])


@blp.post("")
@blp.arguments(NewEnrolmentSchema)
@blp.response(201, CreatedEnrolmentSchema)
@refuses(UnknownReference, CrewDisbanded)
def create_enrolment(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make a one-time code for a crew's new tablet

    The code, also as a QR code, is in this answer and never again.
    """
    actor, at = staff_actor(), now()
    settings: Settings = current_app.config["FIELDSYNC"]
    slug = db.session.scalars(select(Partnership.slug).where(Partnership.id == actor.partnership_id)).one()
    code = codes.make(slug)
    row = wanted | {
        "id": new_id(), "created_by": actor.staff_id, "created_at": at,
        "expires_at": at + timedelta(hours=settings.enrolment_hours),
    }  # fmt: skip
    code_hash = codes.hashed(actor.partnership_id, code)
    with transaction() as session:
        working_crew(session, actor.partnership_id, own_jurisdictions(), wanted["crew_id"])
        session.add(Enrolment(partnership_id=actor.partnership_id, code_hash=code_hash, **row))
    qr_payload = codes.payload(settings.public_url or request.url_root.rstrip("/"), code)
    return row | {
        "used_at": None, "device_id": None, "code": code.text(), "qr_payload": qr_payload, "qr_svg": _svg(qr_payload),
    }  # fmt: skip


@blp.delete("/<uuid:enrolment_id>")
@blp.response(204)
def cancel_enrolment(enrolment_id: UUID) -> None:
    """Make a code of no use

    A device that it was traded for stays; revoke that one. Safe to repeat.
    """
    with transaction() as session:
        if session.scalars(_visible().where(Enrolment.id == enrolment_id)).one_or_none() is None:
            raise NotFound
        at = now()
        session.execute(
            update(Enrolment)
            .where(
                Enrolment.partnership_id == staff_actor().partnership_id, Enrolment.id == enrolment_id,
                Enrolment.used_at.is_(None), Enrolment.expires_at > at,
            )
            .values(expires_at=at)
        )  # fmt: skip


@trade_blp.post("/enrol")
@trade_blp.arguments(TradeSchema)
@trade_blp.response(201, EnrolledSchema)
@refuses(CodeNotValid)
def enrol(wanted: dict[str, Any]) -> dict[str, Any]:
    """Trade a one-time code for a device token

    If the answer is lost, the code is used all the same: the office makes another one.
    """
    return trade(wanted["code"], wanted["app_version"], wanted["name"], now(), wanted["former_token"])


def _svg(payload: str) -> str:
    # Level M still reads with a scratched screen; the quiet zone of four modules is part of the standard.
    drawn = io.BytesIO()
    segno.make(payload, error="m", micro=False).save(drawn, kind="svg", scale=6, border=4, xmldecl=False)
    return drawn.getvalue().decode()
