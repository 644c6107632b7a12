"""Laws of eligibility, for any crew, job, time and agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from fieldsync.agreements.rules import Grant, Usage, Window, cost_cents
from fieldsync.crews.facts import CrewFacts, Held, Person, Span
from fieldsync.crews.shifts import Otherwise, Weekly
from fieldsync.crews.spans import joined, without
from fieldsync.dispatch.eligibility import Answer, examine
from fieldsync.dispatch.facts import Booked, JobFacts
from tests.rules.dispatching import (
    EAST,
    FAR,
    LONG_AGO,
    NORTH,
    POTHOLE,
    SIGNAL,
    TRAVEL,
    WEST,
    ZONE,
    changed,
    crew,
    days,
    every_day,
    grant,
    job,
    local,
    name,
    north,
)

STEP = timedelta(minutes=15)
"""All times lie on this grain, so that looking at each of its steps misses nothing."""

MONDAY, SUNDAY = local(2, "00:00"), local(8, "00:00")
"""Around both: an ordinary day, and the one on which the clocks change."""


def moments(hours: int = 48) -> st.SearchStrategy[datetime]:
    """Moments of two days around one of the two, close enough that they meet."""
    return st.builds(
        lambda first, steps: first + steps * STEP, st.sampled_from([MONDAY, SUNDAY]), st.integers(0, 4 * hours)
    )


def spans(hours: int) -> st.SearchStrategy[Span]:
    return st.builds(lambda starts, steps: Span(starts, starts + steps * STEP), moments(), st.integers(1, 4 * hours))


def mostly(usual: Any, *others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One in two is what makes a crew fit: else hardly anybody would, with so much to go wrong."""
    return st.booleans().flatmap(lambda fits: st.just(usual) if fits else st.one_of(st.just(usual), *others))


AT = st.sampled_from([north(0), north(0), north(5), north(20), north(90)])
SHIFT = st.builds(
    Weekly, st.sampled_from([7, 1, 2]), st.sampled_from([time(0), time(7), time(12), time(22)]),
    st.sampled_from([240, 480, 1440]), st.just(date(2020, 1, 1)),
)  # fmt: skip
SHIFTS = mostly(
    every_day("07:00", 600), st.lists(SHIFT, max_size=3).map(tuple), st.just(every_day("22:00", 480)),
    st.just(every_day("00:00", 1440)), st.just(every_day("07:00", 240) + every_day("12:00", 240)),
)  # fmt: skip
ALWAYS = (Span(LONG_AGO, FAR),)
BOTH = (Held("skill", "asphalt", ALWAYS[0]), Held("certificate", "flagger", ALWAYS[0]))
HELD = st.builds(
    Held, st.sampled_from(["skill", "certificate"]), st.sampled_from(["asphalt", "flagger"]),
    st.one_of(st.just(Span(LONG_AGO, FAR)), st.builds(lambda end: Span(LONG_AGO, end), moments()),
              st.builds(lambda start: Span(start, FAR), moments())),
)  # fmt: skip
HOURS = st.lists(
    st.builds(Window, st.integers(1, 7), st.sampled_from([0, 360]), st.sampled_from([960, 1440])), max_size=7
).map(tuple)
CAPS = st.sampled_from([
    {}, {}, {"cap_minutes": 240, "cap_period": "day"}, {"cap_minutes": 600, "cap_period": "agreement"},
    {"cap_cents": 200_00, "cents_per_hour": 33_33, "cap_period": "week"},
])  # fmt: skip


OF_CREWS = mostly(frozenset(), st.just(frozenset({name("crew")})), st.just(frozenset({name("other")})))
OF_WORK = mostly(frozenset(), st.just(frozenset({POTHOLE})), st.just(frozenset({SIGNAL})))


@st.composite
def grants(draw: st.DrawFn, number: int) -> Grant:
    return grant(
        f"A-{number}",
        sort=draw(st.sampled_from(["term", "offer"])),
        receiver_id=draw(mostly(EAST, st.just(NORTH))),
        crew_ids=draw(OF_CREWS),
        service_type_ids=draw(OF_WORK),
        skills=draw(mostly(frozenset(), st.just(frozenset({"asphalt"})))),
        starts=draw(mostly(LONG_AGO, moments(8))),
        ends=draw(mostly(None, moments())),
        hours=draw(mostly((), HOURS)),
        **draw(CAPS),
    )


class Known(NamedTuple):
    """All that an answer rests on, part by part, so that parts can be taken away."""

    job: JobFacts
    span: Span
    skills: frozenset[str]
    people: tuple[Person, ...]
    shifts: tuple[Weekly, ...]
    day_off: bool
    has_shifts: bool
    absences: tuple[Span, ...]
    booked: tuple[Booked, ...]
    grants: tuple[Grant, ...]
    used: tuple[int, ...]
    limits: dict[str, Any]

    def crew(self) -> CrewFacts:
        off = date(2026, 3, 2)
        otherwise = [Otherwise(off)] if self.day_off else []
        away = [*self.absences, *([Span(local(2, "00:00"), local(3, "00:00"))] if self.day_off else [])]
        shifts = days(*self.shifts, otherwise=otherwise, absences=self.absences)
        return crew(skills=self.skills, people=self.people, days=shifts, away=joined(away),
                    has_shifts=self.has_shifts, **self.limits)  # fmt: skip

    def usage(self) -> Usage:
        usage = Usage()
        for one, minutes in zip(self.grants, self.used, strict=False):
            usage.add(one, minutes, self.span.starts)
        return usage

    def answer(self) -> Answer:
        return examine(self.crew(), self.booked, self.job, self.span, self.grants, self.usage(), TRAVEL)


@st.composite
def people(draw: st.DrawFn, called: str) -> Person:
    there = draw(mostly(ALWAYS, st.lists(spans(24), max_size=2).map(joined)))
    return Person(name(called), called, there, draw(mostly(BOTH, st.lists(HELD, max_size=3).map(tuple))))


@st.composite
def known(draw: st.DrawFn) -> Known:
    agreed = tuple(draw(grants(number)) for number in range(draw(st.integers(0, 3))))
    busy = draw(st.lists(st.tuples(spans(2), AT), max_size=2))
    morning = st.builds(lambda starts: Span(starts, starts + 8 * STEP), st.sampled_from([
        local(2, "07:00"), local(2, "10:00"), local(8, "14:00"), local(8, "16:00")]))  # fmt: skip
    return Known(
        job=job(
            jurisdiction_id=draw(st.sampled_from([WEST, EAST, EAST])),
            skill=draw(st.sampled_from([None, "asphalt"])),
            certificates=draw(st.sampled_from([frozenset(), frozenset({"flagger"})])),
            at=draw(AT),
        ),
        span=draw(st.one_of(morning, spans(6))),
        skills=draw(st.sampled_from([frozenset(), frozenset({"asphalt"})])),
        people=tuple(draw(people(called)) for called in "ABC"[: draw(st.integers(0, 3))]),
        shifts=draw(SHIFTS),
        day_off=draw(mostly(False, st.booleans())),
        has_shifts=draw(mostly(True, st.booleans())),
        absences=tuple(draw(st.lists(spans(2), max_size=1))),
        booked=tuple(Booked(name(f"b{n}"), name(f"w{n}"), span, at) for n, (span, at) in enumerate(busy)),
        grants=agreed,
        used=tuple(draw(mostly(0, st.sampled_from([60, 180, 540]))) for _ in agreed),
        limits={
            "depot": draw(st.sampled_from([None, north(0), north(10)])),
            "reach_m": draw(mostly(None, st.just(10_000))),
            "capacity_minutes": draw(st.sampled_from([None, 240, 480])),
            "overtime_minutes": draw(st.sampled_from([0, 60, 120])),
        },
    )


def fewer(draw: st.DrawFn, of: Sequence[Any]) -> tuple[Any, ...]:
    """Without one or two of them, or all."""
    gone = draw(st.sets(st.integers(0, max(0, len(of) - 1)), max_size=2))
    return tuple(one for place, one in enumerate(of) if place not in gone)


@st.composite
def lessened(draw: st.DrawFn) -> tuple[Known, Known]:
    """What is known, and the same with things taken away, or with more to do, or less there."""
    more = less = draw(known())
    for part in draw(st.sets(st.sampled_from(["grants", "skills", "people", "held", "shifts", "booked", "away"]))):
        if part == "grants":
            kept = fewer(draw, list(zip(more.grants, more.used, strict=True)))
            less = less._replace(grants=tuple(one for one, _ in kept), used=tuple(used for _, used in kept))
        elif part == "skills":
            less = less._replace(skills=frozenset())
        elif part == "people":
            less = less._replace(people=fewer(draw, less.people))
        elif part == "held":
            gone = draw(st.lists(spans(2), max_size=1).map(joined))
            less = less._replace(people=tuple(
                changed(one, held=fewer(draw, one.held), there=without(one.there, gone)) for one in less.people
            ))  # fmt: skip
        elif part == "shifts":
            less = less._replace(shifts=fewer(draw, more.shifts), day_off=more.day_off or draw(st.booleans()))
        elif part == "booked":
            busy = draw(st.lists(st.tuples(spans(2), AT), min_size=1, max_size=2))
            new = tuple(Booked(name(f"x{n}"), name(f"y{n}"), *one) for n, one in enumerate(busy))
            less = less._replace(booked=more.booked + new)
        else:
            less = less._replace(absences=(*more.absences, draw(spans(2))))
    return more, less


def steps(span: Span) -> list[Span]:
    count = (span.ends - span.starts) // STEP
    return [Span(span.starts + n * STEP, span.starts + (n + 1) * STEP) for n in range(count)]


def inside(step: Span, of: Sequence[Span]) -> bool:
    return any(one.starts <= step.starts and step.ends <= one.ends for one in of)


def open_then(one: Grant, step: Span) -> bool:
    wall = step.starts.astimezone(ZONE)
    minute = wall.hour * 60 + wall.minute
    return not one.hours or any(
        window.weekday == wall.isoweekday() and window.starts <= minute < window.until for window in one.hours
    )


def allowed(of: Known, one: Grant, used: int) -> bool:
    """By the letter of a grant, moment by moment."""
    minutes = (of.span.ends - of.span.starts) // timedelta(minutes=1)
    return (
        (one.giver_id, one.receiver_id) == (WEST, of.job.jurisdiction_id)
        and (not one.crew_ids or name("crew") in one.crew_ids)
        and (not one.service_type_ids or of.job.service_type_id in one.service_type_ids)
        and (not one.skills or of.job.skill in one.skills)
        and one.starts <= of.span.starts
        and (one.ends is None or of.span.ends <= one.ends)
        and all(open_then(one, step) for step in steps(of.span))
        and (one.cap_minutes is None or used + minutes <= one.cap_minutes)
        and (one.cap_cents is None or cost_cents(one, used + minutes) <= one.cap_cents)
    )


LAW = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@LAW
@given(known())
def test_nobody_is_eligible_outside_an_agreement(of: Known) -> None:
    answer = of.answer()
    lawful = {one.id for one, used in zip(of.grants, of.used, strict=True) if allowed(of, one, used)}
    if of.job.jurisdiction_id == WEST:
        assert answer.grant_id is None
    elif answer.eligible:
        assert answer.grant_id in lawful
    # And where one allows it, it is not the agreement that is in the way.
    entitled = {"home_crew", "agreement"} & {reason.code for reason in answer.reasons}
    assert bool(entitled) == (of.job.jurisdiction_id == WEST or bool(lawful))


@LAW
@given(known())
def test_who_is_eligible_is_there_free_and_able_at_every_moment(of: Known) -> None:
    answer, facts = of.answer(), of.crew()
    if not answer.eligible:
        return
    shifts = [shift for day in facts.days for shift in day.shifts]
    more = timedelta(minutes=facts.overtime_minutes)
    longer = [Span(starts, ends + more) for starts, ends in shifts]
    over = 0
    for step in steps(of.span):
        assert not any(one.span.starts < step.ends and step.starts < one.span.ends for one in of.booked)
        assert not any(one.starts < step.ends and step.starts < one.ends for one in of.absences)
        if facts.has_shifts:
            assert inside(step, longer)
            over += not inside(step, shifts)
        if of.job.skill is not None and of.job.skill not in facts.skills:
            assert any(
                inside(step, one.there) and inside(step, [held.span for held in one.held if held.sort == "skill"])
                for one in of.people
            )
    assert over * 15 <= answer.overtime_minutes <= facts.overtime_minutes


@LAW
@given(lessened())
def test_less_makes_nobody_eligible(both: tuple[Known, Known]) -> None:
    """Taking away a skill, a certificate, a person, a grant or a shift, or adding a booking or an absence."""
    more, less = both
    assert more.answer().eligible or not less.answer().eligible


@LAW
@given(known())
def test_eligible_says_what_the_reasons_say(of: Known) -> None:
    answer = of.answer()
    assert answer.eligible is all(reason.good for reason in answer.reasons)
    assert answer.eligible is (not answer.bad())
    assert answer.grant_id is None or of.job.jurisdiction_id != WEST


@LAW
@given(known(), st.randoms(use_true_random=False))
def test_the_same_comes_of_the_same_in_any_order(of: Known, chance: Any) -> None:
    def mixed(values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(chance.sample(values, len(values)))

    agreed = list(zip(of.grants, of.used, strict=True))
    chance.shuffle(agreed)
    people = tuple(changed(one, held=mixed(one.held)) for one in mixed(of.people))
    other = of._replace(
        people=people, booked=mixed(of.booked), shifts=mixed(of.shifts), absences=mixed(of.absences),
        grants=tuple(one for one, _ in agreed), used=tuple(minutes for _, minutes in agreed),
    )  # fmt: skip
    assert of.answer() == of.answer()
    assert other.answer() == of.answer()
    assert other.answer().document() == of.answer().document()


@pytest.mark.parametrize("eligible", [True, False])
@pytest.mark.parametrize("town", [WEST, EAST])
def test_these_stories_end_either_way(town: Any, eligible: bool) -> None:
    """The laws are not about nothing: there are both answers, at home and by an agreement."""
    of = find(known(), lambda one: one.job.jurisdiction_id == town and one.answer().eligible is eligible)
    assert of.answer().eligible is eligible
