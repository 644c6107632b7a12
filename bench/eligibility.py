"""Eligibility: crew × job pairs a second on one core, against a bare loop that only builds the same answers.

20 crews of six people, each with four skills and certificates, a depot, shifts of eight hours on five days, and ten
bookings in the week; 50 jobs in four towns, half of them asking for a certificate; 20 agreements with hours, some of
them capped. Each pair is asked for one time of the week.

The floor makes, for each pair, an ``Answer`` with as many reasons as the real one has, out of facts that are there
already: what Python takes for the answer itself, with nothing decided.

    python -m bench.eligibility        prints pairs a second, medians of the rounds in turn, as JSON
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fieldsync.agreements.rules import Grant, Usage, Window
from fieldsync.crews.facts import CrewFacts, Held, Person, Point, Span
from fieldsync.crews.shifts import Weekly, expand
from fieldsync.dispatch.eligibility import Answer, Reason, examine
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.travel import StraightLine

CREWS, JOBS, GRANTS, PEOPLE = 20, 50, 20, 6
BOOKED_A_DAY, WORKING_DAYS = 2, 5
ROUNDS = 9
TOWNS = 4
ZONE = ZoneInfo("America/New_York")
MONDAY = date(2026, 6, 1)
LONG_AGO, FAR = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
SKILLS = ("asphalt", "signals", "trees", "drains")

Pair = tuple[CrewFacts, list[Booked], JobFacts, Span]


class Week:
    """A made-up week; the same for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.towns = [self._id() for _ in range(TOWNS)]
        self.sorts = {skill: self._id() for skill in SKILLS}
        self.grants = [self._grant(number) for number in range(GRANTS)]
        self.usage = Usage()
        for grant in self.grants:
            if grant.cap_period is not None:
                self.usage.add(grant, self.chance.randrange(2_400), self._at(0, 8))
        crews = [self._crew(number) for number in range(CREWS)]
        booked = [self._booked() for _ in crews]
        jobs = [self._job(number) for number in range(JOBS)]
        self.pairs: list[Pair] = [
            (crew, taken, job, self._span())
            for crew, taken in zip(crews, booked, strict=True)
            for job in jobs
        ]  # fmt: skip

    def _id(self) -> UUID:
        return UUID(int=self.chance.getrandbits(128))

    def _point(self) -> Point:
        return Point(-80 + self.chance.uniform(-0.1, 0.1), 40.5 + self.chance.uniform(-0.1, 0.1))

    def _at(self, day: int, hour: float) -> datetime:
        midnight = datetime.combine(MONDAY + timedelta(days=day), clock(), ZONE)
        return (midnight + timedelta(hours=hour)).astimezone(UTC)

    def _span(self) -> Span:
        starts = self._at(self.chance.randrange(WORKING_DAYS), self.chance.choice([7, 9.5, 10, 12, 13.5, 14.5]))
        return Span(starts, starts + timedelta(minutes=60))

    def _grant(self, number: int) -> Grant:
        giver, receiver = self.chance.sample(self.towns, 2)
        capped = {"cap_minutes": 2_400, "cap_period": "month"} if number % 2 else {}
        hours = tuple(Window(weekday, 6 * 60, 18 * 60) for weekday in range(1, 6))
        return Grant(
            id=self._id(), sort="term", code=f"A-{number}", version_id=self._id(), giver_id=giver,
            receiver_id=receiver, starts=LONG_AGO, hours=hours if number % 3 else (), time_zone=ZONE.key, **capped,
        )  # fmt: skip

    def _crew(self, number: int) -> CrewFacts:
        weekly = [Weekly(day, clock(7), 480, date(2020, 1, 1)) for day in range(1, WORKING_DAYS + 1)]
        first, last = MONDAY - timedelta(days=2), MONDAY + timedelta(days=8)
        return CrewFacts(
            id=self._id(), name=f"Crew {number}", jurisdiction_id=self.chance.choice(self.towns), time_zone=ZONE.key,
            people=tuple(self._person(member) for member in range(PEOPLE)), depot=self._point(), reach_m=20_000,
            capacity_minutes=480, overtime_minutes=60, days=expand(ZONE, first, last, weekly, [], []),
        )  # fmt: skip

    def _person(self, number: int) -> Person:
        always = Span(LONG_AGO, FAR)
        held = [Held("skill", skill, always) for skill in self.chance.sample(SKILLS, 2)]
        until = self._at(self.chance.randrange(60), 0)
        held += [Held("certificate", "flagger", Span(LONG_AGO, until)), Held("certificate", "licence", always)]
        return Person(self._id(), f"Person {number}", (always,), tuple(held))

    def _booked(self) -> list[Booked]:
        return [
            Booked(self._id(), self._id(), Span(self._at(day, hour), self._at(day, hour + 1.5)), self._point())
            for day in range(WORKING_DAYS) for hour in (8, 11)[:BOOKED_A_DAY]
        ]  # fmt: skip

    def _job(self, number: int) -> JobFacts:
        skill = self.chance.choice(SKILLS)
        return JobFacts(
            id=self._id(), title=f"Job {number}", jurisdiction_id=self.chance.choice(self.towns),
            service_type_id=self.sorts[skill], service_type=skill, skill=skill,
            certificates=frozenset({"flagger"}) if number % 2 else frozenset(), minutes=60, at=self._point(),
            status="open", crew_id=None,
        )  # fmt: skip


def run() -> dict[str, Any]:
    """Pairs a second, medians of the rounds; the share that is eligible, and which codes were given how often."""
    week, travel = Week(), StraightLine(40, 1.3)

    def real() -> list[Answer]:
        grants, usage = week.grants, week.usage
        return [examine(crew, booked, job, span, grants, usage, travel) for crew, booked, job, span in week.pairs]

    answers = real()

    def floor() -> list[Answer]:
        return [
            Answer(one.crew_id, one.job_id, one.eligible, tuple([
                Reason(reason.code, reason.good, dict(reason.facts), reason.time_zone) for reason in one.reasons
            ]), one.grant_id, one.travel_minutes, one.overtime_minutes)
            for one in answers
        ]  # fmt: skip

    assert floor() == answers == real()
    ways: dict[str, Callable[[], list[Answer]]] = {"examined": real, "floor": floor}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            samples[name].append(len(week.pairs) / (time.perf_counter() - started))
    rates = {name: round(statistics.median(taken)) for name, taken in samples.items()}
    given = Counter(reason.code for one in answers for reason in one.reasons)
    return {
        "pairs": len(week.pairs),
        "rounds": ROUNDS,
        "pairs_per_s": rates,
        "examined_by_floor": round(rates["examined"] / rates["floor"], 3),
        "eligible": round(sum(one.eligible for one in answers) / len(answers), 3),
        "reasons_an_answer": round(given.total() / len(answers), 1),
        "codes": dict(given.most_common()),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
