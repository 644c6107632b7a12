"""A tablet that is killed, again and again, wherever it happens to be."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fieldsync.tablet import Tablet
from tests.tablet.live import Live

ROOT = Path(__file__).parents[2]
KILLS = 20


def run_and_kill(path: Path, live: Live, seed: int, after_s: float) -> list[int]:
    """Let the app work for a while, kill it, and return the numbers that it said were stored."""
    app = subprocess.Popen(
        [sys.executable, "-m", "tests.tablet.crew_app", str(path), live.url, str(seed)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert app.stdout is not None
    first = app.stdout.readline()  # It is at work now.
    time.sleep(after_s)
    app.send_signal(signal.SIGKILL)
    said = (first + app.stdout.read()).split("\n")[:-1]  # The last line may be half of one.
    assert app.wait() == -signal.SIGKILL
    app.stdout.close()
    return [int(line.removeprefix("entered ")) for line in said]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_tablet_killed_at_any_moment_loses_nothing_and_sends_nothing_twice(
    live: Live, tmp_path: Path, seed: int
) -> None:
    path = tmp_path / "tablet.sqlite3"
    tablet = Tablet(path, live.url)
    tablet.enrol(live.code(live.crew()["id"], f"killed {seed}"))
    tablet.sync()
    tablet.close()
    chance = random.Random(seed)
    stored = 0
    for turn in range(KILLS):
        said = run_and_kill(path, live, 1_000 * seed + turn, chance.uniform(0, 0.25))
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (held,) = connection.execute("SELECT max(seq) FROM edit").fetchone()
            holes = connection.execute("SELECT count(*) FROM edit").fetchone()[0] - held
        connection.close()
        assert holes == 0
        assert said[-1] <= held, "what was said to be stored is there"
        assert said[0] > stored, "no number was given twice"
        stored = said[-1]
    tablet = Tablet(path, live.url)
    tablet.sync()
    journal = tablet.journal()
    rows = live.sql(
        "SELECT seq, edit_id::text, record_id::text, fields, verdict, version FROM journal"
        " WHERE author_id = %s ORDER BY seq",
        tablet.device_id,
    )
    assert rows == [
        (e.seq, e.edit_id, e.record_id, e.fields, e.verdict.verdict, e.verdict.version) for e in journal if e.verdict
    ]
    assert len(rows) > 2 * KILLS
    fresh = Tablet(tmp_path / "fresh.sqlite3", live.url)
    fresh.enrol(live.code(live.crew()["id"], "fresh"))
    fresh.sync()
    assert tablet.server_records() == fresh.server_records()
    tablet.close()
    fresh.close()
