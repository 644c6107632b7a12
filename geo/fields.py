"""Which fields of a layer hold the code and the name, and their values as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.areas import CODE_CHARS_MAX, NAME_CHARS_MAX
from geo.encoding import decode
from geo.refusals import (
    CodeMissing,
    CodeRepeated,
    EncodingUnknown,
    EncodingWrong,
    FieldNotFound,
    FieldUnclear,
    NameMissing,
    TextTooLong,
)

# Numbers that a program gave to rows: the next export gives others.
_ROW_NUMBERS = {"objectid", "oid", "fid", "ogcfid", "gid", "id"}
_CODE_NAME = re.compile(r"(.*code|.*_id|.*geoid|.*fips)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Labels:
    """The codes and names of all features, where they were found, and what was guessed."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    code_field: str
    name_field: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A layer's attributes: field names, and for each an array of raw values, texts as latin-1 of their
    bytes."""

    fields: Sequence[str]
    columns: Sequence[NDArray[np.generic]]
    encoding: str | None

    def texts(self, field: str) -> list[str | None]:
        """A field's values as text, stripped, empty ones None. Raises FieldUnclear for other than text and
        whole numbers, EncodingWrong, EncodingUnknown."""
        values = self.columns[list(self.fields).index(field)]
        if values.dtype == object:
            raw = [None if value is None else _bytes_of(value, field) for value in values]
            texts = decode(raw, self.encoding, field)
            return [None if text is None else text.strip() or None for text in texts]
        if np.issubdtype(values.dtype, np.integer):
            return [str(value) for value in values.tolist()]
        if np.issubdtype(values.dtype, np.floating):
            # Whole numbers come as floats when some are null.
            numbers = values.astype(np.float64)
            present = numbers[~np.isnan(numbers)]
            if np.isfinite(present).all() and (present == np.trunc(present)).all():
                return [None if np.isnan(number) else str(int(number)) for number in numbers.tolist()]
        raise FieldUnclear("It holds neither texts nor whole numbers.", field=field)


def labels(table: Table, code_field: str | None, name_field: str | None) -> Labels:
    """The code and name of every feature. Fields that are not given are guessed if only one can be meant.

    Raises FieldNotFound, FieldUnclear (with `fields`), CodeMissing, CodeRepeated, NameMissing, TextTooLong,
    and what decoding raises.
    """
    notes = []
    for field in (code_field, name_field):
        if field is not None and field not in table.fields:
            raise FieldNotFound(f"It has {', '.join(table.fields) or 'none'}.", field=field)
    if code_field is None:
        code_field = _guess_code(table)
        notes.append(f"The codes were taken from {code_field}.")
    if name_field is None:
        name_field = _guess_name(table, code_field)
        notes.append(f"The names were taken from {name_field}.")
    codes = _codes(table.texts(code_field), code_field)
    names = _present(table.texts(name_field), name_field, NameMissing, NAME_CHARS_MAX)
    return Labels(codes, names, code_field, name_field, tuple(notes))


def _guess_code(table: Table) -> str:
    """The one field that is called like a code and holds one for every feature."""
    likely = []
    for field in table.fields:
        if not _CODE_NAME.fullmatch(field) or field.lower().replace("_", "") in _ROW_NUMBERS:
            continue
        try:
            _codes(table.texts(field), field)
        except (FieldUnclear, CodeMissing, CodeRepeated, TextTooLong, EncodingWrong, EncodingUnknown):
            continue
        likely.append(field)
    if len(likely) == 1:
        return likely[0]
    found = f"Several may: {', '.join(likely)}." if likely else f"It has {', '.join(table.fields) or 'none'}."
    raise FieldUnclear(f"No field is surely the code. {found}", field="code", fields=list(table.fields))


def _guess_name(table: Table, code_field: str) -> str:
    """The field called name; otherwise the only one whose name has "name" in it."""
    others = [field for field in table.fields if field != code_field]
    likely = [field for field in others if field.lower() == "name"] or [
        field for field in others if "name" in field.lower()
    ]
    if len(likely) == 1:
        return likely[0]
    found = f"Several may: {', '.join(likely)}." if likely else f"It has {', '.join(table.fields)}."
    raise FieldUnclear(f"No field is surely the name. {found}", field="name", fields=list(table.fields))


def _codes(texts: Sequence[str | None], field: str) -> tuple[str, ...]:
    codes = _present(texts, field, CodeMissing, CODE_CHARS_MAX)
    first: dict[str, int] = {}
    for feature, code in enumerate(codes, start=1):
        if code in first:
            raise CodeRepeated(f'Feature {first[code]} is "{code}" too.', feature=feature, field=field, code_value=code)
        first[code] = feature
    return codes


def _present(
    texts: Sequence[str | None],
    field: str,
    missing: type[CodeMissing] | type[NameMissing],
    chars_max: int,
) -> tuple[str, ...]:
    present = []
    for feature, text in enumerate(texts, start=1):
        if text is None:
            raise missing(feature=feature, field=field)
        if len(text) > chars_max:
            raise TextTooLong(
                f"It has {len(text)} characters, at most {chars_max} are taken.", feature=feature, field=field
            )
        present.append(text)
    return tuple(present)


def _bytes_of(value: object, field: str) -> bytes:
    if not isinstance(value, str):
        raise FieldUnclear("It holds neither texts nor whole numbers.", field=field)
    return value.encode("latin-1")
