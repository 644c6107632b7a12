"""Asking for a run, and for its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.boundaries.runs import queries
from fieldsync.database import new_id

MOVES = ("reassign", "withdraw")
"""Sorts that let jobs change hands: one at a time in a partnership, in the order of their dates."""


def ask(
    session: Session,
    partnership_id: UUID,
    sort: str,
    layer_id: UUID,
    *,
    version_id: UUID | None = None,
    upload_id: UUID | None = None,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    due_at: datetime | None = None,
    asked_by: UUID | None = None,
) -> UUID:
    """Ask for a run, in the session's transaction; a worker takes it up when that is committed and it is due.

    Args:
        sort: one of ``fieldsync.boundaries.models.SORTS``.
        parameters: JSON values; what they mean is said where the sort is carried out.
        due_at: not before then; without it, now.
        asked_by: the member of staff.

    Returns:
        The run's id.

    Raises:
        ComeAgain: the database could not take it.
    """
    run_id = new_id()
    session.execute(
        queries.INSERT,
        {
            "partnership_id": partnership_id,
            "run_id": run_id,
            "sort": sort,
            "layer_id": layer_id,
            "version_id": version_id,
            "upload_id": upload_id,
            "parameters": json.dumps(dict(parameters)),
            "due_at": due_at,
            "asked_by": asked_by,
        },
    )
    wake_for(session, sort, [(partnership_id, run_id)], due_at)
    return run_id


def wake_for(session: Session, sort: str, runs: Sequence[tuple[UUID, UUID]], at: datetime | None = None) -> None:
    """Have a worker look at runs of one sort (each its partnership and its id), not before ``at``. Raises ComeAgain."""
    # Loaded when the first run is asked for: it takes a moment, and most processes never ask.
    from fieldsync.boundaries import queue

    queue.wake(session, queue.MOVES if sort in MOVES else queue.FILES, runs, at)


def cancel(session: Session, partnership_id: UUID, run_id: UUID) -> str | None:
    """Ask for a run's end. Returns the state it is in now (``cancelled``, or ``running`` until it notices); None where
    it is not there or has ended."""
    keys = {"partnership_id": partnership_id, "run_id": run_id}
    row = session.execute(queries.CANCEL, keys).one_or_none()
    if row is None:
        return None
    if row.state == "cancelled" and row.upload_id is not None:
        session.execute(queries.DROP_UPLOAD, keys | {"upload_id": row.upload_id})
    state: str = row.state
    return state
