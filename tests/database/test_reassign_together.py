"""Publications beside tablets that sync, beside each other, and beside transactions that began before."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from flask import Flask
from sqlalchemy import text

from fieldsync.boundaries import reassign as module
from fieldsync.boundaries.reassign import reassign, withdraw
from fieldsync.database import new_id
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from geo.publish import publish, warning_kinds
from geo.refusals import HasErrors, ReportOutdated, StartsTooEarly
from geo.report import check_version
from tests.database.lines import Lines, make_lines
from tests.sync_model.world import now

HALF = {"W": (-81.0, -80.0), "E": (-80.0, -79.0)}
WIDER = {"W": (-81.0, -79.5), "E": (-79.5, -79.0)}


@pytest.fixture
def lines(sync_app: Flask) -> Lines:
    made = make_lines(sync_app, ("W", "E"))
    made.publish(made.areas(HALF), datetime(2020, 1, 1, tzinfo=UTC))
    return made


def test_whoever_read_the_old_lines_and_commits_later_is_waited_for(lines: Lines) -> None:
    world = lines.world
    written, go_on = threading.Event(), threading.Event()
    record_id = new_id()

    def slow_office() -> None:
        raw = msgspec.Raw(json.dumps(world.job(location={"lon": -79.7, "lat": 40.5})).encode())
        at = now()
        edit = prepare("office", uuid4(), None, "work_order", record_id, "create", None, at, at, raw)
        with world.session() as session:
            enter(session, Author(world.staff_id, "office", world.partnership_id), [edit], at)
            written.set()
            assert go_on.wait(20)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(slow_office)
        assert written.wait(20)
        version_id = lines.publish(lines.areas(WIDER))
        run = lines.run(version_id)
        moving = pool.submit(lines.carry_out, reassign, run)
        deadline = time.monotonic() + 20
        while not run.told and time.monotonic() < deadline:
            time.sleep(0.01)
        assert run.progress["stage"].startswith("waiting")
        assert not moving.done()
        go_on.set()
        slow.result(20)
        assert moving.result(20)["moved"] == 1
    assert lines.standing()[record_id][0] == "W"


def test_of_two_who_publish_at_once_the_second_has_to_look_again(lines: Lines) -> None:
    """As though they came in turn: the report of the second says nothing about what the first has made of the layer."""
    drafts = [lines.draft(lines.areas(WIDER)), lines.draft(lines.areas(HALF))]
    start = threading.Barrier(2)

    def attempt(version_id: UUID) -> str:
        with lines.world.session() as session:
            kinds = warning_kinds(session, lines.world.partnership_id, version_id)
            start.wait(10)
            try:
                publish(session, lines.world.partnership_id, version_id, acknowledged=kinds)
            except ReportOutdated as outdated:
                return outdated.code
        return "published"

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(attempt, drafts))
    assert sorted(told) == ["published", "report_outdated"]
    with lines.world.session() as session:
        again = drafts[told.index("report_outdated")]
        check_version(session, lines.world.partnership_id, again)
        publish(
            session, lines.world.partnership_id, again,
            acknowledged=warning_kinds(session, lines.world.partnership_id, again),
        )  # fmt: skip
    rows = lines.world.rows(
        "SELECT lower(during) AS starts, upper(during) AS ends FROM layer_version"
        " WHERE partnership_id = :p AND status = 'published' ORDER BY 1"
    )
    assert len(rows) == 3
    assert [row["ends"] for row in rows] == [rows[1]["starts"], rows[2]["starts"], None]


def test_of_two_with_one_date_the_second_is_refused(lines: Lines) -> None:
    at = datetime(2040, 1, 1, tzinfo=UTC)
    lines.publish(lines.areas(WIDER), at)
    with pytest.raises(StartsTooEarly):
        lines.publish(lines.areas(HALF), at)


def test_beside_tablets_that_sync_nothing_is_missed_and_nothing_lost(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tablets make, drag and finish work while publications and a withdrawal go on. In the end every open work order
    lies where the lines in force say, and what was done keeps whom it was done for."""
    monkeypatch.setattr(module, "EXAMINED_PER_READ", 20)
    monkeypatch.setattr(module, "MOVES_PER_COMMIT", 5)
    stop = threading.Event()
    made: list[tuple[UUID, float]] = []

    def crew(number: int) -> None:
        tablet = lines.world.tablet()
        at = 0
        while not stop.is_set() and at < 400:
            lon = -80.9 + ((at * 7 + number * 13) % 180) / 100
            record_id = new_id()
            edits: list[Any] = [
                tablet.edit("work_order", record_id, "create", lines.world.job(location={"lon": lon, "lat": 40.5}))
            ]
            if at % 5 == 0:
                edits.append(tablet.edit("work_order", record_id, "update", {"status": "completed"}, base=1))
            if at % 7 == 0:
                lon = -80.2
                edits.append(
                    tablet.edit("work_order", record_id, "update", {"location": {"lon": lon, "lat": 40.5}}, base=1)
                )
            assert {verdict["verdict"] for verdict in tablet.push(*edits)} == {"applied"}
            made.append((record_id, lon))
            at += 1

    with ThreadPoolExecutor(3) as pool:
        crews = [pool.submit(crew, number) for number in range(2)]
        for areas in (WIDER, HALF, WIDER):
            time.sleep(0.3)
            version_id = lines.publish(lines.areas(areas))
            lines.carry_out(reassign, lines.run(version_id))
        stop.set()
        for one in crews:
            one.result(30)
    rows = lines.world.rows(
        "SELECT w.id, w.status, ST_X(w.location) AS lon, j.code, w.version FROM work_order w"
        " LEFT JOIN jurisdiction j ON j.partnership_id = :p AND j.id = w.jurisdiction_id WHERE w.partnership_id = :p"
    )
    assert {row["id"] for row in rows} == {record_id for record_id, _ in made}
    wrong = [row for row in rows if row["status"] == "open" and row["code"] != ("W" if row["lon"] < -79.5 else "E")]
    assert wrong == []
    # The journal says of each what its row says: as many changes as versions.
    counts = lines.world.rows(
        "SELECT record_id AS id, count(*) AS entries FROM journal WHERE partnership_id = :p GROUP BY record_id"
    )
    assert {row["id"]: row["entries"] for row in counts} == {row["id"]: row["version"] for row in rows}
    lines.withdraw(version_id)
    result = lines.carry_out(withdraw, lines.run(version_id))
    assert result["made"] == result["reversed"] > 0


def test_a_report_that_is_being_written_is_waited_for(lines: Lines) -> None:
    """Otherwise a version could be published under a report that finds errors in it."""
    draft = lines.draft(lines.areas(WIDER))

    def attempt() -> str:
        try:
            with lines.world.session() as session:
                kinds = warning_kinds(session, lines.world.partnership_id, draft)
                publish(session, lines.world.partnership_id, draft, acknowledged=kinds)
        except HasErrors as refused:
            return refused.code
        return "published"

    with ThreadPoolExecutor(1) as pool:
        with lines.world.session() as session:
            found = {"p": lines.world.partnership_id, "v": draft}
            session.execute(text("SELECT FROM layer_version WHERE partnership_id = :p AND id = :v FOR UPDATE"), found)
            told = pool.submit(attempt)
            time.sleep(0.3)
            assert not told.done()
            session.execute(text("UPDATE layer_version SET errors = 1 WHERE partnership_id = :p AND id = :v"), found)
        assert told.result(20) == "version_has_errors"
