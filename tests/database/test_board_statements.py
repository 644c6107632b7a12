"""The board takes a fixed number of SQL statements, however many crews, jobs and assignments there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert

from fieldsync.crews.models import Absence, Crew, CrewMembership, Member, Shift
from fieldsync.database import Base, new_id, transaction
from fieldsync.partnerships.head import next_change
from fieldsync.workorders.models import Assignment, WorkOrder
from tests.api.assignments.scene import Scene, at
from tests.api.office.world import make_world
from tests.database.test_statement_count import counted
from tests.sync_model.world import end_app, make_app

SIZES = (10, 200)
STATEMENTS_MAX = 20
HOUR = timedelta(hours=1)
POINT = "SRID=4326;POINT(-80 40.5)"
DAYS = {"from": "2030-03-04", "to": "2030-03-08"}


@pytest.fixture(scope="module")
def board_app(database_url: str) -> Iterator[Flask]:
    app = make_app(database_url)
    yield app
    end_app(app)


@pytest.fixture
def scene(board_app: Flask) -> Scene:
    return Scene(make_world(board_app))


def grow(scene: Scene, size: int) -> None:
    """As many crews, each with a member who leads it, a shift, an absence and a planned job; and jobs that wait."""
    world, starts = scene.world, datetime.fromisoformat(at(8))
    towns = list(world.towns.values())
    crews = [(new_id(), new_id(), towns[number % 2]) for number in range(size)]
    with world.app.app_context(), transaction() as session:

        def add(model: type[Base], rows: list[dict[str, Any]]) -> None:
            session.execute(
                insert(model), [{"partnership_id": world.partnership_id, "id": new_id()} | row for row in rows]
            )

        change = next_change(session, world.partnership_id)
        add(Crew, [
            {"id": id_, "jurisdiction_id": town, "code": str(id_), "name": "Crew", "depot": POINT, "change": change}
            for id_, _, town in crews
        ])  # fmt: skip
        add(Member, [{"id": member, "name": "Member"} for _, member, _ in crews])
        since = {"since": date(2029, 1, 1)}
        add(
            CrewMembership, [{"crew_id": id_, "member_id": member, "is_lead": True} | since for id_, member, _ in crews]
        )
        add(Shift, [{"crew_id": id_, "weekday": 1, "starts": time(7), "minutes": 480} | since for id_, _, _ in crews])
        away = {"starts_at": starts, "ends_at": starts + HOUR, "reason": "Doctor"}
        add(Absence, [{"member_id": member} | away for _, member, _ in crews])
        record = {"version": 1, "change": change, "created_at": starts, "updated_at": starts}
        job = record | {
            "title": "Job", "service_type_id": world.pothole, "status": "open", "priority": 3, "location": POINT,
            "tags": [], "placed_by": "inside", "placed_at": starts,
        }  # fmt: skip
        # Waiting ones of both towns; those that are planned lie in the west.
        add(WorkOrder, [job | {"jurisdiction_id": town, "crew_id": None} for _, _, town in crews])
        planned = [job | {"id": new_id(), "jurisdiction_id": towns[0], "crew_id": id_} for id_, _, _ in crews]
        add(WorkOrder, planned)
        add(Assignment, [
            record | {"work_order_id": one["id"], "crew_id": one["crew_id"], "scope_crew_id": one["crew_id"],
                      "starts_at": starts, "ends_at": starts + HOUR, "minutes": 60, "state": "planned"}
            for one in planned
        ])  # fmt: skip


def taken(scene: Scene, path: str, by: str, **asked: Any) -> list[str]:
    answer = scene.world.ask("GET", path, by, query_string=asked)
    with counted(scene.world) as statements:  # type: ignore[arg-type]
        answer = scene.world.ask("GET", path, by, query_string=asked)
    assert answer.status_code == 200, answer.json
    assert answer.json is not None
    assert not answer.json.get("reset")
    return statements


@pytest.mark.parametrize("by", ["dispatcher", "of west"])
def test_any_number_of_crews_and_jobs_takes_the_same_statements(scene: Scene, by: str) -> None:
    scene.agree(giver="east", receiver="west", cap_minutes=6_000, cap_period="day")
    whole, changed, paged = [], [], []
    for size in SIZES:
        board: Any = scene.world.ask("GET", "/board", by, query_string=DAYS).json
        since = {"since": board["change"], "epoch": board["epoch"]}
        grow(scene, size)
        whole.append(taken(scene, "/board", by, **DAYS))
        changed.append(taken(scene, "/board/changes", by, **DAYS, **since, seen_at="2026-01-01T00:00:00Z"))
        paged.append(taken(scene, "/board/jobs", by))
    for statements in (whole, changed, paged):
        few, many = statements
        assert few == many
        assert len(many) <= STATEMENTS_MAX
    shown = scene.world.ask("GET", "/board", by, query_string=DAYS).json
    assert shown is not None
    assert len(shown["crews"]) >= sum(SIZES)
