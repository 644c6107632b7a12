"""A crew, a job and an agreement that fit each other, to be changed by what a test is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec import structs

from fieldsync.agreements.rules import Grant, Usage
from fieldsync.crews.facts import CrewFacts, Day, Held, Person, Point, Span
from fieldsync.crews.shifts import Otherwise, Weekly, expand
from fieldsync.dispatch.eligibility import Answer, examine
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.travel import StraightLine, Travel

ZONE = ZoneInfo("America/New_York")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 15)
"""Sunday to Sunday. The clocks go forward on the 8th."""

LONG_AGO, FAR = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
DEPOT, SITE = Point(-80.0, 40.5), Point(-80.0, 40.5)
TRAVEL = StraightLine(kmh=60, detour=1.0)
"""A kilometre a minute."""

KM_NORTH = 180 / 3.141592653589793 / 6371.0088
"""Degrees of latitude."""


def name(text: str) -> UUID:
    """An id that is the same in every run."""
    return uuid5(UUID(int=0), text)


WEST, EAST, NORTH = name("west"), name("east"), name("north")
POTHOLE, SIGNAL = name("pothole"), name("signal")


def north(km: float) -> Point:
    """So far north of the depot."""
    return Point(DEPOT.lon, DEPOT.lat + km * KM_NORTH)


def local(day: int, clock: str, zone: ZoneInfo = ZONE) -> datetime:
    """A moment of March 2026 by the clock on the wall."""
    hour, _, minute = clock.partition(":")
    return datetime(2026, 3, day, int(hour), int(minute or 0), tzinfo=zone).astimezone(UTC)


def during(day: int, clock: str, minutes: int = 60) -> Span:
    """From a time of day, so many minutes of real time."""
    starts = local(day, clock)
    return Span(starts, starts + timedelta(minutes=minutes))


def days(*weekly: Weekly, otherwise: Sequence[Otherwise] = (), absences: Sequence[Span] = ()) -> tuple[Day, ...]:
    """The days of the two weeks with these shifts."""
    return expand(ZONE, FIRST, LAST, weekly, otherwise, absences)


def every_day(clock: str, minutes: int) -> tuple[Weekly, ...]:
    """The same shift on all days of the week."""
    return tuple(Weekly(day, time.fromisoformat(clock), minutes, date(2020, 1, 1)) for day in range(1, 8))


def person(called: str, *held: Held, there: Sequence[Span] = (Span(LONG_AGO, FAR),)) -> Person:
    """A member of the crew."""
    return Person(name(called), called, tuple(there), held)


def skill(code: str, since: datetime = LONG_AGO, until: datetime = FAR) -> Held:
    return Held("skill", code, Span(since, until))


def certificate(code: str, since: datetime = LONG_AGO, until: datetime = FAR) -> Held:
    return Held("certificate", code, Span(since, until))


def crew(**changed: Any) -> CrewFacts:
    """Employed by west, on duty every day from 7 to 15, at the depot, with all skills that it may need."""
    known: dict[str, Any] = {
        "id": name("crew"), "name": "Alpha", "jurisdiction_id": WEST, "time_zone": ZONE.key,
        "skills": frozenset({"asphalt"}), "people": (person("Ana", certificate("flagger")),),
        "depot": DEPOT, "days": days(*every_day("07:00", 480)),
    }  # fmt: skip
    return CrewFacts(**(known | changed))


def job(**changed: Any) -> JobFacts:
    """An open one in west, at the depot."""
    known: dict[str, Any] = {
        "id": name("job"), "title": "Hole", "jurisdiction_id": WEST, "service_type_id": POTHOLE,
        "service_type": "Pothole", "skill": "asphalt", "certificates": frozenset(), "minutes": 60, "at": SITE,
        "status": "open", "crew_id": None,
    }  # fmt: skip
    return JobFacts(**(known | changed))


def grant(called: str = "A-1", **changed: Any) -> Grant:
    """West's crews may work for east."""
    known: dict[str, Any] = {
        "id": name(called), "sort": "term", "code": called, "version_id": name("version " + called), "giver_id": WEST,
        "receiver_id": EAST, "starts": LONG_AGO, "time_zone": ZONE.key,
    }  # fmt: skip
    return Grant(**(known | changed))


def booked(day: int, clock: str, minutes: int = 60, at: Point = SITE, called: str = "", **more: Any) -> Booked:
    """A planned assignment."""
    called = called or f"{day} {clock}"
    return Booked(name(called), name("work order " + called), during(day, clock, minutes), at, **more)


MORNING = during(3, "09:00")


def ask(
    of: CrewFacts | None = None, about: JobFacts | None = None, span: Span | None = MORNING, *,
    booked: Sequence[Booked] = (), grants: Sequence[Grant] = (), usage: Usage | None = None,
    travel: Travel = TRAVEL, ignoring: Collection[UUID] = (), at: datetime | None = None,
) -> Answer:  # fmt: skip
    """What ``examine`` says."""
    return examine(
        of or crew(), booked, about or job(), span, grants, usage or Usage(), travel, ignoring=ignoring, at=at
    )


def codes(answer: Answer) -> list[str]:
    """The codes, in their order."""
    return [reason.code for reason in answer.reasons]


def bad(answer: Answer) -> list[str]:
    """The codes of what rules the crew out."""
    return [reason.code for reason in answer.reasons if not reason.good]


def facts(answer: Answer, code: str) -> dict[str, Any]:
    """What the first reason with this code says."""
    return next(reason.facts for reason in answer.reasons if reason.code == code)


def changed(struct: Any, **fields: Any) -> Any:
    """The same with other fields."""
    return structs.replace(struct, **fields)
