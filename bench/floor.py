"""The floor: one bare statement that writes the same rows to the same tables, indexes and constraints, with placement.

No HTTP, authentication, numbering, merge or feed: each connection sends JSON that was made beforehand to a prepared
statement and commits. What is left is what PostgreSQL itself takes, durably. It writes two rows an edit, as we do:
the journal's and the record's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Any

import msgspec
import psycopg

from bench.edits import Edit
from bench.world import World
from fieldsync.database import new_id

_WRITE = """
WITH input AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r (
        edit_id uuid, seq bigint, record_id uuid, action text, base_version int, version int, fields json, before json,
        title text, description text, service_type_id uuid, status text, priority smallint, lon float8, lat float8,
        address text, tags text[], resolution text, asset text, requester text, started_at timestamptz)
), journalled AS (
    INSERT INTO journal (partnership_id, edit_id, author_id, side, seq, crew_id, kind, record_id, action, base_version,
        observed_at, happened_at, received_at, fields, verdict, version, before)
    SELECT %(partnership)s, edit_id, %(author)s, 'crew', seq, %(crew)s, 'work_order', record_id, action, base_version,
        now(), now(), now(), fields, 'applied', version, before
    FROM input
)
INSERT INTO work_order (partnership_id, id, version, change, title, description, service_type_id, status, priority,
    location, address, crew_id, tags, resolution, asset, requester, started_at, jurisdiction_id, area_id,
    placed_version_id, placed_by, placed_at, created_at, updated_at)
SELECT %(partnership)s, record_id, version, 2, title, description, service_type_id, status, priority,
    ST_SetSRID(ST_MakePoint(lon, lat), 4326), address, %(crew)s, tags, resolution, asset, requester, started_at,
    j.id, placed.area_id, %(layer_version)s, CASE WHEN placed.area_id IS NULL THEN 'outside' ELSE 'inside' END,
    clock_timestamp(), now(), now()
FROM input
LEFT JOIN LATERAL (
    SELECT a.code, p.area_id FROM area_piece p
    JOIN area a ON a.partnership_id = p.partnership_id AND a.id = p.area_id
    WHERE p.partnership_id = %(partnership)s AND p.version_id = %(layer_version)s
      AND ST_Covers(p.geom, ST_SetSRID(ST_MakePoint(lon, lat), 4326))
    ORDER BY a.code LIMIT 1
) placed ON true
LEFT JOIN jurisdiction j ON j.partnership_id = %(partnership)s AND j.code = placed.code
ON CONFLICT (partnership_id, id) DO UPDATE SET
    version = excluded.version, change = excluded.change, title = excluded.title, description = excluded.description,
    service_type_id = excluded.service_type_id, status = excluded.status, priority = excluded.priority,
    location = excluded.location, address = excluded.address, tags = excluded.tags, resolution = excluded.resolution,
    asset = excluded.asset, requester = excluded.requester, started_at = excluded.started_at,
    jurisdiction_id = excluded.jurisdiction_id, area_id = excluded.area_id,
    placed_version_id = excluded.placed_version_id, placed_by = excluded.placed_by, updated_at = excluded.updated_at
"""


def measure(url: str, worlds: Sequence[World], shares: Sequence[Sequence[Edit]], version: int, batch: int) -> float:
    """Edits a second: one process and connection for each share of edits, all at once.

    ``shares`` go to ``worlds`` in turn; ``version`` is what the records become.
    """
    context = get_context("fork")
    barrier = context.Barrier(len(shares) + 1)
    workers = [
        context.Process(target=_work, args=(url, worlds[n % len(worlds)], share, version, batch, barrier))
        for n, share in enumerate(shares)
    ]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a connection of the floor failed")
    return sum(len(share) for share in shares) / seconds


def _work(url: str, world: World, share: Sequence[Edit], version: int, batch: int, barrier: Any) -> None:
    author = new_id()
    rows = [_row(edit, seq, version) for seq, edit in enumerate(share)]
    batches = [msgspec.json.encode(rows[at : at + batch]).decode() for at in range(0, len(rows), batch)]
    constants = {
        "partnership": world.partnership_id, "crew": world.crew_id, "author": author, "layer_version": world.version_id,
    }  # fmt: skip
    options = "-c synchronous_commit=on -c jit=off -c timezone=UTC"
    with psycopg.connect(url, autocommit=True, options=options, prepare_threshold=0) as connection:
        connection.execute("SELECT 1")
        barrier.wait()
        for text in batches:
            connection.execute(_WRITE, constants | {"rows": text})


def _row(edit: Edit, seq: int, version: int) -> dict[str, Any]:
    fields = edit["fields"]
    before = fields if edit["action"] == "update" else None
    point = fields["location"]
    return fields | {
        "edit_id": new_id(), "seq": seq, "record_id": edit["record_id"], "action": edit["action"],
        "base_version": edit["base_version"], "version": version, "fields": fields, "before": before,
        "lon": point["lon"], "lat": point["lat"],
    }  # fmt: skip
