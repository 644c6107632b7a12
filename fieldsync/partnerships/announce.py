"""Telling consoles that a partnership's head has moved, once the commit that moved it is done.

No NOTIFY in the transaction that does the work: PostgreSQL lets one transaction with a NOTIFY commit at a time, in all
of the database, and would put the commits of all partnerships in one line. So a thread of the process sends it
afterwards, on a connection of its own, for all partnerships that have moved meanwhile. What gets lost on the way
(the process or the database ends) costs a console seconds: it looks at the head itself, too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import structlog
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

CHANNEL = "fieldsync_head"
"""Payload: the partnership's id, a space, its head."""

PENDING = "fieldsync.heads_moved"
"""Key of ``Session.info``: the partnerships whose next number this transaction has taken."""

EVERY_S = 0.2
"""A process tells at most so often: a person does not see more, and a partnership can have hundreds of commits."""

AWAY_S = 2.0
"""How long it leaves a database alone that could not be reached."""

IDLE_S = 30.0
"""After so long with nothing to tell, the thread ends and its connection with it."""

END_S = 3.0
"""How long whoever disposes of an engine waits for its connection to be closed."""

log = structlog.get_logger()

# The commit of a notice has nothing to lose in a power cut.
_OPTIONS = "-c synchronous_commit=off -c statement_timeout=5000 -c lock_timeout=5000 -c timezone=UTC"
_TELL = f"""
    SELECT pg_notify('{CHANNEL}', partnership_id || ' ' || change) FROM head
    WHERE partnership_id = ANY(%s) ORDER BY partnership_id
"""


def address(engine: Engine) -> dict[str, Any]:
    """Where the engine's database is, for ``connect``."""
    _, parameters = engine.dialect.create_connect_args(engine.url)
    return dict(parameters)


def connect(where: dict[str, Any], options: str) -> psycopg.Connection[Any]:
    """A connection beside the engine's pool, which commits each statement by itself.

    Raises:
        psycopg.Error: the database cannot be reached.
    """
    own = {
        "application_name": "fieldsync notices", "connect_timeout": 5, "options": options, "keepalives_idle": 10,
        "keepalives_interval": 5, "keepalives_count": 3,
    }  # fmt: skip
    return psycopg.connect(**{**where, **own}, autocommit=True)


class Announcer:
    """Tells one database's consoles. Any thread may call ``announce``; it does not wait for anything."""

    def __init__(self, engine: Engine) -> None:
        self._where = address(engine)
        self._moved = threading.Condition()
        self._waiting: set[UUID] = set()
        self._runs = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self, partnership_ids: Collection[UUID]) -> None:
        """Have it told, soon, that the heads of these partnerships have moved."""
        with self._moved:
            self._waiting.update(partnership_ids)
            if self._runs:
                self._moved.notify()
                return
            self._runs = True
            # Ends with the process: nobody waits for a notice.
            self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Tell what waits, if that can be done at once, and close the connection."""
        with self._moved:
            self._ended.set()
            self._moved.notify()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(END_S)

    def _run(self) -> None:
        try:
            self._tell()
        except BaseException:
            with self._moved:
                self._runs = False
            raise

    def _tell(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        away = False
        while (moved := self._next()) is not None:
            try:
                if connection is None:
                    connection = connect(self._where, _OPTIONS)
                connection.execute(_TELL, [list(moved)])
                away = False
            except psycopg.Error as error:
                if not away:
                    log.warning("heads could not be announced", reason=str(error).strip())
                away = True
                _close(connection)
                connection = None
                with self._moved:
                    self._waiting |= moved
            if self._ended.wait(AWAY_S if away else EVERY_S) and away:
                break
        _close(connection)

    def _next(self) -> set[UUID] | None:
        """What is to be told; None where there has been nothing for long, and this thread is to end."""
        with self._moved:
            if not self._waiting and not self._ended.is_set():
                self._moved.wait(IDLE_S)
            moved, self._waiting = self._waiting, set()
            if not moved:
                self._runs = False
                return None
            return moved


def _close(connection: psycopg.Connection[Any] | None) -> None:
    if connection is not None:
        connection.close()


_ANNOUNCERS: WeakKeyDictionary[Engine, Announcer] = WeakKeyDictionary()
_MAKING = threading.Lock()


def _announcer(engine: Engine) -> Announcer:
    found = _ANNOUNCERS.get(engine)
    if found is None:
        with _MAKING:
            found = _ANNOUNCERS.setdefault(engine, Announcer(engine))
    return found


def _forget() -> None:
    """A child has none of its parent's threads, and must not use its connections."""
    global _ANNOUNCERS, _MAKING
    _ANNOUNCERS, _MAKING = WeakKeyDictionary(), threading.Lock()


os.register_at_fork(after_in_child=_forget)


@event.listens_for(Engine, "engine_disposed")
def _disposed(engine: Engine) -> None:
    """An application is done with its database, and leaves no connection to it behind."""
    with _MAKING:
        found = _ANNOUNCERS.pop(engine, None)
    if found is not None:
        found.end()


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if PENDING not in session.info or session.in_nested_transaction():
        return
    bind = session.get_bind()
    _announcer(bind if isinstance(bind, Engine) else bind.engine).announce(session.info.pop(PENDING))


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(PENDING, None)
