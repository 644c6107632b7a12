"""A real server with the demo in it: gunicorn on a free loopback port, for tests that speak HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from fieldsync.demo.seed import DemoResult, seed
from fieldsync.server.web import WebServer, listen, url_of
from fieldsync.simulate.office import Office


@dataclass(frozen=True)
class Live:
    """The running server, and the ways around it."""

    url: str
    database_url: str
    demo: DemoResult
    office: Office

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What an operator would do in the database itself."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def crew(self, number: int = 0) -> dict[str, Any]:
        """A crew of the demo."""
        return sorted(self.office.every("/v1/crews"), key=lambda crew: crew["code"])[number]

    def code(self, crew_id: str, name: str = "Test") -> str:
        """An enrolment code."""
        return str(self.office.need("POST", "/v1/enrolments", {"crew_id": crew_id, "device_name": name})["code"])

    def assign(self, work_order_id: str, crew_id: str | None) -> None:
        """The dispatcher gives a job to a crew."""
        self.change(work_order_id, {"crew_id": crew_id})

    def change(self, work_order_id: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The dispatcher edits a job as it is now."""
        path = f"/v1/work-orders/{work_order_id}"
        etag = self.office.ask("GET", path).etag
        assert etag is not None
        reply = self.office.ask("PATCH", path, fields, {"If-Match": etag})
        assert reply.status == 200, reply
        return reply.document


@contextmanager
def live_server(database_url: str, log: Path, work_orders: int) -> Iterator[Live]:
    """Serve a migrated, empty database of the caller's own."""
    demo = seed(database_url, work_orders=work_orders)
    with listen("127.0.0.1", 0) as listener:
        environ = {**os.environ, "FIELDSYNC_DATABASE_URL": database_url, "PROMETHEUS_MULTIPROC_DIR": str(log.parent)}
        with WebServer(listener, environ, log) as web:
            web.await_readiness()
            yield Live(url_of(listener), database_url, demo, Office(url_of(listener), demo.dispatcher_token))
