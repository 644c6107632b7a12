"""Bodies on the wire: gzip and zstd both ways, with a limit on what they inflate to."""

from __future__ import annotations

import gzip
import zlib

import zstandard
from flask import Flask, Response, request
from gunicorn.http.errors import ParseException

from fieldsync.config import BODY_BYTES_MAX, INFLATED_BYTES_MAX
from fieldsync.problems import BodyTooLarge, MalformedBody, UnsupportedEncoding, UnsupportedMediaType

DEFLATE_FROM_BYTES = 1_024
"""Below this, compressing costs more than it saves."""

_COMPRESSIBLE = ("application/json", "application/problem+json", "text/", "application/yaml", "application/geo+json")
LARGE_BODIES: set[str] = set()
"""Blueprints that take bodies above ``BODY_BYTES_MAX``: they know who asks before they read one."""

_TOO_LARGE = f"A body may hold {INFLATED_BYTES_MAX:,} bytes once inflated."


def read_json_body() -> bytes:
    """The request's body, inflated.

    Raises:
        UnsupportedMediaType: it does not say that it is JSON.
        UnsupportedEncoding: it is encoded otherwise than in gzip or zstd.
        BodyTooLarge: it is larger than the limit, before or after inflating; no more than the limit is ever held.
        MalformedBody: the compressed data is damaged or cut off.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    if request.content_length is not None and request.content_length > BODY_BYTES_MAX:
        raise BodyTooLarge(f"A body may have {BODY_BYTES_MAX:,} bytes.")
    try:
        body = request.get_data(cache=False)
    except (OSError, ParseException) as error:  # Both are gunicorn's: it reads chunks only now.
        raise MalformedBody("The chunks of the body are damaged.") from error
    if request.content_length is not None and len(body) < request.content_length:
        raise MalformedBody("The body was cut off.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding == "gzip":
        return _gunzip(body)
    if encoding == "zstd":
        return _unzstd(body)
    raise UnsupportedEncoding(f"{encoding[:30]!r} is not identity, gzip or zstd.")


def _gunzip(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(body, INFLATED_BYTES_MAX + 1)
    except zlib.error as error:
        raise MalformedBody("The gzip body is damaged.") from error
    if len(inflated) > INFLATED_BYTES_MAX:
        raise BodyTooLarge(_TOO_LARGE)
    if not inflater.eof:
        raise MalformedBody("The gzip body was cut off.")
    if inflater.unused_data:
        raise MalformedBody("Something follows the gzip body.")
    return inflated


def _unzstd(body: bytes) -> bytes:
    inflater = zstandard.ZstdDecompressor(max_window_size=INFLATED_BYTES_MAX).stream_reader(body)
    try:
        inflated: bytes = inflater.read(INFLATED_BYTES_MAX + 1)
        if len(inflated) > INFLATED_BYTES_MAX:
            raise BodyTooLarge(_TOO_LARGE)
        # The reader gives what it has and is silent about a frame that was cut off.
        whole = zstandard.ZstdDecompressor(max_window_size=INFLATED_BYTES_MAX).decompressobj()
        whole.decompress(body)
    except zstandard.ZstdError as error:
        raise MalformedBody("The zstd body is damaged.") from error
    if not whole.eof:
        raise MalformedBody("The zstd body was cut off.")
    if whole.unused_data:
        raise MalformedBody("Something follows the zstd body.")
    return inflated


def init_bodies(app: Flask) -> None:
    """Refuse what is too large before anybody reads it; compress answers for clients that take it: zstd if they know
    it, else gzip."""

    @app.before_request
    def refuse_large() -> None:
        # In chunks it does not say its length, and a thread that read it from the line would wait for whoever sends it.
        if getattr(request.environ.get("gunicorn.socket"), "is_large", False) and request.blueprint not in LARGE_BODIES:
            raise BodyTooLarge(f"A body may have {BODY_BYTES_MAX:,} bytes.")

    @app.after_request
    def compress(response: Response) -> Response:
        vary = (response.mimetype or "").startswith(_COMPRESSIBLE)
        if vary:
            response.vary.add("Accept-Encoding")
        if (
            not vary
            or response.is_streamed
            or response.direct_passthrough
            or response.content_encoding
            or (response.content_length or 0) < DEFLATE_FROM_BYTES
        ):
            return response
        accepted = request.accept_encodings
        # Only what is named: "*" comes from tools that then print the bytes as they are.
        named = {name.lower() for name, quality in accepted if quality > 0}
        if "zstd" in named:
            response.set_data(zstandard.ZstdCompressor(level=3).compress(response.get_data()))
            response.content_encoding = "zstd"
        elif "gzip" in named:
            response.set_data(gzip.compress(response.get_data(), compresslevel=4, mtime=0))
            response.content_encoding = "gzip"
        return response
