"""A console's stream of events: what is sent on it, how many there may be, and when it ends."""

from __future__ import annotations

import os
import random
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec
from prometheus_client import Gauge
from sqlalchemy import Engine, Row, text
from sqlalchemy.exc import SQLAlchemyError

from fieldsync.clock import now
from fieldsync.dispatch.board.listen import listener
from fieldsync.dispatch.board.problems import StreamsTaken

HEARTBEAT_S = 15.0
"""Most proxies close a line on which nothing comes for 60 s; and only by sending one sees that nobody reads."""

LOOK_S = 10.0
"""How often a stream looks at the head itself, and whether its token still holds: what a lost announcement costs."""

TICK_S = 1.0
"""How soon it notices that the console has gone, or that the server is to end."""

RETRY_MS = (2_000, 5_000)
"""After how long a console connects again; drawn by lot, so that not all of them come at once after a restart."""

FULL_RETRY_S = 30
"""When to try again where all streams are taken; until then the console asks for changes."""

PER_PERSON = 4
"""Streams that one person has in a process: a console on each of her screens, a telephone, and one that has not yet
been noticed to be gone. Else whoever opens them over and over takes everybody's."""

STREAMS = Gauge("fieldsync_board_streams", "Consoles that listen to the board.", multiprocess_mode="livesum")

_LOOK = text("""
    SELECT h.change, EXISTS (
        SELECT FROM token t
        JOIN staff s ON s.partnership_id = t.partnership_id AND s.id = t.staff_id AND s.disabled_at IS NULL
        JOIN staff_role r ON r.partnership_id = s.partnership_id AND r.staff_id = s.id
        WHERE t.partnership_id = :partnership_id AND t.id = :token_id AND t.revoked_at IS NULL
          AND (t.expires_at IS NULL OR t.expires_at > :now) AND r.role = ANY(CAST(:roles AS text[]))
    ) AS holds
    FROM head h WHERE h.partnership_id = :partnership_id
""")


class Reader(NamedTuple):
    """Whose stream it is."""

    partnership_id: UUID
    staff_id: UUID
    token_id: UUID
    roles: Collection[str]
    """One of which she must have for as long as it lasts."""


class Places:
    """How many streams this process may still open, and whether they may go on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0
        self._taken: Counter[tuple[UUID, ...]] = Counter()
        self.may_go_on: Callable[[], bool] = lambda: True
        """Asked by every stream once a second; the server's process answers no when it is to end."""

    def take(self, reader: Reader, most: int) -> None:
        """A place for a stream of hers, of ``most`` in all. A partnership has half of them at most (of an odd number
        one more), so that none takes everybody's place; a person ``PER_PERSON``.

        Raises:
            StreamsTaken: there is none.
        """
        person, partnership = _owners(reader)
        with self._lock:
            if self.count >= most or self._taken[partnership] >= (most + 1) // 2 or self._taken[person] >= PER_PERSON:
                raise StreamsTaken(retry_after_s=FULL_RETRY_S)
            self.count += 1
            self._taken.update((person, partnership))
        STREAMS.inc()

    def leave(self, reader: Reader) -> None:
        """One stream of hers less."""
        with self._lock:
            self.count -= 1
            for owner in _owners(reader):
                self._taken[owner] -= 1
                if not self._taken[owner]:
                    del self._taken[owner]
        STREAMS.dec()

    def forget(self) -> None:
        """A child has none of its parent's streams."""
        self._lock, self.count, self._taken = threading.Lock(), 0, Counter()


def _owners(reader: Reader) -> tuple[tuple[UUID, ...], tuple[UUID, ...]]:
    """Her, with whatever token, and her partnership."""
    return (reader.partnership_id, reader.staff_id), (reader.partnership_id,)


PLACES = Places()
os.register_at_fork(after_in_child=PLACES.forget)


class Line:
    """The console's end of the line, as far as the server shows it."""

    def __init__(self, sock: socket.socket | None) -> None:
        self._sock = sock if isinstance(sock, socket.socket) else None
        if self._sock is None:
            return
        # A console that does not take what it is sent, or has vanished from the network, is given up.
        self._sock.settimeout(HEARTBEAT_S)
        if self._sock.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(HEARTBEAT_S * 1000))

    def is_closed(self) -> bool:
        """Whether the console has hung up."""
        if self._sock is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLRDHUP if hasattr(select, "POLLRDHUP") else 0)
        return bool(poll.poll(0))


class Stream:
    """The body of one answer: events as long as the reader may and wants to read them.

    Holds no database connection while it waits. To be closed, also where it was never read.
    """

    def __init__(self, engine: Engine, reader: Reader, told: int | None, seconds: float, line: Line) -> None:
        """``told``: the change that the console knows of; ``seconds``: how long it may last."""
        self._engine, self._reader, self._told, self._line = engine, reader, told, line
        self._ends = time.monotonic() + seconds
        self._listener = listener(engine)
        self._ear = self._listener.open(reader.partnership_id)
        self._is_open = True
        self._parts = self._run()

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Give back what it takes."""
        if self._is_open:
            self._is_open = False
            self._parts.close()
            self._listener.close(self._reader.partnership_id, self._ear)
            PLACES.leave(self._reader)

    def _run(self) -> Generator[bytes, None, None]:
        yield b"retry: %d\n\n" % random.randint(*RETRY_MS)  # noqa: S311
        look_at, beat_at = 0.0, time.monotonic() + HEARTBEAT_S
        while time.monotonic() < self._ends and PLACES.may_go_on() and not self._line.is_closed():
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                seen = self._look()
                if seen is not None and not seen.holds:
                    return
                # Another number, not only a higher one: after a restore the head may lie before what was told.
                change = seen.change if seen is not None and seen.change != self._told else None
            else:
                change, missed = self._ear.wait(TICK_S)
                if missed:
                    look_at = 0.0
                # Two processes' announcements may overtake each other.
                if change is not None and self._told is not None and change <= self._told:
                    change = None
            if change is not None:
                self._told = change
                yield b"id: %d\nevent: change\ndata: %s\n\n" % (change, msgspec.json.encode({"change": change}))
                beat_at = time.monotonic() + HEARTBEAT_S
            elif time.monotonic() >= beat_at:
                yield b": still here\n\n"
                beat_at = time.monotonic() + HEARTBEAT_S

    def _look(self) -> Row[tuple[int, bool]] | None:
        """The head, and whether the reader may still read; None where the database does not say."""
        bound = {**self._reader._asdict(), "roles": list(self._reader.roles), "now": now()}
        try:
            with self._engine.connect() as connection:
                return connection.execute(_LOOK, bound).one_or_none()
        except SQLAlchemyError:
            return None


def open_stream(
    engine: Engine, reader: Reader, told: int | None, *, most: int, seconds: float, sock: socket.socket | None
) -> Stream:
    """A new stream, if this process has a place for one of hers.

    Raises:
        StreamsTaken: it has not.
    """
    PLACES.take(reader, most)
    try:
        return Stream(engine, reader, told, seconds, Line(sock))
    except BaseException:
        PLACES.leave(reader)
        raise
