"""Disbanding crews, and reinstating them."""

from __future__ import annotations

from uuid import UUID

import structlog

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.crews.changed import stamp
from fieldsync.crews.find import find_crew
from fieldsync.crews.models import Crew
from fieldsync.crews.schemas import CrewSchema
from fieldsync.database import db, transaction
from fieldsync.dispatch.disbanding.take_out import Disbanded, take_out
from fieldsync.problems import Problem

TAKEN_AT_ONCE = 500
"""Open jobs that leave before the answer: some two seconds. The worker takes the rest."""

log = structlog.get_logger()

blp = Blueprint(
    "disbanding", __name__, url_prefix="/v1/crews", actors=("admin",), description="Crews that work no more."
)


@blp.post("/<uuid:crew_id>/disband")
@blp.response(200, CrewSchema)
def disband_crew(crew_id: UUID) -> Crew:
    """Disband a crew

    It gets no new jobs, devices and members. Its open jobs go to nobody, and what was planned for them is released:
    the first 500 before this is answered, the rest within seconds. Jobs that are done keep it as the record of who did
    them. Its tablets keep their tokens: they drop all records, and what they still hold is taken. Safe to repeat.
    """
    actor = staff_actor()
    with transaction() as session:
        crew = find_crew(session, actor.partnership_id, own_jurisdictions(), crew_id, lock=True)
        # The first time stands.
        if crew.disbanded_at is None:
            crew.disbanded_at, crew.disbanded_by = now(), actor.staff_id
            stamp(session, actor.partnership_id, [crew_id])
        disbanded = Disbanded(actor.partnership_id, crew_id, crew.disbanded_by)
    try:
        take_out(disbanded, TAKEN_AT_ONCE)
    except Problem as problem:  # It is disbanded: the worker goes on.
        log.warning("open jobs of a disbanded crew left for the worker", crew_id=str(crew_id), why=problem.code)
    return find_crew(db.session(), actor.partnership_id, own_jurisdictions(), crew_id)


@blp.post("/<uuid:crew_id>/reinstate")
@blp.response(200, CrewSchema)
def reinstate_crew(crew_id: UUID) -> Crew:
    """Take back that a crew was disbanded

    Its tablets download what it has anew: the jobs that it did. The open ones that went to nobody stay there until
    somebody gives them to a crew. Safe to repeat.
    """
    partnership_id = staff_actor().partnership_id
    with transaction() as session:
        crew = find_crew(session, partnership_id, own_jurisdictions(), crew_id, lock=True)
        if crew.disbanded_at is not None:
            crew.disbanded_at = crew.disbanded_by = crew.taken_out_at = None
            stamp(session, partnership_id, [crew_id])
    return find_crew(db.session(), partnership_id, own_jurisdictions(), crew_id)
