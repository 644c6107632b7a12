"""Calendars: reading and changing them. Who changes the holidays of one that is in use has its clocks reckoned anew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row
from sqlalchemy.orm import Session

from fieldsync.crews.problems import TooManyThere
from fieldsync.database import new_id
from fieldsync.documents import etag
from fieldsync.pages import decode, encode
from fieldsync.partnerships.head import next_change
from fieldsync.problems import NotFound, PreconditionFailed
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.answers import CalendarHours, CalendarPage, CalendarRead, HolidayRead
from fieldsync.servicelevels.calendar import Hours
from fieldsync.servicelevels.calendars import queries
from fieldsync.servicelevels.calendars.schemas import CALENDARS_MAX
from fieldsync.servicelevels.clocks import reckon
from fieldsync.servicelevels.problems import CalendarInUse
from fieldsync.wallclock import StoredWindow

RECKONED_AT_ONCE = 5_000
"""Work orders whose clocks are in memory at a time."""


class Overtaken(Exception):
    """Clocks began to run by the calendar while it was changed: to be rolled back, and begun anew."""


class Acting(NamedTuple):
    """Who changes something, in a transaction, and when."""

    session: Session
    partnership_id: UUID
    at: datetime

    def bound(self, **more: Any) -> dict[str, Any]:
        """What every statement binds, and ``more``."""
        return {"partnership_id": self.partnership_id} | more


def list_calendars(acting: Acting, limit: int, cursor: str | None) -> CalendarPage:
    """A page of calendars, by name."""
    after = decode(cursor, [str])[0] if cursor is not None else None
    bound = acting.bound(now=acting.at, after=after, rows=limit + 1)
    rows = acting.session.execute(queries.LIST, bound).all()
    next_ = encode([rows[limit - 1].name]) if len(rows) > limit else None
    return CalendarPage([_read(row) for row in rows[:limit]], next_)


def read_calendar(acting: Acting, calendar_id: UUID) -> CalendarRead:
    """Raises:
    NotFound: there is none.
    """
    row = acting.session.execute(queries.READ, acting.bound(now=acting.at, id=calendar_id)).one_or_none()
    if row is None:
        raise NotFound
    return _read(row)


def create(acting: Acting, wanted: dict[str, Any]) -> UUID:
    """Add a calendar.

    Raises:
        TooManyThere, AlreadyThere (at the commit)
    """
    if acting.session.execute(queries.COUNT, acting.bound()).scalar_one() >= CALENDARS_MAX:
        raise TooManyThere(f"A partnership has {CALENDARS_MAX} calendars at most.", most=CALENDARS_MAX)
    calendar_id = new_id()
    acting.session.execute(queries.INSERT, acting.bound(id=calendar_id, **_columns(wanted)))
    _write_holidays(acting, calendar_id, wanted)
    return calendar_id


def replace(acting: Acting, calendar_id: UUID, wanted: dict[str, Any], versions: frozenset[int]) -> None:
    """Have a calendar be as it is sent, if its version is one of ``versions``.

    Raises:
        NotFound, PreconditionFailed
        CalendarInUse: what has begun to count would change.
        Overtaken: work orders that it had not locked have clocks that run by it now; roll back and begin anew.
    """
    now = read_calendar(acting, calendar_id)
    if now.version not in versions:
        raise PreconditionFailed(current=msgspec.to_builtins(now), etag=now.etag)
    holidays_change = {holiday.day for holiday in now.holidays} != {holiday["day"] for holiday in wanted["holidays"]}
    if now.in_use:
        _check_use(acting, now, wanted)
    running: Sequence[UUID] = ()
    if now.in_use and holidays_change:
        # Work orders before the calendar, as batches lock them: none waits for another in a circle.
        running = _lock_running(acting, calendar_id)
    bound = acting.bound(id=calendar_id, version=now.version, **_columns(wanted))
    if acting.session.execute(queries.UPDATE, bound).one_or_none() is None:
        latest = read_calendar(acting, calendar_id)
        raise PreconditionFailed(current=msgspec.to_builtins(latest), etag=latest.etag)
    acting.session.execute(queries.CLEAR_HOLIDAYS, acting.bound(id=calendar_id))
    _write_holidays(acting, calendar_id, wanted)
    if now.in_use and holidays_change:
        # The batches that still went by the old holidays have been waited for: their clocks are here now. To lock their
        # work orders while those and the calendar are held would be a circle with whoever locks two of them in order.
        if not set(running).issuperset(_running(acting, calendar_id)):
            raise Overtaken
        _reckon(acting, calendar_id, wanted, running)


def delete(acting: Acting, calendar_id: UUID) -> None:
    """Raises:
    NotFound: there is none.
    CalendarInUse: a policy names it.
    """
    bound = acting.bound(id=calendar_id)
    if acting.session.execute(queries.LOCK, bound).one_or_none() is None:
        raise NotFound
    if acting.session.execute(queries.NAMED, bound).scalar_one():
        raise CalendarInUse("A policy counts by this calendar.")
    acting.session.execute(queries.CLEAR_HOLIDAYS, bound)
    acting.session.execute(queries.DELETE, bound)


def _check_use(acting: Acting, now: CalendarRead, wanted: dict[str, Any]) -> None:
    if wanted["time_zone"] != now.time_zone:
        raise CalendarInUse("The time zone of a calendar in use stays; make another calendar.", field="time_zone")
    if _hours(wanted) != [msgspec.to_builtins(hours) for hours in now.hours]:
        raise CalendarInUse("The hours of a calendar in use stay; make another calendar.", field="hours")
    today = acting.at.astimezone(ZoneInfo(now.time_zone)).date()
    over: list[set[date]] = [
        {day for day in days if day <= today}
        for days in ((h.day for h in now.holidays), (h["day"] for h in wanted["holidays"]))
    ]
    if over[0] != over[1]:
        day = min(over[0] ^ over[1])
        raise CalendarInUse(f"{day} has begun: whether it counts is settled.", field="holidays")


def _running(acting: Acting, calendar_id: UUID) -> Sequence[UUID]:
    return acting.session.execute(queries.RUNNING, acting.bound(id=calendar_id)).scalars().all()


def _lock_running(acting: Acting, calendar_id: UUID) -> Sequence[UUID]:
    ids = _running(acting, calendar_id)
    if ids:
        acting.session.execute(queries.LOCK_WORK_ORDERS, acting.bound(ids=list(ids)))
    return ids


def _reckon(acting: Acting, calendar_id: UUID, wanted: dict[str, Any], ids: Sequence[UUID]) -> None:
    """Say anew when the clocks that run by this calendar run out."""
    # Not from what the process keeps ready: this version of the calendar may yet be rolled back.
    windows = [hours.window() for hours in msgspec.convert(_hours(wanted), list[StoredWindow])]
    hours = Hours(wanted["time_zone"], windows, [holiday["day"] for holiday in wanted["holidays"]])
    change: int | None = None
    for some in _parts(ids):
        jobs = list(keep.load_jobs(acting.session, acting.partnership_id, some).values())
        for job in jobs:
            for clock in job.clocks():
                if clock.calendar_id == calendar_id:
                    reckon(clock, hours)
        if moved := [job for job in jobs if job.changed()]:
            change = change or next_change(acting.session, acting.partnership_id)
            keep.keep(acting.session, acting.partnership_id, moved)
            keep.stamp(acting.session, acting.partnership_id, moved, change)


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), RECKONED_AT_ONCE):
        yield ids[start : start + RECKONED_AT_ONCE]


def _write_holidays(acting: Acting, calendar_id: UUID, wanted: dict[str, Any]) -> None:
    if wanted["holidays"]:
        bound = acting.bound(id=calendar_id, rows=keep.as_json(wanted["holidays"]))
        acting.session.execute(queries.INSERT_HOLIDAYS, bound)


def _columns(wanted: dict[str, Any]) -> dict[str, Any]:
    return {"name": wanted["name"], "time_zone": wanted["time_zone"], "hours": json.dumps(_hours(wanted))}


def _hours(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The hours as they are stored, in the order of the week."""
    listed = [
        {"weekday": one["weekday"], "from": one["starts"], "until": one["until"]} for one in wanted["hours"]
    ]  # fmt: skip
    return sorted(listed, key=lambda one: (one["weekday"], one["from"]))


def _read(row: Row[Any]) -> CalendarRead:
    hours = msgspec.json.decode(row.hours, type=list[CalendarHours])
    holidays = msgspec.json.decode(row.holidays, type=list[HolidayRead])
    return CalendarRead(
        row.id, row.version, etag(row.version), row.name, row.time_zone, hours, holidays, row.in_use
    )  # fmt: skip
