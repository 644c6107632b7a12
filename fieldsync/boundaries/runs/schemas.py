"""The shapes of runs."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.boundaries.models import SORTS, STATES
from fieldsync.boundaries.uploads.schemas import ReadingOptionsSchema
from fieldsync.schemas import Answer, Instant, PageArgs, page_of


class RunSchema(Answer):
    """Work that takes longer than a request."""

    id = fields.UUID()
    sort = fields.String(validate=validate.OneOf(SORTS))
    state = fields.String(
        validate=validate.OneOf(STATES),
        metadata={"description": "`waiting` and `running` ones go on; the others have ended."},
    )
    layer_id = fields.UUID()
    version_id = fields.UUID(
        allow_none=True,
        metadata={"description": "The version it works on; of an import or a repair, the draft that it made."},
    )
    parameters = fields.Dict(metadata={"description": "What was asked for."})
    due_at = Instant(metadata={"description": "Not before then."})
    progress = fields.Dict(metadata={"description": "`stage`, and how much of it: `done` of `total`."})
    result = fields.Dict(
        allow_none=True, metadata={"description": "Of one that is done; what is in it, its sort says."}
    )
    problem = fields.Dict(
        allow_none=True, metadata={"description": "Of one that failed: why, as any problem (RFC 9457)."}
    )
    cancel_asked = fields.Boolean()
    attempts = fields.Integer(metadata={"description": "How often it was taken up: more than once after a crash."})
    asked_by = fields.UUID(allow_none=True)
    created_at = Instant()
    started_at = Instant(allow_none=True)
    ended_at = Instant(allow_none=True)
    file_kept = fields.Boolean(
        metadata={"description": "Its file is still there: it can be asked for again with other options."}
    )


RunPageSchema = page_of(RunSchema)


class RunArgs(PageArgs):
    """Which runs to list."""

    layer_id = fields.UUID()
    version_id = fields.UUID()
    state = fields.List(
        fields.String(validate=validate.OneOf(STATES)), metadata={"description": "Any of these; repeatable."}
    )
    sort = fields.List(
        fields.String(validate=validate.OneOf(SORTS)), metadata={"description": "Any of these; repeatable."}
    )


class AgainSchema(ReadingOptionsSchema):
    """Options of an import that are to be others; null takes one back. Runs of other sorts take none."""
