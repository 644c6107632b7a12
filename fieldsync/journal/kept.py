"""What was sent, in a form that the journal can hold and anybody can read again. Pure.

The database takes no U+0000 into JSON that it looks into, and a JSON null for no value at all; a number may be larger
than any type of ours. Only edits that are refused have such content, and they are kept all the same.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

DEPTH_MAX = 32
"""Lists within objects within lists; ours need four. Any parser takes this much."""


def kept(fields: msgspec.Raw) -> msgspec.Raw:
    """The fields of a refused edit as the journal keeps them: as they were sent, wherever that can be."""
    whole = as_sent(fields)
    return unreadable(_spelled(bytes(fields))) if whole is None else whole


def as_sent(fields: msgspec.Raw) -> msgspec.Raw | None:
    """The fields as JSON that the journal can hold, numbers beyond every type as their text; None if it cannot."""
    text = bytes(fields)
    changed = False

    def number(digits: str) -> Any:
        nonlocal changed
        value = holdable(digits)
        changed = changed or isinstance(value, str)
        return value

    try:
        value = json.loads(text, parse_int=number, parse_float=number)
    except RecursionError:
        return None
    if value is None or not _holds(value, DEPTH_MAX):
        return None
    return msgspec.Raw(json.dumps(value).encode()) if changed else fields


def _spelled(text: bytes) -> str:
    """The text of JSON that is kept as text, spelled the same however it was sent."""
    try:
        return json.dumps(json.loads(text, parse_int=holdable, parse_float=holdable))
    except RecursionError:
        return text.decode()


def _holds(value: Any, depth: int) -> bool:
    """Whether the journal can hold this value, nested so deep at most."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, dict):
        return depth > 0 and all("\0" not in name and _holds(item, depth - 1) for name, item in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_holds(item, depth - 1) for item in value)
    return True


def unreadable(text: str) -> msgspec.Raw:
    """Stands for what cannot be kept as JSON: the text of it is."""
    return msgspec.Raw(msgspec.json.encode({"unreadable": text}))


def said(fields: msgspec.Raw) -> Any:
    """The content of fields, for comparing with the journal's: the same however they were spelled."""
    return json.loads(bytes(kept(fields)), parse_int=holdable, parse_float=holdable)


def holdable(digits: str) -> int | float | str:
    """A JSON number; or its text, where none of our types could hold it."""
    if digits.lstrip("-").isdigit():
        return int(digits) if len(digits) <= 20 else digits
    return number if math.isfinite(number := float(digits)) else digits
