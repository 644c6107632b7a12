"""Numbering what changed about crews, so that whoever asks "since when" sees every crew that is not as it was."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from fieldsync.crews.models import CrewEquipment, CrewMembership
from fieldsync.partnerships.head import next_change

# In the order of their ids, as everybody locks them.
_LOCK = text("""
    SELECT FROM crew WHERE partnership_id = :partnership_id AND id = ANY(:crew_ids) ORDER BY id FOR NO KEY UPDATE
""")

_STAMP = text("UPDATE crew SET change = :change WHERE partnership_id = :partnership_id AND id = ANY(:crew_ids)")


def stamp(session: Session, partnership_id: UUID, crew_ids: Collection[UUID]) -> None:
    """Give these crews the number of this transaction. Its last step: it takes the partnership's head."""
    session.flush()
    if not crew_ids:
        return
    crews = {"partnership_id": partnership_id, "crew_ids": list(crew_ids)}
    session.execute(_LOCK, crews)
    session.execute(_STAMP, crews | {"change": next_change(session, partnership_id)})


def crews_of_member(session: Session, partnership_id: UUID, member_id: UUID) -> Collection[UUID]:
    """The crews that somebody is, was or will be a member of: their rosters show her."""
    query = select(CrewMembership.crew_id).where(
        CrewMembership.partnership_id == partnership_id, CrewMembership.member_id == member_id
    )
    return session.scalars(query.distinct()).all()


def crews_of_equipment(session: Session, partnership_id: UUID, equipment_id: UUID) -> Collection[UUID]:
    """The crews that have, had or will have a vehicle or a machine."""
    query = select(CrewEquipment.crew_id).where(
        CrewEquipment.partnership_id == partnership_id, CrewEquipment.equipment_id == equipment_id
    )
    return session.scalars(query.distinct()).all()
