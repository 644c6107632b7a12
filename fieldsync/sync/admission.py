"""Letting exchanges in: at most so many at once in a worker process, so that others find a thread and a connection.

The gate stands before authentication, which takes a connection already. So it goes by what the token says of itself;
whoever makes one up gets through the gate, and then the answer that it is not valid.
"""

from __future__ import annotations

import select
import time
from typing import NamedTuple
from uuid import UUID

from flask import Flask, current_app, g, request
from prometheus_client import Counter, Gauge, Histogram

from fieldsync.auth import tokens
from fieldsync.config import BODY_BYTES_MAX, Settings
from fieldsync.database import give_back
from fieldsync.problems import ComeAgain, Overloaded, TooManyRequests
from fieldsync.sync.gate import Gate

PATHS = ("/v1/sync", "/v1/sync/deposit")
"""Where batches of edits come in."""

RESERVE = 4
"""One connection of so many, and one at least, is never an exchange's: it is the office's, and the health check's."""

UNDER_WAY = Gauge("fieldsync_exchanges_under_way", "Exchanges being carried out.", multiprocess_mode="livesum")
WAITING = Gauge("fieldsync_exchanges_waiting", "Exchanges that wait for their turn.", multiprocess_mode="livesum")
WAIT_SECONDS = Histogram(
    "fieldsync_exchange_wait_seconds", "How long exchanges waited for their turn.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
SENT_AWAY = Counter("fieldsync_exchanges_sent_away_total", "Exchanges that were asked to come again.", ["code"])
LEVEL = Gauge(
    "fieldsync_limits_halved", "How often the limits of an exchange are halved, in the worker with most to do.",
    multiprocess_mode="livemax",
)  # fmt: skip

_KEY = "fieldsync.gate"


class _Place(NamedTuple):
    partnership_id: UUID
    device: bytes
    since: float


def gate_of(app: Flask) -> Gate:
    """The gate of this process's application."""
    gate: Gate = app.extensions[_KEY]
    return gate


def init_admission(app: Flask) -> None:
    """Every exchange passes the gate before anything asks the database for it, and leaves it at its end."""
    settings: Settings = app.config["FIELDSYNC"]
    at_once = max(1, settings.pool_size - max(1, settings.pool_size // RESERVE))
    app.extensions[_KEY] = Gate(at_once, settings.exchanges_waiting, clock=time.monotonic)
    app.before_request(_enter)
    app.teardown_request(_leave)


def _enter() -> None:
    if request.method != "POST" or request.path not in PATHS or request.authorization is None:
        return
    parts = tokens.parse((request.authorization.token or "").strip())
    if parts is None:
        return
    if (request.content_length or BODY_BYTES_MAX + 1) <= BODY_BYTES_MAX:
        request.get_data(cache=True)  # Now: a place is not for waiting on a line.
    gate = gate_of(current_app)
    with WAITING.track_inprogress():
        try:
            waited = gate.enter(parts.partnership_id, parts.token_hash)
        except (ComeAgain, TooManyRequests) as problem:
            SENT_AWAY.labels(problem.code).inc()
            raise
        finally:
            LEVEL.set(gate.level())
    g.place = _Place(parts.partnership_id, parts.token_hash, time.monotonic())
    UNDER_WAY.inc()
    WAIT_SECONDS.observe(waited)
    if waited and _has_hung_up():
        # Tablets that gave up waiting have asked again by now. What is left of them must not cost those who wait.
        raise Overloaded


def _leave(error: BaseException | None = None) -> None:
    place: _Place | None = g.pop("place", None)
    if place is None:
        return
    give_back()  # Whoever is let in next finds the connection free.
    gate = gate_of(current_app)
    gate.leave(place.partnership_id, place.device, time.monotonic() - place.since)
    LEVEL.set(gate.level())
    UNDER_WAY.dec()


def _has_hung_up() -> bool:
    sock = request.environ.get("gunicorn.socket")
    if sock is None or not hasattr(select, "POLLRDHUP"):
        return False
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))
