"""A router on the loopback that speaks as OSRM's table service does, or as a broken one does."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from fieldsync.crews.facts import Point
from fieldsync.dispatch.travel import distance_m

SECONDS_A_METRE = 0.1
"""Ten metres a second."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has hung up: says nothing."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class FakeRoads:
    """Roads that are straight lines, at ten metres a second. ``mood`` is how it answers."""

    def __init__(self) -> None:
        self.mood = "well"
        self.seconds_a_metre = SECONDS_A_METRE
        self.when_asked: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self.sizes: list[tuple[int, int, int]] = []
        """Coordinates, sources and destinations of each question."""
        roads = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                roads.asked.append(self.path)
                roads.answer(self)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.when_asked()
        table = self._table(handler.path)
        if self.mood == "slow":
            self.ended.wait(10)
            return
        if self.mood == "drips":
            _drip(handler, json.dumps(table).encode(), self.ended)
            return
        status, body = 200, json.dumps(table)
        if self.mood == "fails":
            status = 500
        elif self.mood == "sends away":
            status = 302
        elif self.mood == "no json":
            body = "<html>It works!</html>"
        elif self.mood == "no durations":
            body = '{"code": "Ok"}'
        elif self.mood == "too big":
            body = json.dumps({"code": "TooBig", "message": "Too many table coordinates"})
        elif self.mood == "endless":
            body = json.dumps({"code": "Ok", "padding": "x" * (1 << 21), "durations": table["durations"]})
        try:
            self._send(handler, status, body)
        except OSError:
            return  # Whoever asked has heard enough.

    def _send(self, handler: BaseHTTPRequestHandler, status: int, body: str) -> None:
        handler.send_response(status)
        if status == 302:
            handler.send_header("Location", self.url + "/elsewhere")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    def _table(self, path: str) -> dict[str, Any]:
        parts, query = urlsplit(path), parse_qs(urlsplit(path).query)
        assert parts.path.startswith("/table/v1/driving/"), path
        assert query["annotations"] == ["duration"]
        points = [
            Point(*(float(number) for number in point.split(","))) for point in parts.path.rpartition("/")[2].split(";")
        ]
        sources, targets = ([int(n) for n in query[name][0].split(";")] for name in ("sources", "destinations"))
        self.sizes.append((len(points), len(sources), len(targets)))
        rows: list[list[float | None]] = [
            [round(distance_m(points[a], points[b]) * self.seconds_a_metre, 1) for b in targets] for a in sources
        ]
        if self.mood == "island":
            rows = [[0.0 if a == b else None for b in targets] for a in sources]
        elif self.mood == "negative":
            rows[0][0] = -1.0
        elif self.mood == "a row too few":
            rows.pop()
        elif self.mood == "a column too few":
            rows[-1].pop()
        return {"code": "Ok", "durations": rows, "sources": [], "destinations": []}


def _drip(handler: BaseHTTPRequestHandler, body: bytes, ended: threading.Event) -> None:
    """A byte now and then."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        for byte in body:
            if ended.is_set():
                return
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return
