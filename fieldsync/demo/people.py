"""The demo's counties, service types, crews, members and staff, as rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from fieldsync.auth.models import Staff, StaffRole
from fieldsync.boundaries.check import expected_jurisdictions
from fieldsync.crews.models import Crew, CrewMembership, Member
from fieldsync.database import new_id
from fieldsync.demo.content import (
    CREWS,
    FIRST_NAMES,
    LAST_NAMES,
    MEMBERS_PER_CREW,
    PARTNERSHIP,
    REQUIRED_ON_COMPLETION,
    SERVICES,
    SLUG,
    STAFF,
    TIME_ZONE,
)
from fieldsync.demo.days import keep_hours
from fieldsync.demo.places import COUNTIES
from fieldsync.demo.sharing import promise, share
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Head, Jurisdiction, Partnership
from fieldsync.workorders.models import ServiceType
from geo.areas import AreaSet
from geo.load import load_draft
from geo.publish import publish, warning_kinds
from geo.read import read_areas
from geo.report import check_version
from geo.tables import layer

BOUNDARIES_HOLD_FROM = datetime(2024, 1, 1, tzinfo=UTC)
HIRED = date(2024, 1, 1)


def make_partnership(session: Session) -> UUID:
    """All that stands before the first work order. Returns the partnership's id."""
    partnership_id = new_id()
    counties = read_areas(COUNTIES, code_field="code", name_field="name", source_name=COUNTIES.name)
    session.add(Partnership(id=partnership_id, slug=SLUG, name=PARTNERSHIP, time_zone=TIME_ZONE))
    session.flush()
    session.add(Head(partnership_id=partnership_id))
    session.flush()
    change = next_change(session, partnership_id)
    jurisdiction_ids = _jurisdictions(session, partnership_id, counties, change)
    _boundaries(session, partnership_id, counties)
    session.execute(
        insert(ServiceType),
        [
            {"partnership_id": partnership_id, "id": new_id(), "code": kind.code, "name": kind.name,
             "skill": kind.skill, "priority": kind.priority, "target_hours": kind.target_hours,
             "minutes": kind.minutes, "certificates": list(kind.certificates),
             "required_on_completion": REQUIRED_ON_COMPLETION, "change": change}
            for kind in SERVICES
        ],
    )  # fmt: skip
    _crews(session, partnership_id, jurisdiction_ids)
    _staff(session, partnership_id, jurisdiction_ids)
    share(session, partnership_id, jurisdiction_ids)
    promise(session, partnership_id)
    return partnership_id


def _jurisdictions(session: Session, partnership_id: UUID, counties: AreaSet, change: int) -> dict[str, UUID]:
    ids = {code: new_id() for code in counties.codes if code is not None}
    session.execute(
        insert(Jurisdiction),
        [
            {
                "partnership_id": partnership_id,
                "id": ids[str(code)],
                "code": code,
                "name": f"{name} County",
                "change": change,
            }
            for code, name in zip(counties.codes, counties.names, strict=True)
        ],
    )
    return ids


def _boundaries(session: Session, partnership_id: UUID, counties: AreaSet) -> None:
    layer_id = new_id()
    session.execute(
        insert(layer).values(partnership_id=partnership_id, id=layer_id, name="Counties", role="jurisdiction")
    )
    version_id = load_draft(session, partnership_id, layer_id, counties)
    check_version(session, partnership_id, version_id, expected=expected_jurisdictions(session, partnership_id))
    warnings = warning_kinds(session, partnership_id, version_id)
    publish(session, partnership_id, version_id, BOUNDARIES_HOLD_FROM, acknowledged=warnings)


def _crews(session: Session, partnership_id: UUID, jurisdiction_ids: dict[str, UUID]) -> None:
    crews = [
        {"partnership_id": partnership_id, "id": new_id(), "jurisdiction_id": jurisdiction_ids[kind.county],
         "code": kind.code, "name": kind.name, "skills": list(kind.skills)}
        for kind in CREWS
    ]  # fmt: skip
    members = [
        {"partnership_id": partnership_id, "id": new_id(), "jurisdiction_id": crew["jurisdiction_id"],
         "name": f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[number % len(LAST_NAMES)]}",
         "personnel_number": f"P{number + 1:03}"}
        for number, crew in enumerate(crew for crew in crews for _ in range(MEMBERS_PER_CREW))
    ]  # fmt: skip
    session.execute(insert(Crew), crews)
    session.execute(insert(Member), members)
    session.execute(
        insert(CrewMembership),
        [
            {"partnership_id": partnership_id, "id": new_id(), "member_id": member["id"], "since": HIRED,
             "crew_id": crews[number // MEMBERS_PER_CREW]["id"], "is_lead": number % MEMBERS_PER_CREW == 0}
            for number, member in enumerate(members)
        ],
    )  # fmt: skip
    keep_hours(session, partnership_id, crews, members)


def _staff(session: Session, partnership_id: UUID, jurisdiction_ids: dict[str, UUID]) -> None:
    for kind in STAFF:
        staff_id = new_id()
        session.add(Staff(partnership_id=partnership_id, id=staff_id, email=kind.email, name=kind.name))
        session.flush()
        jurisdiction_id = jurisdiction_ids[kind.county] if kind.county else None
        session.add(
            StaffRole(
                partnership_id=partnership_id, id=new_id(), staff_id=staff_id, role=kind.role,
                jurisdiction_id=jurisdiction_id,
            )
        )  # fmt: skip
    session.flush()


def staff_id_of(session: Session, partnership_id: UUID, email: str) -> UUID:
    """The id of a member of the demo's staff."""
    found = session.execute(select(Staff.id).where(Staff.partnership_id == partnership_id, Staff.email == email))
    return found.scalar_one()
