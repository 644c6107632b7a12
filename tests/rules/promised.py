"""What is promised to work orders of the tests of clocks, and what happens to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fieldsync.servicelevels.calendar import Hours, Window
from fieldsync.servicelevels.clocks import Event, Job, Pause, advance, start
from fieldsync.servicelevels.targets import Facts, Policy, Target, Terms
from fieldsync.workorders.rules import Status

S = Status


def uid(number: int) -> UUID:
    return UUID(int=number)


POTHOLE, SIGNAL, TREE = uid(1), uid(2), uid(3)
WEST, EAST = uid(11), uid(12)
OFFICE, ALWAYS = uid(21), uid(22)
CALENDARS = {
    OFFICE: Hours("UTC", [Window(day, 8 * 60, 17 * 60) for day in range(1, 6)]),
    ALWAYS: Hours("UTC", [Window(day, 0, 24 * 60) for day in range(1, 8)]),
}
FIRST = Policy(
    uid(31),
    [
        Target(id=uid(41), service_type_id=POTHOLE, calendar_id=OFFICE, response_minutes=120, resolution_minutes=600),
        Target(id=uid(42), service_type_id=POTHOLE, priority=1, calendar_id=ALWAYS, response_minutes=30,
               resolution_minutes=240),
        Target(id=uid(43), service_type_id=SIGNAL, calendar_id=OFFICE, resolution_minutes=300, pauses_on_hold=False),
    ],
)  # fmt: skip
SECOND = Policy(uid(32), [Target(id=uid(44), calendar_id=OFFICE, response_minutes=5, resolution_minutes=10)])
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
LATER = datetime(2026, 6, 1, tzinfo=UTC)
TERMS = Terms(
    [(MONDAY - timedelta(days=30), FIRST.id), (LATER, SECOND.id)], {FIRST.id: FIRST, SECOND.id: SECOND}, CALENDARS
)


def after(hours: float) -> datetime:
    """So many hours after eight on Monday."""
    return MONDAY + timedelta(hours=hours)


def job(*, service_type: UUID = POTHOLE, priority: int = 3, status: Status = S.OPEN, at: datetime = MONDAY) -> Job:
    made = Job(uid(99), status, Facts(service_type, priority, WEST))
    start(made, at, TERMS)
    return made


def then(made: Job, hours: float, status: Status | None = None, **more: Any) -> Job:
    advance(made, Event(after(hours), status=status, **more), TERMS)
    return made


def pause(made: Job, hours: float) -> Job:
    return then(made, hours, paused=Pause("office", MONDAY, reason="waiting for parts", staff_id=uid(7)))


def resume(made: Job, hours: float) -> Job:
    return then(made, hours, resumed=Pause("office", MONDAY, resume_reason="they came", resumed_by=uid(8)))
