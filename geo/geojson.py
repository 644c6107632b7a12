"""JSON documents of boundaries, looked through before GDAL reads them: GDAL passes over what it does not
understand, and we refuse it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from geo.areas import AREAS_MAX
from geo.legible import suggestions
from geo.refusals import (
    EncodingWrong,
    FileUnreadable,
    FormatUnknown,
    TooManyAreas,
)

Kind = TypeVar("Kind")

_BOM = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 20
_TEXT = re.compile(rb'"[^"\\\x00-\x1f]{0,200}[\x80-\xff][^"\\\x00-\x1f]{0,200}"')
_NUL = b"\\u0000"
_CRS84 = re.compile(r"(urn:ogc:def:crs:)?OGC:(1\.3)?:?CRS84")


class Outline(msgspec.Struct):
    """As much of a document as is read here; features, objects and arcs stay text."""

    type: str
    name: Any = None
    features: msgspec.Raw = msgspec.Raw(b"[]")
    objects: msgspec.Raw = msgspec.Raw(b"null")
    arcs: msgspec.Raw = msgspec.Raw(b"null")
    transform: msgspec.Raw = msgspec.Raw(b"null")
    crs: Any = msgspec.UNSET


class _Feature(msgspec.Struct, gc=False):
    type: Literal["Feature"]


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document in UTF-8: its bytes, its outline, the system that it states (None for "unknown"), and
    whether it had to be led to UTF-8 from the encoding that a person gave."""

    content: bytes
    outline: Outline
    crs: str | None
    transcoded: bool


def document(content: bytes, codec: str | None) -> Document:
    """Look through a GeoJSON FeatureCollection or a TopoJSON Topology.

    JSON is UTF-8 (RFC 8259 section 8.1); one that is not is read in `codec` if a person gave it. Raises
    EncodingWrong (with `suggestions`), FormatUnknown, FileUnreadable.
    """
    plain = content.removeprefix(_BOM)
    stray = _stray_byte(plain)
    transcoded = stray is not None and codec not in (None, "utf-8")
    if stray is not None:
        if codec is None or not transcoded:
            nearby = plain[max(0, stray - 200) : stray + _CHUNK_BYTES]
            texts = [text.strip(b'"') for text in _TEXT.findall(nearby)]
            raise EncodingWrong("JSON is UTF-8 and this is not.", part=f"byte {stray}", suggestions=suggestions(texts))
        try:
            plain = plain.decode(codec).encode("utf-8")
        except UnicodeDecodeError as error:
            raise EncodingWrong(f"It is no {codec} either.", part=f"byte {error.start}") from error
    if (nul := _find_nul(plain)) >= 0:
        # GDAL would take what stands before it.
        raise EncodingWrong("A text has the character U+0000.", part=f"byte {nul}")
    outline = decoded(plain, Outline)
    if outline.type not in ("FeatureCollection", "Topology"):
        raise FormatUnknown(f"It is a {outline.type[:40]}.")
    return Document(plain, outline, _crs_of(outline), transcoded)


def count_features(outline: Outline) -> int:
    """How many features a FeatureCollection has. Raises FileUnreadable with the first that is none, which GDAL
    would leave out, and TooManyAreas."""
    try:
        count = len(msgspec.json.decode(outline.features, type=list[_Feature]))
    except msgspec.ValidationError as error:
        for feature, raw in enumerate(decoded(outline.features, list[msgspec.Raw]), start=1):
            try:
                msgspec.json.decode(raw, type=_Feature)
            except msgspec.ValidationError:
                raise FileUnreadable("It is no Feature.", feature=feature) from error
        raise FileUnreadable(f"{error}.") from error
    except RecursionError as error:
        raise FileUnreadable("It is nested too deeply.") from error
    if count > AREAS_MAX:
        raise TooManyAreas(f"It has {count}, at most {AREAS_MAX} are taken.")
    return count


def decoded(content: bytes | msgspec.Raw, kind: type[Kind]) -> Kind:
    """What `content` says, as `kind`. Raises FileUnreadable, and for another outline what fits."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise (FormatUnknown() if kind is Outline else FileUnreadable(f"{error}.")) from error
    except msgspec.DecodeError as error:
        raise FileUnreadable(f"{error}.") from error
    except RecursionError as error:
        raise FileUnreadable("It is nested too deeply.") from error


def _stray_byte(content: bytes) -> int | None:
    """Where the document is no UTF-8, without holding all of it as text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    for start in range(0, len(content), _CHUNK_BYTES):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(view[start : start + _CHUNK_BYTES], final=start + _CHUNK_BYTES >= len(content))
        except UnicodeDecodeError as error:
            return start - held + error.start
    return None


def _find_nul(content: bytes) -> int:
    """Where a text says U+0000, -1 if nowhere. A backslash before it that is itself escaped does not count."""
    at = content.find(_NUL)
    while at >= 0:
        before = at
        while before > 0 and content[before - 1] == ord("\\"):
            before -= 1
        if (at - before) % 2 == 0:
            return at
        at = content.find(_NUL, at + 1)
    return -1


def _crs_of(outline: Outline) -> str | None:
    """What the `crs` member names; EPSG:4326 without one (RFC 7946 section 4), None for null.

    GDAL takes a crs that it cannot read for EPSG:4326, which would put a state plane's feet on the globe.
    """
    crs = outline.crs
    if crs is msgspec.UNSET or crs is None:
        return None if crs is None else "EPSG:4326"
    properties = crs.get("properties") if isinstance(crs, dict) and crs.get("type") == "name" else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        return f"crs {str(crs)[:200]}"  # It cannot be understood, which is said where that is tried.
    return "EPSG:4326" if _CRS84.fullmatch(name) else name
