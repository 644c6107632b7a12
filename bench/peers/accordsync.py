"""AccordSync: Python, PostgreSQL, field-level sync. The nearest in kind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import subprocess
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import psycopg

from bench.server import free_port

from .connection import Connection, UnexpectedAnswer
from .install import SERVERS, python_packages
from .peer import PostgresPeer, Surroundings
from .server import Server
from .work import CHANGED, FIELDS, WorkOrder

WORKERS, THREADS = 4, 2
_CURSOR = re.compile(rb'"cursor":\s*(\d+)')
_MORE = re.compile(rb'"has_more":\s*true')


class AccordSync(PostgresPeer):
    name = "accordsync-server"
    version = "0.3.2"
    ways_to_pull = ("feed of snapshots",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._push_ops = surroundings.batch * len(FIELDS)
        self.settings = (
            f"its WSGI app on gunicorn, {WORKERS} gthread workers of {THREADS} threads (it advises threads)",
            f"an op is one field, so max_push_ops is raised from 500 to {self._push_ops}",
            "all fields lww (its cheapest), constant scope, HS256 tokens, rate limits off",
            "an update is 4 ops, for the 4 fields entered",
            "pulled after compacting every record (default: those of 20 ops and more): the plain feed is slower",
        )
        self._secret = secrets.token_hex(32)
        self._sequence = [count(1) for _ in range(surroundings.clients)]

    def install(self) -> None:
        self._programs = python_packages("accordsync")

    def serve(self, database_url: str) -> None:
        self._env = {
            "ACCORD_DATABASE_URL": database_url,
            "ACCORD_SECRET": self._secret,
            "ACCORD_FIELDS": ",".join(FIELDS),
            "ACCORD_PUSH_OPS": str(self._push_ops),
            "ACCORD_PULL_ROWS": str(self.around.page),
        }
        self._manage("migrate")
        port = free_port()
        command: list[str | Path] = [
            self._programs / "gunicorn",
            *("--workers", str(WORKERS)),
            *("--worker-class", "gthread"),
            *("--threads", str(THREADS)),
            *("--bind", f"127.0.0.1:{port}"),
            *("--timeout", "300"),
            "--no-control-socket",
            "accordsync_wsgi:app",
        ]
        self.server = Server(command, self.around.logs / "accordsync.log", SERVERS, self._env)
        self.server.wait_until_it_answers(port, "/health")
        self.connections = [self._connect(port, client) for client in range(self.around.clients)]

    def create_body(self, client: int, orders: Sequence[WorkOrder]) -> bytes:
        return self._ops(client, orders, FIELDS)

    def update_body(self, client: int, changes: Sequence[WorkOrder]) -> bytes:
        return self._ops(client, changes, CHANGED)

    def create(self, client: int, body: bytes) -> None:
        answer, _ = self.connections[client].call("POST", "/v1/push", body)
        if b'"refused":[]' not in answer[-40:].replace(b" ", b""):
            raise UnexpectedAnswer(f"AccordSync refused ops: {answer[-300:]!r}")

    update = create

    def prepare_pull(self) -> None:
        # Only what every device has pulled is folded. That they have is written here: pulling the unfolded feed
        # takes it a statement for each record.
        with psycopg.connect(self._env["ACCORD_DATABASE_URL"]) as database:
            database.execute("UPDATE devices SET cursor = accord_horizon() - 1")
        self._manage("compact", "--definition", "accordsync_wsgi:definition")

    def pull(self, client: int, way: str) -> int:
        snapshots = cursor = 0
        more = True
        while more:
            path = f"/v1/pull?cursor={cursor}&limit={self.around.page}"
            answer, _ = self.connections[client].call("GET", path)
            snapshots += answer.count(b'"snapshot":{')
            ends = answer[:200] + answer[-200:]
            found = _CURSOR.search(ends)
            if found is None:
                raise UnexpectedAnswer(f"no cursor in {ends!r}")
            cursor, more = int(found[1]), bool(_MORE.search(ends))
        return snapshots

    def _ops(self, client: int, orders: Sequence[WorkOrder], fields: tuple[str, ...]) -> bytes:
        device, wall_ms, sequence = f"device{client}", int(time.time() * 1000), self._sequence[client]
        ops = [
            {
                "op_id": f"{device}:{next(sequence)}",
                "record": f"workorder:{order.id}",
                "field": field,
                "hlc": f"{wall_ms}:{number:05d}:{device}",
                "kind": "assign",
                "value": order.fields[field],
                "deps": [],
            }
            for number, order in enumerate(orders)
            for field in fields
        ]
        return json.dumps({"ops": ops}, separators=(",", ":")).encode()

    def _manage(self, *arguments: str) -> None:
        command: list[str | Path] = [self._programs / "python", "-m", "accordsync_server", *arguments]
        subprocess.run(command, cwd=SERVERS, env=self._env, check=True, capture_output=True)

    def _connect(self, port: int, client: int) -> Connection:
        token = _token(f"crew member {client}", self._secret)
        return Connection(port, {"Authorization": f"Bearer {token}", "Accord-Device": f"device{client}"})


def _token(subject: str, secret: str) -> str:
    """A JSON Web Token signed with HMAC-SHA-256 (RFC 7519)."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": subject})
    signed = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    return (signed + b"." + _base64(hmac.digest(secret.encode(), signed, hashlib.sha256))).decode()


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
