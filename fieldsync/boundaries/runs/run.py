"""A run in the hands of whoever carries it out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from fieldsync.boundaries.runs import queries
from fieldsync.boundaries.runs.hold import Hold

TELL_EVERY_S = 0.5
"""Progress within a stage is written no more often: people look once a second at most."""


class RunEnded(Exception):
    """The run does not go on here. What it has open is to be rolled back."""


class Cancelled(RunEnded):
    """Somebody asked for its end."""


class Interrupted(RunEnded):
    """This process is asked to end; another one will take the run up again."""


class Superseded(RunEnded):
    """Another process has taken the run up, having found that we do not hold it any more."""


@dataclass(slots=True)
class Run:
    """What was asked for, and how to tell how far it is.

    ``progress`` is what was told last, also by whoever was ended in the middle: a carrier goes on from there, and from
    ``version_id`` and ``result`` where there is a draft that was made.
    """

    partnership_id: UUID
    id: UUID
    sort: str
    layer_id: UUID
    version_id: UUID | None
    upload_id: UUID | None
    parameters: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any] | None
    attempt: int
    asked_by: UUID | None
    _hold: Hold
    _interrupted: Callable[[], bool]
    _told_at: float = field(default=0.0)
    finished: bool = False

    def tell(self, stage: str, done: int = 0, total: int = 0, **more: Any) -> None:
        """Say how far it is: ``done`` of ``total``, and whatever is needed to go on after a crash (``more``: JSON).

        Written at the begin of each stage and then at most twice a second, by itself: not with the carrier's own
        transaction.

        Raises:
            Cancelled, Interrupted, Superseded: it does not go on.
        """
        is_new = stage != self.progress.get("stage")
        self.progress = self.progress | {"stage": stage, "done": done, "total": total} | more
        if self._interrupted():
            self._write_progress()
            raise Interrupted
        if is_new or time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._write_progress()

    def is_ending(self) -> bool:
        """Whether the next ``tell`` may raise: for work that asks instead of telling. Asks at most twice a second."""
        if self._interrupted():
            return True
        if time.monotonic() - self._told_at < TELL_EVERY_S:
            return False
        try:
            self._write_progress()
        except RunEnded:
            self._told_at = 0.0
            return True
        return False

    def _write_progress(self) -> None:
        row = self._hold.one(queries.TELL, self.keys | {"progress": json.dumps(self.progress)})
        self._told_at = time.monotonic()
        if row is None:
            raise Superseded
        if row.cancel_asked:
            raise Cancelled

    def made(self, session: Session, version_id: UUID, result: dict[str, Any] | None = None) -> None:
        """Note the draft that it made, in the transaction that makes it: the last statement of it. ``result``: what
        there is to tell of it so far, for whoever goes on.

        Raises:
            Superseded: somebody else makes it.
        """
        told = None if result is None else json.dumps(result)
        self._write(session, queries.MADE, {"version_id": version_id, "result": told})
        self.version_id, self.result = version_id, result

    def finish(self, session: Session, result: dict[str, Any]) -> None:
        """End it well, in the transaction that completes the work: the last statement of it.

        Raises:
            Cancelled: somebody has asked for its end meanwhile.
            Superseded: somebody else carries it out.
        """
        self._write(session, queries.FINISH, {"result": json.dumps(result)})
        if self.upload_id is not None:
            session.execute(queries.DROP_UPLOAD, self.keys | {"upload_id": self.upload_id})
        self.finished = True

    def _write(self, session: Session, statement: TextClause, values: dict[str, Any]) -> None:
        if session.execute(statement, self.keys | values).one_or_none() is None:
            raise Cancelled if session.execute(queries.STILL_OURS, self.keys).one_or_none() else Superseded

    @property
    def keys(self) -> dict[str, Any]:
        """What every statement about it is bound to."""
        return {"partnership_id": self.partnership_id, "run_id": self.id, "attempt": self.attempt}
