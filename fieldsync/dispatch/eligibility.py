"""Whether a crew can do a job at a time, with every reason. Pure.

One function, ``examine``, stands behind the board, the suggestions and the refusal of an assignment. What is asked, in
which order and by which codes: docs/eligibility.md.

Two promises, held by tests: nobody is eligible outside an agreement; and taking something away (a skill, a
certificate, a person, a grant, a shift) or adding a booking or an absence makes nobody eligible who was not. Therefore
every booking is looked at by itself, and a day's load is the way through all of its places.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from fieldsync.agreements.rules import Grant, Usage
from fieldsync.crews.facts import CrewFacts, Span
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.load import A_MINUTE, GRAIN, NOTHING, load_of, stops_of
from fieldsync.dispatch.permission import permission
from fieldsync.dispatch.reasons import CODES, Answer, Facts, Reason, Sayer
from fieldsync.dispatch.travel import Travel, distance_m
from fieldsync.workorders.rules import DONE

__all__ = ["CODES", "Answer", "Reason", "examine"]

APART = timedelta(hours=12)
"""Assignments further apart do not bind each other by their way: a night lies between, which begins and ends
elsewhere."""


def examine(
    crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span | None, grants: Sequence[Grant], usage: Usage,
    travel: Travel, *, ignoring: Collection[UUID] = (), at: datetime | None = None,
) -> Answer:  # fmt: skip
    """Whether ``crew`` can do ``job`` during ``span``, with every reason.

    ``booked``: the crew's planned assignments, at least from 12 hours before ``span``'s first day to 12 hours after
    its last; ``crew.days`` cover these days and the one before. ``ignoring``: ids of assignments that are about to
    move away; those among ``booked`` are left out of the crew's time and of the caps. (Where they are another crew's,
    the caller takes them out of ``usage``.) ``usage`` is of the periods in which ``span`` begins.

    ``span`` None asks only for what does not depend on the time: whether the crew exists and the job is open, an
    agreement in force at ``at`` (None: whenever) for this work and crew, the skill and certificates held by anybody at
    any time, and the reach.
    """
    said = Sayer(crew.time_zone)
    if crew.disbanded:
        said.bad("crew_disbanded", {})
    else:
        said.good("crew_works", {})
    if job.status in DONE:
        said.bad("job_done", {"status": str(job.status)})
    else:
        said.good("job_open", {"status": str(job.status)})
    grant = permission(said, crew, booked, job, span, grants, usage, ignoring, at)
    _held(said, crew, "skill", job.skill, span)
    for code in sorted(job.certificates) if job.certificates else ():
        _held(said, crew, "certificate", code, span)
    overtime, way = 0, None
    if span is not None:
        others = [one for one in booked if one.id not in ignoring] if ignoring else booked
        overtime = max(_shift(said, crew, span), _capacity(said, crew, others, job, span, travel))
        way = _free(said, crew, others, job, span, travel)
    _reach(said, crew, job)
    eligible = not said.refused
    return Answer(crew.id, job.id, eligible, tuple(said.reasons), grant.id if grant else None, way, overtime)


# --- people -------------------------------------------------------------------------------------------------------


def _held(said: Sayer, crew: CrewFacts, sort: str, code: str | None, span: Span | None) -> None:
    """A skill is the crew's own, or one person's; a certificate is one person's."""
    if code is None:
        said.good("no_skill_needed", {})
        return
    if sort == "skill" and code in crew.skills:
        said.good(sort, {sort: code, "by": []})
        return
    by: list[str] = []
    lapses: list[Facts] = []
    for person in crew.people:
        spans = [one.span for one in person.held if one.code == code and one.sort == sort]
        if not spans:
            continue
        if span is None:
            by.append(person.name)
            continue
        if len(spans) > 1:
            spans.sort()
        there, holds_it = _throughout(person.there, span), _throughout(spans, span)
        if there and holds_it:
            by.append(person.name)
        else:
            lapses.append({"id": person.id, "name": person.name, "there": there, **_lapse(spans, span, holds_it)})
    if by:
        said.good(sort, {sort: code, "by": sorted(by)})
    elif lapses:
        lapses.sort(key=lambda one: (one["name"], one["id"]))
        said.bad(f"{sort}_not_throughout", {sort: code, "people": lapses})
    else:
        said.bad(f"{sort}_missing", {sort: code})


def _throughout(spans: Sequence[Span], span: Span) -> bool:
    """Whether sorted spans, which may touch or overlap, cover the whole."""
    reached, ends = span
    for one in spans:
        if one[0] <= reached < one[1]:
            if one[1] >= ends:
                return True
            reached = one[1]
    return False


def _lapse(spans: Sequence[Span], span: Span, holds_it: bool) -> Facts:
    """Until when, or else from when on, she has it around that time."""
    if holds_it:
        return {"since": None, "until": None}
    until = [one.ends for one in spans if one.starts <= span.starts]
    if until:
        return {"since": None, "until": max(until)}
    return {"since": min(one.starts for one in spans), "until": None}


# --- time ---------------------------------------------------------------------------------------------------------


def _shift(said: Sayer, crew: CrewFacts, span: Span) -> int:
    """Within the shifts, or beyond the end of one by overtime; minutes of overtime."""
    starts, ends = span
    away = next((one for one in crew.away if one[0] < ends and one[1] > starts), None) if crew.away else None
    if not crew.has_shifts:
        if away is None:
            said.good("hours_unknown", {})
        else:
            said.bad("crew_away", {"starts": away.starts, "ends": away.ends})
        return 0
    shifts = [shift for day in crew.days for shift in day.shifts]
    outside = ends - starts
    for shift in shifts:
        if shift[0] < ends and shift[1] > starts:
            outside -= min(shift[1], ends) - max(shift[0], starts)
    if outside == NOTHING:
        said.good("in_shift", {})
        return 0
    minutes = -(-outside // A_MINUTE)
    if minutes <= crew.overtime_minutes and _by_overtime(crew, shifts, span):
        said.good("overtime", {"overtime_minutes": minutes, "allowed_minutes": crew.overtime_minutes})
        return minutes
    if away is not None:
        said.bad("crew_away", {"starts": away.starts, "ends": away.ends})
        return 0
    if any(shift[0] <= starts <= shift[1] for shift in shifts):
        said.bad("overtime_exceeded", {"needed_minutes": minutes, "allowed_minutes": crew.overtime_minutes})
        return 0
    near = [day for day in crew.days if day.span[0] < ends and day.span[1] > starts]
    listed = [shift for day in near for shift in day.shifts]
    if listed:
        said.bad("outside_shift", {"outside_minutes": minutes, "shifts": listed})
    else:
        said.bad("no_shift", {"days": [day.day for day in near]})
    return 0


def _by_overtime(crew: CrewFacts, shifts: Sequence[Span], span: Span) -> bool:
    """Whether all that lies outside the shifts follows the end of one within the overtime, and no absence is in it."""
    more = timedelta(minutes=crew.overtime_minutes)
    reached, ends = span
    while reached < ends:
        inside = next((shift for shift in shifts if shift[0] <= reached < shift[1]), None)
        if inside is not None:
            reached = inside[1]
            continue
        until = max((shift[1] + more for shift in shifts if shift[1] <= reached < shift[1] + more), default=reached)
        until = min((until, ends, *(shift[0] for shift in shifts if shift[0] > reached)))
        if until <= reached or any(one[0] < until and one[1] > reached for one in crew.away):
            return False
        reached = until
    return True


def _capacity(said: Sayer, crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span, travel: Travel) -> int:
    """Of each day that the job lies in, work and travel fit; minutes of overtime of the fullest."""
    starts, ends = span
    stops, overtime = None, 0
    for day in crew.days:
        if day.span[0] >= ends or day.span[1] <= starts:
            continue
        if stops is None:
            stops = [*stops_of(booked), (span, job.at)]
        load = load_of(crew, day, stops, travel)
        if load.capacity is None:
            said.good("capacity_unknown", {"day": day.day, "load_minutes": load.minutes})
            continue
        over = load.minutes - load.capacity
        facts: Facts = {
            "day": day.day, "load_minutes": load.minutes, "travel_minutes": load.travel,
            "capacity_minutes": load.capacity,
        }  # fmt: skip
        if over <= 0:
            said.good("capacity", facts)
        elif over <= crew.overtime_minutes:
            overtime = max(overtime, over)
            said.good("capacity_overtime", {**facts, "overtime_minutes": over})
        else:
            said.bad("capacity_exceeded", {**facts, "allowed_minutes": crew.overtime_minutes})
    if stops is None:
        said.good("capacity_unknown", {"day": None, "load_minutes": None})
    return overtime


def _free(
    said: Sayer, crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span, travel: Travel
) -> float | None:
    """Nothing else at that time, and time for the ways; minutes to get there."""
    starts, ends = span
    taken, before, after = [], [], []
    for one in booked:
        if one.span[0] < ends and one.span[1] > starts:
            taken.append(one)
        elif one.span[1] <= starts:
            if starts - one.span[1] < APART:
                before.append((starts - one.span[1], travel.minutes(one.at, job.at), one))
        elif one.span[0] - ends < APART:
            after.append((one.span[0] - ends, travel.minutes(job.at, one.at), one))
    for one in sorted(taken, key=lambda one: (one.span, one.id)):
        said.bad("booked", {
            "assignment_id": one.id, "work_order_id": one.work_order_id, "starts": one.span.starts,
            "ends": one.span.ends, "pinned": one.pinned,
        })  # fmt: skip
    if not taken:
        said.good("free", {})
    _way(said, "way_there", before)
    _way(said, "way_on", after)
    if before:
        return min(before, key=_nearest)[1]
    return None if crew.depot is None else travel.minutes(crew.depot, job.at)


Way = tuple[timedelta, float, Booked]
"""The time between two assignments, the minutes that the way takes, and the other assignment."""


def _nearest(way: Way) -> tuple[timedelta, UUID]:
    return way[0], way[2].id


def _way(said: Sayer, code: str, ways: Sequence[Way]) -> None:
    # By itself each: the nearest alone would not do where what is booked already leaves no time for its own ways.
    short = [way for way in ways if way[1] > way[0] / A_MINUTE + GRAIN]
    for gap, minutes, one in sorted(short or ways, key=_nearest)[:1]:
        facts: Facts = {
            "assignment_id": one.id, "work_order_id": one.work_order_id, "needed_minutes": ceil(minutes - GRAIN),
            "gap_minutes": gap // A_MINUTE,
        }  # fmt: skip
        if short:
            said.bad(f"{code}_too_long", facts)
        else:
            said.good(code, facts)


def _reach(said: Sayer, crew: CrewFacts, job: JobFacts) -> None:
    if crew.depot is None:
        said.good("reach_unknown", {})
        return
    metres = round(distance_m(crew.depot, job.at))
    facts: Facts = {"distance_m": metres, "reach_m": crew.reach_m}
    if crew.reach_m is not None and metres > crew.reach_m:
        said.bad("out_of_reach", facts)
    else:
        said.good("within_reach", facts)
