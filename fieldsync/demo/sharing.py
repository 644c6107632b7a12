"""What the demo's counties have agreed on: whose crews work for whom, and how soon work is done; as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from fieldsync.agreements.models import Agreement, AgreementParty, AgreementTerm, AgreementVersion
from fieldsync.database import new_id
from fieldsync.demo.content import (
    CAP_MINUTES_PER_WEEK,
    CREW_CENTS_PER_HOUR,
    CREWS,
    HOLIDAYS,
    OFFICE_HOURS,
    SERVICES,
    TIME_ZONE,
    URGENT,
    WEEKDAYS,
    ServiceKind,
)
from fieldsync.servicelevels.models import BusinessCalendar, Holiday, ServicePolicy, ServiceTarget
from fieldsync.workorders.models import ServiceType

AGREED_ON = date(2024, 1, 1)
AGREED_AT = datetime(2024, 1, 1, tzinfo=UTC)
NOTICE_DAYS = 30


def share(session: Session, partnership_id: UUID, jurisdiction_ids: Mapping[str, UUID]) -> None:
    """One agreement among all counties: whoever employs a crew lends it to all others, up to a cap, and may recall
    it."""
    own = {"partnership_id": partnership_id}
    agreement_id, version_id = new_id(), new_id()
    givers = sorted({crew.county for crew in CREWS})
    session.execute(
        insert(Agreement),
        own | {"id": agreement_id, "code": "SHARED-CREWS", "title": "Shared field crews", "created_at": AGREED_AT},
    )
    session.execute(
        insert(AgreementVersion),
        own | {"id": version_id, "agreement_id": agreement_id, "number": 1, "state": "accepted",
               "starts_on": AGREED_ON, "notice_days": NOTICE_DAYS, "proposer_id": jurisdiction_ids[givers[0]],
               "proposed_at": AGREED_AT, "settled_at": AGREED_AT, "during": Range(AGREED_ON, None)},
    )  # fmt: skip
    session.execute(
        insert(AgreementParty),
        [own | {"version_id": version_id, "jurisdiction_id": id_, "accepted_at": AGREED_AT}
         for id_ in jurisdiction_ids.values()],
    )  # fmt: skip
    between = [(giver, receiver) for giver in givers for receiver in sorted(jurisdiction_ids) if giver != receiver]
    session.execute(
        insert(AgreementTerm),
        [
            own | {"id": new_id(), "version_id": version_id, "position": position,
                   "giver_id": jurisdiction_ids[giver], "receiver_id": jurisdiction_ids[receiver],
                   "cap_minutes": CAP_MINUTES_PER_WEEK, "cap_period": "week", "home_priority": True,
                   "cents_per_hour": CREW_CENTS_PER_HOUR}
            for position, (giver, receiver) in enumerate(between, start=1)
        ],
    )  # fmt: skip


def promise(session: Session, partnership_id: UUID) -> None:
    """Service levels: urgent work counts around the clock, other work in office hours."""
    own = {"partnership_id": partnership_id}
    always, office, policy_id = new_id(), new_id(), new_id()
    day, (opens, closes) = range(1, 8), OFFICE_HOURS
    session.execute(
        insert(BusinessCalendar),
        [
            own | {"id": always, "name": "Around the clock", "time_zone": TIME_ZONE,
                   "hours": [{"weekday": number, "from": "00:00", "until": "24:00"} for number in day]},
            own | {"id": office, "name": "Office hours", "time_zone": TIME_ZONE,
                   "hours": [{"weekday": number, "from": opens, "until": closes} for number in WEEKDAYS]},
        ],
    )  # fmt: skip
    session.execute(
        insert(Holiday),
        [own | {"calendar_id": office, "day": date.fromisoformat(iso), "name": name} for iso, name in HOLIDAYS],
    )
    session.execute(
        insert(ServicePolicy),
        own | {"id": policy_id, "number": 1, "starts_at": AGREED_AT, "published_at": AGREED_AT},
    )
    ids = select(ServiceType.code, ServiceType.id).where(ServiceType.partnership_id == partnership_id)
    service_ids = {row.code: row.id for row in session.execute(ids)}
    session.execute(
        insert(ServiceTarget),
        [
            own | {"id": new_id(), "policy_id": policy_id, "service_type_id": service_ids[kind.code],
                   "calendar_id": always if kind.priority <= URGENT else office,
                   "response_minutes": _counted(kind) // 4, "resolution_minutes": _counted(kind)}
            for kind in SERVICES
        ],
    )  # fmt: skip


def _counted(kind: ServiceKind) -> int:
    """The target in minutes of its calendar: of a day, nine hours count where the work is not urgent."""
    return kind.target_hours * 60 if kind.priority <= URGENT else kind.target_hours * 60 * 9 // 24
