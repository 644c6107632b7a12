"""Finding vehicles and machines that somebody may see: her jurisdictions', and what their crews have or had."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from fieldsync.crews.find import Own
from fieldsync.crews.models import Crew, CrewEquipment, Equipment
from fieldsync.problems import NotFound


def visible_equipment(partnership_id: UUID, own: Own) -> Any:
    """A query of what somebody with these jurisdictions may see."""
    query = select(Equipment).where(Equipment.partnership_id == partnership_id)
    if own is None:
        return query
    with_own_crew = exists(CrewEquipment.id).where(
        CrewEquipment.partnership_id == Equipment.partnership_id,
        CrewEquipment.equipment_id == Equipment.id,
        Crew.partnership_id == CrewEquipment.partnership_id,
        Crew.id == CrewEquipment.crew_id,
        Crew.jurisdiction_id.in_(own),
    )
    return query.where(or_(Equipment.jurisdiction_id.in_(own), with_own_crew))


def find_equipment(
    session: Session, partnership_id: UUID, own: Own, equipment_id: UUID, lock: str | None = None
) -> Equipment:
    """What has this id. ``lock``: ``share`` where it must stay as it is, ``change`` where it is changed; whoever locks
    it and crews locks it first.

    Raises:
        NotFound: there is none that she may see.
    """
    query = visible_equipment(partnership_id, own).where(Equipment.id == equipment_id)
    if lock is not None:
        query = query.with_for_update(of=Equipment, read=lock == "share", key_share=lock == "change")
    found: Equipment | None = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound
    return found
