"""The queue in the same PostgreSQL: how a worker learns, at once or at a date, that there is a run to carry out.

A job says no more than "look at this run". What is asked for, how far it is and how it ended stand in ``boundary_run``:
a job that is lost or comes twice changes nothing (see ``fieldsync.boundaries.runs``).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from procrastinate import App, Blueprint, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy.orm import Session

from fieldsync.config import Settings
from fieldsync.problems import ComeAgain

FILES, MOVES = "files", "moves"
"""Two queues, so that reading a large file never delays jobs that change hands."""

CONNECTIONS = 3
"""Of the queue itself in a worker process: both workers ask for jobs, and one of them says that it lives."""

_tasks = Blueprint()


@_tasks.task(name="carry_out", pass_context=True)
def _carry_out(context: JobContext, *, partnership_id: str, run_id: str) -> None:
    context.additional_context["worker"].carry_out(UUID(partnership_id), UUID(run_id))


def queue_of(settings: Settings) -> App:
    """The queue of a worker process, with connections of its own."""
    conninfo = settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://", 1)
    options = {"application_name": "fieldsync queue", "options": "-c timezone=UTC"}
    return _with_tasks(PsycopgConnector(conninfo=conninfo, min_size=1, max_size=CONNECTIONS, kwargs=options))


@functools.cache
def _asking() -> App:
    # It never opens a connection: what is asked for goes the caller's way.
    return _with_tasks(PsycopgConnector())


def _with_tasks(connector: PsycopgConnector) -> App:
    queue = App(connector=connector)
    queue.add_tasks_from(_tasks, namespace="fieldsync")
    return queue


def wake(session: Session, queue: str, runs: Sequence[tuple[UUID, UUID]], at: datetime | None = None) -> None:
    """Have a worker look at runs (each its partnership and its id), not before ``at``, once the session's transaction
    is committed.

    Raises:
        ComeAgain: the database could not take it.
    """
    connection: Any = session.connection().connection.driver_connection
    job = _asking().configure_task("fieldsync:carry_out", queue=queue, schedule_at=at, connection=connection)
    told: list[Any] = [
        {"partnership_id": str(partnership_id), "run_id": str(run_id)} for partnership_id, run_id in runs
    ]
    try:
        job.batch_defer(*told)
    except ConnectorException as error:
        raise ComeAgain from error
