"""A real server to listen to, and a console that reads server-sent events."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from fieldsync.server.web import WebServer, listen, url_of
from tests.api.office.world import World

LONG_S = 20.0
"""Longer than anything here takes on a busy machine."""

STREAMS = 8
"""How many the server takes."""


@dataclass
class Server:
    """gunicorn as it ships."""

    address: str
    """Host and port."""
    web: WebServer

    def get(self, path: str, token: str, **headers: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.address, timeout=LONG_S)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} | headers)
        return connection, connection.getresponse()


@contextmanager
def serving(database_url: str, folder: Path, **environ: str) -> Iterator[Server]:
    """One gunicorn with one worker process on a free loopback port."""
    settings = {
        **os.environ, "FIELDSYNC_DATABASE_URL": database_url, "FIELDSYNC_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(folder), **environ,
    }  # fmt: skip
    with listen("127.0.0.1", 0) as listener, WebServer(listener, settings, folder / "log") as web:
        web.await_readiness()
        yield Server(url_of(listener).removeprefix("http://"), web)


class Console:
    """Reads one stream in a thread; what it reads can be waited for."""

    def __init__(self, server: Server, world: World, last: int | None = None, by: str = "dispatcher") -> None:
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        self.connection, self.response = server.get("/v1/board/events", world.tokens[by], **headers)
        self.status = self.response.status
        self.blocks: Queue[dict[str, str] | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._reader.start()

    def _read(self) -> None:
        block: dict[str, str] = {}
        try:
            while line := self.response.readline():
                name, _, value = line.decode().rstrip("\n").partition(":")
                if name or value:
                    block[name or "comment"] = value.strip()
                else:
                    self.blocks.put(block)
                    block = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # hung up, by this side or the other
        self.blocks.put(None)

    def next(self, seconds: float = LONG_S) -> dict[str, str] | None:
        """The next block that is sent; None where the stream has ended."""
        assert self.status == 200
        return self.blocks.get(timeout=seconds)

    def change(self) -> int:
        """The number of the next event."""
        while (block := self.next()) is not None:
            if block.get("event") == "change":
                number: int = json.loads(block["data"])["change"]
                assert block["id"] == str(number)
                return number
        raise AssertionError("the stream has ended")

    def up_to(self, change: int) -> None:
        """Read until the head is known to be there."""
        while self.change() < change:
            pass

    def is_silent(self, seconds: float) -> bool:
        try:
            return "event" not in (self.next(seconds) or {})
        except Empty:
            return True

    def ended(self) -> None:
        """Read until the stream has ended."""
        while self.next() is not None:
            pass

    def hang_up(self) -> None:
        if self._reader.is_alive() and self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
            self._reader.join(LONG_S)
        self.response.close()
        self.connection.close()


def until(holds: Any, seconds: float = LONG_S) -> None:
    """Wait until ``holds()``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
