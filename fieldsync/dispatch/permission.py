"""Whether a crew may work where a job lies: its employer's own work, or a grant that applies. Pure.

Of the grants that are about the crew and this kind of work, the first by their rank applies that holds for the whole
time, is open at its hours, and has enough left of its caps.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any
from uuid import UUID

from fieldsync.agreements.rules import Grant, Usage, cost_cents, grants_for, holds, open_at
from fieldsync.crews.facts import CrewFacts, Span
from fieldsync.dispatch.facts import Booked, JobFacts
from fieldsync.dispatch.load import A_MINUTE
from fieldsync.dispatch.reasons import Facts, Sayer

AN_INSTANT = timedelta(microseconds=1)

GRANTS_TOLD = 10
"""Grants of which an answer says why they do not apply, or that others come before them: the best by their rank. More
of them nobody reads, and two partners may have hundreds between them."""


class About(tuple[Grant, ...]):
    """The grants that are about one crew and one job, the first to apply first; see ``about``."""

    __slots__ = ()


def about(grants: Sequence[Grant], crew: CrewFacts, job: JobFacts) -> About:
    """What ``permission`` picks of ``grants``, picked once: for whoever asks about many times."""
    if job.jurisdiction_id is None:
        return About()
    return About(grants_for(grants, crew.jurisdiction_id, job.jurisdiction_id, crew.id, job.service_type_id, job.skill))


def permission(
    said: Sayer, crew: CrewFacts, booked: Sequence[Booked], job: JobFacts, span: Span | None,
    grants: Sequence[Grant], usage: Usage, ignoring: Collection[UUID], at: datetime | None,
) -> Grant | None:  # fmt: skip
    """Say whether ``crew`` may do ``job``, and give the grant by which it may; None for the home crew, or where it may
    not. What goes in: see ``examine``."""
    giver, receiver = crew.jurisdiction_id, job.jurisdiction_id
    if receiver is None:
        said.bad("no_jurisdiction", {})
        return None
    if giver == receiver:
        said.good("home_crew", {})
        return None
    fitting = grants if isinstance(grants, About) else about(grants, crew, job)
    refusals: list[tuple[str, Facts]] = []
    for place, grant in enumerate(fitting):
        left: Facts = {}
        found = [] if span is None and at is None else _not_now(grant, span, at)
        if span is not None and not found and grant.cap_period is not None:
            found, left = _caps(grant, span, _used(grant, booked, usage, ignoring))
        if not found:
            passed = [str(one.id) for one in fitting[: min(place, GRANTS_TOLD)]]
            facts: Facts = {**_of(grant), "home_priority": grant.home_priority, "passed_over": passed}
            said.good("agreement", facts | _more(place, "more_passed_over"))
            if left:
                said.good("cap_left", left)
            return grant
        if place < GRANTS_TOLD:
            refusals += found
    if not fitting:
        _nothing_about_it(said, crew, job, grants, receiver)
    elif refusals:
        code, last = refusals[-1]
        refusals[-1] = code, last | _more(len(fitting))
    for code, facts in refusals:
        said.bad(code, facts)
    return None


def _nothing_about_it(
    said: Sayer, crew: CrewFacts, job: JobFacts, grants: Sequence[Grant], receiver: UUID
) -> None:  # fmt: skip
    """Why none of the grants is about the crew and the job."""
    giver = crew.jurisdiction_id
    between = [one for one in grants if one.giver_id == giver and one.receiver_id == receiver]
    if not between:
        said.bad("no_agreement", {"giver_id": giver, "receiver_id": receiver})
    told = nsmallest(GRANTS_TOLD, between, key=_rank)
    for number, grant in enumerate(told, start=1):
        facts: Facts = {**_of(grant), "lacks": _lacks(grant, crew, job)}
        said.bad("not_covered", facts | (_more(len(between)) if number == len(told) else {}))


def _more(grants: int, called: str = "more") -> Facts:
    """How many grants are left untold, where any are."""
    return {called: grants - GRANTS_TOLD} if grants > GRANTS_TOLD else {}


def _rank(grant: Grant) -> tuple[Any, ...]:
    return grant.rank


def _of(grant: Grant) -> Facts:
    return {"grant_id": grant.id, "sort": grant.sort, "agreement": grant.code}


def _lacks(grant: Grant, crew: CrewFacts, job: JobFacts) -> list[str]:
    lacks = []
    if grant.crew_ids and crew.id not in grant.crew_ids:
        lacks.append("crew")
    if grant.service_type_ids and job.service_type_id not in grant.service_type_ids:
        lacks.append("service_type")
    if grant.skills and job.skill not in grant.skills:
        lacks.append("skill")
    return lacks


def _not_now(grant: Grant, span: Span | None, at: datetime | None) -> list[tuple[str, Facts]]:
    if span is None:
        assert at is not None
        if holds(grant, at, at + AN_INSTANT):
            return []
    elif holds(grant, *span):
        return [] if open_at(grant, *span) else [("outside_agreed_hours", _of(grant))]
    return [("not_in_force", {**_of(grant), "starts": grant.starts, "ends": grant.ends})]


def _used(grant: Grant, booked: Sequence[Booked], usage: Usage, ignoring: Collection[UUID]) -> Usage:
    """What is used of the grant without the assignments that are about to move away."""
    leaving = [one for one in booked if one.grant_id == grant.id and one.id in ignoring] if ignoring else ()
    if not leaving:
        return usage
    usage = usage.copy()
    for one in leaving:
        usage.add(grant, -_minutes(one.span), one.span.starts)
    return usage


def _caps(grant: Grant, span: Span, usage: Usage) -> tuple[list[tuple[str, Facts]], Facts]:
    """By which caps the job is too much, and what they would leave after it."""
    refusals: list[tuple[str, Facts]] = []
    of: Facts = {**_of(grant), "period": grant.cap_period}
    left: Facts = {}
    used, needed = usage.minutes(grant, span.starts), _minutes(span)
    if grant.cap_minutes is not None:
        before = grant.cap_minutes - used
        left["left_minutes"] = before - needed
        if needed > before:
            refusals.append(("cap_minutes_reached", {**of, "left_minutes": before, "needed_minutes": needed}))
    if grant.cap_cents is not None:
        # Rounded once, as usage is: not the sum of two roundings.
        before, after = grant.cap_cents - cost_cents(grant, used), grant.cap_cents - cost_cents(grant, used + needed)
        left["left_cents"] = after
        if after < 0:
            refusals.append(("cap_cents_reached", {**of, "left_cents": before, "needed_cents": before - after}))
    return refusals, {**of, **left}


def _minutes(span: Span) -> int:
    """Whole minutes; what is begun counts."""
    return -((span[0] - span[1]) // A_MINUTE)
