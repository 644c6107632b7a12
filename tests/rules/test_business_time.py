"""Business time: what counts between two moments, and when so much has counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fieldsync.servicelevels.calendar import HORIZON, Hours, Window

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"
OFFICE = [Window(day, 8 * 60, 17 * 60) for day in range(1, 6)]
ALWAYS = [Window(day, 0, 24 * 60) for day in range(1, 8)]
LUNCH = [Window(day, *hours) for day in range(1, 6) for hours in ((480, 720), (780, 1020))]


def at(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


# 2026-03-06 is a Friday; clocks go forward on 2026-03-08 and back on 2026-11-01 in New York, on 2026-03-29 and
# 2026-10-25 in Berlin.
WORKED = [
    ("within a day", NEW_YORK, OFFICE, (), "2026-03-06 09:00", "2026-03-06 10:30", 90),
    ("before opening until noon", NEW_YORK, OFFICE, (), "2026-03-06 05:00", "2026-03-06 12:00", 240),
    ("after closing", NEW_YORK, OFFICE, (), "2026-03-06 17:00", "2026-03-06 23:59", 0),
    ("over a weekend", NEW_YORK, OFFICE, (), "2026-03-06 16:00", "2026-03-09 09:00", 120),
    ("only the weekend", NEW_YORK, OFFICE, (), "2026-03-07 00:00", "2026-03-09 00:00", 0),
    ("lunch does not count", NEW_YORK, LUNCH, (), "2026-03-06 11:00", "2026-03-06 14:00", 120),
    ("a week", NEW_YORK, OFFICE, (), "2026-03-02 00:00", "2026-03-09 00:00", 45 * 60),
    ("a holiday", NEW_YORK, OFFICE, ["2026-07-03"], "2026-07-02 16:00", "2026-07-06 09:00", 120),
    ("a holiday on a Sunday", NEW_YORK, OFFICE, ["2026-07-05"], "2026-07-03 16:00", "2026-07-06 09:00", 120),
    ("the year's end", NEW_YORK, OFFICE, ["2027-01-01"], "2026-12-31 16:00", "2027-01-04 09:00", 120),
    ("backwards", NEW_YORK, OFFICE, (), "2026-03-06 10:30", "2026-03-06 09:00", 0),
    ("round the clock, an ordinary day", NEW_YORK, ALWAYS, (), "2026-05-01", "2026-05-02", 1440),
    ("round the clock, forward", NEW_YORK, ALWAYS, (), "2026-03-08", "2026-03-09", 1380),
    ("round the clock, back", NEW_YORK, ALWAYS, (), "2026-11-01", "2026-11-02", 1500),
    ("round the clock, forward", BERLIN, ALWAYS, (), "2026-03-29", "2026-03-30", 1380),
    ("round the clock, back", BERLIN, ALWAYS, (), "2026-10-25", "2026-10-26", 1500),
    ("round the clock but for a holiday", BERLIN, ALWAYS, ["2026-10-25"], "2026-10-24", "2026-10-27", 2880),
    ("hours around the jump", NEW_YORK, [Window(7, 60, 240)], (), "2026-03-08", "2026-03-09", 120),
    ("hours that begin in the gap", NEW_YORK, [Window(7, 150, 240)], (), "2026-03-08", "2026-03-09", 60),
    ("hours that end in the gap", NEW_YORK, [Window(7, 60, 150)], (), "2026-03-08", "2026-03-09", 60),
    ("hours in the gap", NEW_YORK, [Window(7, 130, 170)], (), "2026-03-08", "2026-03-09", 0),
    ("hours around the repeated one", BERLIN, [Window(7, 60, 240)], (), "2026-10-25", "2026-10-26", 240),
    ("hours that end in the repeated one", BERLIN, [Window(7, 60, 150)], (), "2026-10-25", "2026-10-26", 90),
    ("hours that begin in the repeated one", BERLIN, [Window(7, 150, 240)], (), "2026-10-25", "2026-10-26", 150),
    ("both meet there", BERLIN, [Window(7, 60, 150), Window(7, 150, 240)], (), "2026-10-25", "2026-10-26", 240),
    ("overlapping hours count once", NEW_YORK, [*OFFICE, Window(5, 540, 600)], (), "2026-03-06", "2026-03-07", 540),
    ("midnight that the clock jumps over", "America/Sao_Paulo", ALWAYS, (), "2018-11-04", "2018-11-05", 1380),
    ("a day that never was", "Pacific/Apia", ALWAYS, (), "2011-12-29", "2011-12-31", 1440),
    ("no hours", NEW_YORK, [], (), "2026-01-01", "2027-01-01", 0),
]


@pytest.mark.parametrize(("zone", "windows", "holidays", "begins", "until", "minutes"),
                         [row[1:] for row in WORKED], ids=[row[0] for row in WORKED])  # fmt: skip
def test_minutes_between(
    zone: str, windows: list[Window], holidays: list[str], begins: str, until: str, minutes: float
) -> None:
    hours = Hours(zone, windows, [date.fromisoformat(day) for day in holidays])
    assert hours.worked(at(zone, begins), at(zone, until)) == minutes


def test_the_repeated_hour_counts_twice_from_its_first_time() -> None:
    hours = Hours(NEW_YORK, ALWAYS)
    first, second = at(NEW_YORK, "2026-11-01 01:30"), at(NEW_YORK, "2026-11-01 01:30", fold=1)
    assert hours.worked(first.astimezone(UTC), second.astimezone(UTC)) == 60


AFTER = [
    ("within a day", NEW_YORK, OFFICE, (), "2026-03-06 09:00", 90, "2026-03-06 10:30"),
    ("the end of the day, not the next morning", NEW_YORK, OFFICE, (), "2026-03-06 16:00", 60, "2026-03-06 17:00"),
    ("a minute more", NEW_YORK, OFFICE, (), "2026-03-06 16:00", 61, "2026-03-09 08:01"),
    ("from the weekend", NEW_YORK, OFFICE, (), "2026-03-07 12:00", 60, "2026-03-09 09:00"),
    ("over a holiday", NEW_YORK, OFFICE, ["2026-07-03"], "2026-07-02 16:00", 90, "2026-07-06 08:30"),
    ("nothing", NEW_YORK, OFFICE, (), "2026-03-07 12:00", 0, "2026-03-07 12:00"),
    ("over the jump", NEW_YORK, ALWAYS, (), "2026-03-08 01:00", 120, "2026-03-08 04:00"),
    ("over the repeated hour", BERLIN, ALWAYS, (), "2026-10-25 01:00", 180, "2026-10-25 03:00"),
    ("to the end of the year", NEW_YORK, OFFICE, (), "2026-12-31 16:00", 60, "2026-12-31 17:00"),
    ("to midnight", NEW_YORK, [Window(1, 600, 1440)], (), "2026-03-02 10:00", 840, "2026-03-03 00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "windows", "holidays", "begins", "minutes", "expected"),
                         [row[1:] for row in AFTER], ids=[row[0] for row in AFTER])  # fmt: skip
def test_the_moment_after(
    zone: str, windows: list[Window], holidays: list[str], begins: str, minutes: float, expected: str
) -> None:
    hours = Hours(zone, windows, [date.fromisoformat(day) for day in holidays])
    assert hours.after(at(zone, begins), minutes) == at(zone, expected).astimezone(UTC)


def test_what_lies_beyond_the_horizon_is_never() -> None:
    begins = at(NEW_YORK, "2026-03-06 09:00")
    assert Hours(NEW_YORK, []).after(begins, 1) is None
    assert Hours(NEW_YORK, [Window(1, 0, 1)]).after(begins, 600) is None
    always, days = Hours("UTC", ALWAYS), HORIZON.days
    assert always.after(begins, days * 1440) == begins + HORIZON
    assert always.after(begins, days * 1440 + 1) is None


ZONES = st.sampled_from([NEW_YORK, BERLIN, "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"])
MOMENTS = st.integers(0, 4 * 365 * 86_400_000).map(
    lambda n: datetime(2017, 1, 1, tzinfo=UTC) + timedelta(milliseconds=n)
)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Hours, str, list[Window], set[date]]:
    zone = draw(ZONES)
    spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1])
    windows = [Window(day, *span) for day, span in draw(st.lists(st.tuples(st.integers(1, 7), spans), max_size=12))]
    holidays = draw(st.sets(st.dates(date(2018, 1, 1), date(2019, 12, 31)), max_size=30))
    return Hours(zone, windows, holidays), zone, windows, holidays


@given(calendars(), MOMENTS, st.integers(0, 60 * 24 * 60))
def test_after_so_many_minutes_so_many_have_counted(
    calendar: tuple[Hours, ...], begins: datetime, minutes: int
) -> None:
    until = calendar[0].after(begins, minutes)
    assume(until is not None)
    assert until is not None
    assert calendar[0].worked(begins, until) == minutes
    # And a moment before, they had not yet.
    if minutes:
        assert calendar[0].worked(begins, until - timedelta(microseconds=1)) < minutes


@given(calendars(), st.tuples(MOMENTS, MOMENTS, MOMENTS))
def test_parts_add_up(calendar: tuple[Hours, ...], moments: tuple[datetime, ...]) -> None:
    first, middle, last = sorted(moments)
    hours = calendar[0]
    parts = hours.worked(first, middle) + hours.worked(middle, last)
    assert parts == pytest.approx(hours.worked(first, last), abs=1e-6)
    assert hours.worked(first, last) >= max(hours.worked(first, middle), hours.worked(middle, last))
    assert hours.worked(first, last) <= (last - first) / timedelta(minutes=1)


@given(calendars(), MOMENTS, st.integers(0, 20_000), st.integers(0, 20_000))
def test_more_minutes_are_never_sooner(calendar: tuple[Hours, ...], begins: datetime, some: int, more: int) -> None:
    early, late = (calendar[0].after(begins, minutes) for minutes in sorted((some, more)))
    assume(late is not None)
    assert early is not None
    assert late is not None
    assert begins <= early <= late


@given(calendars(), MOMENTS, st.integers(1, 3 * 24 * 60))
def test_what_was_worked_out_before_makes_no_difference(
    calendar: tuple[Hours, str, list[Window], set[date]], begins: datetime, minutes: int
) -> None:
    used, zone, windows, holidays = calendar
    used.after(begins - timedelta(days=2_000), 100)
    used.worked(begins - timedelta(days=900), begins + timedelta(days=900))
    assert used.after(begins, minutes) == Hours(zone, windows, holidays).after(begins, minutes)


@given(calendars(), MOMENTS)
def test_it_counts_while_the_clock_on_the_wall_shows_it(
    calendar: tuple[Hours, str, list[Window], set[date]], moment: datetime
) -> None:
    """Minute by minute over two hours, on days on which no clock is changed."""
    hours, zone, windows, holidays = calendar
    begins = moment.replace(second=0, microsecond=0)
    walls = [(begins + timedelta(minutes=n)).astimezone(ZoneInfo(zone)) for n in range(-1440, 1560, 60)]
    assume(len({wall.utcoffset() for wall in walls}) == 1)

    def counts(minute: datetime) -> bool:
        wall = minute.astimezone(ZoneInfo(zone))
        passed = wall.hour * 60 + wall.minute
        return wall.date() not in holidays and any(
            window.weekday == wall.isoweekday() and window.starts <= passed < window.until for window in windows
        )

    expected = sum(counts(begins + timedelta(minutes=n)) for n in range(120))
    assert hours.worked(begins, begins + timedelta(minutes=120)) == expected
