"""Vehicles and machines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, require_jurisdiction, staff_actor
from fieldsync.clock import now
from fieldsync.crews.changed import crews_of_equipment, stamp
from fieldsync.crews.equipment.find import find_equipment, visible_equipment
from fieldsync.crews.equipment.schemas import (
    EquipmentArgs,
    EquipmentPageSchema,
    EquipmentPatchSchema,
    EquipmentSchema,
    NewEquipmentSchema,
)
from fieldsync.crews.find import expect_jurisdiction
from fieldsync.crews.models import CrewEquipment, Equipment
from fieldsync.crews.problems import EquipmentInUse
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import AlreadyThere, UnknownReference
from fieldsync.shapes import refuses

blp = Blueprint(
    "equipment", __name__, url_prefix="/v1/equipment", actors=STAFF,
    description="Vehicles and machines: staff see those that their jurisdictions own, and what their crews have. "
    "Admins of the owner change them.",
)  # fmt: skip


def _find(equipment_id: UUID) -> Equipment:
    return find_equipment(db.session(), staff_actor().partnership_id, own_jurisdictions(), equipment_id)


@blp.get("")
@blp.arguments(EquipmentArgs, location="query")
@blp.response(200, EquipmentPageSchema)
def list_equipment(args: dict[str, Any]) -> Page:
    """Vehicles and machines, by code"""
    query = visible_equipment(staff_actor().partnership_id, own_jurisdictions())
    for name in ("jurisdiction_id", "sort", "retired"):
        if name in args:
            query = query.where(getattr(Equipment, name) == args[name])
    return read_page(db.session(), query, [Equipment.code], args["limit"], args["cursor"])


@blp.post("", actors=("admin",))
@blp.arguments(NewEquipmentSchema)
@blp.response(201, EquipmentSchema)
@refuses(AlreadyThere, UnknownReference)
def create_equipment(wanted: dict[str, Any]) -> Equipment:
    """Add a vehicle or a machine"""
    partnership_id, equipment_id = require_jurisdiction(wanted["jurisdiction_id"]).partnership_id, new_id()
    with transaction() as session:
        expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        session.add(Equipment(partnership_id=partnership_id, id=equipment_id, **wanted))
    return _find(equipment_id)


@blp.get("/<uuid:equipment_id>")
@blp.response(200, EquipmentSchema)
def read_equipment(equipment_id: UUID) -> Equipment:
    """One vehicle or machine"""
    return _find(equipment_id)


@blp.patch("/<uuid:equipment_id>", actors=("admin",))
@blp.arguments(EquipmentPatchSchema)
@blp.response(200, EquipmentSchema)
@refuses(AlreadyThere, EquipmentInUse, UnknownReference)
def update_equipment(wanted: dict[str, Any], equipment_id: UUID) -> Equipment:
    """Change a vehicle or a machine, or retire it

    What a crew has, now or later, is not retired: end that first.
    """
    partnership_id = staff_actor().partnership_id
    with transaction() as session:
        found = find_equipment(session, partnership_id, own_jurisdictions(), equipment_id, lock="change")
        require_jurisdiction(found.jurisdiction_id)
        if "jurisdiction_id" in wanted:
            require_jurisdiction(wanted["jurisdiction_id"])
            expect_jurisdiction(session, partnership_id, wanted["jurisdiction_id"])
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed.get("retired"):
            _expect_unused(session, found)
        for name, value in changed.items():
            setattr(found, name, value)
        if changed:
            stamp(session, partnership_id, crews_of_equipment(session, partnership_id, equipment_id))
    return _find(equipment_id)


def _expect_unused(session: Session, equipment: Equipment) -> None:
    # The last day may not be over yet where the crew is.
    yesterday = (now() - timedelta(days=1)).date()
    holding = select(CrewEquipment).where(
        CrewEquipment.partnership_id == equipment.partnership_id,
        CrewEquipment.equipment_id == equipment.id,
        or_(CrewEquipment.until.is_(None), CrewEquipment.until > yesterday),
    )
    if (held := session.scalars(holding.limit(1)).one_or_none()) is not None:
        raise EquipmentInUse(field="retired", crew_id=str(held.crew_id))
