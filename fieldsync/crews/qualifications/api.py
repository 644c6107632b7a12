"""Skills and certificates of members, and which of them run out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, staff_actor
from fieldsync.crews.belongings import Belonging, OfMember, blueprint, expect_in_order, on_day
from fieldsync.crews.find import visible_members
from fieldsync.crews.models import Member, Qualification
from fieldsync.crews.qualifications import schemas
from fieldsync.database import db
from fieldsync.pages import Page, read_page

QUALIFICATIONS = Belonging(
    model=Qualification,
    owner=OfMember(where_she_works=False),
    one="qualification",
    noun="a skill or a certificate",
    listed="A member's skills and certificates, by first day",
    most=schemas.QUALIFICATIONS_MAX,
    keys=[Qualification.valid_from, Qualification.id],
    writers=("admin",),
    item=schemas.QualificationSchema,
    page=schemas.QualificationPageSchema,
    new=schemas.NewQualificationSchema,
    patch=schemas.QualificationPatchSchema,
    args=schemas.MemberQualificationArgs,
    narrow=on_day(Qualification.valid_from, Qualification.valid_until),
    check=lambda session, row: expect_in_order(row, "valid_from", "valid_until"),
    about_adding="One that is renewed is added anew, so that what held when stays known; the times may overlap.",
)

member_blp = blueprint(
    "member_qualifications", "/v1/members/<uuid:member_id>/qualifications", QUALIFICATIONS,
    "What a member can and may do, dated. Admins of her employer change it.",
)  # fmt: skip
blp = Blueprint(
    "qualifications", __name__, url_prefix="/v1/qualifications", actors=STAFF,
    description="Skills and certificates of all members whom you may see.",
)  # fmt: skip


@blp.get("")
@blp.arguments(schemas.ExpiringArgs, location="query")
@blp.response(200, schemas.QualificationPageSchema)
def list_expiring(args: dict[str, Any]) -> Page:
    """Skills and certificates that run out, by last day

    One that has been renewed is listed all the same: what followed it is with the member.
    """
    members = visible_members(staff_actor().partnership_id, own_jurisdictions())
    if "jurisdiction_id" in args:
        members = members.where(Member.jurisdiction_id == args["jurisdiction_id"])
    query = select(Qualification).where(
        Qualification.partnership_id == staff_actor().partnership_id,
        Qualification.member_id.in_(members.with_only_columns(Member.id)),
        Qualification.valid_until < args["expiring_before"],
    )
    if "expiring_from" in args:
        query = query.where(Qualification.valid_until >= args["expiring_from"])
    for name in ("sort", "code"):
        if name in args:
            query = query.where(getattr(Qualification, name) == args[name])
    keys = [Qualification.valid_until, Qualification.id]
    return read_page(db.session(), query, keys, args["limit"], args["cursor"])
