"""Edits for the load, made before anything is timed: twelve fields each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bench.world import World, point
from fieldsync.database import new_id

Edit = dict[str, Any]


def values(world: World, random_: random.Random, number: int) -> Edit:
    """Twelve fields of a work order."""
    lon, lat = point(random_)
    at = datetime.now(UTC)
    return {
        "title": f"Pothole {number}",
        "description": f"Deep one by the kerb, about {number % 90} cm across, water standing in it.",
        "service_type_id": world.service_type_id,
        "status": "in_progress",
        "priority": 1 + number % 5,
        "location": {"lon": lon, "lat": lat},
        "address": f"{number} Main Street",
        "tags": ["road", f"t{number % 7}"],
        "resolution": None,
        "asset": f"ROAD-{number}",
        "requester": f"resident {number}",
        "started_at": at,
    }


def creates(world: World, random_: random.Random, count: int) -> list[Edit]:
    """New work orders."""
    return [
        {"kind": "work_order", "record_id": new_id(), "action": "create", "base_version": None,
         "fields": values(world, random_, number)}
        for number in range(count)
    ]  # fmt: skip


def updates(world: World, random_: random.Random, ids: Sequence[Any], base: int) -> list[Edit]:
    """Edits of twelve fields of existing work orders, made on version ``base``."""
    return [
        {"kind": "work_order", "record_id": record_id, "action": "update", "base_version": base,
         "fields": values(world, random_, number + 1_000_000 * base) | {"resolution": f"filled {base}"}}
        for number, record_id in enumerate(ids)
    ]  # fmt: skip


def bodies(edits: Sequence[Edit], batch: int, first_seq: int) -> list[bytes]:
    """The exchanges that carry the edits, ``batch`` in each, numbered from ``first_seq``; encoded."""
    return [
        msgspec.json.encode(
            {
                "protocol": 1,
                "sent_at": datetime.now(UTC),
                "cursor": None,
                "limit": 0,
                "edits": [
                    {"seq": first_seq + at + offset, "edit_id": new_id(), "observed_at": datetime.now(UTC)} | edit
                    for offset, edit in enumerate(edits[at : at + batch])
                ],
            }
        )
        for at in range(0, len(edits), batch)
    ]


def split(items: Sequence[Any], parts: int) -> Iterator[Sequence[Any]]:
    """Equal shares, in order."""
    size = len(items) // parts
    for part in range(parts):
        yield items[part * size : (part + 1) * size]
