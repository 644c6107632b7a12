"""The simulation: a small day keeps all laws, and a law that is broken is noticed."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fieldsync.cluster import Databases
from fieldsync.demo.places import Places
from fieldsync.simulate.claims import Claims
from fieldsync.simulate.database import check_database
from fieldsync.simulate.drive import Day, drive
from fieldsync.simulate.laws import Law, check
from fieldsync.simulate.person import Person
from fieldsync.simulate.plan import Faults, Plan
from fieldsync.simulate.report import document
from fieldsync.tablet import Tablet, replica
from tests.tablet.live import Live, live_server

SMALL = Plan(tablets=4, edits=200, seed=3, reread=50, batch=10, page=20)


@pytest.fixture(scope="module")
def live(databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with the demo in it."""
    url = databases.copy(template_database, "fieldsync_simulated")
    try:
        with live_server(url, tmp_path_factory.mktemp("server") / "log", work_orders=80) as live:
            yield live
    finally:
        databases.drop("fieldsync_simulated")


@pytest.fixture
def day(live: Live, tmp_path: Path) -> Iterator[Day]:
    """A small day that is over."""
    day = drive(SMALL, live.url, live.demo.dispatcher_token, tmp_path)
    yield day
    day.close()


def laws(day: Day, live: Live) -> dict[str, Law]:
    return {law.name: law for law in [*check(day).laws, check_database(day, live.database_url)]}


def broken(day: Day, live: Live) -> set[str]:
    return {name for name, law in laws(day, live).items() if not law.holds}


def test_the_command_ends_well_and_says_what_happened(live: Live) -> None:
    command = [sys.executable, "-m", "fieldsync", "simulate", "--tablets", "4", "--edits", "200", "--seed", "11",
               "--server", live.url, "--json"]  # fmt: skip
    environ = os.environ | {"FIELDSYNC_DATABASE_URL": live.database_url}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert sum(said["verdicts"].values()) == 200
    assert all(law["holds"] for law in said["laws"])
    assert len(said["laws"]) == 7


def test_the_command_says_what_it_lacks(live: Live) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSYNC")}
    command = [sys.executable, "-m", "fieldsync", "simulate", "--server", live.url, "--token", "nonsense"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not_authenticated" in done.stderr


def test_a_day_has_real_conflicts_and_real_faults(day: Day, live: Live) -> None:
    found = document(day, check(day))
    assert found["verdicts"]["applied"] > 50
    assert found["verdicts"]["conflicted"] > 0
    assert len(found["faults"]) >= 3
    assert found["office"]["done"]["swapped"] > 0
    assert [law["findings"] for law in found["laws"]] == [[]] * 6


def test_a_record_that_a_tablet_missed_is_noticed(day: Day, live: Live) -> None:
    with sqlite3.connect(day.tablets[0].path) as connection:
        connection.execute("DELETE FROM record WHERE id = (SELECT min(id) FROM record WHERE kind = 'work_order')")
    connection.close()
    assert broken(day, live) == {"Each tablet's records equal its scope", "The database says the same"}


def test_a_record_that_a_tablet_should_have_dropped_is_noticed(day: Day, live: Live) -> None:
    stale = {"kind": "note", "id": "01900000-0000-7000-8000-000000000000", "version": 1, "record": {"body": "stale"}}
    with day.tablets[1].tablet._store.transaction() as connection:
        replica.take(connection, [stale], reset=False, more=False)
    assert broken(day, live) == {"Each tablet's records equal its scope", "The database says the same"}


def test_a_value_that_a_tablet_holds_otherwise_is_noticed(day: Day, live: Live) -> None:
    with sqlite3.connect(day.tablets[2].path) as connection:
        connection.execute("UPDATE record SET body = json_set(body, '$.title', 'Other') WHERE kind = 'work_order'")
    connection.close()
    found = [law for law in laws(day, live).values() if not law.holds]
    assert [(law.name, law.findings[0]) for law in found][1:] == []
    (law,) = found
    assert law.name == "Each tablet's records equal its scope"
    assert "differs in title" in law.findings[0]


def test_a_value_that_the_server_lost_is_noticed(day: Day, live: Live) -> None:
    """Behind the back of journal and feed, as a faulty merge would."""
    edits = [edit for tablet in day.tablets for edit in tablet.tablet.journal()]
    victim = next(
        edit.record_id for edit in reversed(edits)
        if edit.kind == "work_order" and "title" in edit.fields
        and edit.verdict and edit.verdict.verdict == "applied"
    )  # fmt: skip
    live.sql("UPDATE work_order SET title = 'overwritten' WHERE id = %s", victim)
    assert "Nothing that was entered is lost" in broken(day, live)


def test_a_journal_that_was_changed_is_noticed(day: Day, live: Live) -> None:
    device = day.tablets[0].tablet.device_id
    live.sql(
        """UPDATE journal SET fields = '{"body": "not what was typed"}' WHERE author_id = %s AND seq = 1""", device
    )
    found = broken(day, live)
    assert "Every edit has exactly one verdict" in found


def test_a_job_in_the_wrong_county_is_noticed(day: Day, live: Live) -> None:
    live.sql("""UPDATE work_order SET jurisdiction_id = NULL
                WHERE id = (SELECT min(id::text)::uuid FROM work_order
                            WHERE jurisdiction_id IS NOT NULL AND status = 'open')""")  # fmt: skip
    assert "Each job belongs to the county that its point lies in" in broken(day, live)


def test_a_plan_of_another_crew_than_the_jobs_is_noticed(day: Day, live: Live) -> None:
    begins = datetime.now(UTC) + timedelta(days=40)
    items = [
        {"work_order_id": row["id"], "crew_id": row["record"]["crew_id"], "minutes": 30, "override": True,
         "reason": "To be seen.", "starts_at": (begins + timedelta(days=number)).isoformat()}
        for number, row in enumerate(day.office.every("/v1/work-orders", status="open")) if row["record"]["crew_id"]
    ]  # fmt: skip
    told = day.office.need("POST", "/v1/assignments", {"items": items[:30]})["verdicts"]
    planned = [one["id"] for one in told if one["verdict"] == "assigned"]
    assert laws(day, live)["No crew is in two places at one time"].holds
    live.sql("""UPDATE assignment SET crew_id = (SELECT id FROM crew WHERE id <> assignment.crew_id LIMIT 1)
                WHERE id = %s""", planned[0])  # fmt: skip
    assert "No crew is in two places at one time" in broken(day, live)


def test_claims_know_what_has_to_stand() -> None:
    claims = Claims()
    key = ("work_order", "1")
    conflict = {"field": "title", "kept": "B", "other": "C"}
    claims.add(key, 2, {"title": "A", "tags": ["x"], "due_at": "2026-01-01T00:00:00Z"}, [], "one, edit 1", "one")
    claims.add(key, 3, {"title": "B"}, [], "two, edit 1", "two")
    claims.add(key, 3, {"title": "C"}, [conflict], "three, edit 1", "three")
    stands = {"title": "B", "tags": ["y", "x"], "due_at": "2026-01-01T00:00:00+00:00"}
    assert claims.check({key: (3, stands)}) == []
    assert claims.in_conflict == 1
    assert len(claims.check({key: (3, stands | {"title": "A"})})) == 1
    assert len(claims.check({key: (3, stands | {"tags": ["y"]})})) == 1
    assert len(claims.check({key: (3, stands | {"due_at": None})})) == 1


def test_a_tag_that_waits_in_a_conflict_is_not_claimed_by_the_edits_that_repeat_it() -> None:
    claims = Claims()
    key = ("work_order", "1")
    held = {"field": "tags", "sort": "custody", "kept": [], "other": ["x"]}
    claims.add(key, 2, {"tags": ["x"]}, [held], "one, edit 1", "one")
    claims.add(key, 3, {"tags": ["x", "y"]}, [], "one, edit 2", "one")
    assert claims.check({key: (3, {"tags": ["y"]})}) == []
    assert len(claims.check({key: (3, {"tags": []})})) == 1


def test_a_text_that_repeats_what_waits_in_a_conflict_is_claimed_for_what_is_new_in_it() -> None:
    claims = Claims()
    key = ("work_order", "1")
    held = {"field": "description", "sort": "field", "kept": "Dry. (two)", "other": "Wet. (one)"}
    claims.add(key, 2, {"description": "Dry. (two)"}, [], "two, edit 1", "two")
    claims.add(key, 3, {"description": "Wet. (one)"}, [held], "one, edit 1", "one")
    claims.add(key, 4, {"description": "Deep. (one)"}, [], "one, edit 2", "one")
    assert claims.check({key: (4, {"description": "Deep. (two)"})}) == []
    assert len(claims.check({key: (4, {"description": "Wet. (two)"})})) == 1


def test_the_same_seed_is_the_same_work(tmp_path: Path) -> None:
    def typed(name: str) -> list[object]:
        tablet = Tablet(tmp_path / name, "http://127.0.0.1:9")
        records = [{"kind": "service_type", "id": "s", "version": 1, "record": {}}]
        records += [
            {"kind": "work_order", "id": f"w{number}", "version": 1, "record": {"title": "Hole", "status": "open"}}
            for number in range(9)
        ]
        with tablet._store.transaction() as connection:
            replica.take(connection, records, reset=True, more=False)
        person = Person("Ada", SMALL.chance("person", 0), Places())
        person.look(tablet)
        person.work(tablet, 60, lambda left: datetime(2026, 5, 1, tzinfo=UTC))
        entered = [(edit.kind, edit.action, sorted(edit.fields)) for edit in tablet.waiting()]
        tablet.close()
        return [*entered]

    assert typed("one") == typed("two")
    assert len(typed("three")) == 60


def test_faults_strike_as_often_as_planned() -> None:
    chance = SMALL.chance("network", 0)
    drawn = [Faults().draw(chance) for _ in range(20_000)]
    for name in Faults.__slots__:
        assert drawn.count(name) / len(drawn) == pytest.approx(getattr(Faults(), name), abs=0.01)
    assert SMALL.chance("a", 1).random() == SMALL.chance("a", 1).random() != SMALL.chance("a", 2).random()
    assert sum(SMALL.edits_of(number) for number in range(SMALL.tablets)) == SMALL.edits
