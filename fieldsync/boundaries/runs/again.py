"""Asking once more for a run that failed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.boundaries.problems import RunNotFailed, UploadGone
from fieldsync.boundaries.runs import MOVES, queries
from fieldsync.boundaries.runs.accept import accept
from fieldsync.boundaries.runs.ask import wake_for
from fieldsync.boundaries.runs.read import read_run
from fieldsync.problems import Unprocessable


def again(session: Session, actor: StaffActor, run_id: UUID, options: dict[str, Any]) -> UUID:
    """A new run like one that failed, with other options where they are given (null takes one back). One that lets
    jobs change hands goes on itself: it has done a part of what it is to do. Returns the run's id.

    Raises:
        NotFound: there is none of this id.
        RunNotFailed, UploadGone, TooManyRuns: it cannot be asked for again.
        Unprocessable: options for a sort that takes none.
    """
    run = read_run(session, actor.partnership_id, run_id)
    if options and run["sort"] != "import":
        raise Unprocessable("Only an import takes options.", field=next(iter(options)))
    keys = {"partnership_id": actor.partnership_id, "run_id": run_id}
    if run["sort"] in MOVES:
        if session.execute(queries.REVIVE, keys).one_or_none() is None:
            raise RunNotFailed
        wake_for(session, run["sort"], [(actor.partnership_id, run_id)])
        return run_id
    if run["state"] != "failed":
        raise RunNotFailed
    if run["sort"] != "import":
        return accept(
            session, actor, run["sort"], run["layer_id"], version_id=run["version_id"], parameters=run["parameters"]
        )
    upload_id = session.execute(queries.LOCK_UPLOAD, keys).scalar_one_or_none()
    if upload_id is None:
        raise UploadGone
    parameters = {name: value for name, value in (run["parameters"] | options).items() if value is not None}
    return accept(session, actor, "import", run["layer_id"], upload_id=upload_id, parameters=parameters)
