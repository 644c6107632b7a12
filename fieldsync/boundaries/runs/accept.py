"""Taking a request for a run over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.boundaries.problems import TooManyRuns
from fieldsync.boundaries.runs import MOVES, ask, queries
from fieldsync.boundaries.runs.read import read_run
from fieldsync.database import db

OPEN_MAX = 10
"""Runs over files and drafts that a partnership may have waiting or under way: one after the other they take minutes,
and each import keeps its file meanwhile."""


def accept(
    session: Session,
    actor: StaffActor,
    sort: str,
    layer_id: UUID,
    *,
    version_id: UUID | None = None,
    upload_id: UUID | None = None,
    parameters: Mapping[str, Any] = MappingProxyType({}),
) -> UUID:
    """Ask for a run over a file or a draft, as somebody. Returns its id.

    Raises:
        TooManyRuns: the partnership has as many under way as it may have.
    """
    refuse_too_many(session, actor.partnership_id)
    return ask(
        session, actor.partnership_id, sort, layer_id, version_id=version_id, upload_id=upload_id,
        parameters=parameters, asked_by=actor.staff_id,
    )  # fmt: skip


def refuse_too_many(session: Session, partnership_id: UUID) -> None:
    """Raises TooManyRuns."""
    bound = {"partnership_id": partnership_id, "moves": list(MOVES)}
    if session.execute(queries.OPEN_FILES, bound).scalar_one() >= OPEN_MAX:
        raise TooManyRuns


def accepted(partnership_id: UUID, run_id: UUID) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The answer: the run as it stands, and where to look how far it is."""
    location = url_for("boundary_runs.read", run_id=run_id)
    return read_run(db.session(), partnership_id, run_id), 202, {"Location": location}
