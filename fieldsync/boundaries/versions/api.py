"""Layer versions over HTTP: what is known of them, and the runs that work on them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from sqlalchemy.orm import Session

from fieldsync.auth.actor import Blueprint, require_whole_partnership, staff_actor
from fieldsync.boundaries.layers.write import read_layer
from fieldsync.boundaries.problems import REFUSED, DraftInUse, TooManyRuns, answer_refusals
from fieldsync.boundaries.runs.accept import accept, accepted
from fieldsync.boundaries.runs.schemas import RunSchema
from fieldsync.boundaries.versions import queries
from fieldsync.boundaries.versions.answers import FeatureCollection, FindingPage
from fieldsync.boundaries.versions.delete import delete_draft
from fieldsync.boundaries.versions.read import list_findings, list_versions, pair_of, read_version
from fieldsync.boundaries.versions.schemas import (
    DifferenceSchema,
    FindingArgs,
    RepairSchema,
    VersionArgs,
    VersionPageSchema,
    WholeVersionSchema,
)
from fieldsync.database import db, transaction
from fieldsync.pages import Page
from fieldsync.problems import NotFound, UnknownReference, Unprocessable
from fieldsync.shapes import json_answer, reference, refuses
from geo.refusals import VersionNotDraft

READERS = ("gis", "admin", "dispatcher")
WRITERS = ("gis", "admin")
GEOJSON = "application/geo+json"

blp = Blueprint(
    "boundary_versions", __name__, url_prefix="/v1/boundaries", actors=READERS,
    description="Versions of boundary layers: drafts, their check reports, repairs and differences.",
)  # fmt: skip
answer_refusals(blp)


@blp.get("/layers/<uuid:layer_id>/versions")
@blp.arguments(VersionArgs, location="query")
@blp.response(200, VersionPageSchema)
def list_(asked: dict[str, Any], layer_id: UUID) -> Page:
    """A layer's versions, the newest first"""
    session, partnership_id = db.session(), staff_actor().partnership_id
    read_layer(session, partnership_id, layer_id)
    return list_versions(session, partnership_id, layer_id, asked.get("status"), asked["limit"], asked["cursor"])


@blp.get("/versions/<uuid:version_id>")
@blp.response(200, WholeVersionSchema)
def read(version_id: UUID) -> dict[str, Any]:
    """One version, with everything that is needed to decide about it"""
    return read_version(db.session(), staff_actor().partnership_id, version_id)


@blp.delete("/versions/<uuid:version_id>", actors=WRITERS)
@blp.response(204)
@refuses(REFUSED["version_not_draft"], DraftInUse)
def delete(version_id: UUID) -> None:
    """Delete a draft

    With its areas and its report. What has been published stays for good.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        delete_draft(session, partnership_id, version_id)


@blp.get("/versions/<uuid:version_id>/findings")
@blp.arguments(FindingArgs, location="query")
@blp.doc(
    responses={
        200: json_answer(FindingPage, "A page of the report.")
        | {
            "content": {
                "application/json": {"schema": reference(FindingPage)},
                GEOJSON: {"schema": reference(FeatureCollection)},
            }
        }
    }
)
def findings(asked: dict[str, Any], version_id: UUID) -> Response:
    """What the check found, errors first"""
    page = list_findings(db.session(), staff_actor().partnership_id, version_id, asked)
    sent = [msgspec.Raw(text.encode()) for text in page.sent]
    if asked["format"] == "geojson":
        document = {"type": "FeatureCollection", "features": sent, "next": page.next}
        return Response(msgspec.json.encode(document), mimetype=GEOJSON)
    return Response(msgspec.json.encode({"items": sent, "next": page.next}), mimetype="application/json")


@blp.post("/versions/<uuid:version_id>/check", actors=WRITERS)
@blp.response(202, RunSchema)
@refuses(REFUSED["version_not_draft"], TooManyRuns)
def check(version_id: UUID) -> Any:
    """Check a draft again

    After its layer's tolerances or the jurisdictions have changed, or another version was published.
    """
    actor = require_whole_partnership()
    with transaction() as session:
        draft = _draft(session, actor.partnership_id, version_id)
        run_id = accept(session, actor, "check", draft.layer_id, version_id=version_id)
    return accepted(actor.partnership_id, run_id)


@blp.post("/versions/<uuid:version_id>/repair", actors=WRITERS)
@blp.arguments(RepairSchema)
@blp.response(202, RunSchema)
@refuses(REFUSED["version_not_draft"], TooManyRuns)
def repair(wanted: dict[str, Any], version_id: UUID) -> Any:
    """Propose a repair of a draft

    It becomes a draft of its own, checked, with the area of each code before and after. The one that it repairs stays
    as it is.
    """
    actor = require_whole_partnership()
    with transaction() as session:
        draft = _draft(session, actor.partnership_id, version_id)
        is_overlay = read_layer(session, actor.partnership_id, draft.layer_id)["role"] == "overlay"
        if is_overlay and wanted.get("coverage"):
            raise Unprocessable("The areas of an overlay may lie upon each other.", field="coverage")
        parameters = {"coverage": not is_overlay} | wanted | {"version_id": str(version_id)}
        run_id = accept(session, actor, "repair", draft.layer_id, parameters=parameters)
    return accepted(actor.partnership_id, run_id)


@blp.post("/versions/<uuid:version_id>/difference", actors=WRITERS)
@blp.arguments(DifferenceSchema)
@blp.response(202, RunSchema)
@refuses(TooManyRuns, UnknownReference)
def difference(wanted: dict[str, Any], version_id: UUID) -> Any:
    """Hold a version against another one

    The run's result has the areas added, removed, renamed and reshaped, and the ground that changed hands between each
    pair of codes; its places are read at `/v1/boundaries/runs/{run_id}/features`.
    """
    actor = require_whole_partnership()
    with transaction() as session:
        layer_id, before = pair_of(session, actor.partnership_id, version_id, wanted["before"])
        run_id = accept(
            session, actor, "difference", layer_id, version_id=version_id, parameters={"before": str(before)}
        )
    return accepted(actor.partnership_id, run_id)


def _draft(session: Session, partnership_id: UUID, version_id: UUID) -> Any:
    # Locked, so that it is not deleted between this look and the run.
    version = session.execute(queries.LOCK, {"partnership_id": partnership_id, "version_id": version_id}).one_or_none()
    if version is None:
        raise NotFound
    if version.status != "draft":
        raise VersionNotDraft(f"Version {version.number} is {version.status}.", version_id=version_id)
    return version
