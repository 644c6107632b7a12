"""Hearing what is announced: one connection of the process listens for all of its streams, and wakes those whom it
concerns."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import structlog
from sqlalchemy import Engine, event

from fieldsync.partnerships.announce import CHANNEL, address, connect

TICK_S = 1.0
"""How soon the thread notices that nobody is left."""

AWAY_S = 2.0
"""How long it leaves a database alone that could not be reached."""

IDLE_S = 30.0
"""After so long without a stream, the thread ends and its connection with it."""

log = structlog.get_logger()


class Ear:
    """What one stream has heard and not yet taken in."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._change: int | None = None
        self._stirred = False

    def tell(self, change: int | None) -> None:
        """The head is at ``change``; None: something may have been missed."""
        with self._heard:
            if change is None:
                self._stirred = True
            elif self._change is None or change > self._change:
                self._change = change
            self._heard.notify()

    def wait(self, seconds: float) -> tuple[int | None, bool]:
        """Wait for something to hear: the highest number heard (None: none), and whether to look at the head."""
        with self._heard:
            if self._change is None and not self._stirred:
                self._heard.wait(seconds)
            heard, self._change, self._stirred = (self._change, self._stirred), None, False
            return heard


class Listener:
    """One database's announcements, for the streams of this process."""

    def __init__(self, engine: Engine) -> None:
        self._where = address(engine)
        self._lock = threading.Lock()
        self._ears: defaultdict[UUID, set[Ear]] = defaultdict(set)
        self._runs = False
        self._left_at = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, partnership_id: UUID) -> Ear:
        """An ear for a partnership's announcements; it is to be given back with ``close``."""
        ear = Ear()
        with self._lock:
            self._ears[partnership_id].add(ear)
            if self._runs:
                return ear
            self._runs = True
            self._thread = threading.Thread(target=self._run, name="board-listener", daemon=True)
        self._thread.start()
        return ear

    def close(self, partnership_id: UUID, ear: Ear) -> None:
        """The stream has ended."""
        with self._lock:
            self._ears[partnership_id].discard(ear)
            if not self._ears[partnership_id]:
                del self._ears[partnership_id]
            self._left_at = time.monotonic()

    def end(self) -> None:
        """Close the connection; streams that are still there look at the head themselves."""
        self._ended.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(3 * TICK_S)

    def _run(self) -> None:
        try:
            self._listen()
        except BaseException:
            with self._lock:
                self._runs = False
            raise

    def _listen(self) -> None:
        away = False
        while self._wanted():
            try:
                with connect(self._where, "-c timezone=UTC") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    away = False
                    # What was announced while nobody listened is lost: each looks for itself.
                    self._stir()
                    while self._wanted():
                        for notice in connection.notifies(timeout=TICK_S):
                            self._hear(notice.payload)
            except psycopg.Error as error:
                if not away:
                    log.warning("announcements are not heard", reason=str(error).strip())
                    away = True
                self._ended.wait(AWAY_S)

    def _wanted(self) -> bool:
        with self._lock:
            wanted = bool(self._ears) or time.monotonic() < self._left_at + IDLE_S
            self._runs = wanted and not self._ended.is_set()
            return self._runs

    def _hear(self, payload: str) -> None:
        partnership, _, change = payload.partition(" ")
        with self._lock:
            ears = list(self._ears.get(UUID(partnership), ()))
        for ear in ears:
            ear.tell(int(change))

    def _stir(self) -> None:
        with self._lock:
            ears = [ear for some in self._ears.values() for ear in some]
        for ear in ears:
            ear.tell(None)


_LISTENERS: WeakKeyDictionary[Engine, Listener] = WeakKeyDictionary()
_MAKING = threading.Lock()


def listener(engine: Engine) -> Listener:
    """The process's listener to this database."""
    with _MAKING:
        found = _LISTENERS.get(engine)
        if found is None:
            found = _LISTENERS[engine] = Listener(engine)
        return found


def _forget() -> None:
    """A child has none of its parent's threads."""
    global _LISTENERS, _MAKING
    _LISTENERS, _MAKING = WeakKeyDictionary(), threading.Lock()


os.register_at_fork(after_in_child=_forget)


@event.listens_for(Engine, "engine_disposed")
def _disposed(engine: Engine) -> None:
    """An application is done with its database, and leaves no connection to it behind."""
    with _MAKING:
        found = _LISTENERS.pop(engine, None)
    if found is not None:
        found.end()
