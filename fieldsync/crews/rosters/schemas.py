"""The shape of a crew's roster."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fieldsync.crews.equipment.schemas import SORTS
from fieldsync.crews.hours.schemas import WallTime
from fieldsync.schemas import Answer, Day, Instant, Request

ROSTER_DAYS_MAX = 31
"""A month: what fits on a screen, and bounds what one request expands."""


class RosterArgs(Request):
    """Which days."""

    first = Day(data_key="from", required=True)
    last = Day(
        data_key="to",
        required=True,
        metadata={"description": f"The last day, included: {ROSTER_DAYS_MAX} days at most."},
    )

    @validates_schema
    def _few(self, data: dict[str, Any], **_: Any) -> None:
        if data["last"] < data["first"]:
            raise ValidationError("The last day is before the first.", "to")
        if (data["last"] - data["first"]).days >= ROSTER_DAYS_MAX:
            raise ValidationError(f"At most {ROSTER_DAYS_MAX} days.", "to")


class SpanSchema(Answer):
    """From a moment up to, and without, another one."""

    starts_at = Instant()
    ends_at = Instant()


class RosterExceptionSchema(Answer):
    """Why a day is not as the others."""

    id = fields.UUID()
    starts = WallTime(allow_none=True)
    minutes = fields.Integer(allow_none=True)
    reason = fields.String()


class RosterLeadSchema(Answer):
    """Who leads."""

    member_id = fields.UUID()
    name = fields.String()


class RosterPersonSchema(Answer):
    """A member on one day."""

    member_id = fields.UUID()
    name = fields.String()
    leads = fields.Boolean()
    there = fields.List(
        fields.Nested(SpanSchema), metadata={"description": "When she is with the crew; empty: she is absent."}
    )
    skills = fields.List(fields.String(), metadata={"description": "Her own; the crew's stand with the crew."})
    certificates = fields.List(fields.String(), metadata={"description": "Those that hold at some time of the day."})


class RosterAbsenceSchema(Answer):
    """Who is away."""

    id = fields.UUID()
    member_id = fields.UUID(allow_none=True, metadata={"description": "Null: the whole crew."})
    starts_at = Instant()
    ends_at = Instant()
    reason = fields.String()


class RosterEquipmentSchema(Answer):
    """A vehicle or a machine that the crew has."""

    id = fields.UUID()
    sort = fields.String(validate=validate.OneOf(SORTS))
    code = fields.String()
    name = fields.String()
    registration = fields.String(allow_none=True)


class RosterDaySchema(Answer):
    """One day of a crew, by the calendar of its time zone, and the shifts that begin on it."""

    day = fields.Date()
    starts_at = Instant(metadata={"description": "Midnight, in the crew's time zone."})
    ends_at = Instant(metadata={"description": "The next midnight."})
    exception = fields.Nested(RosterExceptionSchema, allow_none=True)
    shifts = fields.List(
        fields.Nested(SpanSchema),
        metadata={"description": "The crew's absences taken out; the last one may reach into the next day."},
    )
    minutes = fields.Integer(metadata={"description": "How long these are together."})
    lead = fields.Nested(RosterLeadSchema, allow_none=True, metadata={"description": "Who leads, there or absent."})
    people = fields.List(fields.Nested(RosterPersonSchema))
    absences = fields.List(fields.Nested(RosterAbsenceSchema), metadata={"description": "The crew's and its members'."})
    equipment = fields.List(fields.Nested(RosterEquipmentSchema))


class RosterSchema(Answer):
    """A crew's days."""

    crew_id = fields.UUID()
    time_zone = fields.String(metadata={"description": "The crew's own, or the partnership's."})
    change = fields.Integer(metadata={"description": "The partnership's commit that last changed any of this."})
    has_shifts = fields.Boolean(metadata={"description": "False: nobody has entered when it works."})
    capacity_minutes = fields.Integer(
        allow_none=True, metadata={"description": "What fits one of its days; null: as long as its shifts are."}
    )
    overtime_minutes = fields.Integer()
    days = fields.List(fields.Nested(RosterDaySchema))
