"""Grants: who may work for whom by an agreement or an accepted offer, at which hours, and how much of it. Pure.

A grant is one direction: crews of ``giver_id`` may work for ``receiver_id``. Of several that allow the same work, the
one that applies is the first in the order of ``Grant.rank``: see ``grants_for``.

All moments are aware and in UTC. Days and hours are those of the grant's time zone: see ``fieldsync.wallclock``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from fieldsync.wallclock import Window, day_of, moment, moment_of_minute

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
"""After everything: where no end is known."""

_A_DAY = timedelta(days=1)

DAYS_KEPT = 8_192
"""Days of weekly hours that are kept as moments: two weeks of 250 terms twice over, some MB. One request asks about the
same day of the same hours thousands of times."""


class Grant(Struct, frozen=True, kw_only=True):
    """What one term of an agreement's version, or one accepted offer, allows. An empty set means: any."""

    id: UUID
    """The term's, or the offer's."""
    sort: str
    """``term`` or ``offer``."""
    code: str
    """What people call it: the agreement's code, or the request's title."""
    version_id: UUID
    """The agreement's version; the offer itself."""
    giver_id: UUID
    receiver_id: UUID
    crew_ids: frozenset[UUID] = frozenset()
    skills: frozenset[str] = frozenset()
    service_type_ids: frozenset[UUID] = frozenset()
    starts: datetime
    """UTC; the first moment at which it holds."""
    ends: datetime | None = None
    """The first moment at which it holds no more; None: no end is known."""
    hours: tuple[Window, ...] = ()
    time_zone: str = "UTC"
    cap_minutes: int | None = None
    cap_cents: int | None = None
    cap_period: str | None = None
    cents_per_hour: int | None = None
    home_priority: bool = False

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, float, str, UUID]:
        """Overlapping grants, the first to apply first: an offer for this very time before a standing agreement; what
        names crews before what does not; what names service types, then skills; the one that began last; by code."""
        return (
            self.sort != "offer", not self.crew_ids, not self.service_type_ids, not self.skills,
            -self.starts.timestamp(), self.code, self.id,
        )  # fmt: skip


def allows(grant: Grant, giver_id: UUID, receiver_id: UUID, crew_id: UUID, service_type_id: UUID,
           skill: str | None) -> bool:  # fmt: skip
    """Whether the grant is about this crew and this kind of job at all, whenever that may be."""
    return (
        grant.giver_id == giver_id
        and grant.receiver_id == receiver_id
        and (not grant.crew_ids or crew_id in grant.crew_ids)
        and (not grant.service_type_ids or service_type_id in grant.service_type_ids)
        and (not grant.skills or skill in grant.skills)
    )


def holds(grant: Grant, starts: datetime, ends: datetime) -> bool:
    """Whether the grant holds from ``starts`` to ``ends`` without a break (hours of the day left aside)."""
    return grant.starts <= starts and (grant.ends is None or ends <= grant.ends)


def grants_for(
    grants: Iterable[Grant], giver_id: UUID, receiver_id: UUID, crew_id: UUID, service_type_id: UUID, skill: str | None
) -> list[Grant]:
    """The grants that are about this crew and this kind of job, the first to apply first."""
    found = (one for one in grants if allows(one, giver_id, receiver_id, crew_id, service_type_id, skill))
    return sorted(found, key=lambda one: one.rank)


def open_at(grant: Grant, starts: datetime, ends: datetime) -> bool:
    """Whether the whole of a time lies within the grant's weekly hours; windows that touch count as one, over
    midnight, too. A grant without hours is open at any."""
    if not grant.hours:
        return True
    zone = ZoneInfo(grant.time_zone)
    day, last = day_of(starts, zone), day_of(ends, zone)
    reached = starts
    while day <= last:
        for opens, closes in windows_of(grant.hours, grant.time_zone, day):
            if opens <= reached < closes:
                reached = closes
        if reached == starts:
            return False  # Closed when it begins: what is asked about most needs nothing more.
        if reached >= ends > starts:
            return True
        day += _A_DAY
        if reached < moment(zone, day):
            break  # Before the next day begins it has closed.
    return False


@lru_cache(maxsize=DAYS_KEPT)
def windows_of(hours: tuple[Window, ...], time_zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """Weekly hours on one day of a zone's calendar, from the earliest on, in UTC."""
    zone, weekday = ZoneInfo(time_zone), day.isoweekday()
    opened = sorted((one.starts, one.until) for one in hours if one.weekday == weekday)
    return tuple((moment_of_minute(zone, day, starts), moment_of_minute(zone, day, until)) for starts, until in opened)


def period(grant: Grant, at: datetime) -> tuple[datetime, datetime]:
    """The period in which the grant's caps are counted that contains ``at``: a day, an ISO week, a calendar month
    or year, or as long as the grant holds. From its first moment up to, and without, the first after it."""
    if grant.cap_period is None or grant.cap_period == "agreement":
        return grant.starts, grant.ends or FOREVER
    return _of_the_calendar(grant.cap_period, grant.time_zone, day_of(at, ZoneInfo(grant.time_zone)))


@lru_cache(maxsize=DAYS_KEPT)
def _of_the_calendar(cap_period: str, time_zone: str, day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(time_zone)
    if cap_period == "day":
        first, after = day, day + _A_DAY
    elif cap_period == "week":
        first = day - timedelta(days=day.isoweekday() - 1)
        after = first + timedelta(days=7)
    elif cap_period == "month":
        first = day.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
    else:
        first, after = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    return moment(zone, first), moment(zone, after)


def cost_cents(grant: Grant, minutes: int) -> int:
    """What so many minutes of a crew cost the receiver, rounded half up to a cent; 0 where no price was agreed."""
    return (2 * minutes * (grant.cents_per_hour or 0) + 60) // 120


class Usage:
    """How much of the capped grants is used already, by period. What starts in a period counts in it, however long it
    lasts."""

    def __init__(self, minutes: Mapping[tuple[UUID, datetime], int] | None = None) -> None:
        """``minutes``: (grant, first moment of the period) -> minutes."""
        self._minutes = dict(minutes or {})

    def minutes(self, grant: Grant, at: datetime) -> int:
        """Minutes used in the period that contains ``at``."""
        return self._minutes.get((grant.id, period(grant, at)[0]), 0)

    def cents(self, grant: Grant, at: datetime) -> int:
        """What they cost: rounded once, not for each assignment."""
        return cost_cents(grant, self.minutes(grant, at))

    def add(self, grant: Grant, span_minutes: int, at: datetime) -> None:
        """Count an assignment of so many minutes that starts at ``at``; less than none takes one out."""
        key = grant.id, period(grant, at)[0]
        self._minutes[key] = self._minutes.get(key, 0) + span_minutes

    def copy(self) -> Usage:
        """One to count on in, which leaves this one as it is."""
        return Usage(self._minutes)
