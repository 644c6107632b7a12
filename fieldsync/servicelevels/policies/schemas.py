"""What may be sent about policies, with the limits of every list and the reasons for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from fieldsync.schemas import Flag, Instant, Request, Text, Whole

TARGETS_MAX = 2_000
"""Fifty kinds of work in forty towns."""
POLICIES_MAX = 1_000
"""One a week for twenty years; each batch that starts clocks looks at when each of them began."""
MINUTES = (1, 10 * 366 * 24 * 60)
"""Ten years; see ``calendar.HORIZON``."""


class TargetSchema(Request):
    """How soon, for which work. What is left out, or null, of the first three means any."""

    service_type_id = fields.UUID(load_default=None, allow_none=True)
    priority = Whole(1, 5, load_default=None, allow_none=True)
    jurisdiction_id = fields.UUID(load_default=None, allow_none=True)
    calendar_id = fields.UUID(required=True, metadata={"description": "In whose hours the minutes are counted."})
    response_minutes = Whole(
        *MINUTES, load_default=None, allow_none=True, metadata={"description": "Until work begins."}
    )
    resolution_minutes = Whole(
        *MINUTES, load_default=None, allow_none=True, metadata={"description": "Until the work is completed."}
    )
    pauses_on_hold = Flag(
        load_default=True, metadata={"description": "Whether the clocks stand still while the work is on hold."}
    )

    @validates_schema
    def aims_at_something(self, data: dict[str, Any], **_: Any) -> None:
        if data["response_minutes"] is None and data["resolution_minutes"] is None:
            raise ValidationError("A target needs response_minutes, resolution_minutes or both.", "resolution_minutes")


class NewPolicySchema(Request):
    """A new version of all targets. The targets of the one before do not go on."""

    starts_at = Instant(load_default=None, allow_none=True, metadata={"description": "Not in the past; left out: now."})
    note = Text(2_000, load_default=None, allow_none=True)
    targets = fields.List(
        fields.Nested(TargetSchema), required=True, validate=validate.Length(max=TARGETS_MAX),
        metadata={"description": "An empty list promises nothing from then on."},
    )  # fmt: skip

    @validates_schema
    def one_for_each_case(self, data: dict[str, Any], **_: Any) -> None:
        seen: set[tuple[UUID | None, int | None, UUID | None]] = set()
        for place, target in enumerate(data["targets"]):
            case = (target["service_type_id"], target["priority"], target["jurisdiction_id"])
            if case in seen:
                raise ValidationError("There is another target for the same work.", f"targets.{place}")
            seen.add(case)


class PolicyInForceArgs(Request):
    """As of when."""

    at = Instant(load_default=None, metadata={"description": "Left out: now."})
