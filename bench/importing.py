"""Import: a layer of 500 areas with 100,000 vertices, from the upload to the checked draft.

Beside it, in the same run, what cannot be spared: GDAL reads the same file in this process, and one statement writes
its shapes to a bare table. The difference is a process of its own for reading, coordinates held against their system's
area of use, the file kept and fetched, and the check report.

    python -m bench.importing [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pyogrio
import shapely
from sqlalchemy import text

from bench import world
from bench.__main__ import database
from bench.world import COLUMNS, ROWS, World, rectangle
from fieldsync import create_app
from fieldsync.boundaries import runs
from fieldsync.boundaries.uploads.keep import File, keep
from fieldsync.config import Settings
from fieldsync.database import transaction

RESULTS = Path(__file__).parent / "results" / "importing.json"
DRIVERS = {"GeoJSON": ("areas.geojson", "GeoJSON"), "GeoPackage": ("areas.gpkg", "GPKG")}


def files(folder: Path) -> dict[str, Path]:
    """The layer in each format."""
    cells = [(column, row) for column in range(COLUMNS) for row in range(ROWS)]
    codes = np.array([f"{column:02d}{row:02d}" for column, row in cells], dtype=object)
    shapes = shapely.from_wkt([rectangle(*cell) for cell in cells])
    made = {}
    for format_, (name, driver) in DRIVERS.items():
        made[format_] = folder / name
        pyogrio.raw.write(
            folder / name, shapely.to_wkb(shapes), [codes, codes], ["code", "name"], geometry_type="MultiPolygon",
            crs="EPSG:4326", driver=driver,
        )  # fmt: skip
    return made


def bare(connection: psycopg.Connection, path: Path) -> float:
    """Seconds to read the file and write its shapes, by the shortest way."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS bare (geom geometry)")
    connection.execute("TRUNCATE bare")
    began = time.perf_counter()
    _, _, wkbs, _ = pyogrio.raw.read(path)
    connection.execute("INSERT INTO bare SELECT ST_GeomFromWKB(wkb, 4326) FROM unnest(%s::bytea[]) wkb", [list(wkbs)])
    return time.perf_counter() - began


def ours(made: World, layer_id: UUID, path: Path) -> float:
    """Seconds from the file that was handed in to the draft with its report. Within the application's context."""
    began = time.perf_counter()
    with transaction() as session, path.open("rb") as stream:
        upload_id = keep(session, made.partnership_id, layer_id, [File(path.name, stream)], None)
        run_id = runs.ask(session, made.partnership_id, "import", layer_id, upload_id=upload_id)
    runs.carry_out(made.partnership_id, run_id)
    seconds = time.perf_counter() - began
    with transaction() as session:
        state, problem = session.execute(
            text("SELECT state, problem FROM boundary_run WHERE partnership_id = :p AND id = :id"),
            {"p": made.partnership_id, "id": run_id},
        ).one()
    assert state == "done", problem
    return seconds


def measure(url: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Ours and the bare way in turn, by format."""
    app = create_app(Settings(database_url=url, log_level="ERROR"))
    found: dict[str, Any] = {"areas": COLUMNS * ROWS, "vertices": COLUMNS * ROWS * 200, "rounds": rounds}
    with psycopg.connect(url, autocommit=True) as connection, app.app_context():
        made = world.make(connection, 1)
        row = connection.execute("SELECT id FROM layer WHERE partnership_id = %s", [made.partnership_id]).fetchone()
        assert row is not None
        for format_, path in files(folder).items():
            pairs = [(ours(made, row[0], path), bare(connection, path)) for _ in range(rounds + 1)][1:]
            found[format_] = {
                "import_s": round(statistics.median(pair[0] for pair in pairs), 2),
                "bare_s": round(statistics.median(pair[1] for pair in pairs), 3),
                "import_to_bare": round(statistics.median(mine / floor for mine, floor in pairs), 1),
            }
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database() as url:
        found = measure(url, Path(folder), chosen.rounds)
    print(json.dumps(found, indent=1))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
