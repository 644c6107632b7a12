"""Keeping short what is read all day: a step of the worker's housekeeping, once a day for each partnership.

What is older than a tablet may be away (``FIELDSYNC_OFFLINE_DAYS``) leaves the feed and the hot part of the journal, in
transactions of so few rows that tablets do not notice. Each is complete in itself: the step can be killed at any moment
and run twice at once; whoever comes next goes on. Nothing that somebody entered is deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from flask import current_app
from sqlalchemy.orm import Session

from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.database import transaction
from fieldsync.journal.archive import archive, thin
from fieldsync.problems import Problem
from fieldsync.retention import queries

LOOK_EVERY = timedelta(days=1)
PARTNERSHIPS_PER_SWEEP = 100
ROWS_PER_COMMIT = 500
"""Some 15 ms. It locks nothing that a tablet waits for, but commits wait for each other on the disk."""

ROWS_PER_SWEEP = 20_000
"""Then other housekeeping has its turn; the next sweep goes on. Some ten million rows in a night."""

REST = 4.0
"""After each transaction, so many times as long as it took is left to the tablets. Nothing of this is urgent."""

log = structlog.get_logger()


def keep_short(clock: Callable[[], datetime] = now) -> int:
    """Look after the partnerships whose day it is. Returns how many rows were moved. Needs the application's context.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is gone; the next sweep goes on.
    """
    at = clock()
    with transaction() as session:
        bound = {"since": at - LOOK_EVERY, "at": at, "rows": PARTNERSHIPS_PER_SWEEP}
        due = session.execute(queries.DUE, bound).scalars().all()
    moved = 0
    for partnership_id in due:
        try:
            moved += keep_one_short(partnership_id, clock, ROWS_PER_SWEEP - moved)
        except Problem as problem:  # Somebody held a lock for too long, or the like.
            log.warning("retention left for the next sweep", partnership_id=str(partnership_id), why=problem.code)
        if moved >= ROWS_PER_SWEEP:
            break
    if moved:
        log.info("old receipts and departures moved", rows=moved)
    return moved


def keep_one_short(
    partnership_id: UUID, clock: Callable[[], datetime] = now, most: int = ROWS_PER_SWEEP, step: int = ROWS_PER_COMMIT
) -> int:
    """Move what is old of one partnership, ``step`` rows a transaction and ``most`` altogether. Returns how many they
    were; where they were fewer, there is nothing more to be done today, and that is written down."""
    settings: Settings = current_app.config["FIELDSYNC"]
    before = clock() - timedelta(days=settings.offline_days)
    with transaction() as session:
        # In line with the feed: whoever reads it without a departure reads this with it.
        session.execute(queries.RAISE_THINNED, {"partnership_id": partnership_id, "before": before})
        thinned: int = session.execute(queries.THINNED, {"partnership_id": partnership_id}).scalar_one()
    moved = _in_steps(lambda session, rows: thin(session, partnership_id, thinned, rows), most, step)
    moved += _in_steps(lambda session, rows: archive(session, partnership_id, before, rows), most - moved, step)
    if moved >= most:
        return moved
    with transaction() as session:
        bound = {"partnership_id": partnership_id, "at": clock()}
        session.execute(queries.FORGET_SESSIONS, bound | {"rows": most})
        session.execute(queries.FORGET_ATTEMPTS, bound | {"rows": most})
        session.execute(queries.MARK, bound)
        session.execute(queries.FORGET_MARKS, bound | {"before": before})
    return moved


def _in_steps(work: Callable[[Session, int], int], most: int, step: int) -> int:
    moved = 0
    while moved < most:
        began = time.perf_counter()
        rows = min(step, most - moved)
        with transaction() as session:
            done = work(session, rows)
        moved += done
        if done < rows:
            break
        time.sleep(REST * (time.perf_counter() - began))
    return moved
