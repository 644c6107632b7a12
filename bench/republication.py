"""Republication: 200,000 open work orders of which 5 % change hands, while tablets sync.

The run is carried out by a process of its own, as a worker does; beside it tablets exchange at a steady pace, which
does not wait for answers that are late. Quiet and busy times alternate, and their 95th percentiles are compared.

    python -m bench.republication [--work-orders 200000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import shapely

from bench import edits, server, world
from bench.__main__ import database
from bench.world import COLUMNS, ROWS, SIZE_DEG, SOUTH, WEST, Tablet, World, rectangle
from fieldsync import create_app
from fieldsync.boundaries import publication
from fieldsync.config import Settings
from fieldsync.database import transaction
from geo.areas import AreaSet, Source
from geo.load import load_draft
from geo.publish import warning_kinds
from geo.report import check_version

RESULTS = Path(__file__).parent / "results" / "republication.json"
MOVING = 20
"""Of as many areas, one gets its neighbour's code and the neighbour its own."""

TABLETS = 4
EXCHANGES_A_SECOND = 20
EDITS = 10
QUIET_S = 8.0

_FILL = """
INSERT INTO work_order (partnership_id, id, version, change, title, service_type_id, status, priority, location,
    crew_id, tags, jurisdiction_id, area_id, placed_version_id, placed_by, placed_at, created_at, updated_at)
SELECT %(partnership)s, gen_random_uuid(), 1, 2 + n / 100, 'Pothole ' || n, %(service)s, 'open', 3,
    ST_SetSRID(ST_MakePoint(%(west)s + %(size)s * (c.x + 0.2 + 0.6 * random()),
                            %(south)s + %(size)s * (c.y + 0.2 + 0.6 * random())), 4326),
    %(crew)s, '{}', j.id, a.id, %(version)s, 'inside', now(), now(), now()
FROM generate_series(1, %(count)s) n
CROSS JOIN LATERAL (SELECT n %% %(columns)s AS x, n / %(columns)s %% %(rows)s AS y) c
JOIN jurisdiction j ON j.partnership_id = %(partnership)s
    AND j.code = lpad(c.x::text, 2, '0') || lpad(c.y::text, 2, '0')
JOIN area a ON a.partnership_id = %(partnership)s AND a.version_id = %(version)s AND a.code = j.code
"""


@dataclass
class Pace:
    """Exchanges begun at fixed moments, whether those before have been answered or not; their milliseconds."""

    port: int
    tablets: list[Tablet]
    made: World
    seqs: dict[str, int] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def keep(self, until: threading.Event, seconds: float = 120.0) -> list[float]:
        """Exchange until the event, or for so long."""
        took: list[float] = []
        began = time.perf_counter()
        with ThreadPoolExecutor(len(self.tablets)) as pool:
            turn = 0
            while not until.is_set() and (now := time.perf_counter()) < began + seconds:
                due = began + turn / EXCHANGES_A_SECOND
                if now < due:
                    time.sleep(due - now)
                tablet = self.tablets[turn % len(self.tablets)]
                first = self.seqs.get(tablet.token, 1)
                self.seqs[tablet.token] = first + EDITS
                (body,) = edits.bodies(edits.creates(self.made, self.chance, EDITS), EDITS, first)
                pool.submit(self._exchange, tablet, body, due, took)
                turn += 1
        return took

    def _exchange(self, tablet: Tablet, body: bytes, due: float, took: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {tablet.token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/sync", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200 or text.count(b'"applied"') != EDITS:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")
        took.append(1000 * (time.perf_counter() - due))
        connection.close()


def p95(took: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(took, n=20)[-1]


def areas(turn: int) -> AreaSet:
    """The world's areas, of which every 20th has its neighbour's code in every second turn."""
    cells = [(column, row) for column in range(COLUMNS) for row in range(ROWS)]
    codes = [f"{column:02d}{row:02d}" for column, row in cells]
    if turn % 2:
        for n in range(0, len(codes) - 1, 2 * MOVING):
            codes[n], codes[n + 1] = codes[n + 1], codes[n]
    geoms = np.asarray(shapely.from_wkt([rectangle(*cell) for cell in cells]), dtype=object)
    source = Source("bench", "WKT", None, "EPSG:4326", "utf-8", "code", "code", 0.0)
    return AreaSet(tuple(codes), tuple(codes), geoms, source)


def publish(url: str, made: World, turn: int) -> UUID:
    """A new version in force; the run that waits to be carried out."""
    app = create_app(Settings(database_url=url, log_level="ERROR"))
    with app.app_context(), transaction() as session:
        layer_id = (
            session.connection()
            .exec_driver_sql("SELECT id FROM layer WHERE partnership_id = %s", (made.partnership_id,))
            .scalar_one()
        )
        version_id = load_draft(session, made.partnership_id, layer_id, areas(turn))
        check_version(session, made.partnership_id, version_id)
        kinds = warning_kinds(session, made.partnership_id, version_id)
        run_id = publication.publish(session, made.partnership_id, version_id, None, kinds)
    assert run_id is not None
    return run_id


_CARRY = """
import sys, time
from uuid import UUID
from fieldsync import create_app
from fieldsync.boundaries.runs import carry_out
from fieldsync.config import Settings
app = create_app(Settings(database_url=sys.argv[1], log_level="ERROR"))
with app.app_context():
    began = time.perf_counter()
    carry_out(UUID(sys.argv[2]), UUID(sys.argv[3]))
    print(time.perf_counter() - began)
"""


def carry(url: str, made: World, run_id: UUID) -> float:
    """The seconds that a process of its own takes for the run, from a standing start of the process."""
    command = [sys.executable, "-c", _CARRY, url, str(made.partnership_id), str(run_id)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(url: str, port: int, work_orders: int, rounds: int) -> dict[str, Any]:
    """Quiet and busy in turn."""
    with psycopg.connect(url, autocommit=True) as connection:
        made = world.make(connection, TABLETS)
        constants = {
            "partnership": made.partnership_id, "service": made.service_type_id, "crew": made.crew_id,
            "version": made.version_id, "west": WEST, "south": SOUTH, "size": SIZE_DEG, "columns": COLUMNS,
            "rows": ROWS, "count": work_orders,
        }  # fmt: skip
        connection.execute(_FILL, constants)
        connection.execute("UPDATE head SET change = 100000 WHERE partnership_id = %s", [made.partnership_id])
        connection.execute("VACUUM ANALYZE work_order")
        pace = Pace(port, made.tablets, made)
        rates, quiet, busy, moved = [], [], [], []
        pace.keep(threading.Event(), 2)  # warms up
        for turn in range(1, rounds + 1):
            quiet.append(p95(pace.keep(threading.Event(), QUIET_S)))
            run_id = publish(url, made, turn)
            done = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                syncing = pool.submit(pace.keep, done)
                seconds = carry(url, made, run_id)
                done.set()
                busy.append(p95(syncing.result()))
            row = connection.execute("SELECT state, result FROM boundary_run WHERE id = %s", [run_id]).fetchone()
            assert row is not None
            assert row[0] == "done", row
            rates.append(row[1]["examined"] / seconds)
            moved.append(row[1]["moved"] / row[1]["examined"])
            print(f"round {turn}: {rates[-1]:,.0f}/s, moved {moved[-1]:.1%},"
                  f" p95 {quiet[-1]:.1f} -> {busy[-1]:.1f} ms", file=sys.stderr)  # fmt: skip
    return {
        "work_orders": work_orders,
        "rounds": rounds,
        "examined_per_s": round(statistics.median(rates)),
        "share_moved": round(statistics.median(moved), 4),
        "exchange_p95_ms_quiet": round(statistics.median(quiet), 1),
        "exchange_p95_ms_busy": round(statistics.median(busy), 1),
        "p95_busy_to_quiet": round(statistics.median(b / q for b, q in zip(busy, quiet, strict=True)), 2),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-orders", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with database() as url, server.gunicorn(url) as (port, _):
        found = measure(url, port, chosen.work_orders, chosen.rounds)
    print(json.dumps(found, indent=1))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
