"""Crews."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, require_jurisdiction, staff_actor
from fieldsync.crews.changed import stamp
from fieldsync.crews.find import expect_jurisdiction, find_crew
from fieldsync.crews.models import Crew
from fieldsync.crews.schemas import CrewArgs, CrewPageSchema, CrewPatchSchema, CrewSchema, NewCrewSchema
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import AlreadyThere, UnknownReference
from fieldsync.shapes import refuses

blp = Blueprint(
    "crews", __name__, url_prefix="/v1/crews", actors=STAFF,
    description="Crews: staff see those of their jurisdictions, whose admins change them.",
)  # fmt: skip


def _find(crew_id: UUID) -> Crew:
    return find_crew(db.session(), staff_actor().partnership_id, own_jurisdictions(), crew_id)


@blp.get("")
@blp.arguments(CrewArgs, location="query")
@blp.response(200, CrewPageSchema)
def list_crews(args: dict[str, Any]) -> Page:
    """Crews, by code"""
    query = select(Crew).where(Crew.partnership_id == staff_actor().partnership_id)
    if (own := own_jurisdictions()) is not None:
        query = query.where(Crew.jurisdiction_id.in_(own))
    if "jurisdiction_id" in args:
        query = query.where(Crew.jurisdiction_id == args["jurisdiction_id"])
    if (disbanded := args.get("disbanded")) is not None:
        query = query.where(Crew.disbanded_at.is_not(None) if disbanded else Crew.disbanded_at.is_(None))
    return read_page(db.session(), query, [Crew.code], args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewCrewSchema)
@blp.response(201, CrewSchema)
@refuses(AlreadyThere, UnknownReference)
def create_crew(wanted: dict[str, Any]) -> Crew:
    """Add a crew"""
    partnership_id, crew_id = require_jurisdiction(wanted["jurisdiction_id"]).partnership_id, new_id()
    with transaction() as session:
        expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        session.add(Crew(partnership_id=partnership_id, id=crew_id, **wanted))
        stamp(session, partnership_id, [crew_id])
    return _find(crew_id)


@blp.get("/<uuid:crew_id>")
@blp.response(200, CrewSchema)
def read_crew(crew_id: UUID) -> Crew:
    """One crew"""
    return _find(crew_id)


@blp.patch("/<uuid:crew_id>", actors=("admin",))
@blp.arguments(CrewPatchSchema)
@blp.response(200, CrewSchema)
@refuses(AlreadyThere, UnknownReference)
def update_crew(wanted: dict[str, Any], crew_id: UUID) -> Crew:
    """Change a crew"""
    partnership_id = staff_actor().partnership_id
    with transaction() as session:
        crew = find_crew(session, partnership_id, own_jurisdictions(), crew_id, lock=True)
        if "jurisdiction_id" in wanted:
            require_jurisdiction(wanted["jurisdiction_id"])
            expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        changed = {name: value for name, value in wanted.items() if getattr(crew, name) != value}
        for name, value in changed.items():
            setattr(crew, name, value)
        if changed:
            stamp(session, partnership_id, [crew_id])
    return _find(crew_id)
