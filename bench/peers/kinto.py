"""Kinto with its PostgreSQL backend: records as JSON, optimistic locking by time stamp."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bench.server import free_port

from .connection import Connection, UnexpectedAnswer
from .install import SERVERS, place, python_packages
from .peer import PostgresPeer, Surroundings
from .server import Server
from .work import WorkOrder

WORKERS = 4
BUCKET = "/v1/buckets/partnership"


class Kinto(PostgresPeer):
    name = "kinto"
    version = "26.5.0"
    ways_to_pull = ("records in pages",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self.settings = (
            f"granian, as its documentation advises, {WORKERS} workers; cache in memory, the rest in PostgreSQL",
            f"batch endpoint, one transaction each; batch_max_requests raised from 25 to {surroundings.batch}",
            "light answers; created by PUT of the client's id, updated by PATCH of the 4 fields entered",
            "a collection for each client, a pull reads all: batches into one collection collide (409, rolled back)",
            "basic authentication; permissions from the settings, none stored with records; no history plugin",
        )

    def install(self) -> None:
        self._programs = python_packages("kinto")

    def serve(self, database_url: str) -> None:
        configuration = place("kinto") / "kinto.ini"
        text = (SERVERS / "kinto.ini").read_text()
        values = {
            "database_url": database_url.replace("%", "%%"),
            "batch": self.around.batch,
            "secret": secrets.token_hex(16),
        }
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        configuration.write_text(text)
        migrate: list[str | Path] = [self._programs / "kinto", "migrate", "--ini", configuration]
        subprocess.run(migrate, check=True, capture_output=True)
        port = free_port()
        command: list[str | Path] = [
            self._programs / "granian",
            *("--interface", "wsgi"),
            *("--host", "127.0.0.1"),
            *("--port", str(port)),
            *("--workers", str(WORKERS)),
            "--no-ws",
            "kinto_wsgi:application",
        ]
        env = {"KINTO_INI": str(configuration)}
        self.server = Server(command, self.around.logs / "kinto.log", SERVERS, env)
        self.server.wait_until_it_answers(port, "/v1/__heartbeat__")
        token = base64.b64encode(b"crew:secret").decode()
        headers = {"Authorization": f"Basic {token}"}
        self.connections = [Connection(port, headers) for _ in range(self.around.clients)]
        self.connections[0].call("PUT", BUCKET, b"{}", expect=201)
        for client in range(self.around.clients):
            self.connections[0].call("PUT", self._collection(client), b"{}", expect=201)

    def create_body(self, client: int, orders: Sequence[WorkOrder]) -> bytes:
        return self._batch(client, "PUT", orders)

    def update_body(self, client: int, changes: Sequence[WorkOrder]) -> bytes:
        return self._batch(client, "PATCH", changes)

    def create(self, client: int, body: bytes) -> None:
        self._push(client, body, b'"status":201')

    def update(self, client: int, body: bytes) -> None:
        self._push(client, body, b'"status":200')

    def pull(self, client: int, way: str) -> int:
        records = 0
        for collection in range(self.around.clients):
            following = f"{self._collection(collection)}/records?_limit={self.around.page}"
            while following:
                answer, headers = self.connections[client].call("GET", following)
                records += answer.count(b'"last_modified":')
                page = urlsplit(headers.get("Next-Page", ""))
                following = f"{page.path}?{page.query}" if page.query else ""
        return records

    def _push(self, client: int, body: bytes, done: bytes) -> None:
        answer, _ = self.connections[client].call("POST", "/v1/batch", body)
        if answer.count(done) != self.around.batch:
            raise UnexpectedAnswer(f"Kinto did not take all of a batch: {answer[:300]!r}")

    def _batch(self, client: int, method: str, orders: Sequence[WorkOrder]) -> bytes:
        records = self._collection(client).removeprefix("/v1") + "/records"
        defaults = {"method": method, "headers": {"Response-Behavior": "light"}}
        requests = [{"path": f"{records}/{order.id}", "body": {"data": order.fields}} for order in orders]
        return json.dumps({"defaults": defaults, "requests": requests}, separators=(",", ":")).encode()

    def _collection(self, client: int) -> str:
        return f"{BUCKET}/collections/crew{client}"
