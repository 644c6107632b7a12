"""Publishing a version and withdrawing it: at once for what comes in, by a run for what is open."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries import queries, runs
from fieldsync.clock import now
from fieldsync.problems import Unprocessable
from geo import publish as versions

PAST_SLACK = timedelta(minutes=5)
"""How far in the past a date may lie that somebody gives: the clocks of two people differ. It counts as now."""

AHEAD_MAX = timedelta(days=3 * 366)
"""How far in the future: what lies further is a slip of the pen."""


def publish(
    session: Session, partnership_id: UUID, version_id: UUID, at: datetime | None, acknowledged: Collection[str],
    *, release_crews: bool = False, by: UUID | None = None,
) -> UUID | None:  # fmt: skip
    """Publish a draft, now or at a date. Returns the run that lets open work orders follow, once it is in force; None
    where the layer decides nothing.

    Another run draws the version for tablets. With ``release_crews``, work orders that go to a jurisdiction
    which their crew may not work for leave the crew, too.

    Raises:
        Unprocessable: the date lies in the past, or more than three years ahead.
        geo.refusals.BoundaryRefusal: it cannot be published.
    """
    if at is not None:
        present = now()
        if not present - PAST_SLACK <= at <= present + AHEAD_MAX:
            raise Unprocessable("A version holds from now on, or from a date within three years.", field="at")
        at = at if at > present else None
    starts = versions.publish(session, partnership_id, version_id, at, acknowledged=acknowledged, published_by=by)
    version = session.execute(queries.VERSION, {"partnership_id": partnership_id, "version_id": version_id}).one()
    if version.role == "reference":
        return None
    runs.ask(session, partnership_id, "outline", version.layer_id, version_id=version_id, asked_by=by)
    return runs.ask(
        session, partnership_id, "reassign", version.layer_id, version_id=version_id,
        parameters={"release_crews": release_crews}, due_at=starts, asked_by=by,
    )  # fmt: skip


def withdraw(session: Session, partnership_id: UUID, version_id: UUID, *, by: UUID | None = None) -> UUID | None:
    """Take back the last publication of a layer. Returns the run that reverses what it did; None where it decided
    nothing.

    Raises:
        geo.refusals.BoundaryRefusal: it is not the last one, or not published.
    """
    versions.withdraw(session, partnership_id, version_id, withdrawn_by=by)
    bound = {"partnership_id": partnership_id, "version_id": version_id}
    # One that waits for its date has nothing to do any more; one that runs sees it and ends.
    session.execute(_CANCEL, bound)
    version = session.execute(queries.VERSION, bound).one()
    if version.role == "reference":
        return None
    return runs.ask(session, partnership_id, "withdraw", version.layer_id, version_id=version_id, asked_by=by)


_CANCEL = text("""
    UPDATE boundary_run SET cancel_asked = true
    WHERE partnership_id = :partnership_id AND version_id = :version_id AND sort = 'reassign'
      AND state IN ('waiting', 'running')
""")
