"""Placing points: the index in memory and the authority in PostGIS against one bare ST_Covers statement.

500 areas of 200 vertices that tile their ground. The bare statement asks the same points of whole polygons
under a GiST index and settles nothing: no shared borders, no overlaps, no tolerance. All in one transaction
that is rolled back.

    python -m bench.placement postgresql://…        prints points a second, medians, as JSON
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import shapely
from sqlalchemy import create_engine, insert, make_url, text
from sqlalchemy.orm import Session

from bench.world import COLUMNS, ROWS, SIZE_DEG, SOUTH, WEST, rectangle
from geo.areas import AreaSet, Source
from geo.assign import PlacementIndex, place_in_postgis
from geo.load import load_draft
from geo.publish import publish, warning_kinds
from geo.report import check_version
from geo.tables import layer

BATCHES = (1, 50, 500, 20_000)
ROUNDS = 7
SECONDS_A_SAMPLE = 0.05
"""Small batches are repeated to fill this, so that the clock's grain does not show."""

SOURCE = Source("bench", "WKT", None, "EPSG:4326", "utf-8", "code", "code", 0.0)

_BARE = text("""
    SELECT bare_area.id
    FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY AS point (lon, lat, n)
    LEFT JOIN bare_area
           ON ST_Covers(bare_area.geom, ST_SetSRID(ST_MakePoint(point.lon, point.lat), 4326))
    ORDER BY point.n
""")


def run(database_url: str) -> dict[str, Any]:
    """Points a second by way and batch, medians of 7 rounds in turn. The database is migrated, and left as
    it was.

    Raises AssertionError if the three do not find the same areas.
    """
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    try:
        with Session(engine) as session:
            partnership_id, version_id = _publish(session)
            started = time.perf_counter()
            index = PlacementIndex.load(session, partnership_id, version_id)
            built_ms = 1000 * (time.perf_counter() - started)
            rates = {f"{batch} points": _rates(session, index, partnership_id, version_id, batch) for batch in BATCHES}
            session.rollback()
    finally:
        engine.dispose()
    return {
        "areas": COLUMNS * ROWS,
        "vertices_an_area": 200,
        "rounds": ROUNDS,
        "index_built_ms": round(built_ms, 1),
        "points_per_s": rates,
    }


def _publish(session: Session) -> tuple[UUID, UUID]:
    """A partnership with the areas published, and beside it the bare table of them."""
    partnership_id, layer_id = uuid4(), uuid4()
    slug = f"bench-{partnership_id.hex[:12]}"
    session.execute(
        text("INSERT INTO partnership (id, slug, name) VALUES (:id, :slug, 'Placement')"),
        {"id": partnership_id, "slug": slug},
    )
    session.execute(insert(layer), {"partnership_id": partnership_id, "id": layer_id, "name": "Areas"})
    cells = [(column, row) for column in range(COLUMNS) for row in range(ROWS)]
    codes = tuple(f"{column:02d}{row:02d}" for column, row in cells)
    geoms = shapely.from_wkt([rectangle(column, row) for column, row in cells])
    version_id = load_draft(session, partnership_id, layer_id, AreaSet(codes, codes, geoms, SOURCE))
    check_version(session, partnership_id, version_id)
    warnings = warning_kinds(session, partnership_id, version_id)
    publish(session, partnership_id, version_id, datetime(2020, 1, 1, tzinfo=UTC), acknowledged=warnings)
    version = {"version_id": version_id}
    session.execute(text("CREATE TEMP TABLE bare_area (id uuid, geom geometry(MultiPolygon, 4326)) ON COMMIT DROP"))
    session.execute(text("INSERT INTO bare_area SELECT id, geom FROM area WHERE version_id = :version_id"), version)
    session.execute(text("CREATE INDEX ON bare_area USING gist (geom)"))
    session.execute(text("ANALYZE bare_area"))
    return partnership_id, version_id


def _rates(
    session: Session, index: PlacementIndex, partnership_id: UUID, version_id: UUID, batch: int
) -> dict[str, int]:
    rng = np.random.default_rng(batch)
    lon = WEST + SIZE_DEG * rng.uniform(0.1, COLUMNS - 0.1, batch)
    lat = SOUTH + SIZE_DEG * rng.uniform(0.1, ROWS - 0.1, batch)
    bare = {"lon": lon.tolist(), "lat": lat.tolist()}
    points = list(zip(bare["lon"], bare["lat"], strict=True))
    ways: dict[str, Callable[[], list[UUID | None]]] = {
        "in memory": lambda: index.place(lon, lat).area_ids,
        "in PostGIS": lambda: place_in_postgis(session, partnership_id, version_id, points).area_ids,
        "bare ST_Covers": lambda: list(session.execute(_BARE, bare).scalars()),
    }
    answers = [ask() for ask in ways.values()]
    assert answers[0] == answers[1] == answers[2]
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            samples[name].append(batch / _seconds(ask))
    return {name: round(statistics.median(taken)) for name, taken in samples.items()}


def _seconds(ask: Callable[[], object]) -> float:
    """Seconds that one call takes, over as many as fill the time of a sample."""
    calls, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < SECONDS_A_SAMPLE or not calls:
        ask()
        calls += 1
    return elapsed / calls


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1]), indent=1))
