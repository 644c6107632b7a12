"""One client's connection, on which neither a slow request nor a slow answer keeps a thread.

A request is gathered by the worker's loop, and a thread sees it only when it is there. What the client does not take of
the answer at once is kept here, and the loop sends it when the client is ready. At any moment a line belongs to the
loop or to one thread, never to both.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from fieldsync.server.framing import Come, Framing

WHOLE_S_MAX = 300.0
"""The longest that a request may take to come, or an answer to go, however steadily: five times what a tablet waits."""

LARGE_BYTES_PER_S = 20_000
"""A body that is too large to be kept is read by a thread, which must not wait for long: 200 MB in three hours."""

LINGER_S = 2.0
"""How long a connection that we close is still read (RFC 9112, 9.6), so that the answer is not lost with it."""

LINGER_BYTES_MAX = 256 * 1024

READ_BYTES = 64 * 1024
READ_BYTES_OF_BODY = 256 * 1024
"""Larger steps for a body: each is a wait for the interpreter's lock, where threads are busy."""

KEPT_BYTES_MAX = 4 * 1024 * 1024
"""Of an answer. Whoever streams more than that waits until some of it is taken."""

STREAM_S_MAX = 120.0
"""How long it waits for that at most."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take."""

    head_s: float
    """For its first byte after it has connected; and for a request's head from its first byte on."""
    grace_s: float
    """For a body, or for taking an answer, however small."""
    bytes_per_s: int
    """What is above that must come, or be taken, at this rate at least."""
    body_max: int
    """The largest body that is kept here, in bytes as it is sent."""


class Stage(Enum):
    """Where a line is."""

    IDLE = auto()
    """Between requests, or before the first."""
    COMING = auto()
    """A part of a request is there."""
    AT_WORK = auto()
    """A thread has it."""
    ANSWERING = auto()
    """A part of the answer is still to be taken."""
    LEAVING = auto()
    """We have said all, and wait for the client to close."""


class Line(socket.socket):
    """The connection as gunicorn's parser and response see it: a socket."""

    def __init__(self, accepted: socket.socket, patience: Patience) -> None:
        """Takes over ``accepted``, which is not to be used any more."""
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._patience = patience
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.counted = 0
        """What the worker has counted of both."""
        self.keep = False
        """Whether the connection is used again after the answer."""
        self.await_request(patience.head_s)

    # --- the worker's loop ----------------------------------------------------------------------------------------

    def await_request(self, idle_s: float, put_back: bytes = b"") -> None:
        """Begin with the next request, whose first byte may take so long; ``put_back`` was read too far."""
        self.inbox[:0] = put_back
        self._framing = Framing(self._patience.body_max)
        self._told_to_go_on = False
        self.is_large = False
        self.is_spoilt = False
        """Where the next request begins is not known any more."""
        self.stage, self.since = Stage.IDLE, time.monotonic()
        self._due = self.since + idle_s
        self._moved = 0
        self._cap = float("inf")

    def gather(self) -> Come | None:
        """Read what has come of the request, without waiting; None: the client has hung up."""
        size = READ_BYTES if self._framing.head_ends is None else READ_BYTES_OF_BODY
        try:
            data = super().recv(size, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return self.look()
        except OSError:
            return None
        if not data:
            return None
        self.inbox += data
        return self.look()

    def look(self) -> Come:
        """How much of the request is there."""
        come = self._framing.look(self.inbox)
        if come in (Come.WHOLE, Come.LARGE):
            self.is_large = come is Come.LARGE
            self.stage, self._moved = Stage.AT_WORK, 0
        elif come is not Come.NOTHING:
            self._time_request(come)
        return come

    def _time_request(self, come: Come) -> None:
        now = time.monotonic()
        if self.stage is Stage.IDLE:
            self.stage, self.since = Stage.COMING, now
            self._due = now + self._patience.head_s
        ends = self._framing.head_ends
        if come is Come.BODY and ends is not None:
            if not self._moved:
                self._due = now + self._patience.grace_s
            arrived = len(self.inbox) - ends
            self._due += (arrived + 1 - self._moved) / self._patience.bytes_per_s
            self._moved = arrived + 1
            if self._framing.expects and not self._told_to_go_on:
                self._told_to_go_on = True
                # Whoever has hung up meanwhile is found out by the next read; the loop must not end for it.
                with suppress(OSError):
                    self._try_to_send(_CONTINUE)

    def answer_later(self, *, keep: bool) -> None:
        """A part of the answer waits to be taken."""
        self.stage, self.since, self.keep = Stage.ANSWERING, time.monotonic(), keep
        self._due = self.since + self._patience.grace_s

    def flush(self) -> bool:
        """Send what the client takes, without waiting; whether all of it is sent.

        Raises:
            OSError: the client has hung up.
        """
        while self.outbox:
            sent = self._try_to_send(bytes(self.outbox[:READ_BYTES_OF_BODY]))
            if not sent:
                return False
            del self.outbox[:sent]
            self._due += sent / self._patience.bytes_per_s
        return True

    def leave(self) -> None:
        """Say that this was all.

        Raises:
            OSError: the client has hung up.
        """
        self.shutdown(socket.SHUT_WR)
        self.stage, self.since, self._moved = Stage.LEAVING, time.monotonic(), 0
        self._due = self.since + LINGER_S

    def is_left(self) -> bool:
        """Read on while leaving; whether the client has closed its end, or sends too much."""
        try:
            data = super().recv(READ_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        self._moved += len(data)
        return not data or self._moved > LINGER_BYTES_MAX

    def cap(self, moment: float) -> None:
        """End it by then, whatever it does. Monotonic clock."""
        self._cap = min(self._cap, moment)

    def due(self) -> float:
        """When the client's time is up. Monotonic clock."""
        if self.stage in (Stage.COMING, Stage.ANSWERING):
            return min(self._due, self.since + WHOLE_S_MAX, self._cap)
        return min(self._due, self._cap)

    # --- a thread, through gunicorn's parser and response ---------------------------------------------------------

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Of what was gathered; b"" as if the client had hung up, where that is all that a request may have."""
        if not self.inbox:
            return self._recv_more(size)
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        return data

    def _recv_more(self, size: int) -> bytes:
        if self.is_large and not self.is_spoilt:
            if not self._moved:
                self._due = time.monotonic() + self._patience.grace_s
            data = self._recv_in_time(size)
            if data:
                self._moved += len(data)
                self._due += len(data) / LARGE_BYTES_PER_S
                return data
        self.is_spoilt = True
        return b""

    def _recv_in_time(self, size: int) -> bytes:
        while (left := self._due - time.monotonic()) > 0:
            if _wait(self, select.POLLIN, left):
                try:
                    return super().recv(size, socket.MSG_DONTWAIT)
                except (BlockingIOError, InterruptedError):
                    continue
        return b""

    def send(self, data: Any, flags: int = 0) -> int:
        """What gunicorn sends between request and answer: that the client may go on, which it has been told."""
        if not (self._told_to_go_on and bytes(data) == _CONTINUE):
            self.sendall(data)
        return len(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what the client takes at once, and keep the rest.

        Raises:
            OSError: the client has hung up, or takes too long over an answer that is streamed.
        """
        if self.gettimeout():
            # Whoever has set a time-out (a stream of events) wants to wait, and to know.
            super().sendall(data)
            return
        sent = 0 if self.outbox else self._try_to_send(data)
        if sent < len(data):
            self.outbox += memoryview(data)[sent:]
        if len(self.outbox) > KEPT_BYTES_MAX:
            self._wait_for_room()

    def _wait_for_room(self) -> None:
        deadline = time.monotonic() + STREAM_S_MAX
        while len(self.outbox) > KEPT_BYTES_MAX * 3 // 4:
            left = deadline - time.monotonic()
            if left <= 0:
                raise BrokenPipeError(32, "The client does not take the answer.")
            if _wait(self, select.POLLOUT, left):
                del self.outbox[: self._try_to_send(bytes(self.outbox[:READ_BYTES_OF_BODY]))]

    def _try_to_send(self, data: Any) -> int:
        try:
            return super().send(data, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return 0


def _wait(line: Line, event: int, seconds: float) -> bool:
    """Whether the line is ready within so many seconds. Not ``select``: it knows no descriptor above 1,023."""
    poll = select.poll()
    poll.register(line, event)
    return bool(poll.poll(max(1, int(seconds * 1000))))
