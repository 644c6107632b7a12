"""A law that is broken is noticed: behind the back of everything, in the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fieldsync.cluster import Databases
from fieldsync.simulate.drive import Day, drive
from fieldsync.simulate.plan import Plan
from tests.faults.laws import Outside
from tests.faults.logs import server_laws
from tests.tablet.live import Live, live_server

SMALL = Plan(tablets=3, edits=90, seed=5, batch=10, page=40)


@pytest.fixture(scope="module")
def live(databases: Databases, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    name = f"fieldsync_struck_{uuid4().hex[:8]}"
    url = databases.copy(template_database, name)
    try:
        with live_server(url, tmp_path_factory.mktemp("server") / "log", work_orders=60) as live:
            yield live
    finally:
        databases.drop(name)


@pytest.fixture(scope="module")
def day(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    day = drive(SMALL, live.url, live.demo.dispatcher_token, tmp_path_factory.mktemp("tablets"))
    yield day
    day.close()


@pytest.fixture
def outside(day: Day, live: Live) -> Iterator[Outside]:
    """An auditor; whatever a test claims for the office is forgotten afterwards."""
    claims = list(day.dispatcher.claims)
    outside = Outside(day, live.database_url)
    outside._begun_after = 0
    yield outside
    day.dispatcher.claims[:] = claims


def test_all_is_well_at_first(outside: Outside) -> None:
    laws = [outside.answers(), outside.acknowledged(), outside.office_is_kept(), outside.scope(), outside.runs([])]
    assert [law.findings for law in [*laws, *outside.journal_laws()]] == [[]] * 7


def test_a_verdict_that_is_not_on_the_disk_is_noticed(outside: Outside, day: Day, live: Live) -> None:
    device = day.tablets[0].tablet.device_id
    (row,) = live.sql("SELECT version FROM journal WHERE author_id = %s AND seq = 2", device)
    live.sql("UPDATE journal SET version = 999 WHERE author_id = %s AND seq = 2", device)
    assert len(outside.acknowledged().findings) == 1
    live.sql("UPDATE journal SET version = %s WHERE author_id = %s AND seq = 2", row[0], device)
    live.sql("UPDATE journal SET seq = NULL WHERE author_id = %s AND seq = 3", device)
    assert "is not in the journal" in outside.acknowledged().findings[0]
    live.sql("UPDATE journal SET seq = 3 WHERE author_id = %s AND seq IS NULL", device)


def test_a_change_of_the_office_that_is_not_on_the_disk_is_noticed(outside: Outside, day: Day, live: Live) -> None:
    claim = next(one for one in reversed(day.dispatcher.claims) if "title" in one.fields)
    where = "record_id = %s AND version = %s AND side = 'office'"
    live.sql(f"UPDATE journal SET version = version + 500 WHERE {where}", claim.record_id, claim.version)
    assert any(claim.record_id in finding for finding in outside.office_is_kept().findings)
    live.sql(f"UPDATE journal SET version = version - 500 WHERE {where}", claim.record_id, claim.version + 500)


def test_a_record_that_was_sent_to_a_stranger_is_noticed(outside: Outside, day: Day, live: Live) -> None:
    sent = day.tablets[0].line.witness.sent
    ((neighbours,),) = live.sql(
        """SELECT id::text FROM work_order
           WHERE partnership_id <> (SELECT partnership_id FROM device WHERE id = %s) LIMIT 1""",
        day.tablets[0].tablet.device_id,
    )
    ((elsewhere,),) = live.sql(
        """SELECT w.id::text FROM work_order w JOIN device d ON d.partnership_id = w.partnership_id AND d.id = %s
           WHERE w.crew_id <> d.crew_id AND NOT EXISTS (
               SELECT 1 FROM journal j WHERE j.record_id = w.id
                   AND (j.crew_id = d.crew_id OR j.fields::text LIKE '%%' || d.crew_id || '%%')) LIMIT 1""",
        day.tablets[0].tablet.device_id,
    )  # fmt: skip
    for stranger, why in ((neighbours, "not its partnership's"), (elsewhere, "never its crew's")):
        sent.add(("work_order", stranger))
        (finding,) = outside.scope().findings
        assert why in finding
        sent.remove(("work_order", stranger))


def test_a_value_that_the_journal_does_not_explain_is_noticed(outside: Outside, day: Day, live: Live) -> None:
    edits = [edit for tablet in day.tablets for edit in tablet.tablet.journal()]
    note = next(edit for edit in edits if edit.kind == "equipment_entry" and edit.verdict.verdict == "applied")  # type: ignore[union-attr]
    live.sql("UPDATE equipment_entry SET minutes = minutes + 1 WHERE id = %s", note.record_id)
    lost, replayed = outside.journal_laws()
    assert (lost.findings, len(replayed.findings)) == ([], 1)
    assert "minutes" in replayed.findings[0]
    live.sql("UPDATE equipment_entry SET minutes = minutes - 1 WHERE id = %s", note.record_id)


def test_a_run_that_is_nowhere_is_noticed(outside: Outside) -> None:
    assert "nowhere" in outside.runs([str(uuid4())]).findings[0]


def test_faults_in_the_log_are_noticed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        '{"event": "request", "level": "info"}\n'
        '{"event": "fault", "level": "error", "exception": "Traceback\\n  File\\nKeyError: 1"}\n'
        "[2026-11-23 05:11:30 +0000] [11885] [ERROR] Worker (pid:11887) was sent SIGKILL! Perhaps out of memory?\n"
        "[2026-11-23 05:11:31 +0000] [11885] [ERROR] Worker (pid:11888) was sent SIGBUS!\n"
        '{"event": "cut off by a ki'
    )
    (law,) = server_laws(log)
    assert sorted(law.findings) == [
        "1 times: […-…-… …:…:… +…] […] [ERROR] Worker (pid:…) was sent SIGBUS!",
        "1 times: fault: KeyError: 1",
    ]
