"""Devices, as the office sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.auth.models import Device, Token
from fieldsync.clock import now
from fieldsync.crews.devices.schemas import DeviceArgs, DevicePageSchema, DevicePatchSchema, DeviceSchema
from fieldsync.crews.find import working_crew
from fieldsync.crews.models import Crew
from fieldsync.database import db, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import CrewDisbanded, NotFound, UnknownReference
from fieldsync.shapes import refuses

MANAGE = ("dispatcher", "admin")

blp = Blueprint(
    "devices", __name__, url_prefix="/v1/devices", actors=STAFF,
    description="Crews' tablets: staff see those of their jurisdictions' crews.",
)  # fmt: skip


def _visible() -> Any:
    query = select(Device).where(Device.partnership_id == staff_actor().partnership_id)
    if (own := own_jurisdictions()) is None:
        return query
    return query.where(
        Crew.partnership_id == Device.partnership_id, Crew.id == Device.crew_id, Crew.jurisdiction_id.in_(own)
    )


def _find(session: Session, device_id: UUID, lock: bool = False) -> Device:
    query = _visible().where(Device.id == device_id)
    # An exchange holds the device's row while it is received: this waits for its end.
    found: Device | None = session.scalars(
        query.with_for_update(of=Device, key_share=True) if lock else query
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


@blp.get("")
@blp.arguments(DeviceArgs, location="query")
@blp.response(200, DevicePageSchema)
def list_devices(args: dict[str, Any]) -> Page:
    """Tablets, in the order in which they were enrolled"""
    query = _visible()
    if "crew_id" in args:
        query = query.where(Device.crew_id == args["crew_id"])
    if (revoked := args.get("revoked")) is not None:
        query = query.where(Device.revoked_at.is_not(None) if revoked else Device.revoked_at.is_(None))
    return read_page(db.session(), query, [Device.id], args["limit"], args["cursor"])


@blp.get("/<uuid:device_id>")
@blp.response(200, DeviceSchema)
def read_device(device_id: UUID) -> Device:
    """One tablet"""
    return _find(db.session(), device_id)


@blp.patch("/<uuid:device_id>", actors=MANAGE)
@blp.arguments(DevicePatchSchema)
@blp.response(200, DeviceSchema)
@refuses(CrewDisbanded, UnknownReference)
def update_device(wanted: dict[str, Any], device_id: UUID) -> Device:
    """Rename a tablet, or move it to another crew

    After a move its next exchange says `reset`: it drops the old crew's records and receives the new crew's. Let it
    exchange first: what it still holds for the old crew's records is refused afterwards, and only kept in the journal.
    """
    actor, own = staff_actor(), own_jurisdictions()
    with transaction() as session:
        # The crew before the device: an order in which nobody else locks them the other way round.
        if "crew_id" in wanted:
            _find(session, device_id)
            working_crew(session, actor.partnership_id, own, wanted["crew_id"])
        device = _find(session, device_id, lock=True)
        for name, value in wanted.items():
            setattr(device, name, value)
    return _find(db.session(), device_id)


@blp.post("/<uuid:device_id>/revoke", actors=MANAGE)
@blp.response(200, DeviceSchema)
def revoke_device(device_id: UUID) -> Device:
    """Let a tablet in no more

    Lost or stolen: its tokens end at once, for good. What it sent stays; what it still holds is not taken any more.
    Safe to repeat: the first time stands.
    """
    actor, at = staff_actor(), now()
    with transaction() as session:
        device = _find(session, device_id, lock=True)
        if device.revoked_at is None:
            device.revoked_at, device.revoked_by = at, actor.staff_id
        session.execute(
            update(Token)
            .where(
                Token.partnership_id == actor.partnership_id, Token.device_id == device_id, Token.revoked_at.is_(None)
            )
            .values(revoked_at=at)
        )
    return _find(db.session(), device_id)
