"""Giving a work order to a crew without a time: the same reasons, as far as they do not depend on one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Usage
from fieldsync.crews.roster import load_crews
from fieldsync.dispatch.assignments.plan import against_untimed
from fieldsync.dispatch.eligibility import examine
from fieldsync.dispatch.reasons import shown_to
from fieldsync.dispatch.situation import Situation, load_jobs, serving
from fieldsync.dispatch.travel import StraightLine
from fieldsync.problems import CrewNotEligible, UnknownReference

_AN_INSTANT = timedelta(microseconds=1)

_NO_WAY = StraightLine(kmh=1, detour=1)
"""Without a time nothing is driven."""


def check_seen(
    session: Session, partnership_id: UUID, own: frozenset[UUID] | None, crew_ids: Collection[UUID], at: datetime
) -> None:
    """That crews, which exist, are there for whoever gives them work: those of the jurisdictions ``own`` (None: all of
    them), and those that a grant gives to one of these at this moment. At most two statements.

    Raises:
        UnknownReference: one of them is not; in the words for an id that means nothing.
    """
    if own is None or not crew_ids:
        return
    crews = load_crews(session, partnership_id, set(crew_ids), at.date(), at.date())
    until = at + _AN_INSTANT
    now = Situation(crews, {}, load_grants(session, partnership_id, at, until), Usage())
    if unseen := set(crew_ids) - serving(now, own, at, until):
        raise UnknownReference(f"There is no crew {min(unseen)}.", field="crew_id")


def check_given(
    session: Session, partnership_id: UUID, own: frozenset[UUID] | None, given: Mapping[UUID, UUID], at: datetime
) -> None:
    """That crews may be given work orders at this moment; three statements. ``given``: work order -> crew, which
    exist; as they stand in this transaction. What of them has no time is not looked at: hours, caps, ways. ``own``: the
    jurisdictions of whoever gives; None means all.

    Raises:
        CrewNotEligible: one of them may not, for a reason that nobody may overrule; with all reasons.
    """
    if not given:
        return
    crews = load_crews(session, partnership_id, set(given.values()), at.date(), at.date())
    grants = load_grants(session, partnership_id, at, at + _AN_INSTANT)
    jobs = load_jobs(session, partnership_id, given.keys())
    for work_order_id, crew_id in given.items():
        if (job := jobs.get(work_order_id)) is None:
            continue  # Deleted: it is in nobody's scope.
        crew = crews[crew_id]
        answer = examine(crew, (), job, None, grants, Usage(), _NO_WAY, at=at).told(shown_to(own, crew, ()))
        if against := against_untimed(answer):
            sentences = " ".join(reason.sentence for reason in against)
            reasons = [reason.document() for reason in answer.reasons]
            raise CrewNotEligible(sentences, field="crew_id", reasons=reasons)
