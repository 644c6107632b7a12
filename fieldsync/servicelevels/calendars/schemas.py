"""What may be sent about calendars, with the limits of every list and the reasons for them."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from fieldsync.schemas import Day, Request, Text, TimeZone, WeeklyHoursSchema
from fieldsync.wallclock import minute_of_day

HOURS_MAX = 42
"""Six a day."""
HOLIDAYS_MAX = 1_000
"""Fifty years of twenty."""
CALENDARS_MAX = 100
"""Far more than kinds of offices; each batch that starts clocks looks at all of them."""


class HolidaySchema(Request):
    """A day on which no time counts."""

    day = Day(required=True)
    name = Text(200, min_length=1, required=True)


class CalendarBodySchema(Request):
    """A whole calendar."""

    name = Text(200, min_length=1, required=True)
    time_zone = TimeZone(required=True)
    hours = fields.List(
        fields.Nested(WeeklyHoursSchema), required=True, validate=validate.Length(min=1, max=HOURS_MAX),
        metadata={"description": "Hours of one day must not overlap. `24:00` is the end of the day."},
    )  # fmt: skip
    holidays = fields.List(
        fields.Nested(HolidaySchema), load_default=list, validate=validate.Length(max=HOLIDAYS_MAX),
        metadata={"description": "Days on which none of the hours count."},
    )  # fmt: skip

    @validates_schema
    def fits_together(self, data: dict[str, Any], **_: Any) -> None:
        ends: dict[int, int] = {}
        for place, hours in sorted(
            enumerate(data["hours"]), key=lambda numbered: (numbered[1]["weekday"], numbered[1]["starts"])
        ):
            if minute_of_day(hours["starts"]) < ends.get(hours["weekday"], 0):
                raise ValidationError("These hours overlap with others of the day.", f"hours.{place}.from")
            ends[hours["weekday"]] = minute_of_day(hours["until"])
        days: Counter[date] = Counter(holiday["day"] for holiday in data["holidays"])
        for place, holiday in enumerate(data["holidays"]):
            if days[holiday["day"]] > 1:
                raise ValidationError("This day is there twice.", f"holidays.{place}.day")
