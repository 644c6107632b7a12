"""Which fields of a layer hold the code, the name, the day from which an area holds and its owner, and their
values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from geo.areas import CODE_CHARS_MAX, NAME_CHARS_MAX
from geo.encoding import Encoding, decode
from geo.refusals import DateUnreadable, EncodingUnknown, EncodingWrong, FieldNotFound, FieldUnclear, TextTooLong

# Numbers that a program gave to rows: the next export gives others.
_ROW_NUMBERS = {"objectid", "oid", "fid", "ogcfid", "gid", "id"}
_CODE_NAME = re.compile(r"(.*code|.*_id|.*geoid|.*fips)", re.IGNORECASE)
_DAY_NAME = re.compile(
    r"(valid|start|begin|eff|effective|effect)_?(from|date|since|on|dt)?|(date|from)_?(valid|effective|date)",
    re.IGNORECASE,
)

GUESSES_MAX = 12
"""Fields that are looked at for a guess; each is held in memory whole."""

_WHOLE_FLOAT_MAX = 2.0**53


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields that a person named, each None where it is to be guessed; an owner is not guessed."""

    code_field: str | None = None
    name_field: str | None = None
    valid_from_field: str | None = None
    owner_field: str | None = None

    @property
    def named(self) -> list[str]:
        fields = (self.code_field, self.name_field, self.valid_from_field, self.owner_field)
        return [field for field in fields if field is not None]


@dataclass(frozen=True, slots=True)
class Labels:
    """The codes, names, owners and days of all features (the last two empty if no field has them), where they
    were found, and what was guessed."""

    codes: tuple[str | None, ...]
    names: tuple[str | None, ...]
    owners: tuple[str | None, ...]
    valid_from: tuple[date | None, ...]
    code_field: str
    name_field: str
    valid_from_field: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A layer's attributes: all field names, and of those that `wanted` names, arrays of raw values: texts
    and dates as latin-1 of their bytes."""

    fields: Sequence[str]
    columns: dict[str, NDArray[np.generic]]
    encoding: Encoding

    def texts(self, field: str) -> list[str | None]:
        """A field's values as text, stripped, empty ones None. Raises FieldUnclear for other than text and
        whole numbers, EncodingWrong, EncodingUnknown."""
        values = self.columns[field]
        if values.dtype == object:
            raw = [None if value is None else _bytes_of(value, field) for value in values]
            texts = decode(raw, self.encoding, field)
            return [None if text is None else text.strip() or None for text in texts]
        if np.issubdtype(values.dtype, np.integer):
            return [str(value) for value in values.tolist()]
        if np.issubdtype(values.dtype, np.floating):
            # Whole numbers come as floats when some are null. Beyond 2^53 neighbours are one and the same.
            numbers = values.astype(np.float64)
            present = numbers[~np.isnan(numbers)]
            if (np.abs(present) < _WHOLE_FLOAT_MAX).all() and (present == np.trunc(present)).all():
                return [None if np.isnan(number) else str(int(number)) for number in numbers.tolist()]
        raise FieldUnclear("It holds neither texts nor whole numbers.", field=field)


def wanted(fields: Sequence[str], asked: Asked) -> list[str]:
    """The fields that `labels` will look at. Raises FieldNotFound."""
    for field in asked.named:
        if field not in fields:
            raise FieldNotFound(f"It has {', '.join(fields)[:500] or 'none'}.", field=field)
    looked_at = asked.named
    if asked.code_field is None:
        looked_at += _like_codes(fields)[:GUESSES_MAX]
    if asked.name_field is None:
        looked_at += _like_names(fields, None)[:GUESSES_MAX]
    if asked.valid_from_field is None:
        looked_at += _like_days(fields)[:GUESSES_MAX]
    return [field for field in dict.fromkeys(fields) if field in looked_at]


def labels(table: Table, asked: Asked) -> Labels:
    """The labels of every feature, None where a value is missing. Fields that are not named are guessed if
    only one can be meant.

    Raises FieldUnclear, TextTooLong, DateUnreadable (if the field was named), and what decoding raises.
    """
    notes = []
    code_field, name_field = asked.code_field, asked.name_field
    if code_field is None:
        code_field = _guess_code(table)
        notes.append(f"The codes were taken from {code_field}.")
    if name_field is None:
        name_field = _guess_name(table, code_field)
        notes.append(f"The names were taken from {name_field}.")
    owners = () if asked.owner_field is None else _short(table, asked.owner_field, CODE_CHARS_MAX)
    if asked.valid_from_field is None:
        day_field, days, said = _guess_days(table)
        notes += said
    else:
        day_field, days = asked.valid_from_field, _days(table, asked.valid_from_field)
    codes = _short(table, code_field, CODE_CHARS_MAX)
    names = _short(table, name_field, NAME_CHARS_MAX)
    return Labels(codes, names, owners, days, code_field, name_field, day_field, tuple(notes))


def _like_codes(fields: Sequence[str]) -> list[str]:
    return [
        field for field in fields if _CODE_NAME.fullmatch(field) and field.lower().replace("_", "") not in _ROW_NUMBERS
    ]


def _like_names(fields: Sequence[str], code_field: str | None) -> list[str]:
    """The field called name; otherwise those whose names have "name" in them."""
    others = [field for field in fields if field != code_field]
    return [field for field in others if field.lower() == "name"] or [
        field for field in others if "name" in field.lower()
    ]


def _like_days(fields: Sequence[str]) -> list[str]:
    return [field for field in fields if _DAY_NAME.fullmatch(field)]


def _guess_code(table: Table) -> str:
    """The one field that is called like a code and holds another for every feature; if there is none, the one
    that is called like a code."""
    likely, distinct = [], []
    for field in _like_codes(table.fields)[:GUESSES_MAX]:
        try:
            codes = _short(table, field, CODE_CHARS_MAX)
        except (FieldUnclear, TextTooLong, EncodingWrong, EncodingUnknown):
            continue
        if any(code is not None for code in codes):
            likely.append(field)
        if None not in codes and len(set(codes)) == len(codes):
            distinct.append(field)
    if len(distinct) == 1 or (len(likely) == 1 and not distinct):
        return (distinct or likely)[0]
    found = f"Several may: {', '.join(distinct or likely)}." if likely else f"It has {_listed(table.fields)}."
    raise FieldUnclear(f"No field is surely the code. {found}", field="code")


def _guess_name(table: Table, code_field: str) -> str:
    likely = _like_names(table.fields, code_field)
    if len(likely) == 1:
        return likely[0]
    found = f"Several may: {_listed(likely)}." if likely else f"It has {_listed(table.fields)}."
    raise FieldUnclear(f"No field is surely the name. {found}", field="name")


def _guess_days(table: Table) -> tuple[str | None, tuple[date | None, ...], list[str]]:
    """The one field that is called like it and whose values are dates, and what is to be said about it."""
    read, notes = {}, []
    for field in _like_days(table.fields)[:GUESSES_MAX]:
        try:
            read[field] = _days(table, field)
        except DateUnreadable as refusal:
            notes.append(f"{field} was not taken for the day from which an area holds: {refusal.detail}")
        except (FieldUnclear, EncodingWrong, EncodingUnknown):
            continue
    filled = [field for field, days in read.items() if any(day is not None for day in days)]
    if len(filled) == 1:
        notes.append(f"The days from which areas hold were taken from {filled[0]}.")
        return filled[0], read[filled[0]], notes
    if filled:
        notes.append(f"The day from which an area holds may be in {_listed(filled)}; none was taken.")
    return None, (), notes


def _days(table: Table, field: str) -> tuple[date | None, ...]:
    """A field's values as days, by ISO 8601, or with slashes as GDAL writes dates. A time is left out."""
    days: list[date | None] = []
    for feature, text in enumerate(table.texts(field), start=1):
        try:
            days.append(None if text is None else datetime.fromisoformat(text.replace("/", "-")).date())
        except ValueError as error:
            raise DateUnreadable(f'It says "{(text or "")[:40]}".', feature=feature, field=field) from error
    return tuple(days)


def _short(table: Table, field: str, chars_max: int) -> tuple[str | None, ...]:
    texts = table.texts(field)
    for feature, text in enumerate(texts, start=1):
        if text is not None and len(text) > chars_max:
            raise TextTooLong(
                f"It has {len(text)} characters, at most {chars_max} are taken.", feature=feature, field=field
            )
    return tuple(texts)


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(fields)[:500] or "none"


def _bytes_of(value: object, field: str) -> bytes:
    if not isinstance(value, str):
        raise FieldUnclear("It holds neither texts nor whole numbers.", field=field)
    return value.encode("latin-1")
