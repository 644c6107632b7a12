"""Texts of a file, decoded strictly: in the encoding that the file states, or not at all.

A wrong guess here is silent and lasting ("AÃ±asco" on every screen and in every statement), so bytes that
contradict what the file says are refused.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from geo.refusals import EncodingUnknown, EncodingWrong

# .cpg files hold names that codecs knows, and these, as Esri and others write them.
_CPG_NAMES = {
    "65001": "utf-8",
    "utf8": "utf-8",
    "88591": "iso-8859-1",
    "8859_1": "iso-8859-1",
    "885915": "iso-8859-15",
    "ansi 1252": "cp1252",
    "ansi": "cp1252",
    "oem": "cp437",
}

# The dBASE language driver, byte 29 of a .dbf: those that name one encoding and are met in practice.
_DBF_LANGUAGES = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x57: "cp1252",
    0x64: "cp852",
    0x65: "cp866",
    0xC8: "cp1250",
    0xC9: "cp1251",
}


def of_cpg(stated: str) -> str:
    """The codec that a .cpg or a person names, such as "UTF-8", "1252" or "ISO-8859-1". Raises
    EncodingUnknown."""
    name = stated.strip().lower()
    name = f"cp{name[4:].strip()}" if name.startswith("ansi ") else name
    for candidate in (_CPG_NAMES.get(name, name), f"cp{name}"):
        try:
            return codecs.lookup(candidate).name
        except LookupError:
            continue
    raise EncodingUnknown(f'No encoding is called "{stated[:40]}".')


def of_dbf(path: Path) -> str | None:
    """The codec that a .dbf's language byte names, None when it names none."""
    with path.open("rb") as dbf:
        header = dbf.read(32)
    return _DBF_LANGUAGES.get(header[29]) if len(header) == 32 else None


def decode(texts: Sequence[bytes | None], stated: str | None, field: str) -> list[str | None]:
    """Decode one field's texts, None staying None.

    `stated` is a codec's name, or None when the file names none: then what is pure ASCII or valid UTF-8 is
    taken (other encodings practically never are), anything else refused. Raises EncodingWrong,
    EncodingUnknown.
    """
    if stated not in (None, "utf-8"):
        _refuse_hidden_utf8(texts, stated or "", field)
    decoded: list[str | None] = []
    for feature, text in enumerate(texts, start=1):
        if text is None:
            decoded.append(None)
            continue
        try:
            value = text.decode(stated or "utf-8")
        except UnicodeDecodeError as error:
            if stated is None:
                raise EncodingUnknown(
                    f"It is neither ASCII nor UTF-8: {text[:40]!r}.", feature=feature, field=field
                ) from error
            raise EncodingWrong(f"{text[:40]!r} is no {stated}.", feature=feature, field=field) from error
        if any(character == "\ufffd" or unicodedata.category(character) == "Cc" for character in value):
            raise EncodingWrong(f"{value[:40]!r} has characters that no name has.", feature=feature, field=field)
        decoded.append(value)
    return decoded


def _refuse_hidden_utf8(texts: Sequence[bytes | None], stated: str, field: str) -> None:
    """Any bytes are valid in a one-byte encoding; but if all that is not ASCII is valid UTF-8, it is
    UTF-8."""
    foreign = [(at, text) for at, text in enumerate(texts, start=1) if text is not None and not text.isascii()]
    for _, text in foreign:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            return
    if foreign:
        feature, text = foreign[0]
        raise EncodingWrong(
            f'The file says {stated}, but "{text.decode("utf-8")[:40]}" is UTF-8.', feature=feature, field=field
        )
