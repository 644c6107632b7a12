"""The journal alone: no value is lost in it, and decided again it gives the records that stand."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
from flask import Flask

from fieldsync.simulate.claims import same
from fieldsync.simulate.laws import Law
from tests.sync_model import laws as model
from tests.sync_model.replay import replayed
from tests.sync_model.world import World

KINDS = ("work_order", "task", "note", "labor_entry", "equipment_entry", "material_entry")

NOBODY = UUID(int=0)


def laws(app: Flask, partnership_id: UUID) -> list[Law]:
    """Both, of one partnership."""
    world = World(app, partnership_id, NOBODY, NOBODY, NOBODY, NOBODY, [])
    entries = world.value("SELECT count(*) FROM journal WHERE partnership_id = :p")
    return [
        _tried("No value is lost in the journal", f"{entries:,} entries", lambda: model.no_value_is_lost(world)),
        _tried("The journal, replayed, gives the same records", f"{entries:,} entries", lambda: _same(world)),
    ]


def _tried(name: str, checked: str, holds: Callable[[], None]) -> Law:
    try:
        holds()
    except AssertionError as error:
        return Law(name, checked, [str(error)[:500] or "an assertion of tests/sync_model does not hold"])
    return Law(name, checked)


def _same(world: World) -> None:
    replay = replayed(world)
    there = _records(world)
    again = {str(record.id): record for record in replay.known.records.values()}
    assert again.keys() == there.keys(), f"{sorted(again.keys() ^ there.keys())[:5]} are in one of both only"
    for record_id, record in again.items():
        values = msgspec.to_builtins(record.values) | {"version": record.version, "deleted": record.deleted}
        stored = {name: there[record_id][name] for name in values}
        differ = {name: (values[name], stored[name]) for name in values if not same(name, values[name], stored[name])}
        assert not differ, f"{record.kind.name} {record_id}: by the journal, and in its table: {differ}"


def _records(world: World) -> dict[str, model.Document]:
    found = {}
    for kind in KINDS:
        point = ", ST_X(location) AS lon, ST_Y(location) AS lat" if kind == "work_order" else ""
        for row in world.rows(f"SELECT to_jsonb(t) AS record{point} FROM {kind} t WHERE partnership_id = :p"):
            record = {name: model._plain(value) for name, value in row["record"].items()}
            if point:
                record["location"] = {"lon": row["lon"], "lat": row["lat"]}
            record["deleted"] = record.get("deleted_at") is not None
            found[record["id"]] = record
    return found
