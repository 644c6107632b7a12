"""What is old is moved while tablets work, by a worker that is killed in the middle, and at any moment of any story."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import hypothesis
import psycopg
import pytest
from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from fieldsync.database import new_id
from tests.database.old_days import counts, keep_house, let_time_pass
from tests.sync_model import laws
from tests.sync_model.test_laws import Exchanges
from tests.sync_model.world import Document, Tablet, World, end_app, make_app, make_world

ENTRIES = 6_000
PATIENCE_S = 60


@pytest.fixture
def own(new_database: Callable[[], str]) -> Iterator[tuple[World, str]]:
    url = new_database()
    app = make_app(url, pool_size=12)
    yield make_world(app), url
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


ENTRY = "SELECT edit_id, seq, entry, verdict, version, md5(fields::text) AS fields FROM journal ORDER BY entry"


def test_a_worker_that_is_killed_has_moved_each_entry_or_not(own: tuple[World, str]) -> None:
    world, url = own
    tablet = world.tablet()
    job = tablet.new_job()
    for begin in range(0, ENTRIES, 1_000):
        notes = [{"work_order_id": str(job), "body": f"{number}"} for number in range(begin, begin + 1_000)]
        tablet.push(*[tablet.edit("note", new_id(), "create", fields) for fields in notes])
    let_time_pass(world)
    before = world.rows(ENTRY)
    left: list[int] = []
    for _ in range(2):
        with worker(url) as process, psycopg.connect(url, autocommit=True) as connection:
            deadline = time.monotonic() + PATIENCE_S
            at_first = counts(world)[1]
            while time.monotonic() < deadline:
                row = connection.execute("SELECT EXISTS (SELECT FROM journal_archive OFFSET %s)", [at_first]).fetchone()
                if row and row[0]:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait(20)
                    break
                time.sleep(0.001)
        hot, archived = counts(world)
        assert hot + archived == len(before)
        left.append(hot)
        assert world.rows(ENTRY) == before
        if not hot:
            break
    assert 0 < left[0] < len(before), "it was killed in the middle"
    keep_house(world)
    assert counts(world) == (0, len(before))
    assert world.rows(ENTRY) == before


def test_tablets_work_while_it_is_moved(own: tuple[World, str]) -> None:
    """Three tablets of two crews enter, repeat and read; meanwhile all of it gets old and is moved, a few at a time."""
    world, _ = own
    tablets = [world.tablet(0), world.tablet(0), world.tablet(1)]
    for tablet in tablets:
        tablet.new_job()
        tablet.pull()
    queues: list[list[Document]] = [[], [], []]
    settled: list[list[Document]] = [[], [], []]
    ended = threading.Event()

    def work(number: int) -> None:
        tablet, chance = tablets[number], random.Random(number)
        jobs = [row["id"] for row in world.rows("SELECT id FROM work_order WHERE partnership_id = :p ORDER BY id")]
        for turn in range(12):
            fields = {"title": f"{number} {turn}", "tags": [f"{turn}"]}
            edits = [
                tablet.edit("work_order", chance.choice(jobs), "update", fields, chance.randrange(4)),
                tablet.edit("note", new_id(), "create", {"work_order_id": str(chance.choice(jobs)), "body": "n"}),
            ]  # fmt: skip
            queues[number] += edits
            settled[number] += tablet.push(*edits)
            again = tablet.push(*queues[number])
            assert [v["verdict"] for v in again] == ["repeated"] * len(again)
            assert [v["recorded"] for v in again] == [recorded(v) for v in settled[number]]
            tablet.pull(3)

    def age() -> int:
        moved = 0
        while not ended.is_set():
            let_time_pass(world)
            moved += keep_house(world, step=3)
        return moved

    def dispatch() -> None:
        chance = random.Random(9)
        jobs = [row["id"] for row in world.rows("SELECT id FROM work_order WHERE partnership_id = :p ORDER BY id")]
        for _ in range(20):
            world.assign(chance.choice(jobs), chance.choice([0, 1, None]))

    with ThreadPoolExecutor(6) as pool:
        ageing = [pool.submit(age), pool.submit(age)]
        try:
            for working in [*[pool.submit(work, number) for number in range(3)], pool.submit(dispatch)]:
                working.result(PATIENCE_S)
        finally:
            ended.set()
        assert sum(each.result(PATIENCE_S) for each in ageing) > 50
    ids = "SELECT count(*) - count(DISTINCT (author_id, edit_id)) FROM journal WHERE partnership_id = :p"
    assert world.value(ids) == 0
    laws.a_replay_gives_the_same(world)
    laws.no_value_is_lost(world)
    for tablet in tablets:
        tablet.pull()
        holds_its_scope(world, tablet)


def recorded(verdict: Document) -> Document:
    """As a repetition gives it again."""
    return {name: verdict[name] for name in ("verdict", "version", "conflicts", "problem", "refused_fields")}


def holds_its_scope(world: World, tablet: Tablet) -> None:
    """From where it is nothing more comes; and what a new download brings is what the database has of its crew."""
    assert tablet.pull() == []
    tablet.cursor = None
    brought = {change["id"] for change in tablet.pull() if change["kind"] == "work_order"}
    crew = world.value("SELECT crew_id FROM device WHERE partnership_id = :p AND id = :id", id=tablet.device_id)
    rows = world.rows("SELECT id FROM work_order WHERE partnership_id = :p AND crew_id = :crew", crew=crew)
    assert brought == {str(row["id"]) for row in rows}


class InYears(Exchanges):
    """The machine of the laws, in which years pass between any two steps."""

    @rule(step=st.sampled_from([1, 3, 500]), years=st.booleans())
    def time_passes(self, step: int, years: bool) -> None:
        """All so far gets old, and is moved; or only a part of it is moved yet."""
        for tenant in (self.ours, self.theirs):
            if years:
                let_time_pass(tenant.world)
            keep_house(tenant.world, step)

    def teardown(self) -> None:
        self.time_passes(500, True)
        super().teardown()


SETTINGS = hypothesis.settings(
    max_examples=6, stateful_step_count=8, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip


def test_the_laws_hold_over_years(sync_app: Flask) -> None:
    machine = type("InYearsOfThisRun", (InYears,), {"app": sync_app})
    run_state_machine_as_test(machine, settings=SETTINGS)
