"""When a crew could do a job, and which crew or job is the best."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from fieldsync.agreements.rules import Usage, Window
from fieldsync.crews.facts import CrewFacts, Span
from fieldsync.dispatch.eligibility import examine
from fieldsync.dispatch.facts import JobFacts
from fieldsync.dispatch.load import load_of, stops_of
from fieldsync.dispatch.rank import GRID, Effort, Slot, at_once, best_crews, best_jobs, earliest, on_grid
from tests.rules.dispatching import (
    EAST,
    TRAVEL,
    booked,
    certificate,
    changed,
    crew,
    days,
    during,
    every_day,
    grant,
    job,
    local,
    name,
    north,
    person,
)
from tests.rules.test_eligibility_properties import LAW, Known, known

TUESDAY = Span(local(3, "00:00"), local(4, "00:00"))


def first(of: CrewFacts | None = None, about: JobFacts | None = None, within: Span = TUESDAY, minutes: int = 60,
          **more: Any) -> Slot:  # fmt: skip
    return earliest(
        of or crew(), more.get("booked", ()), about or job(), minutes, within, more.get("grants", ()),
        more.get("usage", Usage()), TRAVEL,
    )  # fmt: skip


def used_up(of: Any) -> Usage:
    usage = Usage()
    usage.add(of, 60, local(3, "06:00"))
    return usage


CAPPED = grant(cap_minutes=60, cap_period="day")
EASTS = job(jurisdiction_id=EAST)
FLAGGED = job(certificates=frozenset({"flagger"}))


@pytest.mark.parametrize(("asked", "starts"), [
    ({}, local(3, "07:00")),
    ({"within": Span(local(3, "09:01"), TUESDAY.ends)}, local(3, "09:05")),
    ({"about": job(at=north(12))}, local(3, "07:15")),
    ({"about": job(at=north(12)), "of": crew(depot=None)}, local(3, "07:00")),
    ({"booked": [booked(3, "07:00", 30)]}, local(3, "07:30")),
    ({"booked": [booked(3, "07:00", 30), booked(3, "08:00", 60)]}, local(3, "09:00")),
    ({"booked": [booked(3, "07:00", 30, at=north(12))]}, local(3, "07:45")),
    ({"booked": [booked(3, "08:00", 60)]}, local(3, "07:00")),
    ({"booked": [booked(3, "08:00", 60, at=north(1))]}, local(3, "09:05")),
    ({"of": crew(days=days(*every_day("07:00", 480), absences=[during(3, "07:00", 90)]))}, local(3, "08:30")),
    ({"of": crew(days=(), has_shifts=False, away=(during(3, "00:00", 90),))}, local(3, "01:30")),
    ({"of": crew(people=(person("Ana", certificate("flagger", since=local(3, "10:30"))),)), "about": FLAGGED},
     local(3, "10:30")),
    ({"of": crew(people=(person("Ana", certificate("flagger"), there=(during(3, "11:00", 240),)),)),
      "about": FLAGGED}, local(3, "11:00")),
    ({"about": EASTS, "grants": [grant(starts=local(3, "09:00"))]}, local(3, "09:00")),
    ({"about": EASTS, "grants": [grant(hours=(Window(2, 600, 900),))]}, local(3, "10:00")),
    ({"about": EASTS, "grants": [CAPPED], "usage": used_up(CAPPED), "within": Span(TUESDAY.starts, local(5, "00:00"))},
     local(4, "07:00")),
    ({"about": EASTS, "of": crew(days=days(*every_day("00:00", 1440))), "grants": [CAPPED], "usage": used_up(CAPPED),
      "within": Span(TUESDAY.starts, local(5, "00:00"))}, local(4, "00:00")),
    ({"about": EASTS, "of": crew(days=days(*every_day("00:00", 1440))), "grants": [changed(CAPPED, time_zone="UTC")],
      "usage": used_up(changed(CAPPED, time_zone="UTC"))}, local(3, "19:00")),
])  # fmt: skip
def test_the_earliest_time_is_when_the_last_thing_allows_it(asked: dict[str, Any], starts: datetime) -> None:
    slot = first(**asked)
    assert slot.fits
    assert slot.span == Span(starts, starts + timedelta(hours=1))


def test_no_time_is_looked_for_where_none_would_help() -> None:
    slot = first(about=EASTS)
    assert (slot.fits, slot.span, [one.code for one in slot.answer.bad()]) == (False, None, ["no_agreement"])
    assert not first(minutes=1441).fits, "it does not end within the day"
    assert first(minutes=1441).span is None


def test_the_best_attempt_is_the_one_with_the_fewest_reasons_against_it() -> None:
    slot = first(booked=[booked(3, "07:00", 240), booked(3, "11:00", 240)])
    assert slot.span == Span(TUESDAY.starts, TUESDAY.starts + timedelta(hours=1))
    assert [one.code for one in slot.answer.bad()] == ["outside_shift", "capacity_exceeded"]
    assert slot.load is not None
    assert (slot.load.work, slot.load.capacity) == (540, 480)


@LAW
@given(known())
def test_no_earlier_time_of_the_grid_would_do(of: Known) -> None:
    """Of a day, by trying them all. Without a depot: the way from there is left out of a day's first minutes."""
    facts = changed(of.crew(), depot=None)
    day = next(one.span for one in facts.days if one.span.starts <= of.span.starts < one.span.ends)
    usage, length = of.usage(), of.span.ends - of.span.starts
    slot = earliest(facts, of.booked, of.job, length // timedelta(minutes=1), day, of.grants, usage, TRAVEL)
    tried = day.starts
    while tried + length <= day.ends and (slot.span is None or not slot.fits or tried < slot.span.starts):
        span = Span(tried, tried + length)
        answer = examine(facts, of.booked, of.job, span, of.grants, usage, TRAVEL)
        assert not answer.eligible, span
        tried += 3 * GRID
    assert not slot.fits or (slot.span is not None and day.starts <= slot.span.starts and slot.span.ends <= day.ends)


def test_only_agreements_that_are_about_the_crew_and_the_job_have_moments_tried() -> None:
    """Else those of others would use up what is tried before the right one begins."""
    often = tuple(Window(weekday, 20 * number, 20 * number + 1) for weekday in range(1, 8) for number in range(60))
    others = grant("others", crew_ids=frozenset({name("another")}), hours=often)
    slot = first(about=EASTS, grants=[others, grant(starts=local(9, "09:00"))],
                 within=Span(TUESDAY.starts, local(10, "00:00")))  # fmt: skip
    assert (slot.fits, slot.span) == (True, during(9, "09:00"))


def test_what_looking_costs_grows_with_the_times_and_the_agreements_tried() -> None:
    def cost(grants: list[Any]) -> int:
        effort, within = Effort(100_000), Span(TUESDAY.starts, local(10, "00:00"))
        never = [changed(one, hours=(Window(2, 0, 1),)) for one in grants]
        earliest(crew(), (), EASTS, 60, within, never, Usage(), TRAVEL, effort)
        return 100_000 - effort.left

    one, many = cost([grant()]), cost([grant(f"A-{number}") for number in range(100)])
    assert one > 1
    assert many == 1 + (one - 1) * 11
    assert not Effort(1).spent
    assert Effort(0).spent


def test_times_are_on_the_grid() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert on_grid(noon) == noon
    assert on_grid(noon + timedelta(microseconds=1)) == noon + GRID
    assert on_grid(noon + timedelta(minutes=4, seconds=59)) == noon + GRID


def slot(called: str, span: Span, about: JobFacts | None = None, **more: Any) -> Slot:
    of = changed(crew(**more), id=name(called), name=called)
    return at_once(of, (), about or job(), span, (), Usage(), TRAVEL)


def test_crews_are_ranked_by_what_is_documented() -> None:
    due = job(due_at=local(4, "12:00"))
    morning, next_day, late = during(3, "09:00"), during(4, "09:00"), during(4, "12:00")
    ranked = [
        slot("near", morning, due),
        slot("near, but later that day", during(3, "10:00"), due),
        slot("further", morning, due, depot=north(9)),
        slot("by overtime", morning, due, capacity_minutes=30, overtime_minutes=60),
        slot("the next day", next_day, due),
        slot("too late", late, due),
        slot("out of hours", during(3, "04:00"), due, capacity_minutes=480),
        slot("out of hours, and full", during(3, "04:00"), due, capacity_minutes=30),
        slot("disbanded", morning, due, disbanded=True),
    ]
    for order in (ranked, ranked[::-1], ranked[4:] + ranked[:4]):
        assert [one.crew.name for one in best_crews(order)] == [one.crew.name for one in ranked]


def test_jobs_are_ranked_by_the_day_due_the_priority_and_the_way() -> None:
    at = during(3, "09:00")
    ranked = [
        slot("crew", at, job(id=name("today"), due_at=local(3, "23:00"), priority=3)),
        slot("crew", at, job(id=name("today, less urgent"), due_at=local(3, "10:00"), priority=4)),
        slot("crew", at, job(id=name("tomorrow"), due_at=local(4, "00:00"), priority=1)),
        slot("crew", at, job(id=name("near"), priority=2)),
        slot("crew", at, job(id=name("far"), priority=2, at=north(5))),
        slot("crew", at, job(id=name("some day"), priority=5)),
    ]
    for order in (ranked, ranked[::-1]):
        assert [one.job.id for one in best_jobs(order)] == [one.job.id for one in ranked]


def test_a_days_load_is_its_work_and_the_whole_way() -> None:
    of = crew(days=days(*every_day("07:00", 480)))
    tuesday = next(day for day in of.days if day.day == "2026-03-03")
    taken = [
        booked(3, "07:00", 30, at=north(4)), booked(3, "11:00", 30, at=north(2)), booked(3, "09:00", 60, at=north(10)),
        booked(4, "07:00"),
    ]  # fmt: skip
    load = load_of(of, tuesday, stops_of(taken), TRAVEL)
    assert (load.work, load.travel, load.minutes, load.capacity) == (120, 20, 140, 480)
    assert load_of(of, tuesday, [], TRAVEL).minutes == 0
    over = [booked(3, "23:00", 120)]
    assert load_of(of, tuesday, stops_of(over), TRAVEL).work == 60
