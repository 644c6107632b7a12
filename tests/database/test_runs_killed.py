"""Workers as processes of their own: killed in the middle, asked to end, several at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import shapely

from fieldsync.boundaries import runs
from fieldsync.boundaries.folders import PREFIX
from fieldsync.boundaries.uploads.keep import File, keep
from tests.geo.layers import new_layer
from tests.setup.processes import family, is_running, wait_until
from tests.sync_model.world import World, end_app, make_app, make_world

ROOT = Path(__file__).parents[2]
SIDE = 150
"""Squares along each side of a layer whose reading takes a second or two."""


@pytest.fixture
def world(new_database: Callable[[], str]) -> Iterator[World]:
    """In a database of its own: a worker carries out whatever it finds."""
    url = new_database()
    app = make_app(url)
    app.config["URL"] = url
    yield make_world(app)
    end_app(app)


@contextmanager
def worker(world: World, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "FIELDSYNC_DATABASE_URL": world.app.config["URL"], "TMPDIR": str(folder)}
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fieldsync", "worker"], cwd=ROOT, env=environ, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def grid(side: int) -> bytes:
    """GeoJSON of side × side squares."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": f"{x:03}-{y:03}", "name": f"{x:03}-{y:03}"},
            "geometry": shapely.geometry.mapping(shapely.box(x / 500, y / 500, (x + 1) / 500, (y + 1) / 500)),
        }
        for x in range(side)
        for y in range(side)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def ask(world: World, content: bytes) -> UUID:
    """An import of this file into a layer of its own."""
    with world.session() as session:
        layer_id = new_layer(session, world.partnership_id, name=os.urandom(8).hex(), role="reference")
        upload_id = keep(session, world.partnership_id, layer_id, [File("grid.geojson", BytesIO(content))], None)
        return runs.ask(session, world.partnership_id, "import", layer_id, upload_id=upload_id)


def read(world: World, run_id: UUID) -> Any:
    return world.rows("SELECT * FROM boundary_run WHERE partnership_id = :p AND id = :id", id=run_id)[0]


def await_stage(world: World, run_id: UUID, stage: str) -> None:
    def reached() -> bool:
        found = read(world, run_id)
        assert found["state"] in ("waiting", "running"), "It was too fast for this test: let SIDE be larger."
        return str(found["progress"].get("stage", "")).startswith(stage)

    assert wait_until(reached, seconds=120)


def await_state(world: World, run_id: UUID, state: str) -> Any:
    assert wait_until(lambda: read(world, run_id)["state"] == state, seconds=120), dict(read(world, run_id))
    return read(world, run_id)


def drafts(world: World) -> list[tuple[str, int, bool]]:
    rows = world.rows(
        "SELECT v.status, v.checked_at IS NOT NULL AS checked,"
        " (SELECT count(*) FROM area a WHERE a.partnership_id = :p AND a.version_id = v.id) AS areas"
        " FROM layer_version v WHERE v.partnership_id = :p"
    )
    return [(row["status"], row["areas"], row["checked"]) for row in rows]


@contextmanager
def held_up(world: World, table: str, mode: str) -> Iterator[Callable[[], bool]]:
    """Whoever writes to the table, or reads it, waits during the block; gives a way to ask whether somebody does."""
    with psycopg.connect(world.app.config["URL"]) as session:
        session.execute(f"LOCK TABLE {table} IN {mode} MODE")
        waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
        yield lambda: bool(world.value(waiting))


@pytest.mark.parametrize(
    ("table", "mode", "made"),
    [
        ("upload_part", "ACCESS EXCLUSIVE", []),  # the file is fetched
        ("area", "SHARE", []),  # the areas are kept
        ("finding", "SHARE", [("draft", 9, False)]),  # the report is written
    ],
)
def test_a_killed_worker_s_run_is_taken_up_and_nothing_is_there_twice(
    world: World, tmp_path: Path, table: str, mode: str, made: list[Any]
) -> None:
    run_id = ask(world, grid(3))
    with held_up(world, table, mode) as is_waited_for, worker(world, tmp_path) as first:
        assert wait_until(is_waited_for, seconds=60)
        kill(first)
    assert (read(world, run_id)["state"], drafts(world)) == ("running", made)
    with worker(world, tmp_path):
        found = await_state(world, run_id, "done")
    assert (found["attempts"], found["result"]["areas"]) == (2, 9)
    assert drafts(world) == [("draft", 9, True)]
    assert list(tmp_path.glob(f"{PREFIX}*")) == []
    assert world.value("SELECT count(*) FROM upload WHERE partnership_id = :p") == 0


def test_what_reads_a_file_apart_goes_with_its_worker(world: World, tmp_path: Path) -> None:
    run_id = ask(world, grid(SIDE))
    with worker(world, tmp_path) as first:
        await_stage(world, run_id, "reading the file")
        kill(first)
    with worker(world, tmp_path):
        assert await_state(world, run_id, "done")["attempts"] == 2
    assert drafts(world) == [("draft", SIDE * SIDE, True)]
    assert list(tmp_path.glob(f"{PREFIX}*")) == []


def kill(process: subprocess.Popen[bytes]) -> None:
    """And see that nothing it has started lives on."""
    members = family(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_until(lambda: not any(is_running(member) for member in members))


def test_a_worker_that_is_asked_to_end_puts_its_run_back(world: World, tmp_path: Path) -> None:
    run_id = ask(world, grid(SIDE))
    with worker(world, tmp_path) as first:
        await_stage(world, run_id, "reading the file")
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
    found = read(world, run_id)
    assert (found["state"], found["attempts"]) == ("waiting", 0)
    assert list(tmp_path.glob(f"{PREFIX}*")) == []
    with worker(world, tmp_path):
        assert await_state(world, run_id, "done")["attempts"] == 1


def test_two_workers_share_the_work(world: World, tmp_path: Path) -> None:
    asked = [ask(world, grid(3)) for _ in range(6)]
    with worker(world, tmp_path), worker(world, tmp_path):
        for run_id in asked:
            await_state(world, run_id, "done")
        # Nothing of the queue is left behind.
        assert wait_until(lambda: world.value("SELECT count(*) FROM procrastinate_jobs") == 0)
    assert {read(world, run_id)["attempts"] for run_id in asked} == {1}
    assert drafts(world) == [("draft", 9, True)] * 6


def test_a_cancelled_import_leaves_nothing(world: World, tmp_path: Path) -> None:
    run_id = ask(world, grid(3))
    with worker(world, tmp_path):
        with held_up(world, "finding", "SHARE") as is_waited_for:
            assert wait_until(is_waited_for, seconds=60)
            with world.session() as session:
                assert runs.cancel(session, world.partnership_id, run_id) == "running"
        await_state(world, run_id, "cancelled")
    assert drafts(world) == []
    assert world.value("SELECT count(*) FROM upload WHERE partnership_id = :p") == 0


def test_a_worker_whose_sessions_are_cut_goes_on_or_ends_and_says_so(world: World, tmp_path: Path) -> None:
    """As by a restart of the database. Which of both depends on what it was about to do."""
    log = tmp_path / "worker.log"
    with worker(world, tmp_path) as process:
        assert wait_until(lambda: b"worker ready" in log.read_bytes(), seconds=60)
        world.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fieldsync queue'")
        run_id = ask(world, grid(3))
        assert wait_until(lambda: process.poll() is not None or read(world, run_id)["state"] == "done", seconds=60)
        ended = process.poll()
    if ended is not None:
        assert ended == 1
        assert "could not be reached any more" in log.read_text(encoding="utf-8")
        with worker(world, tmp_path):
            await_state(world, run_id, "done")


def test_folders_of_the_killed_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldsync.boundaries import folders

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    leftover = tmp_path / f"{PREFIX}killed"
    leftover.mkdir()
    (leftover / ".lock").touch()
    (leftover / "upload.gpkg").write_bytes(b"x")
    with folders.private_folder() as folder:
        folders.remove_leftovers()
        assert (folder.exists(), leftover.exists()) == (True, False)
    assert list(tmp_path.iterdir()) == []
