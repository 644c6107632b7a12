"""A client that speaks HTTP by hand, so that it can be as slow, as broken and as rude as it likes."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from typing import NamedTuple

from tests.sync_model.world import Document, Tablet

LONG_S = 30.0
"""Longer than anything here takes on a busy machine."""


class Answer(NamedTuple):
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Document:
        document: Document = json.loads(self.body)
        return document


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=LONG_S)


def request(
    path: str, body: bytes = b"", *, method: str = "POST", token: str | None = None, more: str = "",
    length: int | None = None,
) -> bytes:  # fmt: skip
    """A request's bytes. ``more``: header lines, each with its end; ``length``: told instead of the body's."""
    head = f"{method} {path} HTTP/1.1\r\nHost: test\r\n{more}"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    if body or length is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body) if length is None else length}\r\n"
    return head.encode() + b"\r\n" + body


def exchange(tablet: Tablet, edits: list[Document], **more: object) -> bytes:
    """The bytes of an exchange."""
    return request("/v1/sync", json.dumps(tablet.document(edits, **more)).encode(), token=tablet.token)


def answer_of(line: socket.socket) -> Answer | None:
    """The next answer on a line, and not a byte of what follows it; None where the line ended before it was whole."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = line.recv(1)
        if not byte:
            return None
        head += byte
    status, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
    length = int(headers.get("content-length", 0))
    body = b""
    while len(body) < length:
        part = line.recv(length - len(body))
        if not part:
            return None
        body += part
    return Answer(int(status.split()[1]), headers, body)


def ask(address: str, data: bytes) -> Answer:
    """One request on a line of its own."""
    with connect(address) as line:
        line.sendall(data)
        answer = answer_of(line)
    assert answer is not None
    return answer


def hang_up(line: socket.socket) -> None:
    """End a line at once, as a tablet does that loses its network for good: a reset instead of an end."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def is_ended(line: socket.socket, within_s: float) -> bool:
    """Whether the server ends the line within so many seconds. What it says before that is passed over."""
    deadline = time.monotonic() + within_s
    while (left := deadline - time.monotonic()) > 0:
        if select.select([line], [], [], left)[0]:
            try:
                if not line.recv(65_536):
                    return True
            except OSError:
                return True
    return False
