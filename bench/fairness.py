"""Fairness: 20 ordinary tablets; beside 200 connections that dribble; beside a tablet with 50,000 edits in its queue.

The ordinary ones exchange at a steady pace, which does not wait for answers that are late. The one with the long queue
sends as fast as it is answered, as many edits at once as the answers allow, and is of the same crew. Quiet times and
the others alternate, and the 95th percentiles of the ordinary tablets are compared.

    python -m bench.fairness [--edits 50000] [--rounds 3] [--heedless]
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import select
import socket
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from bench import edits, server, world
from bench.__main__ import database
from bench.republication import QUIET_S, Pace, p95
from bench.world import Tablet, World
from fieldsync.database import new_id

RESULTS = Path(__file__).parent / "results" / "fairness.json"
TABLETS = 20
DRIBBLING = 200
BATCH = 500
"""What an app sends at once, unless it is told to send less."""


class Dribblers:
    """Connections that send a byte now and then, each a part of a request that never becomes whole."""

    _BEGINNINGS = (
        b"POST /v1/sync HTTP/1.1\r\nHost: bench\r\nX-Slow: ",
        b"POST /v1/sync HTTP/1.1\r\nHost: bench\r\nContent-Length: 5000\r\n\r\n{",
    )

    def __init__(self, port: int) -> None:
        self._port = port
        self._lines: list[socket.socket] = []
        self.opened = 0

    def keep(self, until: threading.Event) -> None:
        """Have ``DRIBBLING`` of them until the event; where the server ends one, there is another."""
        while not until.wait(0.5):
            self._lines = [line for line in self._lines if self._is_still_open(line)]
            while len(self._lines) < DRIBBLING:
                line = socket.create_connection(("127.0.0.1", self._port), 10)
                line.sendall(self._BEGINNINGS[self.opened % 2])
                self._lines.append(line)
                self.opened += 1
        for line in self._lines:
            line.close()

    @staticmethod
    def _is_still_open(line: socket.socket) -> bool:
        try:
            line.sendall(b"x")
            if not select.select([line], [], [], 0)[0]:
                return True
        except OSError:
            pass
        line.close()
        return False


class LongQueue:
    """A tablet that was away for long."""

    def __init__(self, port: int, tablet: Tablet, made: World, *, heeds: bool) -> None:
        """``heeds``: whether it sends no more at once than it is told."""
        self._port, self._tablet, self._made, self._heeds = port, tablet, made, heeds
        self._chance = random.Random(9)
        self._next_seq = 1
        self.waits = 0
        """How often it was asked to come again."""
        self.least = BATCH
        """The fewest edits that it was told to send at once."""

    def fill(self, count: int) -> list[bytes]:
        """So many more edits, each as it is sent."""
        queue = [
            msgspec.json.encode(
                {"seq": self._next_seq + number, "edit_id": new_id(), "observed_at": datetime.now(UTC)} | edit
            )
            for number, edit in enumerate(edits.creates(self._made, self._chance, count))
        ]
        self._next_seq += count
        return queue

    def send(self, queue: list[bytes]) -> float:
        """Send all of it; the seconds that it took."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Authorization": f"Bearer {self._tablet.token}", "Content-Type": "application/json"}
        sent, most = 0, BATCH
        while sent < len(queue):
            envelope = msgspec.json.encode({"protocol": 1, "sent_at": datetime.now(UTC), "limit": 0})
            body = envelope[:-1] + b',"edits":[' + b",".join(queue[sent : sent + most]) + b"]}"
            connection.request("POST", "/v1/sync", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in (429, 503):
                self.waits += 1
                time.sleep(int(answer.headers["Retry-After"]))
                continue
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {text[:300]!r}")
            document = msgspec.json.decode(text)
            sent += len(document["verdicts"])
            if self._heeds:
                most = min(BATCH, document["limits"]["edits"])
                self.least = min(self.least, most)
        connection.close()
        return time.perf_counter() - began


def measure(url: str, port: int, count: int, rounds: int, *, heeds: bool) -> dict[str, Any]:
    """Quiet and busy in turn."""
    with psycopg.connect(url, autocommit=True) as connection:
        made = world.make(connection, TABLETS + 1)
    pace = Pace(port, made.tablets[:TABLETS], made)
    long = LongQueue(port, made.tablets[TABLETS], made, heeds=heeds)
    pace.keep(threading.Event(), 3)  # warms up
    quiet, dribbled, busy, rates = [], [], [], []
    for turn in range(1, rounds + 1):
        quiet.append(pace.keep(threading.Event(), QUIET_S))
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(Dribblers(port).keep, over)
            time.sleep(1)
            dribbled.append(pace.keep(threading.Event(), QUIET_S))
            over.set()
            slow.result()
        queue = long.fill(count)
        done = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            ordinary = pool.submit(pace.keep, done)
            rates.append(count / long.send(queue))
            done.set()
            busy.append(ordinary.result())
        print(
            f"round {turn}: p95 {p95(quiet[-1]):.1f}, {p95(dribbled[-1]):.1f}, {p95(busy[-1]):.1f} ms"
            f" of {len(busy[-1])} exchanges, worst {max(busy[-1]):.0f} ms; the long queue {rates[-1]:,.0f}/s",
            file=sys.stderr,
        )
    return {
        "edits": count,
        "rounds": rounds,
        "tablets": TABLETS,
        "p95_ms_quiet": round(statistics.median(map(p95, quiet)), 1),
        "p95_ms_dribbled": round(statistics.median(map(p95, dribbled)), 1),
        "p95_ms_busy": round(statistics.median(map(p95, busy)), 1),
        "p95_dribbled_to_quiet": ratio(dribbled, quiet),
        "p95_busy_to_quiet": ratio(busy, quiet),
        "worst_ms_busy": round(max(map(max, busy))),
        "long_queue_per_s": round(statistics.median(rates)),
        "long_queue_sent_away": long.waits,
        "long_queue_least_at_once": long.least,
    }


def ratio(some: list[list[float]], quiet: list[list[float]]) -> float:
    """The median over the rounds of the ratio of 95th percentiles."""
    return round(statistics.median(p95(a) / p95(b) for a, b in zip(some, quiet, strict=True)), 2)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--heedless", action="store_true", help="the long queue always sends 500, whatever it is told")
    chosen = parser.parse_args()
    with database() as url, server.gunicorn(url) as (port, _):
        found = measure(url, port, chosen.edits, chosen.rounds, heeds=not chosen.heedless)
    print(json.dumps(found, indent=1))
    if chosen.heedless:
        return
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
