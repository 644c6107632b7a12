"""Runs, as they are shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.pages import Page, decode, encode
from fieldsync.problems import NotFound

# The places of a difference may be megabytes: they have an address of their own.
_COLUMNS = """
    id, sort, state, layer_id, version_id, parameters, due_at, progress, result - 'features' AS result, problem,
    cancel_asked, attempts, asked_by, created_at, started_at, ended_at,
    EXISTS (SELECT 1 FROM upload WHERE upload.partnership_id = boundary_run.partnership_id
                                   AND upload.id = boundary_run.upload_id) AS file_kept
"""

_READ = text(f"SELECT {_COLUMNS} FROM boundary_run WHERE partnership_id = :partnership_id AND id = :run_id")

# Ids sort by time.
_LIST = text(f"""
    SELECT {_COLUMNS} FROM boundary_run
    WHERE partnership_id = :partnership_id
      AND (CAST(:layer_id AS uuid) IS NULL OR layer_id = :layer_id)
      AND (CAST(:version_id AS uuid) IS NULL OR version_id = :version_id)
      AND (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))
      AND (CAST(:sorts AS text[]) IS NULL OR sort = ANY(CAST(:sorts AS text[])))
      AND (CAST(:before AS uuid) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :rows
""")

_FEATURES = text("""
    SELECT state, (result -> 'features')::text AS features FROM boundary_run
    WHERE partnership_id = :partnership_id AND id = :run_id
""")


def read_run(session: Session, partnership_id: UUID, run_id: UUID) -> dict[str, Any]:
    """A run as it stands.

    Raises:
        NotFound: there is none of this id.
    """
    row = session.execute(_READ, {"partnership_id": partnership_id, "run_id": run_id}).mappings().one_or_none()
    if row is None:
        raise NotFound
    return dict(row)


def list_runs(session: Session, partnership_id: UUID, asked: dict[str, Any]) -> Page:
    """A page of runs, the latest first.

    Raises:
        Unprocessable: the cursor is none of ours.
    """
    before = None if asked["cursor"] is None else decode(asked["cursor"], [UUID])[0]
    limit: int = asked["limit"]
    bound = {
        "partnership_id": partnership_id, "layer_id": asked.get("layer_id"), "version_id": asked.get("version_id"),
        "states": asked.get("state"), "sorts": asked.get("sort"), "before": before, "rows": limit + 1,
    }  # fmt: skip
    rows = [dict(row) for row in session.execute(_LIST, bound).mappings()]
    return Page(rows[:limit], encode([rows[limit - 1]["id"]]) if len(rows) > limit else None)


def read_features(session: Session, partnership_id: UUID, run_id: UUID) -> str:
    """The places that a run has found: a GeoJSON FeatureCollection, as text.

    Raises:
        NotFound: there is no such run, or it has found none (yet).
    """
    row = session.execute(_FEATURES, {"partnership_id": partnership_id, "run_id": run_id}).one_or_none()
    if row is None:
        raise NotFound
    if row.features is None:
        raise NotFound("This run has found no places, or not yet.")
    features: str = row.features
    return features
