"""What a worker does beside its runs: take up what lies there, and throw away what nobody needs."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

import structlog

from fieldsync.boundaries.runs import queries
from fieldsync.boundaries.runs.ask import MOVES, wake_for
from fieldsync.database import transaction

SWEEP_S = 10
"""Seconds between two looks for runs that lie there: after a kill one waits so long for its next worker."""

PATIENCE = timedelta(seconds=10)
"""A run that has been due for less is on its way: its job may just be taken."""

UPLOADS_KEPT = timedelta(days=7)
"""How long a file is kept whose import failed: time to ask whoever drew it, and to try again with other options."""

log = structlog.get_logger()


def take_up_what_lies_there() -> int:
    """Wake a worker for every open run that is due and that nobody carries out: its worker was killed, or its job was
    lost. Returns how many they were. Needs the application's context."""
    by_sort: dict[str, list[tuple[UUID, UUID]]] = defaultdict(list)
    with transaction() as session:
        rows = session.execute(queries.LEFT_LYING, {"moves": list(MOVES), "patience": PATIENCE}).all()
        for row in rows:
            by_sort[row.sort].append((row.partnership_id, row.id))
        for sort, runs in by_sort.items():
            wake_for(session, sort, runs)
    if rows:
        log.info("runs found that nobody carries out", runs=len(rows))
    return len(rows)


def delete_old_uploads() -> None:
    """Delete files that no run will read any more. Needs the application's context."""
    with transaction() as session:
        session.execute(queries.OLD_UPLOADS, {"kept": UPLOADS_KEPT})
