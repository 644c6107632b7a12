"""What all marshmallow shapes share: strict requests, plain answers, and fields that hold only what we can store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from fieldsync.config import PAGE_ROWS_MAX
from fieldsync.wallclock import minute_of_day

YEARS = (1900, 2200)
"""A moment outside these is a slip of the pen, and beyond what every database client can read."""

NO_NUL = r"^[^\u0000]*$"
"""PostgreSQL's text cannot hold U+0000."""

CODE = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Short names that people type and other systems refer to."""

PAGE_ROWS = 100


class Request(Schema):
    """What a client sends. A field that we do not know is refused: it may be a misspelt one."""

    class Meta:
        unknown = RAISE


class Answer(Schema):
    """What we send. Every declared field is always there, and documented so; more may be added in later versions."""

    class Meta:
        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.required = True


class Text(fields.String):
    """A string of ``min_length`` to ``max_length`` characters that the database can hold.

    ``pattern`` (without U+0000, anchored at both ends) replaces the general one.
    """

    def __init__(self, max_length: int, *, min_length: int = 0, pattern: str = NO_NUL, **options: Any) -> None:
        length = validate.Length(min=min_length or None, max=max_length)
        super().__init__(validate=[length, _Pattern(pattern)], **options)


class _Pattern(validate.Regexp):
    """The whole of a string must match; Python's ``$`` would let a line break follow."""

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            pattern = str(self.regex.pattern)
            raise ValidationError(
                "Text cannot hold the character U+0000." if pattern == NO_NUL else f"Must match {pattern}"
            )
        return value


class Instant(fields.AwareDateTime):
    """A moment with its time zone; sent as RFC 3339 in UTC with ``Z``."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        _require_year(moment)
        return moment


class Day(fields.Date):
    """A calendar day."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        day: date = super()._deserialize(value, attr, data, **kwargs)
        _require_year(day)
        return day


def _require_year(moment: date) -> None:
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise ValidationError(f"A year from {YEARS[0]} to {YEARS[1]} is expected.")


@cache
def time_zones() -> frozenset[str]:
    """The names of all time zones that are known here (IANA)."""
    return frozenset(available_timezones())


class TimeZone(Text):
    """The IANA name of a time zone, such as ``America/New_York``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(100, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name: str = super()._deserialize(value, attr, data, **kwargs)
        if name not in time_zones():
            raise ValidationError("An IANA time zone such as America/New_York is expected.")
        return name


class Whole(fields.Integer):
    """A whole number in JSON, of a limited size; a string or a fraction is not taken for one."""

    def __init__(self, least: int, most: int, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most), **options)


class Flag(fields.Boolean):
    """``true`` or ``false`` in JSON; nothing else is taken for one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if value is True or value is False:
            return value
        raise self.make_error("invalid", input=value)


class QueryFlag(fields.Boolean):
    """``true`` or ``false`` in a query string."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if value in ("true", "false"):
            return bool(value == "true")
        raise self.make_error("invalid", input=value)


class PageArgs(Request):
    """Which page of a list."""

    limit = fields.Integer(
        load_default=PAGE_ROWS,
        validate=validate.Range(1, PAGE_ROWS_MAX),
        metadata={"description": "Most items wanted."},
    )
    cursor = Text(
        800, pattern="^[A-Za-z0-9_-]*$", load_default=None,
        metadata={"description": "`next` of the page before; left out for the first page."},
    )  # fmt: skip


class WeeklyHoursSchema(Request):
    """Hours of one weekday, by the clock on the wall. `24:00` is the end of the day."""

    weekday = Whole(1, 7, required=True, metadata={"description": "1 Monday to 7 Sunday."})
    starts = Text(5, pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", required=True, data_key="from")
    until = Text(5, pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", required=True)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if minute_of_day(data["starts"]) >= minute_of_day(data["until"]):
            raise ValidationError("The hours must end after they begin, on the same day.", "until")


def page_of(item: type[Schema]) -> type[Answer]:
    """The shape of a page of ``item``: ``{"items": […], "next": …}``."""
    name = item.__name__.removesuffix("Schema") + "PageSchema"
    items = fields.List(fields.Nested(item))
    next_page = fields.String(allow_none=True, metadata={"description": "Send it as `cursor`; null on the last page."})
    shape = Answer.from_dict({"items": items, "next": next_page}, name=name)
    assert issubclass(shape, Answer)
    return shape
