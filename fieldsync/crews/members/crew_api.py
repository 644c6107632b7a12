"""A crew's members, dated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.crews.belongings import expect_in_order, on_day
from fieldsync.crews.changed import stamp
from fieldsync.crews.find import find_crew, find_member
from fieldsync.crews.members.lead import expect_no_other_lead, hand_over
from fieldsync.crews.members.schemas import (
    MEMBERSHIPS_MAX,
    MembershipArgs,
    MembershipPageSchema,
    MembershipPatchSchema,
    MembershipSchema,
    NewLeadSchema,
    NewMembershipSchema,
)
from fieldsync.crews.models import Crew, CrewMembership
from fieldsync.crews.problems import LeadThere, TooManyThere
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import AlreadyThere, CrewDisbanded, NotFound, UnknownReference
from fieldsync.shapes import refuses

blp = Blueprint(
    "memberships", __name__, url_prefix="/v1/crews/<uuid:crew_id>/memberships", actors=STAFF,
    description="Who belonged to a crew, and from when to when. Admins of the crew's jurisdiction change it.",
)  # fmt: skip
lead_blp = Blueprint(
    "leads", __name__, url_prefix="/v1/crews/<uuid:crew_id>/lead", actors=STAFF,
    description="Who leads a crew. Admins of the crew's jurisdiction change it.",
)  # fmt: skip


_narrow = on_day(CrewMembership.since, CrewMembership.until)


def _crew(session: Session, crew_id: UUID, lock: bool = False) -> Crew:
    return find_crew(session, staff_actor().partnership_id, own_jurisdictions(), crew_id, lock)


def _all(crew_id: UUID) -> Any:
    return select(CrewMembership).where(
        CrewMembership.partnership_id == staff_actor().partnership_id, CrewMembership.crew_id == crew_id
    )


def _find(session: Session, crew_id: UUID, membership_id: UUID, lock: bool = False) -> CrewMembership:
    """``lock``: the crew is, and with it who leads it."""
    _crew(session, crew_id, lock)
    found: CrewMembership | None = session.scalars(
        _all(crew_id).where(CrewMembership.id == membership_id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


@blp.get("")
@blp.arguments(MembershipArgs, location="query")
@blp.response(200, MembershipPageSchema)
def list_memberships(args: dict[str, Any], crew_id: UUID) -> Page:
    """Who belonged to the crew, by first day"""
    _crew(db.session(), crew_id)
    keys = [CrewMembership.since, CrewMembership.id]
    return read_page(db.session(), _narrow(_all(crew_id), args), keys, args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewMembershipSchema)
@blp.response(201, MembershipSchema)
@refuses(AlreadyThere, CrewDisbanded, LeadThere, TooManyThere, UnknownReference)
def create_membership(wanted: dict[str, Any], crew_id: UUID) -> CrewMembership:
    """Add a member to the crew"""
    partnership_id, membership_id = staff_actor().partnership_id, new_id()
    with transaction() as session:
        _crew(session, crew_id)
        try:
            # Partners lend each other people: whoever may change the crew may add anybody of the partnership. Locked
            # before the crew: what changes of her meanwhile would not be stamped on it.
            find_member(session, partnership_id, None, wanted["member_id"], lock=True)
        except NotFound:
            raise UnknownReference("There is no such member.", field="member_id") from None
        if _crew(session, crew_id, lock=True).disbanded_at is not None:
            raise CrewDisbanded
        if session.scalars(select(func.count()).select_from(_all(crew_id).subquery())).one() >= MEMBERSHIPS_MAX:
            raise TooManyThere(f"A crew has {MEMBERSHIPS_MAX} memberships at most.", most=MEMBERSHIPS_MAX)
        membership = CrewMembership(partnership_id=partnership_id, id=membership_id, crew_id=crew_id, **wanted)
        expect_no_other_lead(session, membership)
        session.add(membership)
        stamp(session, partnership_id, [crew_id])
    return _find(db.session(), crew_id, membership_id)


@blp.get("/<uuid:membership_id>")
@blp.response(200, MembershipSchema)
def read_membership(crew_id: UUID, membership_id: UUID) -> CrewMembership:
    """One member's time in the crew"""
    return _find(db.session(), crew_id, membership_id)


@blp.patch("/<uuid:membership_id>", actors=("admin",))
@blp.arguments(MembershipPatchSchema)
@blp.response(200, MembershipSchema)
@refuses(AlreadyThere, LeadThere)
def update_membership(wanted: dict[str, Any], crew_id: UUID, membership_id: UUID) -> CrewMembership:
    """Change a member's first or last day in the crew, or whether she leads it in all of that time

    While somebody else leads the crew, she is named in the refusal: hand over from a day on with `/lead`.
    """
    with transaction() as session:
        membership = _find(session, crew_id, membership_id, lock=True)
        changed = {name: value for name, value in wanted.items() if getattr(membership, name) != value}
        if changed:
            with session.no_autoflush:
                for name, value in changed.items():
                    setattr(membership, name, value)
                expect_in_order(membership)
                expect_no_other_lead(session, membership)
            stamp(session, staff_actor().partnership_id, [crew_id])
    return _find(db.session(), crew_id, membership_id)


@lead_blp.post("", actors=("admin",))
@lead_blp.arguments(NewLeadSchema)
@lead_blp.response(200, MembershipSchema)
@refuses(UnknownReference)
def hand_over_lead(wanted: dict[str, Any], crew_id: UUID) -> CrewMembership:
    """Hand the lead over from a day on

    She leads from then to the end of her time in the crew. Whoever led stays a member: both memberships are divided at
    that day, and the answer is the one that leads. At no moment are there two. Safe to repeat.
    """
    with transaction() as session:
        _crew(session, crew_id, lock=True)
        try:
            membership = _find(session, crew_id, wanted["membership_id"])
        except NotFound:
            raise UnknownReference("The crew has no such membership.", field="membership_id") from None
        led = membership.is_lead
        leads_id = hand_over(session, membership, wanted["since"]).id
        if not led:
            stamp(session, staff_actor().partnership_id, [crew_id])
    return _find(db.session(), crew_id, leads_id)
