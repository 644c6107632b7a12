"""Finding the devices that a member of staff may see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.auth.models import Device
from fieldsync.crews.find import Own
from fieldsync.crews.models import Crew
from fieldsync.problems import NotFound


def visible_devices(actor: StaffActor, own: Own) -> Any:
    """A query of the devices of the crews that one of these jurisdictions employs."""
    query = select(Device).where(Device.partnership_id == actor.partnership_id)
    if own is None:
        return query
    return query.where(
        Crew.partnership_id == Device.partnership_id, Crew.id == Device.crew_id, Crew.jurisdiction_id.in_(own)
    )


def find_device(session: Session, actor: StaffActor, own: Own, device_id: UUID, lock: bool = False) -> Device:
    """The device with this id. An exchange holds its row while it is received: whoever locks it waits for its end.

    Raises:
        NotFound: there is none that she may see.
    """
    query = visible_devices(actor, own).where(Device.id == device_id)
    if lock:
        # Whoever has read the row before reads it anew.
        query = query.with_for_update(of=Device, key_share=True).execution_options(populate_existing=True)
    found: Device | None = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound
    return found
