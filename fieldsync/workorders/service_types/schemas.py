"""The shapes of service types."""

from __future__ import annotations

from marshmallow import fields

from fieldsync.schemas import CODE, Answer, Flag, PageArgs, QueryFlag, Request, Text, Whole, page_of

PRIORITY = (1, 5)
TARGET_HOURS = (1, 10 * 366 * 24)


class ServiceTypeSchema(Answer):
    """A kind of work."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    skill = fields.String(allow_none=True, metadata={"description": "The skill that a crew needs for it."})
    priority = fields.Integer(metadata={"description": "1 (first) to 5."})
    target_hours = fields.Integer(allow_none=True, metadata={"description": "When it should be done, in hours."})
    retired = fields.Boolean(metadata={"description": "No new work of this kind; what names it goes on."})


ServiceTypePageSchema = page_of(ServiceTypeSchema)


class ServiceTypeArgs(PageArgs):
    """Which kinds of work to list."""

    retired = QueryFlag()


class NewServiceTypeSchema(Request):
    """A kind of work to add."""

    code = Text(50, min_length=1, pattern=CODE, required=True)
    name = Text(200, min_length=1, required=True)
    skill = Text(50, min_length=1, pattern=CODE, load_default=None, allow_none=True)
    priority = Whole(*PRIORITY, load_default=3)
    target_hours = Whole(*TARGET_HOURS, load_default=None, allow_none=True)


class ServiceTypePatchSchema(Request):
    """What may be changed of a kind of work; what is left out stays."""

    code = Text(50, min_length=1, pattern=CODE)
    name = Text(200, min_length=1)
    skill = Text(50, min_length=1, pattern=CODE, allow_none=True)
    priority = Whole(*PRIORITY)
    target_hours = Whole(*TARGET_HOURS, allow_none=True)
    retired = Flag()
