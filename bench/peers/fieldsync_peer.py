"""FieldSync itself, as it ships: gunicorn with its own configuration, the whole exchange."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

import msgspec
import psycopg
from uuid_utils.compat import uuid7

from bench import world
from bench.server import free_port
from fieldsync.cluster.home import PROJECT
from fieldsync.server.web import gunicorn

from .connection import Connection, UnexpectedAnswer
from .peer import PostgresPeer, Surroundings
from .server import Server
from .work import WorkOrder

_CURSOR = re.compile(rb'"cursor":"([^"]+)"')
_FIRST_VERSION = 1


class FieldSync(PostgresPeer):
    name = "FieldSync"
    version = "this tree"
    ways_to_pull = ("feed of changes",)
    settings = (
        "gunicorn.conf.py as it ships; log level WARNING",
        "one partnership, one crew with a tablet for each client, so that every client sees every work order",
        "placed among 500 areas of 200 vertices; journal, merge, conflicts and feed as always",
        "an update enters the 4 fields, made on version 1; the first pull brings 500 jurisdictions as well",
    )

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._sequence = [count(1) for _ in range(surroundings.clients)]

    def install(self) -> None:
        """It is what runs this."""

    def serve(self, database_url: str) -> None:
        env = {"FIELDSYNC_DATABASE_URL": database_url, "FIELDSYNC_LOG_LEVEL": "WARNING"}
        migrate = [sys.executable, "-m", "fieldsync", "migrate"]
        subprocess.run(migrate, cwd=PROJECT, env={**os.environ, **env}, check=True, capture_output=True)
        with psycopg.connect(database_url, autocommit=True) as database:
            made = world.make(database, self.around.clients)
        self.service_type_id = str(made.service_type_id)
        port = free_port()
        command = [*gunicorn(), "--bind", f"127.0.0.1:{port}"]
        self.server = Server(command, self.around.logs / "fieldsync.log", PROJECT, env)
        self.server.wait_until_it_answers(port, "/readyz")
        self.connections = [Connection(port, {"Authorization": f"Bearer {tablet.token}"}) for tablet in made.tablets]

    def create_body(self, client: int, orders: Sequence[WorkOrder]) -> bytes:
        return self._exchange(client, "create", None, orders)

    def update_body(self, client: int, changes: Sequence[WorkOrder]) -> bytes:
        return self._exchange(client, "update", _FIRST_VERSION, changes)

    def create(self, client: int, body: bytes) -> None:
        answer, _ = self.connections[client].call("POST", "/v1/sync", body)
        if answer.count(b'"verdict":"applied"') != self.around.batch:
            raise UnexpectedAnswer(f"FieldSync did not apply all of a batch: {answer[:300]!r}")

    update = create

    def pull(self, client: int, way: str) -> int:
        records, cursor, more = 0, None, True
        while more:
            asked = {"protocol": 1, "sent_at": datetime.now(UTC), "cursor": cursor, "limit": self.around.page}
            answer, _ = self.connections[client].call("POST", "/v1/sync", msgspec.json.encode(asked))
            # Of the records that are sent, only work orders are placed.
            records += answer.count(b'"placed_by"')
            end = answer[-300:]
            found = _CURSOR.search(end)
            if found is None:
                raise UnexpectedAnswer(f"no cursor in {end!r}")
            cursor, more = found[1].decode(), b'"more":true' in end
        return records

    def _exchange(self, client: int, action: str, base_version: int | None, orders: Sequence[WorkOrder]) -> bytes:
        moment = datetime.now(UTC)
        edits = [
            {
                "seq": next(self._sequence[client]),
                "edit_id": uuid7(),
                "kind": "work_order",
                "record_id": order.id,
                "action": action,
                "base_version": base_version,
                "observed_at": moment,
                "fields": order.fields,
            }
            for order in orders
        ]
        # limit 0: the changes are pulled, and measured, apart.
        return msgspec.json.encode({"protocol": 1, "sent_at": moment, "limit": 0, "edits": edits})
