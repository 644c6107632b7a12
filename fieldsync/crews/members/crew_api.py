"""A crew's members, dated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.crews.find import find_crew
from fieldsync.crews.members.api import find_member
from fieldsync.crews.members.schemas import (
    MembershipArgs,
    MembershipPageSchema,
    MembershipPatchSchema,
    MembershipSchema,
    NewMembershipSchema,
)
from fieldsync.crews.models import CrewMembership
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import AlreadyThere, CrewDisbanded, NotFound, UnknownReference, Unprocessable
from fieldsync.shapes import refuses

blp = Blueprint(
    "memberships", __name__, url_prefix="/v1/crews/<uuid:crew_id>/memberships", actors=STAFF,
    description="Who belonged to a crew, and from when to when. Admins of the crew's jurisdiction change it.",
)  # fmt: skip


def _find(session: Session, crew_id: UUID, membership_id: UUID, lock: bool = False) -> CrewMembership:
    partnership_id = staff_actor().partnership_id
    find_crew(session, partnership_id, own_jurisdictions(), crew_id)
    query = select(CrewMembership).where(
        CrewMembership.partnership_id == partnership_id,
        CrewMembership.crew_id == crew_id,
        CrewMembership.id == membership_id,
    )
    found = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


@blp.get("")
@blp.arguments(MembershipArgs, location="query")
@blp.response(200, MembershipPageSchema)
def list_memberships(args: dict[str, Any], crew_id: UUID) -> Page:
    """Who belonged to the crew, by first day"""
    partnership_id = staff_actor().partnership_id
    find_crew(db.session(), partnership_id, own_jurisdictions(), crew_id)
    query = select(CrewMembership).where(
        CrewMembership.partnership_id == partnership_id, CrewMembership.crew_id == crew_id
    )
    if "on" in args:
        query = query.where(
            CrewMembership.since <= args["on"],
            or_(CrewMembership.until.is_(None), CrewMembership.until >= args["on"]),
        )
    keys = [CrewMembership.since, CrewMembership.id]
    return read_page(db.session(), query, keys, args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewMembershipSchema)
@blp.response(201, MembershipSchema)
@refuses(AlreadyThere, CrewDisbanded, UnknownReference)
def create_membership(wanted: dict[str, Any], crew_id: UUID) -> CrewMembership:
    """Add a member to the crew"""
    partnership_id, own, membership_id = staff_actor().partnership_id, own_jurisdictions(), new_id()
    with transaction() as session:
        if find_crew(session, partnership_id, own, crew_id, lock=True).disbanded_at is not None:
            raise CrewDisbanded
        try:
            # Partners lend each other people: whoever may change the crew may add anybody of the partnership.
            find_member(session, partnership_id, None, wanted["member_id"])
        except NotFound:
            raise UnknownReference("There is no such member.", field="member_id") from None
        session.add(CrewMembership(partnership_id=partnership_id, id=membership_id, crew_id=crew_id, **wanted))
    return _find(db.session(), crew_id, membership_id)


@blp.get("/<uuid:membership_id>")
@blp.response(200, MembershipSchema)
def read_membership(crew_id: UUID, membership_id: UUID) -> CrewMembership:
    """One member's time in the crew"""
    return _find(db.session(), crew_id, membership_id)


@blp.patch("/<uuid:membership_id>", actors=("admin",))
@blp.arguments(MembershipPatchSchema)
@blp.response(200, MembershipSchema)
@refuses(AlreadyThere)
def update_membership(wanted: dict[str, Any], crew_id: UUID, membership_id: UUID) -> CrewMembership:
    """Change a member's first or last day in the crew"""
    with transaction() as session:
        membership = _find(session, crew_id, membership_id, lock=True)
        for name, value in wanted.items():
            setattr(membership, name, value)
        if membership.until is not None and membership.until < membership.since:
            raise Unprocessable("The last day is before the first.", field="until")
    return _find(db.session(), crew_id, membership_id)
