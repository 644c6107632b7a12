"""Throwing away a draft."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.boundaries.problems import DraftInUse
from fieldsync.boundaries.versions import queries
from geo.refusals import VersionNotDraft, VersionUnknown


def delete_draft(session: Session, partnership_id: UUID, version_id: UUID, by_run: UUID | None = None) -> None:
    """Delete a draft with its areas and its report. What was done on it keeps its history, without it.

    ``by_run``: the run that gives up what it has made.

    Raises:
        VersionUnknown, VersionNotDraft: it is not there, or published.
        DraftInUse: another run works on it.
    """
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    # Lock, then look: whoever asks for a run on it meanwhile finds it gone, or it is found here.
    version = session.execute(queries.LOCK, keys).one_or_none()
    if version is None:
        raise VersionUnknown(version_id=version_id)
    if version.status != "draft":
        raise VersionNotDraft(f"Version {version.number} is {version.status}.", version_id=version_id)
    keys |= {"layer_id": version.layer_id}
    if session.execute(queries.IN_USE, keys | {"but_for": by_run}).one_or_none() is not None:
        raise DraftInUse
    session.execute(queries.FORGET_IN_RUNS, keys)
    session.execute(queries.DELETE_AREAS, keys)
    session.execute(queries.DELETE_VERSION, keys)
