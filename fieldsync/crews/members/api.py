"""Members, and who belonged to which crew from when to when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, require_jurisdiction, staff_actor
from fieldsync.crews.changed import crews_of_member, stamp
from fieldsync.crews.find import expect_jurisdiction, find_member, visible_members
from fieldsync.crews.members.schemas import MemberPageSchema, MemberPatchSchema, MemberSchema, NewMemberSchema
from fieldsync.crews.models import Member
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import AlreadyThere, UnknownReference
from fieldsync.schemas import PageArgs
from fieldsync.shapes import refuses

blp = Blueprint(
    "members", __name__, url_prefix="/v1/members", actors=STAFF,
    description="People who work in the field: staff see those whom their jurisdictions employ, and those in their "
    "crews. Admins change those whom their jurisdictions employ.",
)  # fmt: skip


def _find(member_id: UUID) -> Member:
    return find_member(db.session(), staff_actor().partnership_id, own_jurisdictions(), member_id)


@blp.get("")
@blp.arguments(PageArgs, location="query")
@blp.response(200, MemberPageSchema)
def list_members(args: dict[str, Any]) -> Page:
    """People who work in the field, by name"""
    query = visible_members(staff_actor().partnership_id, own_jurisdictions())
    return read_page(db.session(), query, [Member.name, Member.id], args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewMemberSchema)
@blp.response(201, MemberSchema)
@refuses(AlreadyThere, UnknownReference)
def create_member(wanted: dict[str, Any]) -> Member:
    """Add a person who works in the field

    Only an admin of the whole partnership can add one whom no partner employs.
    """
    partnership_id, member_id = require_jurisdiction(wanted["jurisdiction_id"]).partnership_id, new_id()
    with transaction() as session:
        if wanted["jurisdiction_id"] is not None:
            expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        session.add(Member(partnership_id=partnership_id, id=member_id, **wanted))
    return _find(member_id)


@blp.get("/<uuid:member_id>")
@blp.response(200, MemberSchema)
def read_member(member_id: UUID) -> Member:
    """One person"""
    return _find(member_id)


@blp.patch("/<uuid:member_id>", actors=("admin",))
@blp.arguments(MemberPatchSchema)
@blp.response(200, MemberSchema)
@refuses(AlreadyThere, UnknownReference)
def update_member(wanted: dict[str, Any], member_id: UUID) -> Member:
    """Change a person's name, number or employer"""
    partnership_id, own = staff_actor().partnership_id, own_jurisdictions()
    with transaction() as session:
        member = find_member(session, partnership_id, own, member_id, lock=True)
        require_jurisdiction(member.jurisdiction_id)
        if "jurisdiction_id" in wanted:
            require_jurisdiction(wanted["jurisdiction_id"])
            if wanted["jurisdiction_id"] is not None:
                expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        changed = {name: value for name, value in wanted.items() if getattr(member, name) != value}
        for name, value in changed.items():
            setattr(member, name, value)
        if changed:
            stamp(session, partnership_id, crews_of_member(session, partnership_id, member_id))
    return _find(member_id)
