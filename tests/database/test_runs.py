"""Runs: asked for and woken in one transaction, carried out once, ended, taken up again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import shapely
import sqlalchemy as sa
from flask import Flask

from fieldsync.boundaries import runs
from fieldsync.boundaries.runs import run, sweep
from fieldsync.boundaries.runs.carry import ATTEMPTS_MAX
from fieldsync.clock import now
from fieldsync.database import new_id
from geo.load import load_draft
from tests.geo.layers import areas_of, new_layer
from tests.sync_model.world import World, make_world


@pytest.fixture
def world(sync_app: Flask) -> World:
    return make_world(sync_app)


def draft(world: World, side: int = 2) -> tuple[UUID, UUID]:
    """A new layer with a draft of ``side`` × ``side`` squares: their ids."""
    squares = [shapely.box(x / 100, y / 100, (x + 1) / 100, (y + 1) / 100) for x in range(side) for y in range(side)]
    with world.session() as session:
        layer_id = new_layer(session, world.partnership_id, name=str(new_id()), role="reference")
        codes = [f"{at:05}" for at in range(len(squares))]
        return layer_id, load_draft(session, world.partnership_id, layer_id, areas_of(squares, codes))


def ask(world: World, side: int = 2, **more: Any) -> UUID:
    """A check of a new draft, asked for."""
    layer_id, version_id = draft(world, side)
    with world.session() as session:
        return runs.ask(session, world.partnership_id, "check", layer_id, version_id=version_id, **more)


def read(world: World, run_id: UUID) -> Any:
    return world.rows("SELECT * FROM boundary_run WHERE partnership_id = :p AND id = :id", id=run_id)[0]


def jobs_of(world: World, run_id: UUID) -> list[Any]:
    return world.rows(
        "SELECT status, queue_name, scheduled_at FROM procrastinate_jobs"
        " WHERE args ->> 'partnership_id' = CAST(:p AS text) AND args ->> 'run_id' = CAST(:id AS text)", id=run_id,
    )  # fmt: skip


def carry_out(world: World, run_id: UUID, interrupted: Callable[[], bool] = lambda: False) -> None:
    with world.app.app_context():
        runs.carry_out(world.partnership_id, run_id, interrupted=interrupted)


@contextmanager
def under_way(world: World, run_id: UUID, ends: bool = False) -> Iterator[None]:
    """A thread is in the middle of carrying out the run during the block, and goes on to its end after it; with
    ``ends``, its process is to end then."""
    stage, goes_on = iter(range(1_000)), threading.Event()
    reached = threading.Event()

    def interrupted() -> bool:
        # Asked each time when it tells how far it is: the third time it has read what it is to check.
        if next(stage) == 2:
            reached.set()
            assert goes_on.wait(60)
            return ends
        return False

    thread = threading.Thread(target=carry_out, args=(world, run_id, interrupted))
    thread.start()
    try:
        assert reached.wait(60)
        yield
    finally:
        goes_on.set()
        thread.join()


@pytest.fixture(autouse=True)
def every_word_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the outcome does not hang on how fast this machine is."""
    monkeypatch.setattr(run, "TELL_EVERY_S", 0)


def test_a_run_and_its_job_are_one_transaction(world: World) -> None:
    layer_id, version_id = draft(world)
    asked = {}
    with suppress(RuntimeError), world.session() as session:
        asked["rolled back"] = runs.ask(session, world.partnership_id, "check", layer_id, version_id=version_id)
        raise RuntimeError
    with world.session() as session:
        asked["committed"] = runs.ask(session, world.partnership_id, "check", layer_id, version_id=version_id)
        assert jobs_of(world, asked["committed"]) == []  # not to be seen from outside yet
    assert jobs_of(world, asked["rolled back"]) == []
    (job,) = jobs_of(world, asked["committed"])
    assert (job["status"], job["queue_name"], job["scheduled_at"]) == ("todo", "files", None)
    rows = world.rows("SELECT id, state FROM boundary_run WHERE partnership_id = :p")
    assert [(row["id"], row["state"]) for row in rows] == [(asked["committed"], "waiting")]


def test_what_moves_jobs_has_a_queue_of_its_own(world: World) -> None:
    layer_id, version_id = draft(world)
    due = now() + timedelta(days=30)
    with world.session() as session:
        run_id = runs.ask(session, world.partnership_id, "reassign", layer_id, version_id=version_id, due_at=due)
    (job,) = jobs_of(world, run_id)
    assert (job["queue_name"], job["scheduled_at"]) == ("moves", due)
    carry_out(world, run_id)
    assert read(world, run_id)["state"] == "waiting"


def test_a_run_is_carried_out_once(world: World) -> None:
    run_id = ask(world)
    carry_out(world, run_id)
    found = read(world, run_id)
    assert (found["state"], found["attempts"], found["problem"]) == ("done", 1, None)
    assert found["result"] == {"errors": 0, "warnings": 0, "notices": 0}
    assert found["started_at"] <= found["ended_at"]
    carry_out(world, run_id)
    assert read(world, run_id) == found


def test_whoever_comes_meanwhile_leaves_it_alone(world: World) -> None:
    run_id = ask(world)
    with under_way(world, run_id):
        for _ in range(3):
            carry_out(world, run_id)  # comes back at once
        assert read(world, run_id)["state"] == "running"
    found = read(world, run_id)
    assert (found["state"], found["attempts"]) == ("done", 1)


def test_a_run_that_is_cancelled_ends_soon_and_leaves_nothing(world: World) -> None:
    run_id = ask(world)
    with under_way(world, run_id), world.session() as session:
        assert runs.cancel(session, world.partnership_id, run_id) == "running"
    found = read(world, run_id)
    assert (found["state"], found["result"], found["problem"]) == ("cancelled", None, None)
    (version,) = world.rows("SELECT checked_at, errors FROM layer_version WHERE id = :id", id=found["version_id"])
    assert dict(version) == {"checked_at": None, "errors": None}
    with world.session() as session:
        assert runs.cancel(session, world.partnership_id, run_id) is None


def test_one_that_is_cancelled_at_its_very_end_is_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing is told any more: who cancelled it was promised that nothing of it stays."""
    run_id = ask(world)
    with under_way(world, run_id), world.session() as session:
        monkeypatch.setattr(run, "TELL_EVERY_S", 1_000)
        assert runs.cancel(session, world.partnership_id, run_id) == "running"
    assert read(world, run_id)["state"] == "cancelled"


def test_a_process_that_is_to_end_puts_it_back(world: World) -> None:
    run_id = ask(world)
    with under_way(world, run_id, ends=True):
        assert read(world, run_id)["state"] == "running"
    found = read(world, run_id)
    assert (found["state"], found["attempts"], found["ended_at"]) == ("waiting", 0, None)
    carry_out(world, run_id)
    assert read(world, run_id)["state"] == "done"


def test_whoever_was_taken_for_dead_writes_nothing_any_more(world: World) -> None:
    run_id = ask(world)
    with under_way(world, run_id):
        world.run("UPDATE boundary_run SET attempts = attempts + 1 WHERE partnership_id = :p AND id = :id", id=run_id)
    found = read(world, run_id)
    assert (found["state"], found["attempts"], found["ended_at"]) == ("running", 2, None)
    (version,) = world.rows("SELECT checked_at FROM layer_version WHERE id = :id", id=found["version_id"])
    assert version["checked_at"] is None


def test_one_whose_session_is_gone_ends_and_is_taken_up_again(world: World) -> None:
    """The lock is a session's: where it is cut, somebody else may have the run, so this one stops."""
    run_id = ask(world)
    with under_way(world, run_id):
        world.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND"
            " ((CAST(classid AS bigint) << 32) | CAST(objid AS bigint)) = hashtextextended(:right, 0)",
            right=f"boundary run {run_id}",
        )
    assert read(world, run_id)["state"] in ("waiting", "running")
    carry_out(world, run_id)
    found = read(world, run_id)
    assert (found["state"], found["attempts"]) == ("done", 2)


def test_what_kills_its_process_again_and_again_is_given_up(world: World) -> None:
    run_id = ask(world)
    world.run(
        "UPDATE boundary_run SET state = 'running', attempts = :n WHERE partnership_id = :p AND id = :id",
        n=ATTEMPTS_MAX, id=run_id,
    )  # fmt: skip
    carry_out(world, run_id)
    found = read(world, run_id)
    assert (found["state"], found["problem"]["code"]) == ("failed", "gave_up")


def test_a_refusal_is_kept_as_a_problem(world: World) -> None:
    run_id = ask(world)
    world.run("UPDATE layer_version SET status = 'published', during = '[2020-01-01,)', published_at = now()"
              " WHERE partnership_id = :p")  # fmt: skip
    carry_out(world, run_id)
    found = read(world, run_id)
    problem = found["problem"]
    assert (found["state"], problem["code"], problem["status"]) == ("failed", "version_not_draft", 409)


def test_a_mistake_of_ours_is_kept_without_its_text(world: World) -> None:
    layer_id, _ = draft(world)
    with world.session() as session:
        run_id = runs.ask(session, world.partnership_id, "check", layer_id)  # of nothing
    carry_out(world, run_id)
    assert read(world, run_id)["problem"]["code"] == "internal_fault"


def test_what_lies_there_is_found(world: World) -> None:
    """A job that was lost, one whose worker was killed, and one that is to be cancelled before its date."""
    lost, killed, later, done = ask(world), ask(world), ask(world, due_at=now() + timedelta(days=1)), ask(world)
    cancelled = ask(world, due_at=now() + timedelta(days=1))
    carry_out(world, done)
    world.run("DELETE FROM procrastinate_jobs WHERE args ->> 'partnership_id' = CAST(:p AS text)")
    world.run("UPDATE boundary_run SET due_at = due_at - interval '1 minute' WHERE partnership_id = :p")
    world.run("UPDATE boundary_run SET state = 'running' WHERE partnership_id = :p AND id = :id", id=killed)
    world.run("UPDATE boundary_run SET cancel_asked = true WHERE partnership_id = :p AND id = :id", id=cancelled)
    for _ in range(2):  # The second time a job waits for each.
        with world.app.app_context():
            sweep.take_up_what_lies_there()
        woken = {run_id: len(jobs_of(world, run_id)) for run_id in (lost, killed, later, done, cancelled)}
        assert woken == {lost: 1, killed: 1, later: 0, done: 0, cancelled: 1}


def test_what_is_carried_out_does_not_lie_there(world: World) -> None:
    run_id = ask(world)
    world.run("UPDATE boundary_run SET due_at = due_at - interval '1 minute' WHERE partnership_id = :p")
    world.run("DELETE FROM procrastinate_jobs WHERE args ->> 'partnership_id' = CAST(:p AS text)")
    with under_way(world, run_id), world.app.app_context():
        sweep.take_up_what_lies_there()
        assert jobs_of(world, run_id) == []


def test_files_that_nobody_will_read_are_deleted_after_a_week(world: World) -> None:
    layer_id, _ = draft(world)
    ids = {name: new_id() for name in ("old", "read", "new")}
    for name, id_ in ids.items():
        world.run(
            "INSERT INTO upload (partnership_id, id, layer_id, created_at) VALUES (:p, :id, :layer_id, :at)",
            id=id_, layer_id=layer_id, at=now() - timedelta(days=1 if name == "new" else 8),
        )  # fmt: skip
    with world.session() as session:
        runs.ask(session, world.partnership_id, "import", layer_id, upload_id=ids["read"])
    with world.app.app_context():
        sweep.delete_old_uploads()
    kept = {row["id"] for row in world.rows("SELECT id FROM upload WHERE partnership_id = :p")}
    assert kept == {ids["read"], ids["new"]}


def test_the_sweep_reads_the_index_of_open_runs(world: World) -> None:
    with world.session() as session:
        session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            sa.text("EXPLAIN SELECT id FROM boundary_run WHERE state IN ('waiting', 'running') AND due_at <= now()")
        ).scalars()
        assert "boundary_run_open" in "\n".join(plan)
