"""A real worker, killed with -9 in the middle of a publication and of a withdrawal; another one ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from fieldsync.boundaries import publication
from fieldsync.database import new_id
from tests.database.lines import Lines, make_lines
from tests.sync_model.world import end_app, make_app

HALF = {"W": (-81.0, -80.0), "E": (-80.0, -79.0)}
WIDER = {"W": (-81.0, -79.5), "E": (-79.5, -79.0)}
WORK_ORDERS = 3_000
PATIENCE_S = 90


@pytest.fixture
def own(new_database: Callable[[], str]) -> Iterator[tuple[Lines, str]]:
    url = new_database()
    app = make_app(url)
    lines = make_lines(app, ("W", "E"))
    lines.publish(lines.areas(HALF), datetime(2020, 1, 1, tzinfo=UTC))
    tablet = lines.world.tablet()
    for begin in range(0, WORK_ORDERS, 1_000):
        jobs = [lines.world.job(location={"lon": -79.95 + n / 10_000, "lat": 40.5}) for n in range(begin, begin + 1000)]
        tablet.push(*[tablet.edit("work_order", new_id(), "create", job) for job in jobs])
    yield lines, url
    end_app(app)


@contextmanager
def worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {"FIELDSYNC_DATABASE_URL": url, "FIELDSYNC_LOG_LEVEL": "WARNING"}
    process = subprocess.Popen([sys.executable, "-m", "fieldsync", "worker"], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def killed_in_the_middle(url: str, cause: str) -> int:
    """Run a worker until it has written some of it, and kill it; how many changes there are then."""
    with worker(url) as process, psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            count = connection.execute("SELECT count(*) FROM placement_change WHERE cause = %s", [cause]).fetchone()
            if count and count[0]:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(20)
                break
            time.sleep(0.005)
        row = connection.execute("SELECT count(*) FROM placement_change WHERE cause = %s", [cause]).fetchone()
    assert row is not None
    return int(row[0])


def ended(url: str, run_id: UUID) -> dict[str, Any]:
    """Let another worker end the run; its row."""
    with worker(url), psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            row = connection.execute("SELECT * FROM boundary_run WHERE id = %s", [run_id]).fetchone()
            assert row is not None
            if row["ended_at"]:
                return row
            time.sleep(0.1)
    raise AssertionError("the run has not ended")


def counts(lines: Lines) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for code, *_ in lines.standing().values():
        found[code] = found.get(code, 0) + 1
    return found


def test_killed_workers_lose_and_double_nothing(own: tuple[Lines, str]) -> None:
    lines, url = own
    world = lines.world
    assert counts(lines) == {"E": WORK_ORDERS}
    draft = lines.draft(lines.areas(WIDER))
    with world.session() as session:
        run_id = publication.publish(session, world.partnership_id, draft, None, ["shape_changed"])
    assert run_id is not None
    part = killed_in_the_middle(url, "publication")
    assert 0 < part < WORK_ORDERS
    row = ended(url, run_id)
    assert (row["state"], row["attempts"], row["result"]["moved"]) == ("done", 2, WORK_ORDERS)
    assert counts(lines) == {"W": WORK_ORDERS}
    # Each moved once: one more version, one more entry of the journal.
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p AND version = 2") == WORK_ORDERS
    assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p AND action = 'place'") == WORK_ORDERS

    with world.session() as session:
        run_id = publication.withdraw(session, world.partnership_id, draft)
    assert run_id is not None
    part = killed_in_the_middle(url, "withdrawal")
    assert 0 < part < WORK_ORDERS
    row = ended(url, run_id)
    assert (row["state"], row["result"]["reversed"]) == ("done", WORK_ORDERS)
    assert counts(lines) == {"E": WORK_ORDERS}
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p AND version = 3") == WORK_ORDERS
