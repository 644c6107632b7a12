"""The shapes of weekly shifts and of the days on which a crew works otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from marshmallow import fields

from fieldsync.schemas import Answer, Day, PageArgs, Request, Text, Whole, page_of

SHIFTS_MAX = 200
"""Of one crew: eight shifts a day and three seasons; all of them are read whenever its days are."""

EXCEPTIONS_MAX = 2_000
"""Of one crew: every second day of ten years."""

SHIFT_MINUTES = (1, 24 * 60)
WEEKDAY = (1, 7)
_WEEKDAY = {"description": "1 Monday to 7 Sunday: the day on which it begins."}
_MINUTES = {"description": "How long it lasts, in real time, past midnight too."}
_UNTIL = {"description": "The last day on which it begins, included; null: open-ended."}


class WallTime(Text):
    """A time of the day, ``HH:MM``, by the clock of the crew's time zone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(5, pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat("minutes")

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        super()._validate(text)
        return time.fromisoformat(text)

    def _validate(self, value: Any) -> None:
        """Its text has been looked at before a time was made of it."""


class ShiftSchema(Answer):
    """A weekly shift of a crew."""

    id = fields.UUID()
    crew_id = fields.UUID()
    weekday = fields.Integer(metadata=_WEEKDAY)
    starts = WallTime()
    minutes = fields.Integer(metadata=_MINUTES)
    since = fields.Date()
    until = fields.Date(allow_none=True, metadata=_UNTIL)


ShiftPageSchema = page_of(ShiftSchema)


class ShiftArgs(PageArgs):
    """Which weekly shifts to list."""

    on = Day(metadata={"description": "Only those that hold on this day, whatever weekday it is."})


class NewShiftSchema(Request):
    """A weekly shift to add."""

    weekday = Whole(*WEEKDAY, required=True, metadata=_WEEKDAY)
    starts = WallTime(required=True)
    minutes = Whole(*SHIFT_MINUTES, required=True, metadata=_MINUTES)
    since = Day(required=True)
    until = Day(load_default=None, allow_none=True, metadata=_UNTIL)


class ShiftPatchSchema(Request):
    """What may be changed of a weekly shift; what is left out stays."""

    weekday = Whole(*WEEKDAY, metadata=_WEEKDAY)
    starts = WallTime()
    minutes = Whole(*SHIFT_MINUTES, metadata=_MINUTES)
    since = Day()
    until = Day(allow_none=True, metadata=_UNTIL)


class ShiftExceptionSchema(Answer):
    """A day on which a crew works otherwise."""

    id = fields.UUID()
    crew_id = fields.UUID()
    day = fields.Date()
    starts = WallTime(allow_none=True, metadata={"description": "Null: no shift begins on that day."})
    minutes = fields.Integer(allow_none=True, metadata=_MINUTES)
    reason = fields.String()


ShiftExceptionPageSchema = page_of(ShiftExceptionSchema)


class ShiftExceptionArgs(PageArgs):
    """Which exceptions to list."""

    first = Day(data_key="from", metadata={"description": "Only this day and later ones."})
    last = Day(data_key="to", metadata={"description": "Only this day and earlier ones."})


class NewShiftExceptionSchema(Request):
    """A day on which a crew works otherwise, to add; without ``starts`` and ``minutes`` it does not work."""

    day = Day(required=True)
    starts = WallTime(load_default=None, allow_none=True)
    minutes = Whole(*SHIFT_MINUTES, load_default=None, allow_none=True, metadata=_MINUTES)
    reason = Text(500, min_length=1, required=True)


class ShiftExceptionPatchSchema(Request):
    """What may be changed of an exception; what is left out stays."""

    day = Day()
    starts = WallTime(allow_none=True)
    minutes = Whole(*SHIFT_MINUTES, allow_none=True, metadata=_MINUTES)
    reason = Text(500, min_length=1)
