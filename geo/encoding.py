"""Texts of a file, decoded strictly: in the encoding that the file states or a person gives, or not at all.

A wrong guess here is silent and lasting ("AÃ±asco" on every screen and in every statement), so bytes that
contradict what the file says are refused, with the encodings in which they would read as names.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geo.legible import suggestions, unusual
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

_ESCAPES = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined", "utf-7"}
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")  # Controls, and what stands for bytes that were none.
_ASCII = bytes(range(32, 127))


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is known of a file's encoding: the codec it states (None if none), what it says if that names
    none known, the codec that a person gave, and whether the file was led from that to UTF-8 before."""

    stated: str | None
    unknown: str | None = None
    given: str | None = None
    transcoded: bool = False

    @property
    def codec(self) -> str | None:
        """What the bytes are decoded with."""
        return self.stated if self.transcoded else self.given or self.stated

    @property
    def name(self) -> str:
        """What the file was in."""
        return self.given or self.stated or "utf-8"

    @property
    def notes(self) -> tuple[str, ...]:
        if self.given is None:
            known = self.stated is not None
            return () if known else ("The file states no encoding; its texts were read as UTF-8.",)
        said = self.unknown or self.stated
        if said is None or said == self.given:
            return ()
        return (f"The file says that its texts are {said}; you said {self.given}.",)


def codec_of(stated: str) -> str:
    """The codec that a .cpg or a person names, such as "UTF-8", "1252" or "ISO-8859-1". Raises
    EncodingUnknown."""
    name = stated.strip().lower()
    name = f"cp{name[4:].strip()}" if name.startswith("ansi ") else name
    for candidate in (_CPG_NAMES.get(name, name), f"cp{name}"):
        try:
            codec = codecs.lookup(candidate).name
            # Python knows codecs that are none of texts ("hex"), and some that read escapes or every
            # second byte. All that files are written in leave ASCII as it is.
            if codec.replace("_", "-") not in _ESCAPES and _ASCII.decode(codec) == _ASCII.decode("ascii"):
                return codec
        except (LookupError, ValueError):
            continue
    raise EncodingUnknown(f'No encoding is called "{stated[:40]}".')


def of_dbf(path: Path) -> str | None:
    """The codec that a .dbf's language byte names, None when it names none."""
    with path.open("rb") as dbf:
        header = dbf.read(32)
    return _DBF_LANGUAGES.get(header[29]) if len(header) == 32 else None


def decode(texts: Sequence[bytes | None], encoding: Encoding, field: str) -> list[str | None]:
    """Decode one field's texts, None staying None.

    Where nothing is stated, what is pure ASCII or valid UTF-8 is taken (other encodings practically never
    are). What a person gave is taken unless the texts cannot be that. Raises EncodingWrong and
    EncodingUnknown, with `suggestions`: see `geo.legible`.
    """
    foreign = [text for text in texts if text is not None and not text.isascii()]
    codec = encoding.codec
    if foreign and encoding.unknown is not None and encoding.given is None:
        at = texts.index(foreign[0]) + 1
        raise EncodingUnknown(
            f'No encoding is called "{encoding.unknown[:40]}".',
            feature=at,
            field=field,
            suggestions=suggestions(foreign),
        )
    if codec not in (None, "utf-8") and foreign and _is_utf8(foreign):
        # Any bytes are valid in a one-byte encoding; but if all that is not ASCII is valid UTF-8, it is UTF-8.
        raise EncodingWrong(
            f'It should be {codec}, but "{foreign[0].decode("utf-8")[:40]}" is UTF-8.',
            feature=texts.index(foreign[0]) + 1,
            field=field,
            suggestions=suggestions(foreign),
        )
    decoded: list[str | None] = []
    for feature, text in enumerate(texts, start=1):
        if text is None:
            decoded.append(None)
            continue
        try:
            value = text.decode(codec or "utf-8")
        except UnicodeDecodeError as error:
            refusal, says = (
                (EncodingUnknown, "neither ASCII nor UTF-8") if codec is None else (EncodingWrong, f"no {codec}")
            )
            raise refusal(
                f"{text[:40]!r} is {says}.", feature=feature, field=field, suggestions=suggestions(foreign)
            ) from error
        if not value.isascii() or not value.isprintable():
            _refuse_strange(value, encoding, feature, field, foreign)
        decoded.append(value)
    return decoded


def _refuse_strange(value: str, encoding: Encoding, feature: int, field: str, foreign: Sequence[bytes]) -> None:
    if _NO_NAME.search(value):
        problem = f"{value[:40]!r} has characters that no name has."
    elif encoding.given is None and encoding.stated not in (None, "utf-8") and unusual(value):
        problem = f'Read as {encoding.stated}, a text is "{value[:40]}", which is no name.'
    else:
        return
    raise EncodingWrong(problem, feature=feature, field=field, suggestions=suggestions(foreign))


def _is_utf8(foreign: Sequence[bytes]) -> bool:
    try:
        for text in foreign:
            text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
