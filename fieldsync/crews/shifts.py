"""When a crew works: its weekly shifts, the days on which it works otherwise, and its absences, as moments. Pure.

A shift begins when the clock on the wall says so (``fieldsync.wallclock``) and lasts its minutes in real time, so a
night in which the clocks change is neither paid twice nor lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from fieldsync.crews.facts import Day, Span
from fieldsync.crews.spans import FOREVER, joined, without
from fieldsync.wallclock import DAY_MINUTES, moment

ONE_DAY = timedelta(days=1)
REACH_DAYS = 2
"""A shift of 24 hours that begins at 23:59 reaches into the second day after, where the day between has 23 hours."""


class Weekly(Struct, frozen=True):
    """A shift that comes every week, from the day ``since`` to the day ``until`` (included; None: without an end)."""

    weekday: int
    """1 Monday to 7 Sunday: the day on which it begins."""
    starts: time
    minutes: int
    since: date
    until: date | None = None


class Otherwise(Struct, frozen=True):
    """A day on which these hours take the place of all shifts that begin on it; ``starts`` None: there are none."""

    day: date
    starts: time | None = None
    minutes: int | None = None


@lru_cache(maxsize=4096)
def day_span(zone: ZoneInfo, day: date) -> Span:
    """From midnight to midnight. Empty where the zone left the day out (Samoa's 30 December 2011)."""
    return Span(moment(zone, day), moment(zone, day + ONE_DAY))


def days_span(zone: ZoneInfo, since: date, until: date | None) -> Span:
    """From the beginning of the first day to the end of the last (None: for ever)."""
    return Span(day_span(zone, since).starts, FOREVER if until is None else day_span(zone, until).ends)


def each_day(first: date, last: date) -> Iterable[date]:
    """The days from ``first`` to ``last``, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def expand(
    zone: ZoneInfo,
    first: date,
    last: date,
    weekly: Sequence[Weekly],
    otherwise: Sequence[Otherwise],
    absences: Sequence[Span],
) -> tuple[Day, ...]:
    """The days from ``first`` to ``last`` with the shifts that begin on them, without the crew's absences.

    A night shift belongs to the day on which it begins; what it already covers, the next day's shifts do not have
    again. So no moment is in two days, and a day is the same whatever days are asked for beside it.
    """
    instead = {one.day: one for one in otherwise}
    planned = {
        day: _planned(zone, day, weekly, instead.get(day)) for day in each_day(first - REACH_DAYS * ONE_DAY, last)
    }
    away = joined(absences)
    out = []
    for day in each_day(first, last):
        shifts = planned[day]
        if shifts:
            nights = (*planned[day - 2 * ONE_DAY], *planned[day - ONE_DAY])
            shifts = without(without(shifts, joined(nights)), away)
        out.append(Day(day.isoformat(), day_span(zone, day), shifts))
    return tuple(out)


def off(zone: ZoneInfo, weekly: Sequence[Weekly], otherwise: Sequence[Otherwise]) -> tuple[Span, ...]:
    """The days on which no shift begins by exception, without what a night shift of the days before still covers."""
    instead = {one.day: one for one in otherwise}
    out: list[Span] = []
    for one in otherwise:
        if one.starts is None:
            before = (one.day - number * ONE_DAY for number in range(1, REACH_DAYS + 1))
            nights = [span for day in before for span in _planned(zone, day, weekly, instead.get(day))]
            out += without((day_span(zone, one.day),), joined(nights))
    return joined(out)


def overlap(one: Weekly, other: Weekly) -> bool:
    """Whether two weekly shifts of a crew ever claim the same time, by the clock on the wall; touching is none."""
    for days in (-1, 0, 1):  # from the day on which one begins to that of the other
        if (other.weekday - one.weekday - days) % 7:
            continue
        begins, other_begins = _minute(one.starts), days * DAY_MINUTES + _minute(other.starts)
        if begins < other_begins + other.minutes and other_begins < begins + one.minutes:
            more = timedelta(days=days)
            first = max(one.since, other.since - more)
            first += timedelta(days=(one.weekday - first.isoweekday()) % 7)
            last = [one.until] if one.until else []
            last += [other.until - more] if other.until else []
            if not last or first <= min(last):
                return True
    return False


def _minute(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _planned(zone: ZoneInfo, day: date, weekly: Sequence[Weekly], instead: Otherwise | None) -> tuple[Span, ...]:
    span = day_span(zone, day)
    if span.starts == span.ends:
        return ()
    if instead is None:
        begins = [
            (one.starts, one.minutes) for one in weekly
            if one.weekday == day.isoweekday() and one.since <= day and (one.until is None or day <= one.until)
        ]  # fmt: skip
    elif instead.starts is None or instead.minutes is None:
        return ()
    else:
        begins = [(instead.starts, instead.minutes)]
    moments = [(moment(zone, day, starts), timedelta(minutes=minutes)) for starts, minutes in begins]
    return joined(Span(starts, starts + lasts) for starts, lasts in moments)
