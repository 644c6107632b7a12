"""The shapes of what comes with a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flask_smorest.fields import Upload
from marshmallow import fields, validate

from fieldsync.boundaries.uploads.keep import FILES_MAX
from fieldsync.schemas import Flag, QueryFlag, Request, Text
from geo.tables import WIDTH_M_MAX

FIELD_CHARS_MAX = 255
CRS_CHARS_MAX = 8_000
"""A definition in WKT, not only a code."""


class Width(fields.Float):
    """Metres above 0."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=0, max=WIDTH_M_MAX, min_inclusive=False), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        number: float = super()._deserialize(value, attr, data, **kwargs)
        if isinstance(value, bool) or not math.isfinite(number):
            raise self.make_error("invalid", input=value)
        return number


def _described(text: str) -> dict[str, str]:
    return {"description": text}


_LAYER = _described("The layer of the file, where it has several.")
_CODE = _described("The field of the code; guessed where only one can be meant.")
_NAME = _described("The field of the name; guessed where only one can be meant.")
_VALID_FROM = _described("The field of the day from which an area holds.")
_OWNER = _described("The field of the code of the jurisdiction that is responsible for an area of an overlay.")
_CRS = _described("The coordinate system, above what the file states: `EPSG:2272`, or WKT.")
_SWAP_AXES = _described("Whether x and y are to be exchanged.")
_ENCODING = _described("The encoding of the texts, above what the file states: `cp1252`.")
_WIDTH = _described("Metres: lines are taken, too, and drawn this wide. Left out, the layer's.")


class ReadingOptionsSchema(Request):
    """How to read a file, in JSON."""

    layer = Text(FIELD_CHARS_MAX, min_length=1, allow_none=True, metadata=_LAYER)
    code_field = Text(FIELD_CHARS_MAX, min_length=1, allow_none=True, metadata=_CODE)
    name_field = Text(FIELD_CHARS_MAX, min_length=1, allow_none=True, metadata=_NAME)
    valid_from_field = Text(FIELD_CHARS_MAX, min_length=1, allow_none=True, metadata=_VALID_FROM)
    owner_field = Text(FIELD_CHARS_MAX, min_length=1, allow_none=True, metadata=_OWNER)
    crs = Text(CRS_CHARS_MAX, min_length=1, allow_none=True, metadata=_CRS)
    swap_axes = Flag(allow_none=True, metadata=_SWAP_AXES)
    encoding = Text(64, min_length=1, allow_none=True, metadata=_ENCODING)
    width_m = Width(allow_none=True, metadata=_WIDTH)


class UploadFormSchema(Request):
    """The same as fields of a form, beside the file."""

    layer = Text(FIELD_CHARS_MAX, min_length=1, metadata=_LAYER)
    code_field = Text(FIELD_CHARS_MAX, min_length=1, metadata=_CODE)
    name_field = Text(FIELD_CHARS_MAX, min_length=1, metadata=_NAME)
    valid_from_field = Text(FIELD_CHARS_MAX, min_length=1, metadata=_VALID_FROM)
    owner_field = Text(FIELD_CHARS_MAX, min_length=1, metadata=_OWNER)
    crs = Text(CRS_CHARS_MAX, min_length=1, metadata=_CRS)
    swap_axes = QueryFlag(metadata=_SWAP_AXES)
    encoding = Text(64, min_length=1, metadata=_ENCODING)
    width_m = Width(metadata=_WIDTH)


class UploadFilesSchema(Request):
    """The file, or those of a loose shapefile."""

    file = fields.List(
        Upload(),
        required=True,
        validate=validate.Length(1, FILES_MAX),
        metadata=_described("A boundary file; or .shp, .shx, .dbf, .prj and .cpg of one shapefile."),
    )


class UploadSchema(UploadFormSchema, UploadFilesSchema):
    """A boundary file, and how to read it."""
