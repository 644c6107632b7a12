"""How many promises were kept; and what the metrics say of the clocks that run."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from fieldsync.database import db, new_id
from fieldsync.servicelevels.gauges import ClockGauges
from tests.api.office.world import EAST, NOWHERE, WEST, World, now
from tests.api.servicelevels.promises import Promises, ago


def report(world: World, by: str = "dispatcher", **more: Any) -> Any:
    asked = {"from": (now() - timedelta(days=2)).isoformat(), "to": (now() + timedelta(days=1)).isoformat()} | more
    return world.ask("GET", "/service-levels/report", by, query_string=asked)


def counted(met: int = 0, breached: int = 0, running: int = 0, not_counted: int = 0) -> dict[str, Any]:
    percent = round(100 * met / (met + breached), 1) if met + breached else None
    return {"met": met, "breached": breached, "running": running, "not_counted": not_counted, "percent": percent}


@pytest.fixture
def kept(world: World, promises: Promises) -> World:
    tablet = world.tablet("alpha")

    def job(minutes: float, *steps: tuple[str, float], **more: Any) -> str:
        record_id = new_id()
        fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST} | more
        tablet.edit("work_order", record_id, "create", at=ago(minutes), **fields)
        for status, before in steps:
            tablet.edit("work_order", record_id, "update", 99, at=ago(before), status=status)
        return str(record_id)

    job(300, ("in_progress", 270), ("completed", 200))  # both met
    job(300, ("in_progress", 200), ("completed", 100), location=EAST)  # late to begin, done in time
    job(300, ("in_progress", 290), priority=2)  # begun in time, and late by now
    job(10, location=NOWHERE)  # running
    job(10, ("on_hold", 5), priority=1, location=EAST)  # paused
    job(100, ("completed", 90), service_type_id=str(world.signal))  # resolution only
    cancelled = world.create()
    world.ask("POST", f"/work-orders/{cancelled['id']}/cancellation", if_match=cancelled["etag"], json={"reason": "x"})
    deleted = world.create()
    world.ask("DELETE", f"/work-orders/{deleted['id']}", if_match=deleted["etag"])
    job(3 * 24 * 60)  # started before the time that is asked for
    return world


def test_by_kind_priority_and_jurisdiction(kept: World) -> None:
    found = report(kept).json
    assert found["all"] == {"response": counted(2, 1, 2, 1), "resolution": counted(3, 1, 2, 1)}
    assert found["all"]["resolution"]["percent"] == 75.0
    assert [(part["code"], part["response"], part["resolution"]) for part in found["by_service_type"]] == [
        ("pothole", counted(2, 1, 2, 1), counted(2, 1, 2, 1)), ("signal", counted(), counted(1)),
    ]  # fmt: skip
    assert [(part["priority"], part["resolution"]) for part in found["by_priority"]] == [
        (1, counted(running=1)), (2, counted(breached=1)), (3, counted(3, 0, 1, 1)),
    ]  # fmt: skip
    assert [(part["code"], part["resolution"]) for part in found["by_jurisdiction"]] == [
        ("east", counted(1, 0, 1)), ("west", counted(2, 1, 0, 1)), (None, counted(running=1)),
    ]  # fmt: skip


def test_each_for_the_jurisdictions_of_her_role(kept: World) -> None:
    assert report(kept, "of east").json["all"]["resolution"] == counted(1, 0, 1)
    west = str(kept.towns["west"])
    assert report(kept, jurisdiction_id=west).json["all"]["resolution"] == counted(2, 1, 0, 1)
    assert report(kept, "of east", jurisdiction_id=west).json["all"] == {"response": counted(), "resolution": counted()}
    assert report(kept, "gis").status_code == 403


def test_the_time_has_a_beginning_an_end_and_a_limit(world: World) -> None:
    for more in (
        {"from": now().isoformat(), "to": (now() - timedelta(days=1)).isoformat()},
        {"from": (now() - timedelta(days=1_200)).isoformat()},
        {"to": "soon"},
    ):
        assert report(world, **more).status_code == 422


def test_it_takes_the_same_statements_however_many(kept: World) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    with kept.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        report(kept)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert (
        len(
            [statement for statement in statements if "FROM token" not in statement and "UPDATE token" not in statement]
        )
        == 2
    )


def test_metrics_say_what_runs_is_due_and_has_run_out(kept: World) -> None:
    kept.app.extensions["clock_gauges"] = ClockGauges(held_s=0)
    ((slug,),) = kept.rows("SELECT slug FROM partnership WHERE id = :p")
    text = kept.app.test_client().get("/metrics").text
    values = {
        (name, sort): float(value)
        for name, partnership, sort, value in re.findall(
            r'^fieldsync_service_clocks_(\w+)\{partnership="([^"]+)",sort="(\w+)"\} (\S+)$', text, re.MULTILINE
        )
        if partnership == slug
    }
    # The oldest job is late in both; the one on hold does not run.
    assert values == {
        ("running", "response"): 2, ("due_within_a_day", "response"): 1, ("breached", "response"): 1,
        ("running", "resolution"): 3, ("due_within_a_day", "resolution"): 1, ("breached", "resolution"): 2,
    }  # fmt: skip


def test_they_are_counted_once_in_a_while_and_not_missed_where_the_database_is_away(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauges = kept.app.extensions["clock_gauges"] = ClockGauges(held_s=1_000)
    client = kept.app.test_client()
    first = client.get("/metrics").text
    kept.create()
    again = client.get("/metrics").text
    pattern = r"^fieldsync_service_clocks_.*$"
    assert re.findall(pattern, first, re.MULTILINE) == re.findall(pattern, again, re.MULTILINE) != []

    def away(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(gauges, "count", away)
    answer = client.get("/metrics")
    assert (answer.status_code, "fieldsync_service_clocks" in answer.text) == (200, False)
    assert "fieldsync_requests_total" in answer.text
