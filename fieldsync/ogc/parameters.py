"""Reading a request's query parameters: strictly, since the standard wants 400 for each that is not known."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from werkzeug.datastructures import MultiDict

from fieldsync.ogc.crs import CRS84, Crs, ground
from fieldsync.ogc.fields import NAME_CHARS_MAX, Field
from fieldsync.problems import InvalidParameter

LIMIT = 100
"""Features of a page unless another number is asked for."""

LIMIT_MAX = 10_000
"""Most features of a page. More may be asked for and are not given, as Part 1 has it."""

FORMATS = ("json", "html")
"""Of the pages that a person may look at; features and schemas are JSON only."""
CURSOR_CHARS_MAX = 400

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}([Tt]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment to a moment, both included; None where it is open."""

    since: datetime | None
    until: datetime | None

    def overlaps(self, starts: datetime, ends: datetime | None) -> bool:
        """Whether it shares a moment with what holds from ``starts`` until before ``ends``."""
        return (self.until is None or starts <= self.until) and (
            self.since is None or ends is None or ends > self.since
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for features asks for."""

    limit: int
    crs: Crs
    shapes: Sequence[bytes] | None
    """What the bbox covers (``crs.ground``); None where there is none."""
    period: Period | None
    values: dict[str, Any]
    """Queryable -> the value that it must have."""
    cursor: str | None


def check_names(args: MultiDict[str, str], *known: str, formats: Collection[str] = ("json",)) -> None:
    """Raises:
    InvalidParameter: a parameter is neither ``f`` nor one of ``known``, or is given twice; or ``f`` is none of
        ``formats``.
    """
    for name, values in args.lists():
        if name != "f" and name not in known:
            raise InvalidParameter(f"There is no parameter {name[:60]!r} here.", field=name[:60])
        if len(values) > 1:
            raise InvalidParameter("It is given more than once.", field=name)
        if "\0" in values[0]:
            raise InvalidParameter("Text cannot hold the character U+0000.", field=name)
    if args.get("f", "json") not in formats:
        raise InvalidParameter(f"Only {' and '.join(formats)} can be had here.", field="f")


def read_crs(args: MultiDict[str, str], name: str, offered: Sequence[Crs]) -> Crs:
    """The coordinate system that a parameter names; CRS84 where it is not given.

    Raises:
        InvalidParameter: it is not offered.
    """
    uri = args.get(name, CRS84.uri)
    for crs in offered:
        if uri == crs.uri:
            return crs
    raise InvalidParameter("The collection is not offered in that coordinate system; see its crs.", field=name)


def read_asked(args: MultiDict[str, str], offered: Sequence[Crs], queryables: Sequence[Field]) -> Asked:
    """What a request for features asks for.

    Raises:
        InvalidParameter: a parameter is unknown, given twice, or not acceptable.
    """
    names = [field.name for field in queryables]
    check_names(args, "limit", "bbox", "bbox-crs", "crs", "datetime", "cursor", *names)
    cursor = args.get("cursor")
    if cursor is not None and not (0 < len(cursor) <= CURSOR_CHARS_MAX and cursor.isascii()):
        raise InvalidParameter("Send the cursor of a next link as it is.", field="cursor")
    bbox_crs = read_crs(args, "bbox-crs", offered)
    return Asked(
        limit=read_limit(args.get("limit")),
        crs=read_crs(args, "crs", offered),
        shapes=read_bbox(args["bbox"], bbox_crs) if "bbox" in args else None,
        period=read_period(args["datetime"]) if "datetime" in args else None,
        values={field.name: read_value(field, args[field.name]) for field in queryables if field.name in args},
        cursor=cursor,
    )


def read_limit(text: str | None) -> int:
    """Raises:
    InvalidParameter: it is not a whole number above zero.
    """
    if text is None:
        return LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) > 0):
        raise InvalidParameter("A whole number above zero is expected.", field="limit")
    return min(int(text), LIMIT_MAX)


def read_bbox(text: str, crs: Crs) -> list[bytes]:
    """What a bbox covers, as WKB in EPSG:4326 lon/lat. Of six numbers the two heights say nothing: areas have none.

    Raises:
        InvalidParameter: it is not four or six finite numbers, lower corner first.
    """
    try:
        numbers = [float(part) for part in text.split(",", 6)]
    except ValueError:
        raise InvalidParameter("Numbers separated by commas are expected.", field="bbox") from None
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise InvalidParameter("Four or six finite numbers are expected.", field="bbox")
    if len(numbers) == 6:
        if numbers[2] > numbers[5]:
            raise InvalidParameter("The lower corner comes first.", field="bbox")
        del numbers[5], numbers[2]
    try:
        return ground(crs, numbers)
    except ValueError as error:
        raise InvalidParameter(str(error), field="bbox") from None


def read_period(text: str) -> Period:
    """A moment, or an interval that may be open on one side or both (``..`` or nothing). A day is all of it, in UTC.

    Raises:
        InvalidParameter: it is no RFC 3339 moment or day, or the interval ends before it begins.
    """
    parts = text.split("/")
    if len(parts) == 1:
        return Period(_moment(text, time.min), _moment(text, time.max))
    if len(parts) != 2:
        raise InvalidParameter("A moment or an interval is expected: 2026-01-31T00:00:00Z/..", field="datetime")
    since, until = (
        None if part in ("", "..") else _moment(part, clock)
        for part, clock in zip(parts, (time.min, time.max), strict=True)
    )
    if since is not None and until is not None and since > until:
        raise InvalidParameter("The interval ends before it begins.", field="datetime")
    return Period(since, until)


def _moment(text: str, clock: time) -> datetime:
    # The pattern first: Python reads more than RFC 3339 has.
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), clock, UTC)
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameter(
            "A moment with its time zone (2026-01-31T12:00:00Z) or a day (2026-01-31) is expected.", field="datetime"
        ) from None


def read_value(field: Field, text: str) -> Any:
    """A queryable's value in its type.

    Raises:
        InvalidParameter: it is not of that type, or not one that the field can have.
    """
    schema = field.schema
    if "enum" in schema:
        if text not in schema["enum"]:
            raise InvalidParameter(f"One of {', '.join(schema['enum'])} is expected.", field=field.name)
        return text
    if schema["type"] == "integer":
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise InvalidParameter("A whole number is expected.", field=field.name)
        if not schema.get("minimum", 0) <= int(text) <= schema.get("maximum", 10**9):
            raise InvalidParameter(f"From {schema['minimum']} to {schema['maximum']}.", field=field.name)
        return int(text)
    if schema.get("format") == "date":
        try:
            if not _DAY.fullmatch(text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            raise InvalidParameter("A day is expected: 2026-01-31.", field=field.name) from None
    if len(text) > NAME_CHARS_MAX:
        raise InvalidParameter(f"At most {NAME_CHARS_MAX} characters are expected.", field=field.name)
    return text
