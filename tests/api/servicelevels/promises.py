"""What a partnership has promised, since long before the test began: clocks can then start in the past."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from fieldsync.database import new_id, transaction
from fieldsync.servicelevels.models import BusinessCalendar, ServicePolicy, ServiceTarget
from tests.api.office.world import World, now

ALWAYS = [{"weekday": day, "from": "00:00", "until": "24:00"} for day in range(1, 8)]


@dataclass
class Promises:
    """The ids of a policy, and its calendar."""

    policy_id: UUID
    calendar_id: UUID


def promise(world: World, since: timedelta = timedelta(days=30)) -> Promises:
    """A policy that began so long ago: see the fixture."""
    own = {"partnership_id": world.partnership_id}
    made = Promises(new_id(), new_id())
    targets: list[dict[str, Any]] = [
        {"service_type_id": world.pothole, "response_minutes": 60, "resolution_minutes": 240},
        {"service_type_id": world.pothole, "priority": 1, "response_minutes": 30, "resolution_minutes": 120},
        {"service_type_id": world.signal, "resolution_minutes": 120, "pauses_on_hold": False},
    ]
    blank = {"priority": None, "response_minutes": None, "pauses_on_hold": True}
    with world.app.app_context(), transaction() as session:
        session.execute(
            insert(BusinessCalendar),
            own | {"id": made.calendar_id, "version": 1, "name": "Always", "time_zone": "UTC", "hours": ALWAYS},
        )
        session.execute(
            insert(ServicePolicy),
            own | {"id": made.policy_id, "number": 1, "starts_at": now() - since, "published_at": now() - since},
        )
        rows = [own | blank | {"id": new_id(), "policy_id": made.policy_id, "calendar_id": made.calendar_id} | target
                for target in targets]  # fmt: skip
        session.execute(insert(ServiceTarget), rows)
    return made


def clocks(world: World, work_order_id: Any, by: str = "dispatcher") -> dict[str, dict[str, Any]]:
    """The clocks of a work order over HTTP, by what they wait for."""
    answer = world.ask("GET", f"/work-orders/{work_order_id}/clock", by)
    assert answer.status_code == 200, answer.json
    return {clock["sort"]: clock for clock in answer.json["clocks"]}


def stored(world: World, work_order_id: Any) -> dict[str, dict[str, Any]]:
    """The rows of a work order's clocks, without whose they are."""
    rows = world.rows("SELECT * FROM service_clock WHERE partnership_id = :p AND work_order_id = :id", id=work_order_id)
    beside = {"partnership_id", "work_order_id"}
    return {row.sort: {name: value for name, value in row._mapping.items() if name not in beside} for row in rows}


def ago(minutes: float) -> datetime:
    """So many minutes before now, in whole seconds."""
    return now().replace(microsecond=0) - timedelta(minutes=minutes)


def moment(text: str | None) -> datetime | None:
    """A moment as the API sends it."""
    return None if text is None else datetime.fromisoformat(text)


def body(**more: Any) -> dict[str, Any]:
    """A calendar to send."""
    hours = [{"weekday": day, "from": "08:00", "until": "17:00"} for day in range(1, 6)]
    return {"name": "Office", "time_zone": "America/New_York", "hours": hours, "holidays": []} | more


def as_json(value: Any) -> Any:
    """What it is once it has been sent."""
    return json.loads(json.dumps(value, default=str))
