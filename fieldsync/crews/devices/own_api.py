"""What a tablet may ask about itself, and the rotation of its token."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from fieldsync.auth import tokens
from fieldsync.auth.actor import DEVICE, Blueprint, device_actor
from fieldsync.auth.models import Device, Token
from fieldsync.clock import now
from fieldsync.crews.devices.schemas import OwnDeviceSchema, RotatedTokenSchema
from fieldsync.crews.models import Crew
from fieldsync.database import db, new_id, transaction
from fieldsync.partnerships.models import Partnership
from fieldsync.problems import DeviceRevoked, NotAuthenticated

blp = Blueprint(
    "own_device", __name__, url_prefix="/v1/devices/current", actors=(DEVICE,), description="The tablet that asks."
)

UNUSED_TOKENS_MAX = 3
"""A tablet that asks again and again because answers are lost keeps its latest few."""

_DROP_UNUSED = text("""
    DELETE FROM token WHERE partnership_id = :partnership_id AND id IN (
        SELECT id FROM token
        WHERE partnership_id = :partnership_id AND device_id = :device_id AND last_used_at IS NULL
          AND revoked_at IS NULL
        ORDER BY created_at DESC, id DESC OFFSET :most
    )
""")


@blp.get("")
@blp.response(200, OwnDeviceSchema)
def read_own_device() -> dict[str, Any]:
    """The tablet that asks, its crew and partnership"""
    actor = device_actor()
    device, crew, partnership = db.session.execute(
        select(Device, Crew, Partnership)
        .join(Crew, (Crew.partnership_id == Device.partnership_id) & (Crew.id == Device.crew_id))
        .join(Partnership, Partnership.id == Device.partnership_id)
        .where(Device.partnership_id == actor.partnership_id, Device.id == actor.device_id)
    ).one()
    return {
        "id": device.id, "name": device.name, "crew": crew, "partnership": partnership,
        "expected_seq": device.next_seq, "app_version": device.app_version, "enrolled_at": device.enrolled_at,
    }  # fmt: skip


@blp.post("/token")
@blp.response(201, RotatedTokenSchema)
def rotate_token() -> dict[str, str]:
    """Get a new token

    The old one stays valid until the new one is first used, so an answer that is lost locks nobody out.
    """
    actor, at = device_actor(), now()
    key = {"partnership_id": actor.partnership_id, "device_id": actor.device_id}
    token, token_hash = tokens.make("device", actor.partnership_id)
    with transaction() as session:
        # Whoever revokes the device waits here, and then ends this token as well.
        device = session.scalars(
            select(Device)
            .where(Device.partnership_id == actor.partnership_id, Device.id == actor.device_id)
            .with_for_update(key_share=True)
        ).one()
        if device.revoked_at is not None:
            raise DeviceRevoked if device.quarantined else NotAuthenticated("This device has been revoked.")
        session.execute(_DROP_UNUSED, key | {"most": UNUSED_TOKENS_MAX - 1})
        session.add(Token(**key, token_hash=token_hash, id=new_id(), purpose="device", created_at=at))
    return {"token": token}
