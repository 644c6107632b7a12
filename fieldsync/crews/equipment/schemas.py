"""The shapes of vehicles and machines, and of who has them."""

from __future__ import annotations

from marshmallow import fields, validate

from fieldsync.schemas import CODE, Answer, Day, Flag, PageArgs, QueryFlag, Request, Text, page_of

HOLDINGS_MAX = 2_000
"""Of one crew, those that are over included: something handed over every second day of ten years."""

SORTS = ("vehicle", "equipment")
_OWNER = {"description": "The partner that owns it."}
_REGISTRATION = {"description": "The plate or serial number."}
_UNTIL = {"description": "The last day, included; null: open-ended."}


class EquipmentSchema(Answer):
    """A vehicle or a machine."""

    id = fields.UUID()
    jurisdiction_id = fields.UUID(metadata=_OWNER)
    sort = fields.String(validate=validate.OneOf(SORTS))
    code = fields.String()
    name = fields.String()
    registration = fields.String(allow_none=True, metadata=_REGISTRATION)
    retired = fields.Boolean(metadata={"description": "No crew gets it any more; who had it when stays known."})


EquipmentPageSchema = page_of(EquipmentSchema)


class EquipmentArgs(PageArgs):
    """Which vehicles and machines to list."""

    jurisdiction_id = fields.UUID()
    sort = fields.String(validate=validate.OneOf(SORTS))
    retired = QueryFlag()


class NewEquipmentSchema(Request):
    """A vehicle or a machine to add."""

    jurisdiction_id = fields.UUID(required=True, metadata=_OWNER)
    sort = fields.String(validate=validate.OneOf(SORTS), required=True)
    code = Text(50, min_length=1, pattern=CODE, required=True)
    name = Text(200, min_length=1, required=True)
    registration = Text(50, min_length=1, load_default=None, allow_none=True, metadata=_REGISTRATION)


class EquipmentPatchSchema(Request):
    """What may be changed of a vehicle or a machine; what is left out stays."""

    jurisdiction_id = fields.UUID(metadata=_OWNER)
    sort = fields.String(validate=validate.OneOf(SORTS))
    code = Text(50, min_length=1, pattern=CODE)
    name = Text(200, min_length=1)
    registration = Text(50, min_length=1, allow_none=True, metadata=_REGISTRATION)
    retired = Flag()


class CrewEquipmentSchema(Answer):
    """A time in which a crew has a vehicle or a machine."""

    id = fields.UUID()
    crew_id = fields.UUID()
    equipment_id = fields.UUID()
    since = fields.Date()
    until = fields.Date(allow_none=True, metadata=_UNTIL)


CrewEquipmentPageSchema = page_of(CrewEquipmentSchema)


class CrewEquipmentArgs(PageArgs):
    """Which times to list."""

    on = Day(metadata={"description": "Only those that hold on this day."})


class NewCrewEquipmentSchema(Request):
    """A vehicle or a machine for a crew, to add."""

    equipment_id = fields.UUID(required=True)
    since = Day(required=True)
    until = Day(load_default=None, allow_none=True, metadata=_UNTIL)


class CrewEquipmentPatchSchema(Request):
    """What may be changed of a time in which a crew has something; what is left out stays."""

    since = Day()
    until = Day(allow_none=True, metadata=_UNTIL)
