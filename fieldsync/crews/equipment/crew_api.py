"""Which crew has a vehicle or a machine, dated."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from fieldsync.auth.actor import own_jurisdictions, require_jurisdiction, staff_actor
from fieldsync.crews.belongings import Belonging, OfCrew, blueprint, expect_in_order, on_day
from fieldsync.crews.equipment import schemas
from fieldsync.crews.equipment.find import find_equipment
from fieldsync.crews.models import CrewEquipment
from fieldsync.crews.problems import EquipmentRetired, EquipmentTaken
from fieldsync.problems import NotAllowed, NotFound, UnknownReference


def _in_service(session: Session, wanted: dict[str, Any]) -> None:
    try:
        found = find_equipment(
            session, staff_actor().partnership_id, own_jurisdictions(), wanted["equipment_id"], lock="share"
        )
    except NotFound:
        raise UnknownReference("There is no such equipment that you may see.", field="equipment_id") from None
    try:
        require_jurisdiction(found.jurisdiction_id)
    except NotAllowed:
        raise NotAllowed("Your role does not hold for the partner that owns it.", field="equipment_id") from None
    if found.retired:
        raise EquipmentRetired(field="equipment_id")


HOLDINGS = Belonging(
    model=CrewEquipment,
    owner=OfCrew(),
    one="holding",
    noun="a vehicle or a machine of a crew",
    listed="What a crew has, by first day",
    most=schemas.HOLDINGS_MAX,
    keys=[CrewEquipment.since, CrewEquipment.id],
    writers=("admin",),
    item=schemas.CrewEquipmentSchema,
    page=schemas.CrewEquipmentPageSchema,
    new=schemas.NewCrewEquipmentSchema,
    patch=schemas.CrewEquipmentPatchSchema,
    args=schemas.CrewEquipmentArgs,
    narrow=on_day(CrewEquipment.since, CrewEquipment.until),
    prepare=_in_service,
    check=lambda session, row: expect_in_order(row),
    refuses=(EquipmentRetired, EquipmentTaken, UnknownReference),
    about_adding="One that another partner owns is lent by somebody who is an admin of both.",
)

blp = blueprint(
    "crew_equipment", "/v1/crews/<uuid:crew_id>/equipment", HOLDINGS,
    "Which vehicles and machines a crew has, dated. Admins of the crew's jurisdiction change it.",
)  # fmt: skip
