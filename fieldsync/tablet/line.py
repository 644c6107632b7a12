"""The line to the server: one HTTP request and its answer, and what each failure means."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import urllib3

from fieldsync.tablet.problems import (
    AppOutdated,
    DeviceRevoked,
    NotEnrolled,
    SequenceGap,
    ServerRefused,
    Unreachable,
)

COMPRESS_FROM_BYTES = 1_024
"""Below this, compressing costs more than it saves."""

_TIMEOUT = urllib3.Timeout(connect=10, read=60)
"""Seconds. Reading: longer than the server's own limits, so that it is the server that gives up first."""

_AGAIN_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up whatever the case of the name."""
    body: bytes


class Line(Protocol):
    """Anything that can carry a request to the server. Tests and simulations put a bad one between."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Carry one request.

        Raises:
            Unreachable: there was no answer, or not a whole one.
        """
        ...


class HttpLine:
    """A line over HTTP with connections that are kept open."""

    def __init__(self, server: str, *, open_network: bool = False) -> None:
        """``server``: its address, such as ``https://fieldsync.example.org``.

        Raises:
            ValueError: it is no web address; or it is plain http to another machine, where the token could be read on
                the way, unless ``open_network`` says that this is known (a private network, a tunnel).
        """
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{server!r} is no web address.")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost") and not open_network:
            raise ValueError(f"{server} would show the tablet's token to everyone on the way: use https.")
        self._server = server.rstrip("/")
        # No repetition down here: what may be repeated, and when, is decided above. No redirection either: an answer
        # from elsewhere (the log-in page of a public network) is none.
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=4, retries=False, timeout=_TIMEOUT)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See ``Line.send``."""
        try:
            answer = self._pool.request(method, self._server + path, body=body, headers=dict(headers), redirect=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"No answer: {type(error).__name__}.") from error
        return Reply(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def ask(line: Line, method: str, path: str, *, token: str | None = None, body: str | None = None) -> dict[str, Any]:
    """One request with a JSON body (or none), and the JSON object that it is answered with.

    Raises:
        Unreachable: no whole answer of our server came, or it asks to come again later.
        NotEnrolled: it does not take the token, or the enrolment code.
        DeviceRevoked: it takes it for depositing alone.
        SequenceGap, AppOutdated, ServerRefused: it will not do it.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    packed: bytes | None = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        packed = body.encode()
        if len(packed) >= COMPRESS_FROM_BYTES:
            packed = gzip.compress(packed, compresslevel=6, mtime=0)
            headers["Content-Encoding"] = "gzip"
    reply = line.send(method, path, headers, packed)
    return understood(reply)


def understood(reply: Reply) -> dict[str, Any]:
    """The JSON object of an answer, or what it means that there is none. Raises as ``ask`` does."""
    if reply.status in _AGAIN_LATER:
        raise Unreachable(f"The server answered {reply.status}.", _retry_after_s(reply))
    document = _document(reply)
    if 200 <= reply.status < 300:
        if document is None:
            raise Unreachable("The answer is not the server's: it is not whole, or comes from something in between.")
        return document
    # Anything can stand between a tablet and its server; only a problem with our mark was said by the server itself.
    if document is None or not str(document.get("type", "")).startswith("urn:fieldsync:problem:"):
        raise Unreachable(f"Something that is not the server answered {reply.status}.")
    if document.get("code") == "device_revoked":
        raise DeviceRevoked(str(document.get("detail")))
    if reply.status == 401:
        raise NotEnrolled(str(document.get("detail")))
    if document.get("code") == "sequence_gap":
        raise SequenceGap(reply.status, document)
    if document.get("code") in ("wrong_protocol", "upgrade_required"):
        raise AppOutdated(reply.status, document)
    raise ServerRefused(reply.status, document)


def _document(reply: Reply) -> dict[str, Any] | None:
    kind = reply.headers.get("Content-Type", "")
    if not kind.startswith(("application/json", "application/problem+json")):
        return None
    try:
        document = json.loads(reply.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _retry_after_s(reply: Reply) -> float | None:
    """Seconds that the server asks to wait: a number, or a date against the server's own."""
    text = reply.headers.get("Retry-After")
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        # Against the date of the same answer: the tablet's clock may be days off.
        return max(0.0, (until - parsedate_to_datetime(reply.headers.get("Date", ""))).total_seconds())
    except (TypeError, ValueError):
        return None
