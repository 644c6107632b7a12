"""A crew's roster."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.crews.find import find_crew
from fieldsync.crews.rosters.read import roster_of
from fieldsync.crews.rosters.schemas import RosterArgs, RosterSchema
from fieldsync.database import db

blp = Blueprint(
    "rosters", __name__, url_prefix="/v1/crews/<uuid:crew_id>/roster", actors=STAFF,
    description="A crew's days as they come out of its shifts, exceptions, absences and members.",
)  # fmt: skip


@blp.get("")
@blp.arguments(RosterArgs, location="query")
@blp.response(200, RosterSchema)
def read_roster(args: dict[str, Any], crew_id: UUID) -> dict[str, Any]:
    """A crew's days: when it works, who is there, who leads, who is away, what it has"""
    session, partnership_id = db.session(), staff_actor().partnership_id
    find_crew(session, partnership_id, own_jurisdictions(), crew_id)
    return roster_of(session, partnership_id, crew_id, args["first"], args["last"])
