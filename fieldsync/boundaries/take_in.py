"""Carrying out an import: the file to a private folder, read apart, kept as a draft, checked."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from flask import current_app
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.check import check_draft
from fieldsync.boundaries.folders import private_folder
from fieldsync.boundaries.runs import Run
from fieldsync.boundaries.uploads.keep import fetch
from fieldsync.config import Settings
from fieldsync.database import transaction
from geo.apart import Cancelled as ReadingCancelled
from geo.apart import read_apart
from geo.areas import AreaSet
from geo.load import load_draft


def take_in(run: Run) -> dict[str, Any]:
    """Read the file of a run into a draft, and check that. ``run.parameters``: how to read it, as ``geo.read`` has it.

    Its result: the draft's id and number, how the file was understood, and the number of findings by severity.

    Raises:
        geo.refusals.FileRefused: the file cannot be taken; nothing of it is kept as boundaries.
    """
    if run.version_id is None:
        areas = _read(run)
        with transaction() as session:
            version_id = load_draft(
                session, run.partnership_id, run.layer_id, areas, created_by=run.asked_by,
                progress=lambda done, total: run.tell("keeping the areas", done, total),
            )  # fmt: skip
            run.made(session, version_id)
        del areas
    counts = check_draft(run)
    with transaction() as session:
        result = _version(session, run) | counts
        run.finish(session, result)
    return result


def _read(run: Run) -> AreaSet:
    assert run.upload_id is not None
    settings: Settings = current_app.config["FIELDSYNC"]
    with private_folder() as folder:
        run.tell("fetching the file")
        with transaction() as session:
            path, name = fetch(session, run.partnership_id, run.upload_id, folder)
            where = where_it_belongs(session, run.partnership_id, run.layer_id)
        options = {"width_m": where.width_m, "around": where.around} | run.parameters
        run.tell("reading the file")
        try:
            return read_apart(
                path, seconds_max=settings.import_seconds, memory_bytes_max=settings.import_memory_mb * 1_000_000,
                cancelled=run.is_ending, source_name=name, **options,
            )  # fmt: skip
        except ReadingCancelled:
            # Why it is to end, the next word says.
            run.tell("reading the file")
            raise


class Where(NamedTuple):
    """How wide a layer's lines are drawn, and the box (west, south, east, north) where it should lie."""

    width_m: float | None
    around: tuple[float, float, float, float] | None


def where_it_belongs(session: Session, partnership_id: UUID, layer_id: UUID) -> Where:
    """The box of the layer's last version; of a new layer, that of the partnership's jurisdictions; None for the
    first of all."""
    bound = {"partnership_id": partnership_id, "layer_id": layer_id}
    row = session.execute(_WHERE, bound).one()
    around = None if row.west is None else (row.west, row.south, row.east, row.north)
    return Where(row.width_m, around)


_WHERE = text("""
    SELECT this.width_m, ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM layer AS this
    LEFT JOIN LATERAL (
        SELECT v.id FROM layer_version AS v
        JOIN layer AS l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
        WHERE v.partnership_id = this.partnership_id AND v.status = 'published'
          AND (l.id = this.id OR l.role = 'jurisdiction')
        ORDER BY l.id = this.id DESC, v.starts DESC
        LIMIT 1
    ) AS last ON true
    LEFT JOIN LATERAL (
        SELECT ST_Extent(area.geom) AS box FROM area
        WHERE area.partnership_id = this.partnership_id AND area.version_id = last.id
    ) AS extent ON true
    WHERE this.partnership_id = :partnership_id AND this.id = :layer_id
""")

_VERSION = text("""
    SELECT number, area_count, reading, notes FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
""")


def _version(session: Session, run: Run) -> dict[str, Any]:
    row = session.execute(_VERSION, run.keys | {"version_id": run.version_id}).one()
    return {
        "version_id": str(run.version_id), "number": row.number, "areas": row.area_count, "reading": row.reading,
        "notes": list(row.notes),
    }  # fmt: skip
