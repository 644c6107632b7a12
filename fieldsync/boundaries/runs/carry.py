"""Carrying out a run: take it up if nobody does, let its carrier work, write down how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from fieldsync.boundaries.problems import DraftInUse, GaveUp, translated
from fieldsync.boundaries.runs import queries
from fieldsync.boundaries.runs.ask import MOVES
from fieldsync.boundaries.runs.carriers import carrier_of
from fieldsync.boundaries.runs.hold import Hold, holding, right_to_moves, right_to_run
from fieldsync.boundaries.runs.run import Cancelled, Interrupted, Run, Superseded
from fieldsync.boundaries.versions.delete import delete_draft
from fieldsync.database import db, transaction
from fieldsync.database import translated as meant_by
from fieldsync.problems import ComeAgain, InternalFault, Problem
from geo.refusals import BoundaryRefusal

ATTEMPTS_MAX = 5
"""A run whose carrier was killed so often is what kills it."""

MAKE_DRAFTS = ("import", "repair")

log = structlog.get_logger()


def _never() -> bool:
    return False


def carry_out(partnership_id: UUID, run_id: UUID, *, interrupted: Callable[[], bool] = _never) -> None:
    """Carry out a run, unless it has ended, is not due, or somebody else carries it out.

    Of the sorts that let jobs change hands, everything is carried out that the partnership has to do before it. Needs
    the application's context.

    Args:
        interrupted: asked every now and then whether this process has to end.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is gone; whoever comes next takes the run up again.
    """
    keys = {"partnership_id": partnership_id, "run_id": run_id}
    with transaction() as session:
        sort = session.execute(queries.SORT, keys).scalar_one_or_none()
    if sort is None:
        return
    if sort in MOVES:
        _work_off_moves(partnership_id, interrupted)
        return
    with holding(right_to_run(run_id)) as hold:
        if hold is not None:
            _take_up(hold, keys, interrupted)


def _work_off_moves(partnership_id: UUID, interrupted: Callable[[], bool]) -> None:
    moves = {"partnership_id": partnership_id, "moves": list(MOVES)}
    is_more = True
    while is_more:
        with holding(right_to_moves(partnership_id)) as hold:
            if hold is None:
                return  # Whoever has it looks again after giving it back.
            while (following := hold.one(queries.NEXT_MOVE, moves)) is not None:
                if not _take_up(hold, {"partnership_id": partnership_id, "run_id": following.id}, interrupted):
                    return
        with transaction() as session:
            is_more = session.execute(queries.NEXT_MOVE, moves).one_or_none() is not None


def _take_up(hold: Hold, keys: dict[str, Any], interrupted: Callable[[], bool]) -> bool:
    """Whether the run has ended; otherwise it waits for whoever comes next."""
    row = hold.one(queries.START, keys)
    if row is None:
        return True
    run = Run(
        keys["partnership_id"], keys["run_id"], row.sort, row.layer_id, row.version_id, row.upload_id, row.parameters,
        row.progress, row.result, row.attempts, row.asked_by, hold, interrupted,
    )  # fmt: skip
    with bound_contextvars(run_id=str(run.id), sort=run.sort, partnership_id=str(run.partnership_id)):
        log.info("run taken up", attempt=run.attempt)
        try:
            if row.cancel_asked:
                raise Cancelled
            if run.attempt > ATTEMPTS_MAX:
                raise GaveUp
            result = carrier_of(run.sort)(run)
            if not run.finished:
                with transaction() as session:
                    run.finish(session, result)
            log.info("run done")
        except Exception as error:  # noqa: BLE001  (whatever it is, the run must not stay as though it went on)
            return _end(run, error)
        finally:
            # A carrier may leave a session with what it has read.
            db.session.remove()
    return True


def _end(run: Run, error: Exception) -> bool:
    """Write down why the run did not end well; whether it has ended."""
    if isinstance(error, Superseded):
        log.warning("run taken up by another process")
        return False
    meant = meant_by(error) if isinstance(error, DBAPIError) else error
    if isinstance(meant, (Interrupted, ComeAgain)):
        log.info("run put back", why=type(meant).__name__)
        with transaction() as session:
            session.execute(queries.PUT_BACK, run.keys | {"uncounted": isinstance(meant, Interrupted)})
        return False
    problem = _problem(meant)
    with transaction() as session:
        state = "cancelled" if problem is None else "failed"
        document = None if problem is None else json.dumps(problem.document(), default=str)
        session.execute(queries.END, run.keys | {"state": state, "problem": document})
        if problem is None:
            _drop_what_it_made(session, run)
    if isinstance(problem, InternalFault):
        log.error("run failed", exc_info=error)
    else:
        log.info("run ended", state=state, code=problem.code if problem else None)
    return True


def _drop_what_it_made(session: Session, run: Run) -> None:
    """Of a run that somebody cancelled nothing stays: neither its file nor a draft."""
    if run.upload_id is not None:
        session.execute(queries.DROP_UPLOAD, run.keys | {"upload_id": run.upload_id})
    if run.sort in MAKE_DRAFTS and run.version_id is not None:
        # Deleted by somebody, or in use by now: then it is theirs.
        with suppress(BoundaryRefusal, DraftInUse):
            delete_draft(session, run.partnership_id, run.version_id, by_run=run.id)


def _problem(error: BaseException) -> Problem | None:
    """The problem to show; None for one that was cancelled."""
    if isinstance(error, Cancelled):
        return None
    if isinstance(error, BoundaryRefusal):
        return translated(error)
    return error if isinstance(error, Problem) else InternalFault("The server's log tells more, under the run's id.")
