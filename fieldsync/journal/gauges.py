"""How many refused edits wait for a person, for /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Row, text

from fieldsync.journal.models import REFUSED
from fieldsync.observe import HeldGauges

COUNTED_MAX = 100_000
"""Edits that are looked at. An operator is told of a queue of this length either way."""

# What was rejected when a lost tablet's edits were released has been decided on.
WAITING = text(f"""
    SELECT p.slug, r.code, count(*) AS waiting
    FROM (
        SELECT j.partnership_id, coalesce(j.problem ->> 'code', 'unknown_field') AS code
        FROM journal j
        WHERE {REFUSED} AND NOT EXISTS (
            SELECT FROM refused_edit_decision d
            WHERE d.partnership_id = j.partnership_id AND d.entry = j.entry)
        LIMIT {COUNTED_MAX}
    ) r
    JOIN partnership p ON p.id = r.partnership_id
    WHERE r.code <> 'not_released'
    GROUP BY p.slug, r.code ORDER BY p.slug, r.code
""")


class RefusalGauges(HeldGauges):
    """Counts the refused edits that nobody has decided on."""

    statement = WAITING

    def families(self, rows: Sequence[Row[Any]]) -> list[GaugeMetricFamily]:
        """See ``HeldGauges.families``."""
        family = GaugeMetricFamily(
            "fieldsync_refused_edits_waiting", "Refused edits that nobody has decided on.",
            labels=["partnership", "code"],
        )  # fmt: skip
        for row in rows:
            family.add_metric([row.slug, row.code], row.waiting)
        return [family]
