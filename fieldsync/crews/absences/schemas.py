"""The shapes of absences."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.schemas import Answer, Instant, PageArgs, Request, Text, page_of

ABSENCES_MAX = 2_000
"""Of one crew or member: four a week for ten years."""

ABSENCE_DAYS_MAX = 2 * 366
"""A longer one is a slip of the pen, or the end of a membership."""

_REASON = {"description": "For those who plan. Nothing about anybody's health: all staff who see the crew read it."}


class AbsenceSchema(Answer):
    """A time in which a whole crew, or one member, is not there."""

    id = fields.UUID()
    crew_id = fields.UUID(allow_none=True, metadata={"description": "The crew that is away; null: it is a member."})
    member_id = fields.UUID(allow_none=True, metadata={"description": "The member who is away; null: it is a crew."})
    starts_at = Instant()
    ends_at = Instant()
    reason = fields.String(metadata=_REASON)


AbsencePageSchema = page_of(AbsenceSchema)


class AbsenceArgs(PageArgs):
    """Which absences to list."""

    first = Instant(data_key="from", metadata={"description": "Only those that end after this moment."})
    last = Instant(data_key="to", metadata={"description": "Only those that begin before this moment."})


class NewAbsenceSchema(Request):
    """An absence to add."""

    starts_at = Instant(required=True)
    ends_at = Instant(
        required=True,
        metadata={"description": f"The first moment at which they are back, {ABSENCE_DAYS_MAX} days on at most."},
    )
    reason = Text(500, min_length=1, required=True, metadata=_REASON)


class AbsencePatchSchema(Request):
    """What may be changed of an absence; what is left out stays."""

    starts_at = Instant()
    ends_at = Instant()
    reason = Text(500, min_length=1, metadata=_REASON)
