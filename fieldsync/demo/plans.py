"""The demo's plan for the next working days: what is near a crew's depot first, as far as it fits."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.config import Settings
from fieldsync.demo.content import TIME_ZONE, WEEKDAYS
from fieldsync.dispatch.assignments.give import give
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.dispatch.assignments.shapes import AssignmentsWanted, AssignmentWanted
from fieldsync.dispatch.travel import StraightLine

DAYS = 3
SLOTS = ((8, 0), (10, 0), (12, 30), (14, 0))
"""By the clock on the wall."""

_NEAREST = text("""
    SELECT w.id, w.crew_id, coalesce(s.minutes, 60) AS minutes
    FROM work_order w
    JOIN crew k ON k.partnership_id = w.partnership_id AND k.id = w.crew_id
    JOIN service_type s ON s.partnership_id = w.partnership_id AND s.id = w.service_type_id
    WHERE w.partnership_id = :partnership_id AND w.status = 'open'
    ORDER BY ST_Distance(w.location, k.depot), w.id
""")


def make_plan(session: Session, partnership_id: UUID, dispatcher_id: UUID, at: datetime) -> None:
    """Assign crews' open jobs to times of the next ``DAYS`` working days. What does not fit is left out."""
    dispatcher = Dispatcher(session, partnership_id, dispatcher_id, None, at, StraightLine.of(Settings()))
    slots = _slots(at)
    jobs = defaultdict(list)
    for row in session.execute(_NEAREST, {"partnership_id": partnership_id}):
        jobs[row.crew_id].append(row)
    wanted = [
        AssignmentWanted(work_order_id=job.id, crew_id=crew_id, starts_at=slot, minutes=job.minutes)
        for crew_id, nearest in jobs.items() for job, slot in zip(nearest, slots, strict=False)
    ]  # fmt: skip
    give(dispatcher, AssignmentsWanted(items=wanted), None)


def _slots(at: datetime) -> list[datetime]:
    tomorrow = at.astimezone(ZoneInfo(TIME_ZONE)).date() + timedelta(days=1)
    days = (tomorrow + timedelta(days=number) for number in range(DAYS + 7))
    working = islice((day for day in days if day.isoweekday() in WEEKDAYS), DAYS)
    return [
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(TIME_ZONE))
        for day in working for hour, minute in SLOTS
    ]  # fmt: skip
