"""How much waits in quarantine, for /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Row

from fieldsync.observe import HeldGauges
from fieldsync.sync.quarantine.queries import WAITING_BY_PARTNERSHIP

_GAUGES = (
    ("edits", "fieldsync_quarantined_edits", "Edits of revoked devices that nobody has decided on."),
    ("devices", "fieldsync_quarantined_devices", "Revoked devices whose edits nobody has decided on."),
)


class QuarantineGauges(HeldGauges):
    """Counts what revoked devices have deposited and nobody has decided on."""

    statement = WAITING_BY_PARTNERSHIP

    def families(self, rows: Sequence[Row[Any]]) -> list[GaugeMetricFamily]:
        """See ``HeldGauges.families``."""
        families = [GaugeMetricFamily(name, about, labels=["partnership"]) for _, name, about in _GAUGES]
        for family, (column, _, _) in zip(families, _GAUGES, strict=True):
            for row in rows:
                family.add_metric([row.slug], getattr(row, column))
        return families
