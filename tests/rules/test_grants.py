"""Grants: which one applies, at which hours, in which period a cap is counted, and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations, product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.agreements.rules import (
    FOREVER,
    Grant,
    Usage,
    Window,
    allows,
    cost_cents,
    grants_for,
    holds,
    open_at,
    period,
)
from fieldsync.wallclock import moment

WEST, EAST, CREW, TYPE = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
BERLIN, HAVANA = "Europe/Berlin", "America/Havana"


def grant(**more: Any) -> Grant:
    given = {"id": UUID(int=9), "sort": "term", "code": "A", "version_id": UUID(int=8), "giver_id": WEST,
             "receiver_id": EAST, "starts": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    return Grant(**given | more)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours(*windows: str, zone: str = "UTC") -> Grant:
    """Windows like ``1 07:00 17:00``."""
    made = []
    for window in windows:
        weekday, starts, until = window.split()
        made.append(Window(int(weekday), *(60 * int(clock[:2]) + int(clock[3:]) for clock in (starts, until))))
    return grant(hours=tuple(made), time_zone=zone)


class TestWhatAGrantIsAbout:
    def test_it_is_one_direction(self) -> None:
        assert allows(grant(), WEST, EAST, CREW, TYPE, None)
        assert not allows(grant(), EAST, WEST, CREW, TYPE, None)

    @pytest.mark.parametrize(
        ("limit", "fits", "does_not"),
        [
            ({"crew_ids": frozenset({CREW})}, (CREW, TYPE, None), (UUID(int=7), TYPE, None)),
            ({"service_type_ids": frozenset({TYPE})}, (CREW, TYPE, None), (CREW, UUID(int=7), None)),
            ({"skills": frozenset({"saw"})}, (CREW, TYPE, "saw"), (CREW, TYPE, "paint")),
            # For jobs of a skill: one that needs none is not among them.
            ({"skills": frozenset({"saw"})}, (CREW, TYPE, "saw"), (CREW, TYPE, None)),
        ],
    )
    def test_what_it_names_limits_it(self, limit: dict[str, Any], fits: Any, does_not: Any) -> None:
        assert allows(grant(**limit), WEST, EAST, *fits)
        assert not allows(grant(**limit), WEST, EAST, *does_not)

    def test_it_holds_for_the_whole_time_or_not(self) -> None:
        one = grant(ends=at("2026-02-01"))
        assert holds(one, at("2026-01-01"), at("2026-02-01"))
        assert not holds(one, at("2025-12-31T23:59"), at("2026-01-02"))
        assert not holds(one, at("2026-01-31"), at("2026-02-01T00:01"))

    def test_the_stated_order_of_those_that_overlap(self) -> None:
        crews, types = {"crew_ids": frozenset({CREW})}, {"service_type_ids": frozenset({TYPE})}
        skills = {"skills": frozenset({"saw"})}
        in_order = [
            grant(id=UUID(int=20), sort="offer", **crews),
            grant(id=UUID(int=21), **crews, **types),
            grant(id=UUID(int=22), **crews),
            grant(id=UUID(int=23), **types, **skills),
            grant(id=UUID(int=24), **types),
            grant(id=UUID(int=25), **skills),
            grant(id=UUID(int=26), starts=at("2026-03-01"), code="Z"),
            grant(id=UUID(int=27), code="A"),
            grant(id=UUID(int=28), code="B"),
            grant(id=UUID(int=29), code="B"),
        ]
        for some in permutations(in_order, 3):
            expected = [one for one in in_order if one in some]
            assert grants_for(some, WEST, EAST, CREW, TYPE, "saw") == expected
        assert grants_for(in_order, WEST, EAST, CREW, TYPE, None) == [one for one in in_order if not one.skills]


class TestHours:
    @pytest.mark.parametrize(
        ("windows", "starts", "ends", "expected"),
        [
            # 2026-06-01 is a Monday.
            ((), "2026-06-01T03:00", "2026-06-05T03:00", True),
            (("1 07:00 17:00",), "2026-06-01T07:00", "2026-06-01T17:00", True),
            (("1 07:00 17:00",), "2026-06-01T06:59", "2026-06-01T08:00", False),
            (("1 07:00 17:00",), "2026-06-01T16:00", "2026-06-01T17:01", False),
            (("1 07:00 17:00",), "2026-06-02T08:00", "2026-06-02T09:00", False),
            (("2 07:00 17:00",), "2026-06-01T08:00", "2026-06-01T09:00", False),
            # Windows that touch join, in whatever order they are given; those that leave a gap do not.
            (("1 12:00 17:00", "1 07:00 12:00"), "2026-06-01T08:00", "2026-06-01T16:00", True),
            (("1 07:00 12:00", "1 12:01 17:00"), "2026-06-01T08:00", "2026-06-01T16:00", False),
            (("1 07:00 13:00", "1 11:00 17:00"), "2026-06-01T08:00", "2026-06-01T16:00", True),
            (("1 07:00 13:00", "1 08:00 09:00"), "2026-06-01T07:30", "2026-06-01T12:00", True),
            # Over midnight, and from Sunday to Monday.
            (("1 20:00 24:00", "2 00:00 06:00"), "2026-06-01T22:00", "2026-06-02T05:00", True),
            (("1 20:00 24:00", "2 00:01 06:00"), "2026-06-01T22:00", "2026-06-02T05:00", False),
            (("7 20:00 24:00", "1 00:00 06:00"), "2026-06-07T22:00", "2026-06-08T06:00", True),
            (("1 20:00 24:00",), "2026-06-01T22:00", "2026-06-02T00:00", True),
            (("2 00:00 06:00",), "2026-06-02T00:00", "2026-06-02T00:01", True),
            # The same hours on both days do not make the night between.
            (("1 07:00 17:00", "2 07:00 17:00"), "2026-06-01T16:00", "2026-06-02T08:00", False),
            (tuple(f"{day} 00:00 24:00" for day in range(1, 8)), "2026-06-01T16:00", "2026-06-30T08:00", True),
        ],
    )
    def test_the_whole_time_must_lie_within(
        self, windows: tuple[str, ...], starts: str, ends: str, expected: bool
    ) -> None:
        assert open_at(hours(*windows), at(starts), at(ends)) is expected

    def test_they_are_meant_by_the_clock_of_the_zone(self) -> None:
        one = hours("1 07:00 17:00", zone=BERLIN)
        assert open_at(one, at("2026-06-01T05:00"), at("2026-06-01T15:00"))  # summer: two hours ahead
        assert open_at(one, at("2026-12-07T06:00"), at("2026-12-07T16:00"))  # winter: one
        assert not open_at(one, at("2026-12-07T05:30"), at("2026-12-07T07:00"))

    def test_the_nights_in_which_clocks_are_changed(self) -> None:
        one = hours("7 01:00 04:00", zone=BERLIN)
        spring, autumn = (at(f"{day}T01:00", BERLIN) for day in ("2026-03-29", "2026-10-25"))
        assert open_at(one, spring, spring + timedelta(hours=2))  # 2 to 3 o'clock is left out
        assert not open_at(one, spring, spring + timedelta(hours=2, minutes=1))
        assert open_at(one, autumn, autumn + timedelta(hours=4))  # and comes twice
        assert not open_at(one, autumn, autumn + timedelta(hours=4, minutes=1))

    @given(
        st.lists(st.tuples(st.integers(1, 7), st.integers(0, 23), st.integers(1, 24)), min_size=1, max_size=12),
        st.integers(0, 400), st.integers(1, 60),
    )  # fmt: skip
    def test_a_time_is_open_exactly_if_each_hour_of_it_is(
        self, windows: list[tuple[int, int, int]], start: int, length: int
    ) -> None:
        made = tuple(Window(day, 60 * a, 60 * b) for day, a, b in windows if a < b) or (Window(1, 0, 60),)
        one = grant(hours=made)
        begin = at("2026-06-01") + timedelta(hours=start)
        each = [begin + timedelta(hours=hour) for hour in range(length)]
        known = {(window.weekday, hour) for window in made for hour in range(window.starts // 60, window.until // 60)}
        assert open_at(one, begin, begin + timedelta(hours=length)) is all(
            (hour.isoweekday(), hour.hour) in known for hour in each
        )


class TestPeriods:
    @pytest.mark.parametrize(
        ("sort", "moment", "first", "after"),
        [
            ("day", "2026-06-03T23:30", "2026-06-03", "2026-06-04"),
            ("week", "2026-06-03T12:00", "2026-06-01", "2026-06-08"),
            ("week", "2027-01-01T12:00", "2026-12-28", "2027-01-04"),
            ("month", "2026-06-30T23:59", "2026-06-01", "2026-07-01"),
            ("month", "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
            ("month", "2028-02-29T12:00", "2028-02-01", "2028-03-01"),
            ("year", "2026-06-03T12:00", "2026-01-01", "2027-01-01"),
        ],
    )
    def test_the_calendar_is_that_of_the_zone(self, sort: str, moment: str, first: str, after: str) -> None:
        for zone in ("UTC", BERLIN, "Pacific/Kiritimati", "Pacific/Pago_Pago"):
            one = grant(cap_period=sort, cap_minutes=1, time_zone=zone)
            assert period(one, at(moment, zone)) == (at(first, zone), at(after, zone))

    def test_a_local_evening_is_not_yet_the_next_day(self) -> None:
        one = grant(cap_period="day", cap_minutes=1, time_zone="America/New_York")
        assert period(one, at("2026-06-04T03:00"))[0] == at("2026-06-03T04:00")

    def test_that_of_the_agreement_is_as_long_as_it_holds(self) -> None:
        one = grant(cap_period="agreement", cap_minutes=1)
        assert period(one, at("2026-06-04")) == (one.starts, FOREVER)
        assert period(grant(cap_period="agreement", ends=at("2027-01-01")), at("2026-06-04"))[1] == at("2027-01-01")

    @given(st.sampled_from(["day", "week", "month", "year"]), st.sampled_from([BERLIN, HAVANA, "Asia/Kathmandu"]),
           st.integers(0, 1_000_000))  # fmt: skip
    def test_periods_lie_side_by_side(self, sort: str, zone: str, hours_on: int) -> None:
        one = grant(cap_period=sort, time_zone=zone)
        here = at("1990-01-01") + timedelta(hours=hours_on)
        first, after = period(one, here)
        assert first <= here < after
        assert period(one, after)[0] == after
        assert period(one, after - timedelta(microseconds=1)) == (first, after)

    def test_a_day_that_has_no_midnight_begins_later(self) -> None:
        # In Havana clocks go from 0 to 1 o'clock in spring, and in autumn from 1 back to 0: the first midnight counts.
        assert moment(ZoneInfo(HAVANA), date(2026, 3, 8)) == at("2026-03-08T05:00")
        assert moment(ZoneInfo(HAVANA), date(2026, 11, 1)) == at("2026-11-01T04:00")


class TestCost:
    @pytest.mark.parametrize(
        ("price", "minutes", "expected"),
        [(6000, 60, 6000), (6000, 1, 100), (100, 20, 33), (100, 40, 67), (30, 1, 1), (29, 1, 0), (0, 600, 0),
         (None, 600, 0), (90, 1, 2)],
    )  # fmt: skip
    def test_it_is_rounded_half_up(self, price: int | None, minutes: int, expected: int) -> None:
        assert cost_cents(grant(cents_per_hour=price), minutes) == expected


class TestUsage:
    def test_what_starts_in_a_period_counts_in_it(self) -> None:
        one = grant(cap_period="day", cap_minutes=600, cents_per_hour=100)
        usage = Usage({(one.id, at("2026-06-01")): 30})
        usage.add(one, 90, at("2026-06-01T23:30"))
        assert (usage.minutes(one, at("2026-06-01T01:00")), usage.minutes(one, at("2026-06-02T00:30"))) == (120, 0)
        assert usage.cents(one, at("2026-06-01T12:00")) == 200

    def test_a_copy_leaves_the_other_as_it_is(self) -> None:
        one = grant(cap_period="day", cap_minutes=600)
        usage = Usage()
        usage.copy().add(one, 90, at("2026-06-01"))
        assert usage.minutes(one, at("2026-06-01")) == 0

    @pytest.mark.parametrize(("minutes", "parts"), list(product((1, 7, 20), (3, 9))))
    def test_many_parts_cost_what_their_sum_costs(self, minutes: int, parts: int) -> None:
        one = grant(cap_period="month", cap_cents=10_000, cents_per_hour=100)
        usage = Usage()
        for part in range(parts):
            usage.add(one, minutes, at("2026-06-01") + timedelta(days=part))
        assert usage.cents(one, at("2026-06-20")) == cost_cents(one, minutes * parts)
