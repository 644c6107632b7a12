"""The work that every server is given: new work orders, changes to them. Same seed, same work."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from bench.world import point

FIELDS = (
    "title", "description", "service_type_id", "status", "priority", "location", "address", "tags", "asset",
    "requester", "resolution", "started_at",
)  # fmt: skip
"""A new work order has these 12."""

CHANGED = ("status", "tags", "resolution", "started_at")
"""An update enters these 4, as a crew does that has done a job."""

_KINDS = ("pothole", "street light", "fallen tree", "blocked drain", "missing sign", "broken curb")
_STREETS = ("Maple Ave", "Canal Rd", "14th St NW", "Division Ave", "Quincy St", "Benning Rd")
_REMARKS = (
    "reported twice since the storm", "two lanes are affected", "barrier set up by the night crew",
    "asphalt and a roller are needed", "school traffic begins at eight", "the bus stop must stay open",
    "water stands on the road", "the neighbour has the key", "seen by the inspector last week",
)  # fmt: skip
_DAY = datetime(2026, 3, 2, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """``id`` is a UUIDv7 as text; ``fields`` are JSON values by name."""

    id: str
    fields: dict[str, Any]


def new_work_orders(count: int, seed: str, service_type_id: str) -> list[WorkOrder]:
    """``count`` work orders of 12 fields, about 700 bytes each as JSON."""
    draw = random.Random(seed)
    return [WorkOrder(str(uuid7()), _fields(draw, service_type_id)) for _ in range(count)]


def changes_of(orders: Sequence[WorkOrder]) -> list[WorkOrder]:
    """One update for each: only the fields that it enters."""
    return [WorkOrder(order.id, _changed(order.fields, number)) for number, order in enumerate(orders)]


def _fields(draw: random.Random, service_type_id: str) -> dict[str, Any]:
    kind, street = draw.choice(_KINDS), draw.choice(_STREETS)
    lon, lat = point(draw)
    return {
        "title": f"{kind.capitalize()} at {draw.randint(1, 4999)} {street}",
        "description": "; ".join(draw.choices(_REMARKS, k=6)),
        "service_type_id": service_type_id,
        "status": "open",
        "priority": draw.randint(1, 5),
        "location": {"lon": round(lon, 6), "lat": round(lat, 6)},
        "address": f"{draw.randint(1, 4999)} {street}",
        "tags": [kind, draw.choice(("north", "south", "east", "west"))],
        "asset": f"asset-{draw.randint(1, 99_999):05d}",
        "requester": f"resident {draw.randint(1, 9_999)}",
        "resolution": None,
        "started_at": _text(_DAY + timedelta(minutes=draw.randint(0, 600))),
    }


def _changed(fields: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "status": "completed",
        "tags": [*fields["tags"], "done"],
        "resolution": f"{fields['title']}: repaired, {number % 40 + 5} minutes, no further visit needed",
        "started_at": _text(_DAY + timedelta(days=1, minutes=number % 600)),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
