"""When the demo's crews work, where they start, what they may do and what they drive, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from fieldsync.crews.models import CrewEquipment, Equipment, Qualification, Shift
from fieldsync.database import new_id
from fieldsync.demo.content import CREWS, MEMBERS_PER_CREW, OVERTIME_MINUTES, SATURDAY, SHIFT, WEEKDAYS
from fieldsync.demo.places import Places

SINCE = date(2024, 1, 1)
EXPIRES = date(2028, 12, 31)

_DEPOT = text("""
    UPDATE crew SET depot = ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), overtime_minutes = :overtime
    WHERE partnership_id = :partnership_id AND id = :id
""")


def keep_hours(
    session: Session, partnership_id: UUID, crews: Sequence[dict[str, Any]], members: Sequence[dict[str, Any]]
) -> None:
    """``crews`` and ``members`` are rows in the order of ``CREWS``, ``MEMBERS_PER_CREW`` of these to each of those."""
    places = Places()
    own = {"partnership_id": partnership_id}
    for number, (crew, kind) in enumerate(zip(crews, CREWS, strict=True)):
        depot = places.middle(kind.county)
        bound = own | {"id": crew["id"], "lon": depot.lon, "lat": depot.lat, "overtime": OVERTIME_MINUTES}
        session.execute(_DEPOT, bound)
        week = [(day, *SHIFT) for day in WEEKDAYS] + ([(6, *SATURDAY)] if "winter" in kind.skills else [])
        session.execute(
            insert(Shift),
            [
                own | {"id": new_id(), "crew_id": crew["id"], "weekday": day, "starts": time.fromisoformat(starts),
                       "minutes": minutes, "since": SINCE}
                for day, starts, minutes in week
            ],
        )  # fmt: skip
        holder = members[number * MEMBERS_PER_CREW]
        for code in kind.certificates:
            session.execute(
                insert(Qualification),
                own | {"id": new_id(), "member_id": holder["id"], "sort": "certificate", "code": code,
                       "number": f"{code[:2].upper()}-{number + 1:04}", "valid_from": SINCE, "valid_until": EXPIRES},
            )  # fmt: skip
        truck = new_id()
        session.execute(
            insert(Equipment),
            own | {"id": truck, "jurisdiction_id": crew["jurisdiction_id"], "sort": "vehicle",
                   "code": f"TRUCK-{kind.code}", "name": f"Truck of {kind.name}",
                   "registration": f"MG{number + 101:04}"},
        )  # fmt: skip
        session.execute(
            insert(CrewEquipment),
            own | {"id": new_id(), "crew_id": crew["id"], "equipment_id": truck, "since": SINCE},
        )
