"""What may be sent about agreements, with the limits of every list and the reasons for them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fieldsync.agreements.models import CAP_PERIODS
from fieldsync.schemas import CODE, Day, Flag, PageArgs, QueryFlag, Request, Text, WeeklyHoursSchema, Whole

TERMS_MAX = 250
"""Directions of one version: every one of 16 partners for every other."""

CREWS_MAX = 100
SERVICE_TYPES_MAX = 100
SKILLS_MAX = 50
WINDOWS_MAX = 42
"""Six a day."""

COSTS_MAX = 50
CAP_MINUTES_MAX = 100_000_000
"""Two hundred crews for a year around the clock."""
CENTS_MAX = 10**13
CENTS_PER_HOUR_MAX = 10_000_000
NUMBER_MAX = 2**53
"""Beyond it, programs that read JSON disagree about a number."""

STATES = ("proposed", "upcoming", "in_force", "ended", "lapsed")

_PARTY = "The party for which you act. May be left out where you act for one of them only."


class _CostValue(fields.Raw):
    """A text, a number, or true or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str) and len(value) <= 500 and "\0" not in value:
            return value
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float) and isfinite(value) and abs(value) <= NUMBER_MAX:
            return value
        raise ValidationError("A text of at most 500 characters, a number, true or false is expected.")


def _ids(most: int, description: str) -> fields.List[Any]:
    return fields.List(
        fields.UUID(), load_default=list, validate=validate.Length(max=most), metadata={"description": description}
    )


class TermSchema(Request):
    """One direction: crews of the giver may work for the receiver. An empty list means: any."""

    giver_id = fields.UUID(required=True, metadata={"description": "The jurisdiction whose crews come."})
    receiver_id = fields.UUID(required=True, metadata={"description": "The jurisdiction where they work."})
    crew_ids = _ids(CREWS_MAX, "Only these crews of the giver.")
    skills = fields.List(
        Text(50, min_length=1, pattern=CODE), load_default=list, validate=validate.Length(max=SKILLS_MAX),
        metadata={"description": "Only jobs whose service type needs one of these skills."},
    )  # fmt: skip
    service_type_ids = _ids(SERVICE_TYPES_MAX, "Only jobs of these kinds.")
    hours = fields.List(
        fields.Nested(WeeklyHoursSchema), load_default=list, validate=validate.Length(max=WINDOWS_MAX),
        metadata={"description": "Only at these hours, by the clock of the partnership's time zone."},
    )  # fmt: skip
    cap_minutes = Whole(1, CAP_MINUTES_MAX, load_default=None, allow_none=True)
    cap_cents = Whole(1, CENTS_MAX, load_default=None, allow_none=True)
    cap_period = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(CAP_PERIODS),
        metadata={"description": "In which the caps are counted, for all crews together."},
    )  # fmt: skip
    home_priority = Flag(load_default=False, metadata={"description": "The giver may recall its crew at any time."})
    cents_per_hour = Whole(
        0, CENTS_PER_HOUR_MAX, load_default=None, allow_none=True,
        metadata={"description": "What an hour of a crew costs the receiver."},
    )  # fmt: skip
    cost = fields.Dict(
        keys=Text(100, min_length=1), values=_CostValue(), load_default=dict, validate=validate.Length(max=COSTS_MAX),
        metadata={"description": "Further cost terms, as agreed."},
    )  # fmt: skip

    @validates_schema
    def fits_together(self, data: dict[str, Any], **_: Any) -> None:
        if data["giver_id"] == data["receiver_id"]:
            raise ValidationError("Giver and receiver must be two.", "receiver_id")
        capped = data["cap_minutes"] is not None or data["cap_cents"] is not None
        if capped and data["cap_period"] is None:
            raise ValidationError("A cap needs the period in which it is counted.", "cap_period")
        if not capped and data["cap_period"] is not None:
            raise ValidationError("There is no cap that would be counted in it.", "cap_period")
        if data["cap_cents"] is not None and data["cents_per_hour"] is None:
            raise ValidationError("A cap in cents needs a price.", "cents_per_hour")


class ActingSchema(Request):
    """For whom it is done."""

    jurisdiction_id = fields.UUID(load_default=None, metadata={"description": _PARTY})


class NewVersionSchema(ActingSchema):
    """A version that is proposed. Its parties are the givers and receivers of its terms."""

    starts_on = Day(required=True, metadata={"description": "Its first day, in the partnership's time zone."})
    ends_on = Day(
        load_default=None, allow_none=True, metadata={"description": "Its last day; null: until it is ended."}
    )
    notice_days = Whole(
        0, 3650, load_default=0,
        metadata={"description": "How many days before its last one a party must say that it ends."},
    )  # fmt: skip
    note = Text(8_000, load_default=None, allow_none=True)
    terms = fields.List(fields.Nested(TermSchema), required=True, validate=validate.Length(1, TERMS_MAX))

    @validates_schema
    def ends_after_it_starts(self, data: dict[str, Any], **_: Any) -> None:
        if data["ends_on"] is not None and data["ends_on"] < data["starts_on"]:
            raise ValidationError("The last day is before the first one.", "ends_on")


class NewAgreementSchema(NewVersionSchema):
    """An agreement that is proposed, with its first version."""

    code = Text(50, min_length=1, pattern=CODE, required=True)
    title = Text(200, min_length=1, required=True)


class ReplySchema(ActingSchema):
    """What a party says to a proposal, and why."""

    reason = Text(2_000, min_length=1, load_default=None, allow_none=True)


class EndSchema(ActingSchema):
    """The end of an agreement."""

    on = Day(required=True, metadata={"description": "The last day on which it holds."})
    reason = Text(2_000, min_length=1, required=True)


class AgreementsArgs(PageArgs):
    """Which agreements to list; all that is given must hold."""

    state = fields.String(validate=validate.OneOf(STATES))
    jurisdiction_id = fields.UUID(metadata={"description": "A party of any of its versions."})
    on = Day(metadata={"description": "A version holds, held or will hold on this day."})
    proposal = QueryFlag(metadata={"description": "Whether a proposal waits for its parties."})


class GrantsArgs(PageArgs):
    """Which grants to list; all that is given must hold."""

    on = Day(metadata={"description": "They hold at some time of this day; today if left out."})
    crew_id = fields.UUID(metadata={"description": "They are about this crew."})
    jurisdiction_id = fields.UUID(metadata={"description": "The giver or the receiver."})
