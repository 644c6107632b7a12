"""Whether a whole request has come, from its bytes alone.

This only decides *when* a thread begins with a request. What the request says is for gunicorn's parser to find out, so
a difference between the two costs time and nothing else.
"""

from __future__ import annotations

import re
from enum import Enum, auto

HEAD_BYTES_MAX = 64 * 1024
"""A request's line and header fields: ours have below 1 kB, a browser's with many cookies 10."""

CHUNK_LINE_BYTES_MAX = 8 * 1024
"""The line before a chunk, and what may follow the last one."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class Come(Enum):
    """How much of a request is there."""

    NOTHING = auto()
    HEAD = auto()
    """A part of its head."""
    BODY = auto()
    """Its head, and not yet all of its body."""
    WHOLE = auto()
    LARGE = auto()
    """Its head; and its body is more than is kept for it, so whoever wants it has to read it from the line."""
    HEAD_TOO_LARGE = auto()


class Framing:
    """Follows one request as its bytes come. ``look`` is given all of them each time, and looks at none twice."""

    __slots__ = ("_at", "_body_max", "_chunked", "_is_last", "expects", "head_ends")

    def __init__(self, body_max: int) -> None:
        """``body_max``: the largest body, in bytes as they are sent, that is waited for."""
        self._body_max = body_max
        self._at = 0
        """Before the head's end: where to look for it. Then: where the body ends, or its next chunk begins."""
        self._chunked = False
        self._is_last = False
        self.head_ends: int | None = None
        self.expects = False
        """Whether the client waits to be told to go on before it sends the body (RFC 9110, 10.1.1)."""

    def look(self, data: bytearray) -> Come:
        """How much of the request ``data`` is; what follows the request does not count."""
        if self.head_ends is None:
            end = data.find(_HEAD_END, self._at)
            if end < 0 or end > HEAD_BYTES_MAX:
                self._at = max(0, len(data) - 3)
                return Come.HEAD_TOO_LARGE if len(data) > HEAD_BYTES_MAX else Come.HEAD if data else Come.NOTHING
            self._read_head(bytes(data[: end + 4]))
        assert self.head_ends is not None
        if not self._chunked:
            if self._at - self.head_ends > self._body_max:
                return Come.LARGE
            return Come.WHOLE if len(data) >= self._at else Come.BODY
        return self._look_at_chunks(data, self.head_ends)

    def _read_head(self, head: bytes) -> None:
        self.head_ends = self._at = len(head)
        self.expects = _EXPECTS.search(head) is not None
        self._chunked = _CHUNKED.search(head) is not None
        length = _LENGTH.search(head)
        if length is not None and not self._chunked:
            self._at += int(length[1])

    def _look_at_chunks(self, data: bytearray, head_ends: int) -> Come:
        """RFC 9112, 7.1. Whatever is wrong with them, the parser will say: then the request counts as whole."""
        while True:
            if self._at - head_ends > self._body_max:
                return Come.LARGE
            rest = len(data) - self._at
            if self._is_last:
                ended = data.startswith(b"\r\n", self._at) or data.find(_HEAD_END, self._at) >= 0
                return Come.WHOLE if ended or rest > CHUNK_LINE_BYTES_MAX else Come.BODY
            end = data.find(b"\r\n", self._at, self._at + CHUNK_LINE_BYTES_MAX) if rest > 0 else -1
            if end < 0:
                return Come.WHOLE if rest >= CHUNK_LINE_BYTES_MAX else Come.BODY
            try:
                size = int(bytes(data[self._at : end]).partition(b";")[0], 16)
            except ValueError:
                return Come.WHOLE
            if size < 0:
                return Come.WHOLE
            self._is_last = size == 0
            self._at = end + 2 if self._is_last else end + 2 + size + 2
