"""Pulling: everything from zero in pages of 1,000, and a small delta, out of many records."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

import msgspec
import psycopg

from bench.world import Tablet, World

PAGE = 1_000

_FILL = """
INSERT INTO work_order (partnership_id, id, version, change, title, description, service_type_id, status, priority,
    location, address, crew_id, tags, asset, requester, started_at, jurisdiction_id, placed_by, placed_at,
    created_at, updated_at)
SELECT %(partnership)s, gen_random_uuid(), 1, 2 + n / 100, 'Pothole ' || n,
    'Deep one by the kerb, about ' || n %% 90 || ' cm across, water standing in it.', %(service)s, 'in_progress',
    1 + n %% 5, ST_SetSRID(ST_MakePoint(-82 + n %% 500 * 0.01, 38 + n %% 400 * 0.01), 4326), n || ' Main Street',
    %(crew)s, ARRAY['road', 't' || n %% 7], 'ROAD-' || n, 'resident ' || n, now(),
    (SELECT id FROM jurisdiction WHERE partnership_id = %(partnership)s LIMIT 1), 'inside', now(), now(), now()
FROM generate_series(1, %(count)s) n
"""


def fill(connection: psycopg.Connection, world: World, count: int) -> None:
    """Give the world's crew ``count`` work orders, as a hundred edits a commit would have left them."""
    constants = {"partnership": world.partnership_id, "service": world.service_type_id, "crew": world.crew_id}
    connection.execute(_FILL, constants | {"count": count})
    connection.execute("UPDATE head SET change = 3 + %s / 100 WHERE partnership_id = %s", [count, world.partnership_id])
    connection.execute("ANALYZE work_order")


def everything(port: int, tablets: Sequence[Tablet]) -> tuple[int, float]:
    """Each tablet downloads all, all at once: (records in total, seconds)."""
    context = get_context("fork")
    barrier = context.Barrier(len(tablets) + 1)
    counts: Any = context.SimpleQueue()
    workers = [context.Process(target=_download, args=(port, tablet, barrier, counts)) for tablet in tablets]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    total = sum(counts.get() for _ in workers)
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    return total, seconds


def _download(port: int, tablet: Tablet, barrier: Any, counts: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    barrier.wait()
    cursor: str | None = None
    records = 0
    while True:
        text = exchange(connection, tablet, cursor)
        records += text.count(b'"kind" : "')
        cursor, more = after(text)
        if not more:
            break
    counts.put(records)


def after(text: bytes) -> tuple[str, bool]:
    """The cursor in an answer, and whether there is more; without parsing the whole."""
    found = re.search(rb'"cursor":"([^"]+)","more":(true|false)', text[-400:])
    if found is None:
        raise RuntimeError(f"no cursor in {text[-400:]!r}")
    return found[1].decode(), found[2] == b"true"


def exchange(connection: http.client.HTTPConnection, tablet: Tablet, cursor: str | None) -> bytes:
    """One exchange without edits; the answer as it came."""
    body = msgspec.json.encode({"protocol": 1, "sent_at": datetime.now(UTC), "cursor": cursor, "limit": PAGE})
    headers = {"Authorization": f"Bearer {tablet.token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/sync", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {text[:500]!r}")
    return text


def touch(connection: psycopg.Connection, world: World, count: int) -> None:
    """Change some of the crew's records, as one commit."""
    with connection.transaction():
        connection.execute("UPDATE head SET change = change + 1 WHERE partnership_id = %s", [world.partnership_id])
        connection.execute(
            "UPDATE work_order SET version = version + 1,"
            " change = (SELECT change FROM head WHERE partnership_id = %(partnership)s)"
            " WHERE partnership_id = %(partnership)s AND id IN (SELECT id FROM work_order"
            "   WHERE partnership_id = %(partnership)s AND crew_id = %(crew)s LIMIT %(count)s)",
            {"partnership": world.partnership_id, "crew": world.crew_id, "count": count},
        )


def cursor_at_end(port: int, tablet: Tablet) -> str:
    """Download everything; the place after it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    cursor, more = after(exchange(connection, tablet, None))
    while more:
        cursor, more = after(exchange(connection, tablet, cursor))
    return cursor


def delta_ms(port: int, tablet: Tablet, cursor: str, records: int, times: int) -> list[float]:
    """How long the changes after a place take, again and again; there must be ``records`` of them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        text = exchange(connection, tablet, cursor)
        took.append((time.perf_counter() - began) * 1000)
        if text.count(b'"kind" : "') != records:
            raise RuntimeError(f"a delta of {records} records was expected: {text[:300]!r}")
    return took
