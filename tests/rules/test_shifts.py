"""Weekly shifts, exceptions and absences as moments, across changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldsync.crews.facts import Span
from fieldsync.crews.shifts import Otherwise, Weekly, day_span, days_span, expand, off, overlap
from fieldsync.crews.spans import FOREVER, joined, without
from fieldsync.wallclock import moment

NEW_YORK, BERLIN, UTC_ZONE = (ZoneInfo(name) for name in ("America/New_York", "Europe/Berlin", "UTC"))
ALWAYS = date(2000, 1, 1)
EVERY_DAY = range(1, 8)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str) -> Span:
    """``2026-03-07T13:00/21:00``, in UTC; the end may have a day of its own."""
    starts, ends = text.split("/")
    return Span(at(starts), at(ends if "T" in ends else starts[:11] + ends))


def weekly(starts: str, minutes: int, *weekdays: int, since: date = ALWAYS, until: date | None = None) -> list[Weekly]:
    return [Weekly(day, time.fromisoformat(starts), minutes, since, until) for day in weekdays or EVERY_DAY]


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        (NEW_YORK, date(2026, 1, 15), "08:00", "2026-01-15T13:00"),
        (NEW_YORK, date(2026, 7, 15), "08:00", "2026-07-15T12:00"),
        # 2026-03-08: 02:00 EST becomes 03:00 EDT, at 07:00 UTC.
        (NEW_YORK, date(2026, 3, 8), "01:59", "2026-03-08T06:59"),
        (NEW_YORK, date(2026, 3, 8), "02:00", "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 3, 8), "02:30", "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 3, 8), "03:00", "2026-03-08T07:00"),
        (NEW_YORK, date(2026, 3, 8), "03:01", "2026-03-08T07:01"),
        # 2026-11-01: 02:00 EDT becomes 01:00 EST; the first 01:30 is meant.
        (NEW_YORK, date(2026, 11, 1), "01:30", "2026-11-01T05:30"),
        (NEW_YORK, date(2026, 11, 1), "02:00", "2026-11-01T07:00"),
        (BERLIN, date(2026, 3, 29), "02:15", "2026-03-29T01:00"),
        (BERLIN, date(2026, 3, 29), "03:15", "2026-03-29T01:15"),
        (BERLIN, date(2026, 10, 25), "02:15", "2026-10-25T00:15"),
        (BERLIN, date(2026, 10, 25), "03:00", "2026-10-25T02:00"),
        # Half an hour, and a midnight that does not come.
        (ZoneInfo("Australia/Lord_Howe"), date(2026, 10, 4), "02:10", "2026-10-03T15:30"),
        (ZoneInfo("Asia/Beirut"), date(2026, 3, 29), "00:00", "2026-03-28T22:00"),
        (ZoneInfo("Asia/Beirut"), date(2026, 3, 29), "00:30", "2026-03-28T22:00"),
        (ZoneInfo("Pacific/Apia"), date(2011, 12, 30), "08:00", "2011-12-30T10:00"),
    ],
)  # fmt: skip
def test_a_time_on_the_wall_is_the_first_moment_that_shows_it_or_a_later_one(
    zone: ZoneInfo, day: date, wall: str, expected: str
) -> None:
    assert moment(zone, day, time.fromisoformat(wall)) == at(expected)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, date(2026, 3, 7), 24), (NEW_YORK, date(2026, 3, 8), 23), (NEW_YORK, date(2026, 11, 1), 25),
        (BERLIN, date(2026, 3, 29), 23), (BERLIN, date(2026, 10, 25), 25),
        (ZoneInfo("Asia/Beirut"), date(2026, 3, 29), 23), (ZoneInfo("Pacific/Apia"), date(2011, 12, 30), 0),
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_its_zone_has_it(zone: ZoneInfo, day: date, hours: int) -> None:
    starts, ends = day_span(zone, day)
    assert ends - starts == timedelta(hours=hours)


def test_days_hold_to_the_end_of_the_last_one() -> None:
    assert days_span(NEW_YORK, date(2026, 3, 7), date(2026, 3, 8)) == span("2026-03-07T05:00/2026-03-09T04:00")
    assert days_span(BERLIN, date(2026, 3, 29), None) == Span(at("2026-03-28T23:00"), FOREVER)


SHIFTS = {
    "an ordinary day": (NEW_YORK, "2026-01-15", weekly("08:00", 480), [], [], ["2026-01-15T13:00/21:00"]),
    "the weekday counts": (NEW_YORK, "2026-01-15", weekly("08:00", 480, 5), [], [], []),
    "two shifts": (
        UTC_ZONE, "2026-01-15", weekly("13:00", 240) + weekly("08:00", 240), [], [],
        ["2026-01-15T08:00/12:00", "2026-01-15T13:00/17:00"],
    ),
    "touching shifts are one": (
        UTC_ZONE, "2026-01-15", weekly("12:00", 240) + weekly("08:00", 240), [], [], ["2026-01-15T08:00/16:00"],
    ),
    "overlapping shifts are one": (
        UTC_ZONE, "2026-01-15", weekly("10:00", 60) + weekly("08:00", 240), [], [], ["2026-01-15T08:00/12:00"],
    ),
    "before it begins": (UTC_ZONE, "2026-01-15", weekly("08:00", 60, since=date(2026, 1, 16)), [], [], []),
    "on its first day": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 60, since=date(2026, 1, 15)), [], [], ["2026-01-15T08:00/09:00"],
    ),
    "on its last day": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 60, until=date(2026, 1, 15)), [], [], ["2026-01-15T08:00/09:00"],
    ),
    "after it ended": (UTC_ZONE, "2026-01-15", weekly("08:00", 60, until=date(2026, 1, 14)), [], [], []),
    "its last night reaches over its last day": (
        UTC_ZONE, "2026-01-15", weekly("22:00", 480, until=date(2026, 1, 15)), [], [],
        ["2026-01-15T22:00/2026-01-16T06:00"],
    ),
    # Real time: the clock shows 07:00 at the end in spring, and 05:00 in autumn.
    "a night in spring, New York": (
        NEW_YORK, "2026-03-07", weekly("22:00", 480), [], [], ["2026-03-08T03:00/11:00"],
    ),
    "a night in autumn, New York": (
        NEW_YORK, "2026-10-31", weekly("22:00", 480), [], [], ["2026-11-01T02:00/10:00"],
    ),
    "a night in spring, Berlin": (
        BERLIN, "2026-03-28", weekly("22:00", 480), [], [], ["2026-03-28T21:00/2026-03-29T05:00"],
    ),
    "a night in autumn, Berlin": (
        BERLIN, "2026-10-24", weekly("22:00", 480), [], [], ["2026-10-24T20:00/2026-10-25T04:00"],
    ),
    "a time that spring leaves out": (NEW_YORK, "2026-03-08", weekly("02:30", 60), [], [], ["2026-03-08T07:00/08:00"]),
    "a time that comes twice": (NEW_YORK, "2026-11-01", weekly("01:30", 60), [], [], ["2026-11-01T05:30/06:30"]),
    # In spring the night ends when the clock shows 07:00: the morning shift does not have that hour again.
    "a night takes from the morning": (
        NEW_YORK, "2026-03-08", weekly("22:00", 480, 6) + weekly("06:00", 240, 7), [], [], ["2026-03-08T11:00/14:00"],
    ),
    "24 hours from 23:59 reach over a day of 23": (
        NEW_YORK, "2026-03-09", weekly("23:59", 1440, 6) + weekly("23:58", 1, 7) + weekly("00:00", 120, 1), [], [],
        ["2026-03-09T04:59/06:00"],
    ),
    "a day off": (UTC_ZONE, "2026-01-15", weekly("08:00", 60), [Otherwise(date(2026, 1, 15))], [], []),
    "other hours": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 60) + weekly("12:00", 60),
        [Otherwise(date(2026, 1, 15), time(6), 30)], [], ["2026-01-15T06:00/06:30"],
    ),
    "other hours where there are none": (
        UTC_ZONE, "2026-01-15", [], [Otherwise(date(2026, 1, 15), time(6), 30)], [], ["2026-01-15T06:00/06:30"],
    ),
    "an exception on the next day": (
        UTC_ZONE, "2026-01-15", weekly("22:00", 240), [Otherwise(date(2026, 1, 16))], [],
        ["2026-01-15T22:00/2026-01-16T02:00"],
    ),
    "an absence in the middle": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 480), [], ["2026-01-15T10:00/11:00"],
        ["2026-01-15T08:00/10:00", "2026-01-15T11:00/16:00"],
    ),
    "absences that overlap each other": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 480), [], ["2026-01-15T10:00/12:00", "2026-01-15T09:00/11:00"],
        ["2026-01-15T08:00/09:00", "2026-01-15T12:00/16:00"],
    ),
    "an absence over the whole": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 480), [], ["2026-01-10T00:00/2026-01-20T00:00"], [],
    ),
    "absences at its edges": (
        UTC_ZONE, "2026-01-15", weekly("08:00", 480), [], ["2026-01-15T07:00/08:00", "2026-01-15T16:00/17:00"],
        ["2026-01-15T08:00/16:00"],
    ),
    "an absence from other hours": (
        UTC_ZONE, "2026-01-15", [], [Otherwise(date(2026, 1, 15), time(6), 60)], ["2026-01-15T06:30/08:00"],
        ["2026-01-15T06:00/06:30"],
    ),
    "a day that the zone left out": (ZoneInfo("Pacific/Apia"), "2011-12-30", weekly("08:00", 60), [], [], []),
}  # fmt: skip


@pytest.mark.parametrize("case", SHIFTS.values(), ids=SHIFTS.keys())
def test_shifts_of_a_day(case: tuple[ZoneInfo, str, list[Weekly], list[Otherwise], list[str], list[str]]) -> None:
    zone, day, shifts, otherwise, absences, expected = case
    on = date.fromisoformat(day)
    (found,) = expand(zone, on, on, shifts, otherwise, [span(one) for one in absences])
    assert found.day == day
    assert found.span == day_span(zone, on)
    assert found.shifts == tuple(span(one) for one in expected)


# --- laws ---------------------------------------------------------------------------------------------------------

ZONES = st.sampled_from([NEW_YORK, BERLIN, UTC_ZONE, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Beirut")])
# Around the changes of the clock in these zones.
DAYS = st.sampled_from(
    [date(2026, 3, 7), date(2026, 3, 27), date(2026, 10, 2), date(2026, 10, 24), date(2026, 10, 30), date(2026, 6, 1)]
).flatmap(lambda day: st.integers(-3, 3).map(lambda more: day + timedelta(days=more)))
WALLS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
MINUTES = st.integers(1, 1440)
WEEKLY = st.lists(
    st.builds(
        Weekly, st.integers(1, 7), WALLS, MINUTES, DAYS.map(lambda day: day - timedelta(days=3)), st.none() | DAYS
    ),
    max_size=8,
)


@st.composite
def plans(draw: st.DrawFn) -> tuple[ZoneInfo, date, date, list[Weekly], list[Otherwise], list[Span]]:
    zone, first = draw(ZONES), draw(DAYS)
    days = [first + timedelta(days=number) for number in range(-2, 6)]
    hours = st.none() | st.tuples(WALLS, MINUTES)
    chosen = draw(st.dictionaries(st.sampled_from(days), hours, max_size=3))
    otherwise = [Otherwise(day, *(given or ())) for day, given in chosen.items()]
    midnight = day_span(zone, first).starts
    times = st.tuples(st.integers(-2880, 8640), MINUTES)
    absences = [
        Span(midnight + starts * MINUTE, midnight + (starts + lasts) * MINUTE)
        for starts, lasts in draw(st.lists(times, max_size=4))
    ]
    return zone, first, days[-1], draw(WEEKLY), otherwise, absences


def minutes_of(spans: tuple[Span, ...] | list[Span]) -> set[datetime]:
    """Every minute of the spans, by its first moment."""
    return {one.starts + number * MINUTE for one in spans for number in range(int((one.ends - one.starts) / MINUTE))}


def looked_up(zone: ZoneInfo, day: date, wall: time) -> datetime:
    """What ``moment`` says, found by looking at the clock every minute."""
    wanted = datetime.combine(day, wall)
    clock = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    while clock.astimezone(zone).replace(tzinfo=None) < wanted:
        clock += timedelta(minutes=1)
    return clock


@given(ZONES, DAYS, WALLS)
@settings(max_examples=60, deadline=None)
def test_a_moment_is_what_somebody_who_watches_the_clock_finds(zone: ZoneInfo, day: date, wall: time) -> None:
    assert moment(zone, day, wall) == looked_up(zone, day, wall)


@given(plans())
@settings(deadline=None)
def test_the_minutes_are_those_of_the_shifts_less_those_of_the_absences(
    plan: tuple[ZoneInfo, date, date, list[Weekly], list[Otherwise], list[Span]],
) -> None:
    zone, first, last, shifts, otherwise, absences = plan
    found = expand(*plan)
    assert [day.day for day in found] == [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]
    instead = {one.day: one for one in otherwise}
    covered: set[datetime] = set()
    for number in range(-3, len(found)):
        day = first + timedelta(days=number)
        planned = set()
        for starts, lasts in hours_of(day, shifts, instead):
            begins = moment(zone, day, starts)
            planned |= {begins + n * MINUTE for n in range(lasts)}
        if number >= 0:
            assert minutes_of(list(found[number].shifts)) == planned - covered - minutes_of(absences)
        covered |= planned


def hours_of(day: date, shifts: list[Weekly], instead: dict[date, Otherwise]) -> list[tuple[time, int]]:
    if (one := instead.get(day)) is not None:
        return [] if one.starts is None or one.minutes is None else [(one.starts, one.minutes)]
    return [
        (one.starts, one.minutes) for one in shifts
        if (one.weekday, one.since <= day <= (one.until or day)) == (day.isoweekday(), True)
    ]  # fmt: skip


@given(plans())
@settings(deadline=None)
def test_shifts_are_in_order_apart_and_begin_no_earlier_than_their_day(
    plan: tuple[ZoneInfo, date, date, list[Weekly], list[Otherwise], list[Span]],
) -> None:
    everything = []
    for day in expand(*plan):
        assert day.shifts == joined(day.shifts)
        for one in day.shifts:
            assert day.span.starts <= one.starts < one.ends <= day.span.ends + timedelta(hours=24)
        everything += day.shifts
    assert sum((one.ends - one.starts for one in joined(everything)), timedelta()) == sum(
        (one.ends - one.starts for one in everything), timedelta()
    )


@given(plans(), st.data())
@settings(deadline=None)
def test_a_day_is_the_same_whatever_is_asked_for_beside_it(
    plan: tuple[ZoneInfo, date, date, list[Weekly], list[Otherwise], list[Span]], data: st.DataObject
) -> None:
    zone, first, _, *rest = plan
    days = expand(*plan)
    chosen = data.draw(st.integers(0, len(days) - 1))
    day = first + timedelta(days=chosen)
    assert expand(zone, day, day, *rest) == (days[chosen],)


def test_a_day_off_leaves_the_night_before_to_its_end() -> None:
    away = off(
        UTC_ZONE, weekly("22:00", 480), [Otherwise(date(2026, 1, 16)), Otherwise(date(2026, 1, 17), time(9), 60)]
    )
    assert away == (span("2026-01-16T06:00/2026-01-17T00:00"),)
    assert off(UTC_ZONE, [], [Otherwise(date(2026, 1, 16))]) == (span("2026-01-16T00:00/2026-01-17T00:00"),)


@given(plans())
@settings(deadline=None)
def test_nobody_works_on_a_day_off_but_for_the_nights_that_began_before(
    plan: tuple[ZoneInfo, date, date, list[Weekly], list[Otherwise], list[Span]],
) -> None:
    zone, first, last, shifts, otherwise, _ = plan
    days = expand(zone, first, last, shifts, otherwise, [])
    away = minutes_of(list(off(zone, shifts, otherwise)))
    for day in days:
        assert away.isdisjoint(minutes_of(list(day.shifts)))
    chosen = {one.day.isoformat() for one in otherwise if one.starts is None}
    reached = {minute for day in days for minute in minutes_of(list(day.shifts))}
    for day in days[2:]:
        if day.day in chosen:
            assert minutes_of([day.span]) <= away | reached


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(
        lambda one: Span(at("2026-01-01T00:00") + one[0] * MINUTE, at("2026-01-01T00:00") + sum(one) * MINUTE)
    ),
    max_size=8,
)


@given(SPANS, SPANS)
def test_joining_and_taking_away_are_those_of_sets(some: list[Span], taken: list[Span]) -> None:
    whole, away = joined(some), joined(taken)
    assert minutes_of(whole) == minutes_of(some)
    assert all(one.ends < two.starts for one, two in pairwise(whole))
    left = without(whole, away)
    assert minutes_of(left) == minutes_of(some) - minutes_of(taken)
    assert left == joined(left)


def nominal(shift: Weekly, days: range) -> set[datetime]:
    """The minutes that a weekly shift claims by the clock on the wall."""
    claimed = set()
    for day in (date(2026, 6, 1) + timedelta(days=number) for number in days):
        if day.isoweekday() == shift.weekday and shift.since <= day <= (shift.until or day):
            begins = datetime.combine(day, shift.starts, UTC)
            claimed |= {begins + number * MINUTE for number in range(shift.minutes)}
    return claimed


JUNE = st.integers(1, 30).map(lambda day: date(2026, 6, day))
IN_JUNE = st.builds(Weekly, st.integers(1, 3), WALLS, MINUTES, JUNE, st.none() | JUNE)


@given(IN_JUNE, IN_JUNE)
@settings(deadline=None)
def test_two_weekly_shifts_overlap_where_they_ever_claim_the_same_minute(one: Weekly, other: Weekly) -> None:
    days = range(-1, 45)
    assert overlap(one, other) == overlap(other, one) == (not nominal(one, days).isdisjoint(nominal(other, days)))
