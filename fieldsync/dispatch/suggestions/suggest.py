"""Suggesting crews for a work order, and work orders for a crew's day.

Load, decide, ask the router: what is known is read in a fixed number of statements, everybody is reckoned by the
straight line, and the best of them once more by the router, without the database waiting for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant, Usage
from fieldsync.crews.facts import CrewFacts, Day, Point, Span
from fieldsync.dispatch.eligibility import APART
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.rank import Effort, Slot, at_once, best_crews, best_jobs, day_of, earliest, urgency
from fieldsync.dispatch.router import POINTS_MAX, Router, Ways
from fieldsync.dispatch.situation import JOBS_OF, Situation, load, load_jobs, serving
from fieldsync.dispatch.suggestions import queries
from fieldsync.dispatch.travel import Travel, distance_m
from fieldsync.problems import NotFound

CREWS_MAX = 200
"""Crews looked at for one work order: its own jurisdiction's, then those whose depots are nearest."""

NEAR_MAX, URGENT_MAX = 300, 200
"""Work orders looked at for one crew: the nearest and the most urgent of those that wait, 500 together at most."""

Own = frozenset[UUID] | None
"""The jurisdictions that somebody dispatches for; None means all of the partnership."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """Slots, the best first, and what they rest on."""

    slots: list[Slot]
    routed: frozenset[UUID]
    """Ids of the crews, or of the work orders, that the router was asked about."""
    ways: Ways
    situation: Situation
    within: Span
    considered: int
    unexamined: int = 0
    """Crews or work orders that were not looked at, because looking had cost as much as one request may."""
    more: bool = False
    day: str = ""
    waiting: int = 0
    ruled_out: Counter[str] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """For when crews are looked for."""

    starts_at: datetime | None
    minutes: int | None
    days: int
    limit: int


def crews_for(
    session: Session, partnership_id: UUID, own: Own, work_order_id: UUID, asked: Asked, now: datetime, router: Router
) -> tuple[JobFacts, Suggested]:
    """The work order, and crews for it.

    Raises:
        NotFound: there is no such work order in the jurisdictions that she dispatches for.
    """
    job = load_jobs(session, partnership_id, [work_order_id]).get(work_order_id)
    if job is None or (own is not None and job.jurisdiction_id not in own):
        raise NotFound
    length = timedelta(minutes=asked.minutes or job.minutes)
    if asked.starts_at is None:
        within = Span(now, now + timedelta(days=asked.days))
    else:
        within = Span(asked.starts_at, asked.starts_at + length)
    grants = load_grants(session, partnership_id, *within)
    ids, more = _crew_ids(session, partnership_id, own, grants, job)
    receivers = () if job.jurisdiction_id is None else (job.jurisdiction_id,)
    situation = load(session, partnership_id, ids, *within, grants, receivers)
    seen = serving(situation, own, *within)
    usage = _make_room(session, partnership_id, situation, job)
    session.rollback()  # Nothing is written: the connection is not kept while the router is asked.

    there = [grant for grant in grants if grant.receiver_id == job.jurisdiction_id]

    def suggest(crew: CrewFacts, travel: Travel, effort: Effort) -> Slot:
        booked = situation.booked[crew.id]
        if asked.starts_at is not None:
            return at_once(crew, booked, job, within, there, usage, travel, effort)
        minutes = length // timedelta(minutes=1)
        return earliest(crew, booked, job, minutes, within, there, usage, travel, effort)

    # Where looking costs too much for all of them, the crews of where the work lies come first, then the nearest.
    crews = [situation.crews[id_] for id_ in ids if id_ in seen]
    slots, effort = [], Effort()
    for crew in crews:
        if effort.spent:
            break
        slots.append(suggest(crew, router.straight, effort))
    considered, slots = len(slots), best_crews(slots)[: asked.limit]
    routed, ways = _route(router, slots, situation, [slot.crew.id for slot in slots])
    slots, routed = _once_more(slots, routed, lambda slot, effort: suggest(slot.crew, ways.travel, effort))
    unexamined = len(crews) - considered
    found = Suggested(
        best_crews(slots), routed, ways, situation, within, considered, unexamined, more or unexamined > 0
    )
    return job, found


def _once_more(
    slots: Sequence[Slot], routed: frozenset[UUID], suggest: Callable[[Slot, Effort], Slot]
) -> tuple[list[Slot], frozenset[UUID]]:
    """Reckon those that the router was asked about with its ways, as far as that may cost; which these are."""
    effort, again, done = Effort(), [], set()
    for slot in slots:
        id_ = next((one for one in (slot.crew.id, slot.job.id) if one in routed), None)
        if id_ is None or effort.spent:
            again.append(slot)
            continue
        again.append(suggest(slot, effort))
        done.add(id_)
    return again, frozenset(done)


def _crew_ids(
    session: Session, partnership_id: UUID, own: Own, grants: Sequence[Grant], job: JobFacts
) -> tuple[list[UUID], bool]:
    employers = None if own is None else own | {grant.giver_id for grant in grants if grant.receiver_id in own}
    bound = {
        "partnership_id": partnership_id, "employers": None if employers is None else list(employers),
        "home": job.jurisdiction_id, "lon": job.at.lon, "lat": job.at.lat, "rows": CREWS_MAX + 1,
    }  # fmt: skip
    ids = list(session.scalars(queries.CREWS, bound))
    return ids[:CREWS_MAX], len(ids) > CREWS_MAX


def _make_room(session: Session, partnership_id: UUID, situation: Situation, job: JobFacts) -> Usage:
    """What is planned for the work order already would move: it takes nobody's time, and counts in no cap."""
    usage = situation.usage.copy()
    by_id = {grant.id: grant for grant in situation.grants}
    bound = {"partnership_id": partnership_id, "work_order_id": job.id}
    for row in session.execute(queries.PLANNED, bound):
        if (grant := by_id.get(row.grant_id)) is not None and grant.cap_period is not None:
            usage.add(grant, -row.minutes, row.starts_at.astimezone(UTC))
        if row.crew_id in situation.booked:
            booked = situation.booked[row.crew_id]
            situation.booked[row.crew_id] = [one for one in booked if one.id != row.id]
    return usage


def jobs_for(
    session: Session, partnership_id: UUID, own: Own, crew_id: UUID, day: date | None, limit: int, now: datetime,
    router: Router,
) -> Suggested:  # fmt: skip
    """Work orders for a crew's day.

    Raises:
        NotFound: there is no such crew that she may see on that day.
    """
    # A day of another zone's calendar begins up to 14 hours before ours, and ends up to 12 after.
    noon = now if day is None else datetime.combine(day, time(12), UTC)
    situation = load(session, partnership_id, [crew_id], noon - timedelta(days=2), noon + timedelta(days=3))
    crew = situation.crews.get(crew_id)
    wanted = None if crew is None else _day_of(crew, day, now)
    if crew is None or wanted is None or crew_id not in serving(situation, own, *wanted.span):
        raise NotFound
    within = Span(max(wanted.span.starts, now), _end_of(crew, wanted))
    booked = situation.booked[crew_id]
    jobs, waiting = _waiting(session, partnership_id, own, situation, crew, booked, wanted.span)
    session.rollback()  # Nothing is written: the connection is not kept while the router is asked.
    place = crew.depot or (booked[0].at if booked else None)
    jobs.sort(key=lambda job: (urgency(job, crew.time_zone), 0 if place is None else distance_m(place, job.at), job.id))

    given = [grant for grant in situation.grants if grant.giver_id == crew.jurisdiction_id]

    def suggest(job: JobFacts, travel: Travel, effort: Effort) -> Slot:
        return earliest(crew, booked, job, job.minutes, within, given, situation.usage, travel, effort)

    slots: list[Slot] = []
    effort, unexamined = Effort(), 0
    ruled_out: Counter[str] = Counter()
    considered = 0
    # They come in their order but for the way; so as many as are wanted are the best of all.
    for job in jobs:
        if effort.spent:
            unexamined = len(jobs) - considered
            break
        considered += 1
        slot = suggest(job, router.straight, effort)
        ruled_out.update({reason.code for reason in slot.answer.bad()})
        if slot.fits:
            slots.append(slot)
            if len(slots) == limit:
                break
    routed, ways = _route(router, slots, situation, [slot.job.id for slot in slots])
    slots, routed = _once_more(slots, routed, lambda slot, effort: suggest(slot.job, ways.travel, effort))
    fitting = [slot for slot in slots if slot.fits]
    return Suggested(
        best_jobs(fitting), routed, ways, situation, within, considered, unexamined,
        day=wanted.day, waiting=waiting, ruled_out=ruled_out,
    )  # fmt: skip


def _day_of(crew: CrewFacts, day: date | None, now: datetime) -> Day | None:
    if day is None:
        return day_of(crew, now)
    return next((one for one in crew.days if one.day == day.isoformat()), None)


def _end_of(crew: CrewFacts, day: Day) -> datetime:
    """The end of the day, or of the shift that begins on it and goes on, with its overtime."""
    more = timedelta(minutes=crew.overtime_minutes)
    return max([day.span.ends, *(shift.ends + more for shift in day.shifts)])


def _waiting(
    session: Session, partnership_id: UUID, own: Own, situation: Situation, crew: CrewFacts, booked: Sequence[Booked],
    day: Span,
) -> tuple[list[JobFacts], int]:  # fmt: skip
    """The work orders that nobody is assigned to, where the crew may work on that day and she may know of them."""
    home = crew.jurisdiction_id
    receivers = {home} | {
        grant.receiver_id
        for grant in situation.grants
        if grant.giver_id == home
        and (not grant.crew_ids or crew.id in grant.crew_ids)
        and grant.starts < day.ends
        and (grant.ends is None or grant.ends > day.starts)
    }
    if own is not None and home not in own:
        receivers &= own
    place = crew.depot or (booked[0].at if booked else None)
    bound = {
        "partnership_id": partnership_id, "crew_id": crew.id, "jurisdictions": list(receivers),
        "lon": place and place.lon, "lat": place and place.lat,
        "reach_m": crew.reach_m if crew.depot is not None else None, "near": NEAR_MAX, "urgent": URGENT_MAX,
    }  # fmt: skip
    row = session.execute(queries.JOBS, bound).one()
    return JOBS_OF.decode(row.jobs), row.waiting


def _route(
    router: Router, slots: Sequence[Slot], situation: Situation, ids: Sequence[UUID]
) -> tuple[frozenset[UUID], Ways]:
    """Ask the router about as many of the slots, from the best on, as one matrix holds; which these are."""
    places: set[Point] = set()
    routed: set[UUID] = set()
    if router.configured:
        for slot, id_ in zip(slots, ids, strict=True):
            wanted = places | _places(slot, situation)
            if len(wanted) > POINTS_MAX:
                break
            places = wanted
            routed.add(id_)
    ways = router.ways(places)
    return (frozenset(routed) if ways.by == "router" else frozenset()), ways


def _places(slot: Slot, situation: Situation) -> set[Point]:
    """Where the crew is around the slot, and the job."""
    places = {slot.job.at} | ({slot.crew.depot} if slot.crew.depot is not None else set())
    if slot.span is None:
        return places
    first, last = slot.span.starts - 2 * APART, slot.span.ends + 2 * APART
    near = (one for one in situation.booked[slot.crew.id] if one.span.ends > first and one.span.starts < last)
    return places | {one.at for one in near}
