"""The server: the whole application through its WSGI door, over tables in memory or over PostgreSQL."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
import sqlalchemy as sa
from flask import Flask
from psycopg.types.json import Json
from werkzeug.datastructures import Headers

from fieldsync import create_app
from fieldsync.config import EDITS_PER_EXCHANGE_MAX, Settings
from fieldsync.database import Base, db, transaction
from fieldsync.partnerships.lineage import Shared
from fieldsync.tablet import Reply
from fieldsync.workorders.promises import NAMED
from tests.simulator.memory import exchange as _exchange  # noqa: F401  (what stands for its statements)
from tests.simulator.memory import office as _office  # noqa: F401
from tests.simulator.memory import settling as _settling  # noqa: F401
from tests.simulator.memory.session import Killed, Session
from tests.simulator.memory.tables import Tables

Row = dict[str, Any]


class Server(Protocol):
    """What a scenario is played on."""

    partnership_id: UUID

    def __enter__(self) -> Server: ...

    def __exit__(self, *problem: object) -> None: ...

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply | None:
        """Carry out one request; None where the process was killed over it."""
        ...

    def context(self) -> AbstractContextManager[Any]:
        """The application's context: code that opens transactions of its own runs in it."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction of the application's own kind."""
        ...

    def change(self, table: str, key: str, columns: Mapping[str, Any]) -> None:
        """Write columns of the row with this id (its key, where it has none), in a transaction of its own."""
        ...

    def choose(self, kind: str, field: str, policy: str, custody: str) -> None:
        """The partnership's policy of a field."""
        ...

    def end_tokens(self, device_id: str, at: datetime) -> None:
        """A device's tokens end."""
        ...

    def begin_history(self, epoch: UUID, past: Mapping[str, Shared], at: datetime) -> None:
        """After a restore: the new epoch, and the past ones."""
        ...

    def rows(self, table: str) -> list[Row]:
        """All rows of the partnership in a table, as JSON has them; the journal in its order."""
        ...

    def back_up(self) -> Any:
        """Take a backup."""
        ...

    def restore(self, backup: Any) -> None:
        """Be again what was backed up; the epoch is the old one until somebody changes it."""
        ...

    def take_at_most(self, edits: int) -> None:
        """From now on so many edits are taken of an exchange."""
        ...

    def kill_after(self, statements: int | None) -> None:
        """The next request's process is killed after so many statements; None: it lives."""
        ...


@cache
def _app_without_database() -> Flask:
    return surfacing(
        create_app(Settings(database_url="postgresql+psycopg://nobody@127.0.0.1:1/none", log_level="CRITICAL"))
    )


def surfacing(app: Flask) -> Flask:
    """Let what would be answered with 500 be raised, so that the history of a scenario has it."""
    handlers = app.error_handler_spec[None][None]
    handle = handlers[Exception]

    def raise_faults(error: Exception) -> Any:
        answer: Any = handle(error)
        if answer.status_code == 500:
            raise error
        return answer

    handlers[Exception] = raise_faults
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def _asked(app: Flask, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
    sent = body or b""
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "simulated",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(sent), "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(sent)),
    }  # fmt: skip
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    started: list[Any] = []

    def start(status: str, given: list[tuple[str, str]], problem: object = None) -> Any:
        started.extend((status, given))

    answer = app.wsgi_app(environ, start)
    try:
        content = b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    given = Headers(started[1])
    if given.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return Reply(int(started[0].split()[0]), given, content)  # type: ignore[arg-type]


class MemoryServer:
    """The application over tables in memory."""

    def __init__(self) -> None:
        self.partnership_id = uuid4()
        self.tables = Tables()
        self.session = Session(self.tables, self.partnership_id)
        self._app = _app_without_database()
        self._was: Any = None

    def __enter__(self) -> MemoryServer:
        self._was, db.session = db.session, self.session  # type: ignore[assignment]
        return self

    def __exit__(self, *problem: object) -> None:
        db.session = self._was
        self.take_at_most(EDITS_PER_EXCHANGE_MAX)

    def take_at_most(self, edits: int) -> None:
        self._app.config["FIELDSYNC"] = replace(self._app.config["FIELDSYNC"], edits_per_exchange=edits)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply | None:
        try:
            return _asked(self._app, method, path, headers, body)
        except Killed:
            return None
        finally:
            self.session.left = None
            self.session.rollback()

    def context(self) -> AbstractContextManager[Any]:
        return self._app.app_context()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._app.app_context(), transaction() as session:
            yield session

    def change(self, table: str, key: str, columns: Mapping[str, Any]) -> None:
        plain = {name: str(value) if isinstance(value, UUID) else value for name, value in columns.items()}
        at = key or ()
        self.tables.put(table, at, self.tables[table].get(at, {}) | plain)
        self.tables.commit()

    def choose(self, kind: str, field: str, policy: str, custody: str) -> None:
        row = {"kind": kind, "field": field, "policy": policy, "custody": custody}
        self.tables.put("field_policy", (kind, field), row)
        self.tables.commit()

    def end_tokens(self, device_id: str, at: datetime) -> None:
        for key, row in list(self.tables["token"].items()):
            if row["device_id"] == device_id and row["revoked_at"] is None:
                self.tables.put("token", key, row | {"revoked_at": at})
        self.tables.commit()

    def begin_history(self, epoch: UUID, past: Mapping[str, Shared], at: datetime) -> None:
        for name, (entry, change) in past.items():
            self.tables.put("past_epoch", name, {"epoch": name, "entry": entry, "change": change})
        self.tables.put("head", (), self.tables["head"][()] | {"epoch": str(epoch)})
        self.tables.commit()

    def rows(self, table: str) -> list[Row]:
        return list(self.tables.rows(table))

    def back_up(self) -> Any:
        return self.tables.back_up()

    def restore(self, backup: Any) -> None:
        self.tables.restore(backup)

    def kill_after(self, statements: int | None) -> None:
        self.session.left = statements


class PostgresServer:
    """The application over PostgreSQL."""

    def __init__(self, app: Flask) -> None:
        """``app``: the application on a migrated database, ``surfacing`` its faults."""
        self.partnership_id = uuid4()
        self._app = app
        self._left: int | None = None

    def __enter__(self) -> PostgresServer:
        with self._app.app_context():
            sa.event.listen(db.engine, "before_cursor_execute", self._carry_out)
        return self

    def __exit__(self, *problem: object) -> None:
        with self._app.app_context():
            sa.event.remove(db.engine, "before_cursor_execute", self._carry_out)
        self.take_at_most(EDITS_PER_EXCHANGE_MAX)

    def take_at_most(self, edits: int) -> None:
        self._app.config["FIELDSYNC"] = replace(self._app.config["FIELDSYNC"], edits_per_exchange=edits)

    def _carry_out(self, *_: object) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply | None:
        try:
            return _asked(self._app, method, path, headers, body)
        except Killed:
            return None
        finally:
            self._left = None

    def context(self) -> AbstractContextManager[Any]:
        return self._app.app_context()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._app.app_context(), transaction() as session:
            yield session

    def change(self, table: str, key: str, columns: Mapping[str, Any]) -> None:
        assigned = ", ".join(f"{name} = :{name}" for name in columns)
        which = "AND id = CAST(:row_id AS uuid)" if key else ""
        bound = {name: Json(value) if isinstance(value, dict) else value for name, value in columns.items()}
        self._run(f"UPDATE {table} SET {assigned} WHERE partnership_id = :p {which}", {"row_id": key} | bound)

    def choose(self, kind: str, field: str, policy: str, custody: str) -> None:
        self._run(
            "INSERT INTO field_policy (partnership_id, kind, field, policy, custody)"
            " VALUES (:p, :kind, :field, :policy, :custody) ON CONFLICT (partnership_id, kind, field)"
            " DO UPDATE SET policy = excluded.policy, custody = excluded.custody",
            {"kind": kind, "field": field, "policy": policy, "custody": custody},
        )

    def end_tokens(self, device_id: str, at: datetime) -> None:
        self._run(
            "UPDATE token SET revoked_at = :at WHERE partnership_id = :p AND device_id = :id AND revoked_at IS NULL",
            {"at": at, "id": UUID(device_id)},
        )

    def begin_history(self, epoch: UUID, past: Mapping[str, Shared], at: datetime) -> None:
        for name, (entry, change) in past.items():
            self._run(
                "INSERT INTO past_epoch (partnership_id, epoch, entry, change, ended_at)"
                " VALUES (:p, :epoch, :entry, :change, :at) ON CONFLICT (partnership_id, epoch)"
                " DO UPDATE SET entry = excluded.entry, change = excluded.change",
                {"epoch": UUID(name), "entry": entry, "change": change, "at": at},
            )
        self._run("UPDATE head SET epoch = :epoch WHERE partnership_id = :p", {"epoch": epoch})

    def _run(self, statement: str, bound: Mapping[str, Any]) -> None:
        with self.transaction() as session:
            session.execute(sa.text(statement), {"p": self.partnership_id, **bound})

    def rows(self, table: str) -> list[Row]:
        order = "entry" if table == "journal" else "1"
        beside = ", ST_X(t.location) AS lon, ST_Y(t.location) AS lat" if table == "work_order" else ""
        statement = sa.text(
            f"SELECT CAST(row_to_json(f) AS text) FROM (SELECT t.*{beside} FROM {table} t"
            f" WHERE t.partnership_id = :p ORDER BY {order}) f"
        )
        with self.transaction() as session:
            found = session.execute(statement, {"p": self.partnership_id}).scalars().all()
        return [json.loads(one) for one in found]

    def back_up(self) -> Any:
        with self._connection() as connection:
            return {
                table: b"".join(_copied(connection, f"COPY ({_own(table)}) TO STDOUT (FORMAT binary)",
                                        self.partnership_id))
                for table in _tables()
            }  # fmt: skip

    def restore(self, backup: Any) -> None:
        with self._connection() as connection:
            # What the triggers promise is true again once all rows are back.
            for table in _TRIGGERED:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for table in reversed(backup):
                connection.execute(f"DELETE FROM {table} WHERE partnership_id = %s", (self.partnership_id,))
            for table, copied in backup.items():
                with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
                    copy.write(copied)
            for table in _TRIGGERED:
                connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        with self._app.app_context(), db.engine.begin() as connection:
            yield connection.connection.driver_connection  # type: ignore[misc]

    def kill_after(self, statements: int | None) -> None:
        self._left = statements


def _own(table: str) -> str:
    return f"SELECT * FROM {table} WHERE partnership_id = %s"


def _copied(connection: psycopg.Connection[Any], statement: str, partnership_id: UUID) -> Iterator[bytes]:
    with connection.cursor().copy(statement, (partnership_id,)) as copy:
        for part in copy:
            yield bytes(part)


def _tables() -> list[str]:
    """The tables that hold rows of partnerships, each after those that its rows name."""
    return [table.name for table in Base.metadata.sorted_tables if "partnership_id" in table.c]


_TRIGGERED = ("work_order", *NAMED.values())
