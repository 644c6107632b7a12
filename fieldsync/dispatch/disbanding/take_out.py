"""Taking the open jobs from a crew that was disbanded.

Whoever disbands it has the first of them taken at once; what is left, and what somebody gave it at the same moment, the
worker's housekeeping takes. Each transaction is complete in itself: it can be killed at any moment and run twice at
once, because whoever comes next locks and looks again. Jobs that are done keep the crew as the record of who did them.
They leave its tablets all the same: a disbanded crew's feed holds no records (``fieldsync.sync.feed``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.queries import HORIZON, OPEN
from fieldsync.clock import now
from fieldsync.database import transaction
from fieldsync.dispatch.expire import TAKEN_PER_COMMIT, TAKEN_PER_SWEEP, older_transactions_ended, rest
from fieldsync.journal.edits import Author, Known, Outcome
from fieldsync.journal.leave import NEEDED, leave
from fieldsync.journal.load import lock_work_orders
from fieldsync.journal.write import write
from fieldsync.problems import Problem

CREWS_PER_SWEEP = 100
"""More are disbanded at once only where somebody closes a partnership; the next sweep goes on."""

_FIRST = UUID(int=0)

log = structlog.get_logger()

_DISBANDED = text("""
    SELECT partnership_id, id, disbanded_by FROM crew
    WHERE disbanded_at IS NOT NULL AND taken_out_at IS NULL ORDER BY partnership_id, id LIMIT :rows
""")

# Along the index of the open ones: a crew may have done a million jobs, and a partnership has not many open ones.
_OPEN_OF_CREW = text(f"""
    SELECT o.id FROM (
        SELECT w.id, w.crew_id FROM work_order w
        WHERE w.partnership_id = :partnership_id AND w.id > :after AND {OPEN}
        ORDER BY w.id OFFSET 0
    ) o
    WHERE o.crew_id = :crew_id LIMIT :rows
""")

# Held until the commit, so that it is not reinstated meanwhile.
_STILL_DISBANDED = text("""
    SELECT FROM crew WHERE partnership_id = :partnership_id AND id = :id AND disbanded_at IS NOT NULL FOR SHARE
""")

# Not if it was reinstated, and disbanded anew, meanwhile: that one's jobs are looked for again.
_TAKEN_OUT = text("""
    UPDATE crew SET taken_out_at = :at
    WHERE partnership_id = :partnership_id AND id = :id AND disbanded_at < :looked_at AND taken_out_at IS NULL
""")


class Disbanded(NamedTuple):
    """A crew that may still have open jobs."""

    partnership_id: UUID
    id: UUID
    by: UUID | None
    """Who disbanded it; null: nobody wrote it down."""


def take_out_of_disbanded_crews(clock: Callable[[], datetime] = now) -> int:
    """Take their open jobs from all crews that were disbanded. Returns how many jobs. Needs the application's context.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is gone; the next sweep goes on.
    """
    looked_at = clock()
    with transaction() as session:
        crews = [Disbanded(*row) for row in session.execute(_DISBANDED, {"rows": CREWS_PER_SWEEP})]
        horizon = session.execute(HORIZON).scalar_one()
    if not crews:
        return 0
    # Whoever may have read a crew as working has written the job down, and it is found.
    alone = older_transactions_ended(horizon)
    taken = 0
    for crew in crews:
        try:
            out, all_of_it = take_out(crew, TAKEN_PER_SWEEP - taken, clock)
        except Problem as problem:  # Somebody held a lock for too long, or the like.
            log.warning("disbanded crew left for the next sweep", crew_id=str(crew.id), why=problem.code)
            continue
        taken += out
        if all_of_it and alone:
            with transaction() as session:
                session.execute(_TAKEN_OUT, crew._asdict() | {"at": clock(), "looked_at": looked_at})
        if taken >= TAKEN_PER_SWEEP:
            break
    if taken:
        log.info("jobs taken from disbanded crews", jobs=taken)
    return taken


def take_out(crew: Disbanded, most: int, clock: Callable[[], datetime] = now) -> tuple[int, bool]:
    """Take open jobs from a disbanded crew, ``TAKEN_PER_COMMIT`` a transaction and not many more than ``most``. Returns
    how many they were, and whether they were all.

    Raises:
        ComeAgain: somebody holds a lock for too long; what was taken so far stays taken.
    """
    taken, after = 0, _FIRST
    while taken < most:
        began = time.perf_counter()
        with transaction() as session:
            bound = {"partnership_id": crew.partnership_id, "crew_id": crew.id, "after": after}
            ids = list(session.execute(_OPEN_OF_CREW, bound | {"rows": TAKEN_PER_COMMIT}).scalars())
            if ids:
                out = _take(session, crew, ids, clock())
                if out is None:
                    return taken, False
                taken += out
        if len(ids) < TAKEN_PER_COMMIT:
            return taken, True
        after = ids[-1]
        rest(began)
    return taken, False


def _take(session: Session, crew: Disbanded, ids: Sequence[UUID], at: datetime) -> int | None:
    """Lock, then look again; how many leave. None: the crew has been reinstated."""
    known = Known()
    lock_work_orders(session, crew.partnership_id, ids, NEEDED, known)
    bound = {"partnership_id": crew.partnership_id, "id": crew.id}
    if session.execute(_STILL_DISBANDED, bound).one_or_none() is None:
        return None
    outcome = Outcome()
    for record in known.records.values():
        if record.crew_id == crew.id and not record.was_done and not record.deleted:
            leave(record, "crew_disbanded", outcome, at)
    if outcome.touched:
        write(session, Author(crew.by or crew.id, "office", crew.partnership_id), outcome, at)
    return len(outcome.touched)
