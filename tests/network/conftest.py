"""A real gunicorn on a loopback port, with little patience so that tests need not have much."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from fieldsync.cluster import Databases
from fieldsync.server.web import WebServer, listen, url_of
from tests.setup.processes import family
from tests.sync_model.fixtures import sync_app, world
from tests.sync_model.world import World, end_app, make_app, make_world

__all__ = ["sync_app", "world"]

HEAD_S = BODY_S = 1
"""How long the impatient server waits."""


CONNECTIONS = 30
"""Those of the crowded server."""


@dataclass
class Server:
    """gunicorn with our settings and some of the test's."""

    address: str
    web: WebServer
    log: Path
    database_url: str
    app: Flask
    """On the same database, to look at what came of it."""

    @property
    def workers(self) -> list[int]:
        assert self.web._process is not None
        return sorted(family(self.web._process.pid) - {self.web._process.pid})

    def world(self) -> World:
        """A partnership of a test's own."""
        return make_world(self.app)


@contextmanager
def serving(database_url: str, **settings: int) -> Iterator[Server]:
    """Serve with these settings, given without their prefix."""
    chosen = {f"FIELDSYNC_{name.upper()}": str(value) for name, value in settings.items()}
    with tempfile.TemporaryDirectory(prefix="fieldsync-network-") as folder, listen("127.0.0.1", 0) as listener:
        environ = {**os.environ, "FIELDSYNC_DATABASE_URL": database_url, **chosen}
        environ["PROMETHEUS_MULTIPROC_DIR"] = str(Path(folder) / "metrics")
        app = make_app(database_url, pool_size=20)
        with WebServer(listener, environ, Path(folder) / "log") as web:
            web.await_readiness()
            yield Server(url_of(listener).removeprefix("http://"), web, Path(folder) / "log", database_url, app)
        end_app(app)


@pytest.fixture(scope="session")
def impatient(database_url: str) -> Iterator[Server]:
    """Two workers that wait a second for a slow client."""
    with serving(database_url, workers=2, head_timeout_s=HEAD_S, body_timeout_s=BODY_S, line_bytes_per_s=2_000) as it:
        yield it


@pytest.fixture(scope="session")
def narrow(databases: Databases, template_database: str) -> Iterator[Server]:
    """One worker with room for little, that gives up soon: one exchange at once, and two that wait. Its database is
    its own, so that a test may make it slow."""
    url = databases.copy(template_database, name := f"fieldsync_narrow_{uuid4().hex[:12]}")
    with serving(
        url, workers=1, pool_size=2, exchanges_waiting=2, board_streams=4, pool_timeout_s=1, lock_timeout_ms=1_500,
        statement_timeout_ms=3_000, idle_in_transaction_timeout_ms=500, edits_per_exchange=40,
    ) as it:  # fmt: skip
        yield it
    databases.drop(name)


@pytest.fixture(scope="session")
def crowded(database_url: str) -> Iterator[Server]:
    """One worker that takes 30 connections, and has the usual patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUNICORN_CMD_ARGS", f"--worker-connections {CONNECTIONS}")
        with serving(database_url, workers=1, pool_size=2, exchanges_waiting=2, board_streams=1) as it:
            yield it


class Held:
    """A partnership whose head somebody holds: exchanges come as far as their last step, and wait there."""

    def __init__(self, server: Server, world: World) -> None:
        url = server.database_url
        self._connection = psycopg.connect(url)
        self._connection.execute("SELECT FROM head WHERE partnership_id = %s FOR UPDATE", [world.partnership_id])
        self._watch = psycopg.connect(url, autocommit=True)

    def also(self, sql: LiteralString, *bound: object) -> None:
        """Hold something else, too."""
        self._connection.execute(sql, bound)

    def waiters(self) -> list[int]:
        """The database's processes that wait for a lock."""
        rows = self._watch.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return [pid for (pid,) in rows]

    def is_there(self, pid: int) -> bool:
        """Whether this process of the database is still there."""
        return self._watch.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() is not None

    def let_go(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()
        self._watch.close()
