"""Devices, as the office sees them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from msgspec import Struct
from sqlalchemy import func, update

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.auth.models import Device, Token
from fieldsync.clock import now
from fieldsync.crews.devices.find import find_device, visible_devices
from fieldsync.crews.devices.schemas import DeviceArgs, DevicePageSchema, DevicePatchSchema, DeviceSchema
from fieldsync.crews.find import working_crew
from fieldsync.database import db, transaction
from fieldsync.documents import read_body
from fieldsync.pages import Page, read_page
from fieldsync.problems import CrewDisbanded, UnknownReference, Unprocessable
from fieldsync.shapes import body_of, refuses

MANAGE = ("dispatcher", "admin")

blp = Blueprint(
    "devices", __name__, url_prefix="/v1/devices", actors=STAFF,
    description="Crews' tablets: staff see those of their jurisdictions' crews.",
)  # fmt: skip


class Revocation(Struct, forbid_unknown_fields=True):
    """How a tablet is revoked."""

    quarantine: bool | None = None
    """Whether it may deposit what it still holds; left out: yes, or as it was."""


@blp.get("")
@blp.arguments(DeviceArgs, location="query")
@blp.response(200, DevicePageSchema)
def list_devices(args: dict[str, Any]) -> Page:
    """Tablets, in the order in which they were enrolled"""
    query = visible_devices(staff_actor(), own_jurisdictions())
    if "crew_id" in args:
        query = query.where(Device.crew_id == args["crew_id"])
    if (revoked := args.get("revoked")) is not None:
        query = query.where(Device.revoked_at.is_not(None) if revoked else Device.revoked_at.is_(None))
    if (waiting := args.get("waiting")) is not None:
        above = func.coalesce(Device.deposited_seq, 0) >= Device.next_seq
        query = query.where(above if waiting else ~above)
    return read_page(db.session(), query, [Device.id], args["limit"], args["cursor"])


@blp.get("/<uuid:device_id>")
@blp.response(200, DeviceSchema)
def read_device(device_id: UUID) -> Device:
    """One tablet"""
    return find_device(db.session(), staff_actor(), own_jurisdictions(), device_id)


@blp.patch("/<uuid:device_id>", actors=MANAGE)
@blp.arguments(DevicePatchSchema)
@blp.response(200, DeviceSchema)
@refuses(CrewDisbanded, UnknownReference)
def update_device(wanted: dict[str, Any], device_id: UUID) -> Device:
    """Rename a tablet, or move it to another crew

    After a move its next exchange says `reset`: it drops the old crew's records and receives the new crew's. What it
    still holds for the old crew's records is taken all the same: what was recorded stands, and what would change a
    record waits in a `custody` conflict. Jobs that were found before the move and come in after it are the new crew's.
    """
    actor, own = staff_actor(), own_jurisdictions()
    with transaction() as session:
        # The device before the crew, as everybody locks: an exchange holds the device and waits for work orders, and
        # whoever takes these from a crew waits for it.
        device = find_device(session, staff_actor(), own_jurisdictions(), device_id, lock=True)
        if "crew_id" in wanted:
            working_crew(session, actor.partnership_id, own, wanted["crew_id"])
        if (crew_id := wanted.get("crew_id", device.crew_id)) != device.crew_id:
            device.former_crew_ids = [*(set(device.former_crew_ids) | {device.crew_id}) - {crew_id}]
        for name, value in wanted.items():
            setattr(device, name, value)
    return find_device(db.session(), staff_actor(), own_jurisdictions(), device_id)


@blp.post("/<uuid:device_id>/revoke", actors=MANAGE)
@blp.doc(requestBody=body_of(Revocation) | {"required": False})
@blp.response(200, DeviceSchema)
@refuses(Unprocessable)
def revoke_device(device_id: UUID) -> Device:
    """Let a tablet in no more

    Lost or stolen: its tokens end at once, for good. What it sent stays. What it still holds it may deposit, and
    nothing else: that waits in its quarantine for a dispatcher (see `/quarantine`), and the tablet is told nothing.
    With `quarantine: false` that is not taken either. Safe to repeat: the first time stands; `quarantine` may be
    changed.
    """
    actor, at = staff_actor(), now()
    wanted = read_body(Revocation) if request.mimetype else Revocation()
    with transaction() as session:
        device = find_device(session, actor, own_jurisdictions(), device_id, lock=True)
        if device.revoked_at is None:
            device.revoked_at, device.revoked_by = at, actor.staff_id
            device.quarantined = True
        if wanted.quarantine is not None:
            device.quarantined = wanted.quarantine
        # At the device's own moment: by that, tokens that ended with it are told from those that ended before.
        session.execute(
            update(Token)
            .where(
                Token.partnership_id == actor.partnership_id, Token.device_id == device_id, Token.revoked_at.is_(None)
            )
            .values(revoked_at=device.revoked_at)
        )
    return find_device(db.session(), actor, own_jurisdictions(), device_id)
