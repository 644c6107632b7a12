"""Tablets, the office and an admin who changes holidays, all at once; and what the database itself keeps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from flask import Flask
from psycopg.errors import ForeignKeyViolation, RestrictViolation

from fieldsync.database import db, new_id, transaction
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.calendars import change
from tests.api.board.live import until
from tests.api.office.world import WEST, World, now
from tests.api.servicelevels.promises import ALWAYS, Promises, moment

ROUNDS = 12


def test_when_it_is_due_goes_by_the_holidays_as_they_are_at_last(world: World, promises: Promises) -> None:
    path = f"/service-levels/calendars/{promises.calendar_id}"
    # Due after tomorrow, so that it matters whether tomorrow counts.
    world.rows(
        "UPDATE service_target SET response_minutes = 3000, resolution_minutes = 4000 WHERE partnership_id = :p"
        " AND service_type_id = :type RETURNING id", type=world.pothole,
    )  # fmt: skip
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()

    def push(crew: str) -> None:
        tablet = world.tablet(crew)
        for _ in range(ROUNDS):
            ids = [new_id() for _ in range(6)]
            edits = [("create", id_, None, {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST})
                     for id_ in ids]  # fmt: skip
            edits += [
                ("update", id_, 1, {"status": status}) for id_, status in zip(ids, ("on_hold", "open"), strict=False)
            ]
            edits += [("update", ids[2], 1, {"status": "in_progress"}), ("update", ids[3], 1, {"status": "completed"})]
            sent = [
                {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "kind": "work_order", "record_id": str(id_),
                 "action": action, "base_version": base, "observed_at": now().isoformat(), "fields": fields}
                for action, id_, base, fields in edits
            ]  # fmt: skip
            body = {"protocol": 1, "sent_at": now().isoformat(), "cursor": None, "limit": 0, "edits": sent}
            patiently(lambda body=body: world.ask("POST", "/sync", by=crew, json=body))

    def pause() -> None:
        for _ in range(ROUNDS):
            items = world.ask("GET", "/work-orders", query_string={"limit": 5, "status": "open"}).json["items"]
            for item in items:
                for action in ("pause", "resume"):
                    where = f"/work-orders/{item['id']}/clock/{action}"
                    patiently(lambda where=where: world.ask("POST", where, json={"reason": "x"}), 200, 409)

    def change_holidays() -> None:
        for number in range(ROUNDS):
            holidays = [{"day": tomorrow, "name": "Holiday"}] if number % 2 == 0 else []
            body = {"name": "Always", "time_zone": "UTC", "hours": ALWAYS, "holidays": holidays}
            version = world.ask("GET", path).json["etag"]
            patiently(lambda body=body, version=version: world.ask("PUT", path, "admin", version, json=body))

    at_once(lambda: push("alpha"), lambda: push("beta"), pause, change_holidays)
    expect_reckoned(world, promises)


def expect_reckoned(world: World, promises: Promises) -> None:
    """Each clock that runs is due as the calendar now has it, and its work order says so."""
    with world.app.app_context():
        session = db.session()
        known = keep.look(session, world.partnership_id)
        assert known is not None
        terms = keep.load_terms(session, world.partnership_id, known, [promises.policy_id])
        ids = list(session.execute(db.text("SELECT id FROM work_order WHERE partnership_id = :p"),
                                   {"p": world.partnership_id}).scalars())  # fmt: skip
        jobs = keep.load_jobs(session, world.partnership_id, ids)
        session.rollback()
    running = [clock for job in jobs.values() for clock in job.clocks() if clock.running_since is not None]
    assert len(jobs) == 2 * 6 * ROUNDS
    assert len(running) > len(jobs)
    for clock in running:
        assert clock.running_since is not None
        remaining = clock.target_minutes - clock.spent_minutes
        assert clock.due_at == terms.calendars[clock.calendar_id].after(clock.running_since, remaining)
    for row in world.rows("SELECT id, respond_by, resolve_by FROM work_order WHERE partnership_id = :p"):
        assert (row.respond_by, row.resolve_by) == (jobs[row.id].respond_by, jobs[row.id].resolve_by)


def patiently(ask: Callable[[], Any], *wanted: int) -> None:
    """Ask until it is not told to come again."""
    for _ in range(20):
        answer = ask()
        if answer.status_code != 503:
            assert answer.status_code in (wanted or (200,)), answer.json
            return
    raise AssertionError("told to come again twenty times")


def at_once(*actions: Callable[[], None]) -> None:
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], None]) -> None:
        barrier.wait(20)
        action()

    with ThreadPoolExecutor(len(actions)) as pool:
        for future in [pool.submit(run, action) for action in actions]:
            future.result(120)


def test_who_changes_holidays_waits_for_a_batch_that_went_by_the_old_ones(world: World, promises: Promises) -> None:
    world.rows(
        "UPDATE service_target SET resolution_minutes = 4000 WHERE partnership_id = :p AND service_type_id = :type"
        " RETURNING id", type=world.pothole,
    )  # fmt: skip
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    body = {"name": "Always", "time_zone": "UTC", "hours": ALWAYS, "holidays": [{"day": tomorrow, "name": "Holiday"}]}
    path = f"/service-levels/calendars/{promises.calendar_id}"
    fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
    at = now()
    edit = prepare("office", new_id(), None, "work_order", new_id(), "create", None, at, at,
                   msgspec.Raw(json.dumps(fields).encode()))  # fmt: skip
    author = Author(world.staff["dispatcher"], "office", world.partnership_id)
    with ThreadPoolExecutor(1) as pool:
        with world.app.app_context(), transaction() as session:
            enter(session, author, [edit], at)
            asked = pool.submit(world.ask, "PUT", path, "admin", '"1"', json=body)
            with suppress(TimeoutError):  # It cannot know of the new clock yet: were it done now, it would miss it.
                asked.result(1)
        assert asked.result(30).status_code == 200
    record = world.read(str(edit.record_id))["record"]
    assert moment(record["resolve_by"]) == at + timedelta(minutes=4000 + 24 * 60)


def test_who_changes_holidays_and_who_locks_two_do_not_wait_in_a_circle(
    world: World, promises: Promises, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that began to run meanwhile, of a work order whose turn was before those that are locked already."""
    late, early = (world.create()["id"] for _ in range(2))
    assert late < early
    run = "UPDATE service_clock SET running_since = {} WHERE partnership_id = :p AND work_order_id = :id RETURNING 1"
    world.rows(run.format("NULL"), id=late)
    lock = "SELECT FROM work_order WHERE partnership_id = %s AND id = %s FOR NO KEY UPDATE"
    write_holidays, attempts, held = change._write_holidays, [], threading.Event()

    def other(connection: psycopg.Connection[Any]) -> None:
        with connection.transaction():
            connection.execute(lock, (world.partnership_id, late))
            held.set()
            connection.execute(lock, (world.partnership_id, early))

    def writing(acting: change.Acting, *args: Any) -> None:
        write_holidays(acting, *args)
        attempts.append(1)
        if len(attempts) > 1:
            return
        asked.append(pool.submit(other, connection))
        assert held.wait(20)
        with psycopg.connect(database_url, autocommit=True) as beside:
            beside.execute(
                "UPDATE service_clock SET running_since = started_at WHERE partnership_id = %s AND work_order_id = %s",
                (world.partnership_id, late),
            )
            waits = "SELECT cardinality(pg_blocking_pids(%s))"
            until(lambda: beside.execute(waits, (connection.info.backend_pid,)).fetchone() == (1,))

    asked: list[Any] = []
    monkeypatch.setattr(change, "_write_holidays", writing)
    path = f"/service-levels/calendars/{promises.calendar_id}"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    body = {"name": "Always", "time_zone": "UTC", "hours": ALWAYS, "holidays": [{"day": tomorrow, "name": "Holiday"}]}
    with psycopg.connect(database_url, autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        answer = world.ask("PUT", path, "admin", '"1"', json=body)
        asked[0].result(30)
    assert (answer.status_code, answer.json["version"], len(attempts)) == (200, 2, 2)


def test_who_changes_holidays_while_more_and_more_clocks_begin_is_to_come_again(
    world: World, promises: Promises, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.create()["id"]
    monkeypatch.setattr(change, "_lock_running", lambda *_: [])
    path = f"/service-levels/calendars/{promises.calendar_id}"
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    body = {"name": "Always", "time_zone": "UTC", "hours": ALWAYS, "holidays": [{"day": tomorrow, "name": "Holiday"}]}
    answer = world.ask("PUT", path, "admin", '"1"', json=body)
    assert (answer.status_code, answer.json["code"]) == (503, "come_again")
    assert world.ask("GET", path).json["holidays"] == []
    assert world.read(job)["version"] == 1


class TestTheDatabaseItself:
    CLOCK = """INSERT INTO service_clock (partnership_id, work_order_id, sort, policy_id, target_id, calendar_id,
                                          target_minutes, started_at, spent_minutes)
               VALUES (%(p)s, %(id)s, 'response', %(p)s, %(p)s, %(p)s, 60, now(), 0)"""

    def bound(self, world: World, work_order_id: Any) -> dict[str, UUID]:
        return {"p": world.partnership_id, "id": UUID(str(work_order_id))}

    def test_a_clock_is_of_a_work_order_of_its_partnership(
        self, world: World, elsewhere: World, database_url: str, levels_app: Flask
    ) -> None:
        made, theirs = world.create()["id"], elsewhere.create()["id"]
        with psycopg.connect(database_url) as connection:
            connection.execute(self.CLOCK, self.bound(world, made))
            for unknown in (uuid4(), theirs):
                with pytest.raises(ForeignKeyViolation), connection.transaction():
                    connection.execute(self.CLOCK, self.bound(world, unknown))

    def test_a_work_order_with_a_clock_stays(self, world: World, promises: Promises, database_url: str) -> None:
        made = world.create()["id"]
        remove = "DELETE FROM work_order WHERE partnership_id = %(p)s AND id = %(id)s"
        with psycopg.connect(database_url) as connection, pytest.raises(RestrictViolation):
            connection.execute(remove, self.bound(world, made))
