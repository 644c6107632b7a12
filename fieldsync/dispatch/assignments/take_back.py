"""Taking an assignment back: releasing what was planned, or recalling a crew that was lent."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fieldsync.agreements.rules import Grant, grants_for, holds, open_at
from fieldsync.dispatch.assignments import queries, write
from fieldsync.dispatch.assignments.load import Dispatcher, Known, load
from fieldsync.dispatch.assignments.plan import Part
from fieldsync.dispatch.assignments.problems import AssignmentOver, RecallNotAgreed
from fieldsync.dispatch.assignments.verdicts import Result, show_present
from fieldsync.dispatch.assignments.whose import Whose, check_hers, whose
from fieldsync.dispatch.assignments.write import EventRow, HandOver, Row
from fieldsync.problems import NotAllowed, NotFound, PreconditionFailed, Problem


def release(dispatcher: Dispatcher, assignment_id: UUID, wanted: frozenset[int], reason: str) -> None:
    """Give the crew its time back. The work order stays with it, without this part of the plan.

    Raises:
        NotFound, NotAllowed, PreconditionFailed, AssignmentOver
    """
    one, known = _find(dispatcher, assignment_id)
    part = known.parts[assignment_id]
    check_hers(dispatcher, known.records[part.work_order_id].jurisdiction_id, one.employer_id)
    _check_present(dispatcher, part, wanted)
    write.release(dispatcher, [part.id], "released", _events([part], "released", reason))


def recall(dispatcher: Dispatcher, assignment_id: UUID, wanted: frozenset[int], reason: str) -> None:
    """Take a crew home: all that is planned for it on the work order ends, and the work order leaves its tablets.

    Raises:
        NotFound, PreconditionFailed, AssignmentOver
        NotAllowed: she does not dispatch for the jurisdiction that employs the crew.
        RecallNotAgreed: the agreement by which it is lent does not give its home priority.
    """
    one, known = _find(dispatcher, assignment_id)
    part = known.parts[assignment_id]
    record = known.records[part.work_order_id]
    if not dispatcher.may(one.employer_id):
        if not dispatcher.may(record.jurisdiction_id):
            raise NotFound
        raise NotAllowed("Only the home of a crew recalls it; release the assignment.")
    _check_present(dispatcher, part, wanted)
    # Without a grant she owes nobody the crew; and who dispatches where the work lies may take it back anyway.
    if not dispatcher.may(record.jurisdiction_id):
        grant = _lent_by(known, part)
        if grant is not None and not _recallable(grant):
            raise RecallNotAgreed(grant_id=str(grant.id), agreement=grant.code)
    parts = known.planned(part.work_order_id)
    # Ended here, with the reason: the journal would end them without one.
    write.release(dispatcher, [one.id for one in parts], "recalled", _events(parts, "recalled", reason))
    write.hand_over(dispatcher, [HandOver(record.id, record.version, None, reason, "recalled")])


def _lent_by(known: Known, part: Part) -> Grant | None:
    """The grant by which the crew is lent for this time: the one by which it was planned as long as that allows it, or
    else the first that does. A version that took the place of another binds what was planned under the other."""
    job = known.jobs[part.work_order_id]
    if job.jurisdiction_id is None:
        return None
    giver_id = known.plan.crews[part.crew_id].jurisdiction_id
    about = grants_for(
        known.plan.grants, giver_id, job.jurisdiction_id, part.crew_id, job.service_type_id, job.skill
    )  # fmt: skip
    allow = [grant for grant in about if holds(grant, *part.span) and open_at(grant, *part.span)]
    return next((grant for grant in allow if grant.id == part.grant_id), allow[0] if allow else None)


def _recallable(grant: Grant) -> bool:
    return grant.home_priority or grant.sort == "offer"


def _find(dispatcher: Dispatcher, assignment_id: UUID) -> tuple[Whose, Known]:
    """Lock and read it.

    Raises:
        NotFound: there is none that she may see.
        PreconditionFailed: it got another crew or time while nothing was locked yet: of those nothing is known here.
    """
    found = whose(dispatcher, [assignment_id]).get(assignment_id)
    if found is None:
        raise NotFound
    known = load(dispatcher, [found.work_order_id], [found.crew_id], [found.span], [assignment_id])
    part = known.parts[assignment_id]
    if not found.stands(part):
        # What she is shown is the present: so it is whose it is now that decides whether she may see it.
        present = whose(dispatcher, [assignment_id])[assignment_id]
        jurisdiction_id = known.records[part.work_order_id].jurisdiction_id
        if not dispatcher.may(jurisdiction_id) and not dispatcher.may(present.employer_id):
            raise NotFound
        raise _stale(dispatcher, part)
    return found, known


def _check_present(dispatcher: Dispatcher, part: Part, wanted: frozenset[int]) -> None:
    if part.version not in wanted:
        raise _stale(dispatcher, part)
    if part.state != "planned":
        raise AssignmentOver


def _stale(dispatcher: Dispatcher, part: Part) -> Problem:
    result = Result(part.id, problem=PreconditionFailed("The assignment has changed since you looked at it."))
    show_present(dispatcher, [result], queries.SENT, "id")
    assert result.problem is not None
    return result.problem


def _events(parts: Sequence[Part], action: str, reason: str) -> list[EventRow]:
    return [EventRow(part.id, part.work_order_id, action, reason, _before(part)) for part in parts]


def _before(part: Part) -> dict[str, object]:
    row = Row(part.id, part.work_order_id, part.crew_id, part.starts_at, part.ends_at, part.minutes, part.pinned, None)
    return row.facts()
