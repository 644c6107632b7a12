"""What operators see: request ids, structured logs, metrics, health."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, ClassVar

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client import REGISTRY as LOCAL_REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Row, TextClause
from sqlalchemy.orm import Session
from structlog.contextvars import bind_contextvars, clear_contextvars
from uuid_utils.compat import uuid7

from fieldsync.config import Settings

log = structlog.get_logger()

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
"""Counted by name; a caller can invent any number of others."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

REQUESTS = Counter("fieldsync_requests_total", "Requests answered.", ["endpoint", "method", "status"])
REQUEST_SECONDS = Histogram(
    "fieldsync_request_seconds", "Time from the first byte read to the answer.", ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
VERDICTS = Counter("fieldsync_verdicts_total", "Edits by what became of them.", ["verdict", "code"])
DEPOSITED_EDITS = Counter("fieldsync_deposited_edits_total", "Edits that revoked devices sent, repeated ones, too.")
CONFLICTS = Counter("fieldsync_conflicts_total", "Conflicts recorded.", ["sort", "policy", "state"])
REFUSED_FIELDS = Counter("fieldsync_refused_fields_total", "Fields of a newer app that edits were taken without.")
REFUSALS_DECIDED = Counter("fieldsync_refused_edits_decided_total", "Decisions on refused edits.", ["state"])
EXCHANGE_EDITS = Histogram(
    "fieldsync_exchange_edits", "Edits in one exchange.", buckets=(0, 1, 5, 10, 50, 100, 250, 500, 1000)
)
EXCHANGE_SECONDS = Histogram(
    "fieldsync_exchange_seconds", "Time of one exchange, by part.", ["part"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
FEED_LAG = Histogram(
    "fieldsync_feed_lag_changes", "Commits of the partnership that a tablet still had before it after a page.",
    buckets=(0, 1, 10, 100, 1_000, 10_000, 100_000),
)  # fmt: skip


HELD_S = 10.0
"""Whoever asks more often is given what was counted before: anybody may ask where no token is set."""


class HeldGauges(Collector):
    """Counts what stands in the database when it is asked, one statement every ``held_s`` seconds at most."""

    statement: ClassVar[TextClause]

    def __init__(self, held_s: float = HELD_S) -> None:
        self._held_s = held_s
        self._lock = Lock()
        self._until = 0.0
        self._families: list[GaugeMetricFamily] = []

    def families(self, rows: Sequence[Row[Any]]) -> list[GaugeMetricFamily]:
        """The gauges for the rows of ``statement``."""
        raise NotImplementedError

    def count(self, session: Session) -> None:
        """Count anew, unless it has just been done."""
        with self._lock:
            if time.monotonic() < self._until:
                return
            self._families = self.families(session.execute(self.statement).all())
            self._until = time.monotonic() + self._held_s

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What was counted last."""
        return self._families


def init_logs(settings: Settings) -> None:
    """Log to stderr, one JSON object a line (or readable lines where ``log_json`` is off)."""
    renderer: Any = structlog.processors.JSONRenderer() if settings.log_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def init_requests(app: Flask) -> None:
    """Give each request an id (the caller's ``X-Request-Id`` if it is sane), a log line, and a place in the metrics."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else str(uuid7())
        g.began = time.perf_counter()
        clear_contextvars()
        bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        seconds = time.perf_counter() - g.began
        endpoint = request.endpoint or "unknown"
        REQUESTS.labels(endpoint, request.method if request.method in METHODS else "other", response.status_code).inc()
        REQUEST_SECONDS.labels(endpoint).observe(seconds)
        if endpoint not in ("health.healthz", "health.readyz", "health.metrics"):
            log.info(
                "request", method=request.method, path=request.path, status=response.status_code,
                ms=round(seconds * 1000, 1),
            )  # fmt: skip
        return response


def metrics_text(*counted: Collector) -> tuple[bytes, str]:
    """All metrics in Prometheus' text format, summed over the worker processes, and the content type.

    ``counted``: what is not this server's own doing but stands in the database, and is the same for all processes.
    """
    registry = CollectorRegistry()
    for collector in counted:
        registry.register(collector)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(LOCAL_REGISTRY) + generate_latest(registry), CONTENT_TYPE_LATEST
