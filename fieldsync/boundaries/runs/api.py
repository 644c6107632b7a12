"""Runs over HTTP: how far they are, what came of them, and their end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from fieldsync.auth.actor import Blueprint, require_whole_partnership, staff_actor
from fieldsync.boundaries.problems import RunMovesJobs, RunNotFailed, RunOver, TooManyRuns, UploadGone
from fieldsync.boundaries.runs import MOVES
from fieldsync.boundaries.runs.accept import accepted
from fieldsync.boundaries.runs.again import again as ask_again
from fieldsync.boundaries.runs.ask import cancel as ask_for_its_end
from fieldsync.boundaries.runs.read import list_runs, read_features, read_run
from fieldsync.boundaries.runs.schemas import AgainSchema, RunArgs, RunPageSchema, RunSchema
from fieldsync.boundaries.versions.answers import FeatureCollection
from fieldsync.database import db, transaction
from fieldsync.pages import Page
from fieldsync.shapes import reference, refuses

WRITERS = ("gis", "admin")
GEOJSON = "application/geo+json"

blp = Blueprint(
    "boundary_runs", __name__, url_prefix="/v1/boundaries/runs", actors=("gis", "admin", "dispatcher"),
    description="Work on boundaries that takes longer than a request: imports, checks, repairs, differences, and the"
                " jobs that change hands after a publication or a withdrawal. Ask once a second how far one is.",
)  # fmt: skip


@blp.get("")
@blp.arguments(RunArgs, location="query")
@blp.response(200, RunPageSchema)
def list_(asked: dict[str, Any]) -> Page:
    """Runs, the latest first"""
    return list_runs(db.session(), staff_actor().partnership_id, asked)


@blp.get("/<uuid:run_id>")
@blp.response(200, RunSchema)
def read(run_id: UUID) -> dict[str, Any]:
    """One run: how far it is, and what came of it"""
    return read_run(db.session(), staff_actor().partnership_id, run_id)


@blp.get("/<uuid:run_id>/features")
@blp.doc(
    responses={
        200: {
            "description": "A GeoJSON FeatureCollection, EPSG:4326.",
            "content": {GEOJSON: {"schema": reference(FeatureCollection)}},
        }
    }
)
def features(run_id: UUID) -> Response:
    """The places that a run has found, for a map

    Of a difference: the ground that changed hands, a feature for each pair of codes.
    """
    return Response(read_features(db.session(), staff_actor().partnership_id, run_id), mimetype=GEOJSON)


@blp.post("/<uuid:run_id>/cancel", actors=WRITERS)
@blp.response(200, RunSchema)
@refuses(RunOver, RunMovesJobs)
def cancel(run_id: UUID) -> dict[str, Any]:
    """Cancel a run

    Nothing of it stays. One that is under way ends within seconds, as `cancelled`.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        run = read_run(session, partnership_id, run_id)
        if run["sort"] in MOVES:
            raise RunMovesJobs
        if ask_for_its_end(session, partnership_id, run_id) is None:
            raise RunOver(f"It is {run['state']}.")
    return read_run(db.session(), partnership_id, run_id)


@blp.post("/<uuid:run_id>/again", actors=WRITERS)
@blp.arguments(AgainSchema)
@blp.response(202, RunSchema)
@refuses(RunNotFailed, UploadGone, TooManyRuns)
def again(options: dict[str, Any], run_id: UUID) -> Any:
    """Ask again for a run that failed

    Of an import with other options, such as the coordinate system or the encoding that its problem suggests; the file
    need not be sent again. It is kept for a week.
    """
    actor = require_whole_partnership()
    with transaction() as session:
        new_id = ask_again(session, actor, run_id, options)
    return accepted(actor.partnership_id, new_id)
