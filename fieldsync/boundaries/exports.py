"""Exporting versions over HTTP."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.boundaries.export import FORMATS, NotInThisFormat, write_export
from fieldsync.boundaries.problems import answer_refusals
from fieldsync.database import db
from fieldsync.schemas import Request
from fieldsync.shapes import refuses

blp = Blueprint(
    "boundary_exports", __name__, url_prefix="/v1/boundaries/versions", actors=("gis", "admin"),
    description="Versions of boundary layers as files.",
)  # fmt: skip
answer_refusals(blp)

PART_BYTES = 256 * 1024

FILE = {"schema": {"type": "string", "format": "binary"}}


class ExportArgs(Request):
    """In which format."""

    format = fields.String(
        load_default="gpkg",
        validate=validate.OneOf(FORMATS),
        metadata={"description": "`gpkg`: GeoPackage. `geojson`: RFC 7946. `shp`: a zipped shapefile in UTF-8."},
    )


@blp.get("/<uuid:version_id>/export")
@blp.arguments(ExportArgs, location="query")
@blp.doc(
    responses={200: {"description": "The file.", "content": {media: FILE for _, media in FORMATS.values()}}},
)
@refuses(NotInThisFormat)
def export(asked: dict[str, Any], version_id: UUID) -> Response:
    """All areas of a version as a file, drafts too

    In EPSG:4326, with `code`, `name`, `owner_code` and `valid_from`. What is imported again from a GeoPackage or a
    GeoJSON is the same to the last bit.
    """
    with tempfile.TemporaryDirectory(prefix="fieldsync-export-") as folder:
        path = Path(folder) / "export"
        done = write_export(db.session(), staff_actor().partnership_id, version_id, asked["format"], path)
        # Open, it outlives its name: whatever becomes of the answer, nothing is left on the disk.
        file = path.open("rb")
    answer = Response(_parts(file), mimetype=FORMATS[asked["format"]][1])
    answer.call_on_close(file.close)
    answer.content_length = os.fstat(file.fileno()).st_size
    plain = unicodedata.normalize("NFKD", done.name).encode("ascii", "ignore").decode()
    answer.headers.set("Content-Disposition", "attachment", filename=plain)
    if plain != done.name:
        answer.headers["Content-Disposition"] += f"; filename*=UTF-8''{quote(done.name)}"
    return answer


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part
