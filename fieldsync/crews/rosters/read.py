"""A crew's days as a person checks them: hours, who is there, who leads, what is missing, what they have."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.orm import Session

from fieldsync.crews.facts import CrewFacts, Day, Person, Span
from fieldsync.crews.roster import load_crews
from fieldsync.crews.rosters.queries import BESIDE


class Exceptional(Struct):
    """Why a day is not as the others."""

    id: UUID
    day: date
    starts: time | None
    minutes: int | None
    reason: str


class Away(Struct):
    """An absence; of the whole crew where ``member_id`` is None."""

    id: UUID
    member_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    reason: str


class Holding(Struct):
    """A vehicle or a machine, and the days on which the crew has it (both included)."""

    id: UUID
    sort: str
    code: str
    name: str
    registration: str | None
    since: date
    until: date | None


class Beside(Struct):
    """The row of ``BESIDE``."""

    exceptions: list[Exceptional]
    absences: list[Away]
    equipment: list[Holding]


_DECODER = msgspec.json.Decoder(Beside)


def roster_of(session: Session, partnership_id: UUID, crew_id: UUID, first: date, last: date) -> dict[str, Any]:
    """The roster of a crew that is there, as ``RosterSchema`` has it; two statements."""
    crew = load_crews(session, partnership_id, [crew_id], first, last)[crew_id]
    starts, ends = crew.days[0].span.starts, max(_window(day).ends for day in crew.days)
    found = session.execute(
        BESIDE,
        {
            "partnership_id": partnership_id, "crew_id": crew_id, "member_ids": [one.id for one in crew.people],
            "first": first, "last": last, "starts": starts, "ends": ends,
        },
    ).scalar_one()  # fmt: skip
    beside = _DECODER.decode(found)
    return {
        "crew_id": crew.id,
        "time_zone": crew.time_zone,
        "change": crew.change,
        "has_shifts": crew.has_shifts,
        "capacity_minutes": crew.capacity_minutes,
        "overtime_minutes": crew.overtime_minutes,
        "days": [_day(crew, day, beside) for day in crew.days],
    }


def _day(crew: CrewFacts, day: Day, beside: Beside) -> dict[str, Any]:
    on, window = date.fromisoformat(day.day), _window(day)
    minutes = sum((one.ends - one.starts for one in day.shifts), timedelta()) // timedelta(minutes=1)
    people = [one for one in crew.people if _within(one.belongs, window)]
    leads = next((one for one in people if _within(one.leads, day.span)), None)
    return {
        "day": on,
        "starts_at": day.span.starts,
        "ends_at": day.span.ends,
        "exception": next((one for one in beside.exceptions if one.day == on), None),
        "shifts": _written(day.shifts),
        "minutes": minutes,
        "lead": leads and {"member_id": leads.id, "name": leads.name},
        "people": [_person(one, window, leads is one) for one in people],
        "absences": [one for one in beside.absences if one.starts_at < window.ends and one.ends_at > window.starts],
        "equipment": [one for one in beside.equipment if one.since <= on and (one.until is None or on <= one.until)],
    }


def _person(person: Person, window: Span, leads: bool) -> dict[str, Any]:
    held = {"skill": set[str](), "certificate": set[str]()}
    for one in person.held:
        if _within((one.span,), window):
            held[one.sort].add(one.code)
    return {
        "member_id": person.id,
        "name": person.name,
        "leads": leads,
        "there": _written(_within(person.there, window)),
        "skills": sorted(held["skill"]),
        "certificates": sorted(held["certificate"]),
    }


def _window(day: Day) -> Span:
    """The day, and as far as its last shift reaches."""
    return Span(day.span.starts, max([day.span.ends, *[one.ends for one in day.shifts]]))


def _within(spans: tuple[Span, ...], window: Span) -> tuple[Span, ...]:
    cut = (Span(max(one.starts, window.starts), min(one.ends, window.ends)) for one in spans)
    return tuple(one for one in cut if one.starts < one.ends)


def _written(spans: tuple[Span, ...]) -> list[dict[str, datetime]]:
    return [{"starts_at": one.starts, "ends_at": one.ends} for one in spans]
