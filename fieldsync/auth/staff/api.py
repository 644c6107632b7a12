"""Staff, as the admins of a whole partnership manage them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from fieldsync.auth import passwords
from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.auth.models import Staff, StaffRole
from fieldsync.auth.staff import change
from fieldsync.auth.staff.change import Role
from fieldsync.auth.staff.schemas import (
    NewStaffSchema,
    RolesSchema,
    SetPasswordSchema,
    StaffArgs,
    StaffPageSchema,
    StaffPatchSchema,
    StaffSchema,
)
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.pages import read_page
from fieldsync.problems import AlreadyThere, LastAdmin
from fieldsync.shapes import refuses

# Nobody gives away what she does not have: an admin of one jurisdiction manages no staff, here or elsewhere.
blp = Blueprint(
    "staff", __name__, url_prefix="/v1/staff", actors=("admin",), whole_partnership=True,
    description="Who works in the offices.",
)  # fmt: skip


def _shown(partnership_id: UUID, people: Sequence[Staff]) -> list[dict[str, Any]]:
    """People with their roles, in two statements however many they are."""
    query = select(StaffRole).where(
        StaffRole.partnership_id == partnership_id, StaffRole.staff_id.in_([person.id for person in people])
    )
    roles: dict[UUID, list[StaffRole]] = {person.id: [] for person in people}
    for role in db.session.scalars(query.order_by(StaffRole.role, StaffRole.jurisdiction_id)):
        roles[role.staff_id].append(role)
    return [
        {"id": person.id, "email": person.email, "name": person.name, "roles": roles[person.id],
         "has_password": person.password_hash is not None, "created_at": person.created_at,
         "disabled_at": person.disabled_at}
        for person in people
    ]  # fmt: skip


def _read(staff_id: UUID) -> dict[str, Any]:
    partnership_id = staff_actor().partnership_id
    return _shown(partnership_id, [change.find(db.session(), partnership_id, staff_id)])[0]


@blp.get("")
@blp.arguments(StaffArgs, location="query")
@blp.response(200, StaffPageSchema)
def list_staff(args: dict[str, Any]) -> dict[str, Any]:
    """Everybody who works in the offices, by e-mail address"""
    partnership_id = staff_actor().partnership_id
    query = select(Staff).where(Staff.partnership_id == partnership_id)
    if (disabled := args.get("disabled")) is not None:
        query = query.where(Staff.disabled_at.is_not(None) if disabled else Staff.disabled_at.is_(None))
    page = read_page(db.session(), query, [Staff.email], args["limit"], args["cursor"])
    return {"items": _shown(partnership_id, page.items), "next": page.next}


@blp.post("")
@blp.arguments(NewStaffSchema)
@blp.response(201, StaffSchema)
@refuses(AlreadyThere)
def create_staff(wanted: dict[str, Any]) -> dict[str, Any]:
    """Add a person"""
    password = wanted.get("password")
    password_hash = passwords.hashed(password) if password else None
    partnership_id = staff_actor().partnership_id
    with transaction() as session:
        staff_id = change.add(
            session, partnership_id, wanted["email"], wanted["name"], password_hash, _roles(wanted["roles"])
        )
    return _read(staff_id)


@blp.get("/<uuid:staff_id>")
@blp.response(200, StaffSchema)
def read_staff(staff_id: UUID) -> dict[str, Any]:
    """One person"""
    return _read(staff_id)


@blp.patch("/<uuid:staff_id>")
@blp.arguments(StaffPatchSchema)
@blp.response(200, StaffSchema)
@refuses(AlreadyThere)
def update_staff(wanted: dict[str, Any], staff_id: UUID) -> dict[str, Any]:
    """Change a person's name or address"""
    with transaction() as session:
        person = _locked(session, staff_id)
        for name, value in wanted.items():
            setattr(person, name, value)
    return _read(staff_id)


@blp.put("/<uuid:staff_id>/roles")
@blp.arguments(RolesSchema)
@blp.response(200, StaffSchema)
@refuses(LastAdmin)
def set_roles(wanted: dict[str, Any], staff_id: UUID) -> dict[str, Any]:
    """Give a person these roles and no others

    It holds from her next request on.
    """
    with transaction() as session:
        change.set_roles(session, _locked(session, staff_id), _roles(wanted["roles"]))
    return _read(staff_id)


@blp.put("/<uuid:staff_id>/password")
@blp.arguments(SetPasswordSchema)
@blp.response(204)
def set_password(wanted: dict[str, Any], staff_id: UUID) -> None:
    """Set a person's password

    Her sessions end; her API tokens stay.
    """
    password_hash = passwords.hashed(wanted["password"])
    with transaction() as session:
        person = _locked(session, staff_id)
        person.password_hash = password_hash
        change.revoke(session, person, now(), ["session"])


@blp.post("/<uuid:staff_id>/disable")
@blp.response(200, StaffSchema)
@refuses(LastAdmin)
def disable_staff(staff_id: UUID) -> dict[str, Any]:
    """Let a person in no more

    All her tokens end. What she did stays on record. Safe to repeat.
    """
    with transaction() as session:
        change.disable(session, _locked(session, staff_id), now())
    return _read(staff_id)


@blp.post("/<uuid:staff_id>/enable")
@blp.response(200, StaffSchema)
def enable_staff(staff_id: UUID) -> dict[str, Any]:
    """Let a person in again

    The tokens that she had stay revoked. Safe to repeat.
    """
    with transaction() as session:
        _locked(session, staff_id).disabled_at = None
    return _read(staff_id)


def _locked(session: Any, staff_id: UUID) -> Staff:
    return change.find(session, staff_actor().partnership_id, staff_id, lock=True)


def _roles(wanted: list[dict[str, Any]]) -> list[Role]:
    return [Role(**role) for role in wanted]
