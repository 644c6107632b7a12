"""How many clocks run, for /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Lock

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.orm import Session

HELD_S = 10.0
"""Whoever asks more often is given what was counted before: anybody may ask where no token is set."""

# Read from the index ``service_clock_due`` alone.
CLOCKS = text("""
    SELECT p.slug, c.sort, c.running, c.due_soon, c.breached
    FROM (
        SELECT partnership_id, sort, count(*) AS running,
               count(*) FILTER (WHERE due_at >= now() AND due_at < now() + interval '1 day') AS due_soon,
               count(*) FILTER (WHERE due_at < now()) AS breached
        FROM service_clock WHERE stopped_at IS NULL AND due_at IS NOT NULL
        GROUP BY partnership_id, sort
    ) c
    JOIN partnership p ON p.id = c.partnership_id
    ORDER BY p.slug, c.sort
""")

_GAUGES = (
    ("running", "fieldsync_service_clocks_running", "Service clocks that run, those that have run out included."),
    ("due_soon", "fieldsync_service_clocks_due_within_a_day", "Service clocks that run out within a day."),
    ("breached", "fieldsync_service_clocks_breached", "Service clocks that run and have run out."),
)


class ClockGauges(Collector):
    """Counts clocks when it is asked, one statement every ``held_s`` seconds at most."""

    def __init__(self, held_s: float = HELD_S) -> None:
        self._held_s = held_s
        self._lock = Lock()
        self._until = 0.0
        self._families: list[GaugeMetricFamily] = []

    def count(self, session: Session) -> None:
        """Count anew, unless it has just been done."""
        with self._lock:
            if time.monotonic() < self._until:
                return
            rows = session.execute(CLOCKS).all()
            labels = ["partnership", "sort"]
            self._families = [GaugeMetricFamily(name, about, labels=labels) for _, name, about in _GAUGES]
            for family, (column, _, _) in zip(self._families, _GAUGES, strict=True):
                for row in rows:
                    family.add_metric([row.slug, row.sort], getattr(row, column))
            self._until = time.monotonic() + self._held_s

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """What was counted last."""
        return self._families
