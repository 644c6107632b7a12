"""Handing in a boundary file over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from fieldsync.arguments import StrictParser
from fieldsync.auth.actor import Blueprint, require_whole_partnership
from fieldsync.bodies import LARGE_BODIES
from fieldsync.boundaries.layers.write import read_layer
from fieldsync.boundaries.problems import TooManyRuns
from fieldsync.boundaries.runs.accept import accept, accepted, refuse_too_many
from fieldsync.boundaries.runs.schemas import RunSchema
from fieldsync.boundaries.uploads.keep import FILE_BYTES_MAX, FILES_MAX, File, keep
from fieldsync.boundaries.uploads.schemas import UploadFilesSchema, UploadFormSchema, UploadSchema
from fieldsync.database import db, transaction
from fieldsync.shapes import refuses

FORM_BYTES_MAX = 100_000
"""What stands around the files: their names and the options."""

# A form with files has no place among webargs' arguments in OpenAPI 3: it is documented as one body.
_parser = StrictParser()

blp = Blueprint(
    "boundary_uploads", __name__, url_prefix="/v1/boundaries/layers", actors=("gis", "admin"),
    description="Boundary files: handed in, read and checked in the background.",
)  # fmt: skip
LARGE_BODIES.add(blp.name)


@blp.before_request
def take_large_bodies() -> None:
    """Before the body is read: it is a file, which werkzeug puts on the disk as it comes."""
    request.max_content_length = FILE_BYTES_MAX + FORM_BYTES_MAX
    request.max_form_parts = FILES_MAX + 20


@blp.post("/<uuid:layer_id>/uploads")
@blp.doc(requestBody={"required": True, "content": {"multipart/form-data": {"schema": UploadSchema}}})
@blp.response(202, RunSchema)
@refuses(TooManyRuns)
def upload(layer_id: UUID) -> Any:
    """Hand in a file

    GeoPackage, zipped or loose shapefile, zipped file geodatabase, GeoJSON, TopoJSON or FlatGeobuf, up to 200 MB and
    100,000 areas. The run that is answered reads it, keeps it as a draft and checks that; the draft decides nothing.

    A file that is refused (`problem` of the run) can be tried again with other options: see
    `/v1/boundaries/runs/{run_id}/again`.
    """
    actor = require_whole_partnership()
    # Before the body: nobody sends 200 MB in order to be refused.
    read_layer(db.session(), actor.partnership_id, layer_id)
    refuse_too_many(db.session(), actor.partnership_id)
    # A slow line may take minutes: no connection to the database is kept waiting for it.
    db.session.remove()
    options = _parser.parse(UploadFormSchema(), request, location="form")
    files = _parser.parse(UploadFilesSchema(), request, location="files")
    with transaction() as session:
        sent = [File(one.filename or "", one.stream) for one in files["file"]]
        upload_id = keep(session, actor.partnership_id, layer_id, sent, actor.staff_id)
        run_id = accept(session, actor, "import", layer_id, upload_id=upload_id, parameters=options)
    return accepted(actor.partnership_id, run_id)
