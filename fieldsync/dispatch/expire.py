"""Taking jobs out of their crews' scopes once the agreement or the offer that allowed them has ended.

A step of the worker's housekeeping: it looks for what has ended, and takes the open jobs that rested on it, and that no
other grant allows, from their crews. Each transaction is complete in itself; it can be killed at any moment and run
twice at once, because whoever comes next locks and looks again. What crews still send about such a job is kept, as
after any change of hands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.ended import Ended, load_ended
from fieldsync.agreements.rules import Grant, allows
from fieldsync.agreements.serving import Serving, load_serving
from fieldsync.boundaries.queries import HORIZON, OLDEST_RUNNING
from fieldsync.clock import now
from fieldsync.database import new_id, transaction
from fieldsync.dispatch.carry_over import carry_over
from fieldsync.journal.edits import Author, Known, Outcome
from fieldsync.journal.leave import NEEDED, leave
from fieldsync.journal.load import lock_work_orders
from fieldsync.journal.write import write
from fieldsync.problems import Problem

ENDED_PER_SWEEP = 1_000
EXAMINED_PER_READ = 2_000
TAKEN_PER_COMMIT = 100
"""It holds the locks of so many work orders and the partnership's head for some ten milliseconds."""

TAKEN_PER_SWEEP = 5_000
"""Then other housekeeping has its turn; the next sweep goes on."""

REST = 0.5
"""After each transaction, so much of the time that it took is left to the tablets."""

SETTLED_AFTER = timedelta(minutes=1)
"""For so long after an end it is looked again: a request may have read its clock before the end, and be answered after
it."""

PATIENCE_S = 2.0
"""So long is waited for transactions that may have read the grants as they were before; else the next sweep looks."""

_WAIT_S = 0.05
_FIRST = UUID(int=0)

log = structlog.get_logger()

# Open jobs that may rest on what has ended. By whom the crew is employed now does not say who gave it then.
_RESTING = text("""
    WITH planned AS MATERIALIZED (
        SELECT work_order_id FROM assignment
        WHERE partnership_id = :partnership_id AND grant_id IS NOT NULL AND state <> 'released'
          AND grant_id = ANY(:grant_ids) AND state = 'planned'
    )
    SELECT w.id, w.crew_id, w.jurisdiction_id, w.service_type_id,
           w.id IN (SELECT work_order_id FROM planned) AS planned
    FROM work_order w JOIN crew c ON c.partnership_id = w.partnership_id AND c.id = w.crew_id
    WHERE w.partnership_id = :partnership_id AND w.id > :after
      AND w.status IN ('open', 'in_progress', 'on_hold') AND w.deleted_at IS NULL
      AND (w.id IN (SELECT work_order_id FROM planned)
           OR w.jurisdiction_id = ANY(:receivers) AND c.jurisdiction_id <> w.jurisdiction_id)
    ORDER BY w.id LIMIT :rows
""")

# Of two that come to the end at once, one writes it down.
_TAKEN_OUT = {
    "term": text("""
        WITH ended AS (
            UPDATE agreement_version SET taken_out_at = :at
            WHERE partnership_id = :partnership_id AND id = :id AND taken_out_at IS NULL RETURNING agreement_id
        )
        INSERT INTO agreement_event (partnership_id, id, agreement_id, version_id, at, action)
        SELECT :partnership_id, :event_id, agreement_id, :id, :at, 'taken_out' FROM ended
    """),
    "offer": text("""
        UPDATE resource_offer SET taken_out_at = :at
        WHERE partnership_id = :partnership_id AND id = :id AND taken_out_at IS NULL
    """),
}


class _Resting(NamedTuple):
    """An open job of a crew that is another partner's, or was when it was planned."""

    id: UUID
    crew_id: UUID
    jurisdiction_id: UUID | None
    """Null: nobody's, in triage."""
    service_type_id: UUID
    planned: bool
    """Something is planned for it by what has ended, whatever it is now."""


def take_out_what_ended(clock: Callable[[], datetime] = now) -> int:
    """Take out the jobs that rested on what has ended since the last look. Returns how many they were. Needs the
    application's context.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is gone; the next sweep goes on.
    """
    with transaction() as session:
        found = load_ended(session, clock(), ENDED_PER_SWEEP)
        horizon = session.execute(HORIZON).scalar_one()
    if not found:
        return 0
    alone = older_transactions_ended(horizon)
    taken = 0
    for ended in found:
        try:
            out = _take_out(ended, clock, TAKEN_PER_SWEEP - taken)
            carry_over(ended, clock())
        except Problem as problem:  # Somebody held a lock for too long, or the like.
            log.warning("ended agreement left for the next sweep", id=str(ended.id), why=problem.code)
            continue
        taken += out
        if taken >= TAKEN_PER_SWEEP:
            break
        if alone and clock() >= ended.at + SETTLED_AFTER:
            _write_down(ended, clock())
    if taken:
        log.info("jobs taken out of their crews' scopes", jobs=taken)
    return taken


def older_transactions_ended(horizon: int) -> bool:
    """Whether nobody is left who may have read the grants before they ended (or a crew before it was disbanded), and
    has still to write a job down.

    Whoever gives a job to a crew has locked it, and so has a number in line, before looking at the grants.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        with transaction() as session:
            if session.execute(OLDEST_RUNNING).scalar_one() >= horizon:
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(_WAIT_S)


def _take_out(ended: Ended, clock: Callable[[], datetime], most: int) -> int:
    """Go through the open jobs between the sides; how many were taken out, in steps of ``TAKEN_PER_COMMIT`` and not
    many more than ``most``."""
    taken, after = 0, _FIRST
    while True:
        began = time.perf_counter()
        with transaction() as session:
            jobs = _resting(session, ended, after)
            serving = load_serving(session, ended.partnership_id, clock()) if jobs else None
        planned = {job.id for job in jobs if job.planned}
        out = [
            job.id for job in jobs
            if serving is not None and _is_out(ended.grants, serving, job.crew_id, job.jurisdiction_id,
                                               job.service_type_id, rested=job.planned)
        ]  # fmt: skip
        for begin in range(0, len(out), TAKEN_PER_COMMIT):
            rest(began)
            began = time.perf_counter()
            with transaction() as session:
                taken += _take(session, ended, out[begin : begin + TAKEN_PER_COMMIT], planned, clock())
            if taken >= most:
                return taken
        if len(jobs) < EXAMINED_PER_READ:
            return taken
        after = jobs[-1].id
        rest(began)


def rest(began: float) -> None:
    """Leave the processor and the disk to the tablets for a while, after a transaction that began then."""
    time.sleep(REST * (time.perf_counter() - began))


def _resting(session: Session, ended: Ended, after: UUID) -> list[_Resting]:
    bound = {
        "partnership_id": ended.partnership_id, "after": after, "rows": EXAMINED_PER_READ,
        "grant_ids": [grant.id for grant in ended.grants],
        "receivers": list({grant.receiver_id for grant in ended.grants}),
    }  # fmt: skip
    return [_Resting(*row) for row in session.execute(_RESTING, bound)]


def _is_out(
    grants: Collection[Grant], serving: Serving, crew_id: UUID, jurisdiction_id: UUID | None, service_type_id: UUID,
    *, rested: bool,
) -> bool:  # fmt: skip
    """Whether a job rested on what has ended, and nothing else allows it. Jobs that it would not have allowed stay as
    they are: whoever gave them away knows why.

    What is not planned does not say by whom the crew was employed when it got the job: that may have changed since,
    so it is taken for the giver's. Whether something else allows it is asked of the employer that it has now.
    """
    skill = serving.skills.get(service_type_id)
    rested = rested or (
        jurisdiction_id is not None
        and any(allows(grant, grant.giver_id, jurisdiction_id, crew_id, service_type_id, skill) for grant in grants)
    )
    return rested and not serving.may(crew_id, jurisdiction_id, service_type_id)


def _take(session: Session, ended: Ended, ids: Sequence[UUID], planned: Collection[UUID], at: datetime) -> int:
    """Lock, then look again: who did something meanwhile, or accepted another agreement, counts."""
    known = Known()
    lock_work_orders(session, ended.partnership_id, sorted(ids), NEEDED | {"service_type_id"}, known)
    serving = load_serving(session, ended.partnership_id, at)
    outcome = Outcome()
    for record in known.records.values():
        if record.was_done or record.deleted or record.crew_id is None:
            continue
        if _is_out(ended.grants, serving, record.crew_id, record.jurisdiction_id, record.values["service_type_id"],
                   rested=record.id in planned):  # fmt: skip
            leave(record, "agreement_ended", outcome, at)
    if outcome.touched:
        write(session, Author(ended.id, "agreements", ended.partnership_id), outcome, at)
    return len(outcome.touched)


def _write_down(ended: Ended, at: datetime) -> None:
    bound = {"partnership_id": ended.partnership_id, "id": ended.id, "at": at.astimezone(UTC), "event_id": new_id()}
    with transaction() as session:
        session.execute(_TAKEN_OUT[ended.sort], bound)
