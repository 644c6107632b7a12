"""The shapes of layer versions, of their reports, and of what is asked about them."""

from __future__ import annotations

from typing import Literal, get_args

from marshmallow import fields, validate

from fieldsync.schemas import Answer, Flag, Instant, PageArgs, Request, page_of
from geo.findings import KINDS, SEVERITIES

Winner = Literal["lowest_code", "longest_border", "largest", "smallest"]
"""As geo.repair has it, which is not loaded for it."""

STATUSES = ("draft", "published", "withdrawn")


class ReadingSchema(Answer):
    """How the file was understood: what can be chosen otherwise at an import."""

    name = fields.String(metadata={"description": "The file."})
    format = fields.String()
    layer = fields.String(allow_none=True)
    crs = fields.String(metadata={"description": "The coordinate system of the file; what is stored is EPSG:4326."})
    encoding = fields.String()
    accuracy_m = fields.Float(allow_none=True, metadata={"description": "Of the transformation to EPSG:4326."})
    code_field = fields.String(allow_none=True)
    name_field = fields.String(allow_none=True)
    valid_from_field = fields.String(allow_none=True)
    owner_field = fields.String(allow_none=True)
    fields_ = fields.List(
        fields.String(), data_key="fields", attribute="fields", metadata={"description": "All fields of the file."}
    )


class VersionSchema(Answer):
    """A version of a layer."""

    id = fields.UUID()
    layer_id = fields.UUID()
    layer = fields.String(metadata={"description": "The layer's name."})
    role = fields.String()
    number = fields.Integer()
    status = fields.String(validate=validate.OneOf(STATUSES))
    starts = Instant(allow_none=True, metadata={"description": "From when it holds, or did."})
    ends = Instant(allow_none=True, metadata={"description": "Until when; null: until the next one."})
    in_force = fields.Boolean()
    source_name = fields.String()
    area_count = fields.Integer()
    created_at = Instant()
    created_by = fields.UUID(allow_none=True)
    repair_of = fields.UUID(allow_none=True, metadata={"description": "The draft of which this is a repair."})
    checked_at = Instant(allow_none=True)
    errors = fields.Integer(allow_none=True, metadata={"description": "Null until it is checked. None may be left."})
    warnings = fields.Integer(allow_none=True)
    notices = fields.Integer(allow_none=True)
    published_at = Instant(allow_none=True)
    published_by = fields.UUID(allow_none=True)
    withdrawn_at = Instant(allow_none=True)
    withdrawn_by = fields.UUID(allow_none=True)


VersionPageSchema = page_of(VersionSchema)


class KindSchema(Answer):
    """How many findings of one kind a report has."""

    kind = fields.String(metadata={"description": "What to acknowledge a warning by."})
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    findings = fields.Integer()
    meaning = fields.String()


class OpenRunSchema(Answer):
    """A run that works on the version now."""

    id = fields.UUID()
    sort = fields.String()
    state = fields.String()


class WholeVersionSchema(VersionSchema):
    """A version, and everything that a person needs to decide whether to publish it."""

    reading = fields.Nested(ReadingSchema)
    notes = fields.List(
        fields.String(), metadata={"description": "What was assumed or left out when the file was read."}
    )
    checked_against = fields.UUID(
        allow_none=True, metadata={"description": "The version that the report holds it against; null: the first."}
    )
    report_outdated = fields.Boolean(
        metadata={"description": "The layer has got another last version since: check again."}
    )
    kinds = fields.List(fields.Nested(KindSchema), metadata={"description": "The report, by kind."})
    measures = fields.Dict(
        keys=fields.String(), values=fields.Float(), metadata={"description": "Of the layer as a whole."}
    )
    obstacles = fields.List(
        fields.String(), metadata={"description": "Codes of the problems that publishing it would meet, but for dates."}
    )
    to_acknowledge = fields.List(
        fields.String(), metadata={"description": "The kinds of warning that publishing asks to be acknowledged."}
    )
    acknowledged = fields.List(fields.String(), metadata={"description": "Those that were, by whoever published it."})
    repair = fields.Dict(
        allow_none=True,
        metadata={"description": "Of a draft that is a repair: what it changed, and the area of each code before and"
                                 " after."},
    )  # fmt: skip
    runs = fields.List(fields.Nested(OpenRunSchema))


class VersionArgs(PageArgs):
    """Which versions to list."""

    status = fields.String(validate=validate.OneOf(STATUSES))


class FindingArgs(PageArgs):
    """Which findings to list."""

    severity = fields.List(
        fields.String(validate=validate.OneOf(SEVERITIES)), metadata={"description": "Any of these; repeatable."}
    )
    kind = fields.List(
        fields.String(validate=validate.OneOf(tuple(KINDS))), metadata={"description": "Any of these; repeatable."}
    )
    format = fields.String(
        load_default="json", validate=validate.OneOf(("json", "geojson")),
        metadata={"description": "`geojson`: a FeatureCollection of their places, for a map."},
    )  # fmt: skip


class RepairSchema(Request):
    """What to repair."""

    validity = Flag(
        load_default=True,
        metadata={"description": "Polygons that cross themselves become what their rings enclose."},
    )
    coverage = Flag(
        metadata={
            "description": "Overlaps and narrow gaps between areas are given to one of them. Left out: yes, but for an"
            " overlay, whose areas may lie upon each other."
        }
    )
    winner = fields.String(
        load_default="lowest_code",
        validate=validate.OneOf(get_args(Winner)),
        metadata={"description": "Who gets the ground where areas overlap. By the lowest code no job moves."},
    )


class DifferenceSchema(Request):
    """Which version to hold against."""

    before = fields.UUID(
        load_default=None,
        metadata={"description": "The older one; left out, the last published one before this. Of the same layer."},
    )
