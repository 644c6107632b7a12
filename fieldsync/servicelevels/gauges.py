"""How many clocks run, for /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Row, text

from fieldsync.observe import HeldGauges

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


class ClockGauges(HeldGauges):
    """Counts the clocks that run."""

    statement = CLOCKS

    def families(self, rows: Sequence[Row[Any]]) -> list[GaugeMetricFamily]:
        """See ``HeldGauges.families``."""
        labels = ["partnership", "sort"]
        families = [GaugeMetricFamily(name, about, labels=labels) for _, name, about in _GAUGES]
        for family, (column, _, _) in zip(families, _GAUGES, strict=True):
            for row in rows:
                family.add_metric([row.slug, row.sort], getattr(row, column))
        return families
