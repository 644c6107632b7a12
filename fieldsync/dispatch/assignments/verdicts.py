"""Verdicts: what became of each item, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import TextClause

from fieldsync.dispatch.assignments import queries
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.dispatch.assignments.plan import DOUBLE
from fieldsync.dispatch.assignments.problems import OthersRefused
from fieldsync.dispatch.assignments.shapes import AssignmentVerdict, WorkOrderVersion
from fieldsync.dispatch.eligibility import Answer, Reason
from fieldsync.documents import etag
from fieldsync.problems import CrewNotEligible, CrewTaken, PreconditionFailed, Problem


class Result(Struct):
    """What became of an item, as it is being decided."""

    id: UUID
    """The assignment's."""
    work_order_id: UUID | None = None
    problem: Problem | None = None
    """Why it is refused."""
    repeated: bool = False
    overruled: list[str] = []


def not_eligible(answer: Answer, standing: Sequence[Reason]) -> Problem:
    """The problem for reasons that stand; a crew that would be in two places has a code of its own."""
    shape = CrewTaken if any(reason.code == DOUBLE for reason in standing) else CrewNotEligible
    sentences = " ".join(reason.sentence for reason in standing)
    return shape(sentences, reasons=[reason.document() for reason in answer.reasons])


def all_or_none(results: Sequence[Result]) -> None:
    """Where one is refused, refuse all but those that were done before."""
    if any(result.problem for result in results):
        for result in results:
            if result.problem is None and not result.repeated:
                result.problem = OthersRefused()


def show_present(dispatcher: Dispatcher, results: Sequence[Result], statement: TextClause, about: str) -> None:
    """Put what is there now into the refusals of those who had seen something else; one statement.

    ``about``: the attribute of a result that has the id of what ``statement`` reads.
    """
    stale = [result for result in results if isinstance(result.problem, PreconditionFailed)]
    if stale:
        bound = dispatcher.ids(ids=[getattr(result, about) for result in stale])
        rows = {row.id: row for row in dispatcher.session.execute(statement, bound)}
        for result in stale:
            row = rows[getattr(result, about)]
            assert result.problem is not None
            result.problem.facts |= {"current": msgspec.Raw(row.sent.encode()), "etag": etag(row.version)}


def told(dispatcher: Dispatcher, results: Sequence[Result], done: str, versions: Mapping[UUID, int]) -> dict[str, Any]:
    """The answer: a verdict for each item, with the assignment as it is now; one statement.

    ``done``: the word for an item that was not refused. ``versions``: of the work orders, as they are now.
    """
    ids = [result.id for result in results if result.problem is None]
    rows = dispatcher.session.execute(queries.SENT, dispatcher.ids(ids=ids))
    sent = {row.id: msgspec.Raw(row.sent.encode()) for row in rows}
    verdicts = []
    for result in results:
        if result.problem is not None:
            verdicts.append(AssignmentVerdict(verdict="refused", id=result.id, problem=result.problem.document()))
            continue
        assert result.work_order_id is not None
        version = versions[result.work_order_id]
        verdicts.append(
            AssignmentVerdict(
                verdict=done, id=result.id, repeated=result.repeated, assignment=sent[result.id],
                work_order=WorkOrderVersion(result.work_order_id, version, etag(version)), overruled=result.overruled,
            )
        )  # fmt: skip
    return {"verdicts": verdicts, "done": len(ids), "refused": len(results) - len(ids)}
