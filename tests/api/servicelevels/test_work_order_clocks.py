"""One work order's clocks over HTTP: reading them, and the office's pauses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from fieldsync.database import new_id
from tests.api.office.world import EAST, NOWHERE, WEST, World, now
from tests.api.servicelevels.promises import Promises, ago, clocks, moment, stored


def act(world: World, record_id: Any, action: str, by: str = "dispatcher", **more: Any) -> Any:
    return world.ask(
        "POST", f"/work-orders/{record_id}/clock/{action}", by, json={"reason": "Waiting for parts"} | more
    )


def test_all_that_is_known_of_them(world: World, promises: Promises) -> None:
    tablet, record_id = world.tablet("alpha"), new_id()
    made = ago(90)
    tablet.edit(
        "work_order", record_id, "create", at=made, title="Hole", service_type_id=str(world.pothole), location=WEST
    )
    found = clocks(world, record_id)
    response = found["response"]
    assert (response["policy_number"], response["policy_id"]) == (1, str(promises.policy_id))
    assert response["target"]["response_minutes"] == response["target_minutes"] == 60
    assert response["spent_minutes"] == pytest.approx(90, abs=1)
    assert (response["state"], response["breached"]) == ("running", True)
    assert response["breached_at"] == response["due_at"]
    assert (found["resolution"]["breached"], found["resolution"]["stopped_at"]) == (False, None)


def test_the_office_pauses_and_resumes_with_a_reason(world: World, promises: Promises) -> None:
    made = world.create()
    tablet = world.tablet("alpha")
    world.change(made, crew_id=str(world.crews["alpha"]))
    tablet.exchange()
    answer = act(world, made["id"], "pause")
    assert answer.status_code == 200, answer.json
    assert {clock["state"] for clock in answer.json["clocks"]} == {"paused"}
    (pause,) = answer.json["pauses"]
    assert (pause["cause"], pause["reason"], pause["paused_by"]["name"], pause["ends_at"]) == (
        "office", "Waiting for parts", "Dispatcher", None,
    )  # fmt: skip
    # Tablets and boards see it: it has moved in the feed, though nobody edited it.
    paused = world.read(made["id"])
    assert (paused["version"], paused["record"]["resolve_by"]) == (2, None)
    tablet.exchange()
    assert tablet.records["work_order", made["id"]]["record"]["resolve_by"] is None
    assert act(world, made["id"], "pause").json["code"] == "clock_paused"
    answer = act(world, made["id"], "resume", by="second", reason="They came")
    (pause,) = answer.json["pauses"]
    assert (pause["resume_reason"], pause["resumed_by"]["name"]) == ("They came", "Second")
    assert {clock["state"] for clock in answer.json["clocks"]} == {"running"}
    tablet.exchange()
    assert moment(tablet.records["work_order", made["id"]]["record"]["resolve_by"]) > moment(
        made["record"]["resolve_by"]
    )  # type: ignore[operator]
    assert act(world, made["id"], "resume").json["code"] == "clock_not_paused"


def test_on_hold_and_paused_it_runs_when_neither_holds(world: World, promises: Promises) -> None:
    made = world.change(world.create(), status="on_hold")
    act(world, made["id"], "pause")
    opened = world.change(made, status="open")
    assert opened["record"]["resolve_by"] is None
    act(world, made["id"], "resume")
    assert world.read(made["id"])["record"]["resolve_by"] is not None
    assert sorted(p["cause"] for p in world.ask("GET", f"/work-orders/{made['id']}/clock").json["pauses"]) == [
        "office", "on_hold",
    ]  # fmt: skip


def test_there_must_be_something_to_pause(world: World, promises: Promises) -> None:
    without = world.create(service_type_id=str(world.signal), status="completed")
    assert act(world, without["id"], "pause").json["code"] == "no_clock_runs"
    done = world.change(world.create(), status="completed")
    assert act(world, done["id"], "pause").json["code"] == "no_clock_runs"
    made = world.create()
    world.ask("DELETE", f"/work-orders/{made['id']}", if_match=made["etag"])
    assert act(world, made["id"], "pause").json["code"] == "record_deleted"
    assert act(world, uuid4(), "pause").status_code == 404
    for reason in ("", None, "\0", "x" * 2_001):
        assert act(world, done["id"], "pause", reason=reason).status_code == 422


def test_each_for_the_jurisdictions_of_her_role(world: World, promises: Promises) -> None:
    west, east, nowhere = world.create(), world.create(location=EAST), world.create(location=NOWHERE)
    assert act(world, west["id"], "pause", by="of west").status_code == 200
    for record in (east, nowhere):
        assert act(world, record["id"], "pause", by="of west").status_code == 404
        assert world.ask("GET", f"/work-orders/{record['id']}/clock", "of west").status_code == 404
    assert act(world, east["id"], "pause", by="admin").status_code == 403
    assert clocks(world, east["id"], by="admin").keys() == {"response", "resolution"}
    assert world.ask("GET", f"/work-orders/{east['id']}/clock", "gis").status_code == 403


def test_beginning_answers_and_the_end_of_the_work_ends_the_pause(world: World, promises: Promises) -> None:
    made = world.create()
    act(world, made["id"], "pause")
    begun = world.change(made, status="in_progress")
    assert clocks(world, made["id"])["response"]["stopped_because"] == "done"
    world.change(begun, status="completed")
    (pause,) = world.ask("GET", f"/work-orders/{made['id']}/clock").json["pauses"]
    assert pause["ends_at"] is not None
    assert pause["resumed_by"] is None


class TestTheList:
    @pytest.fixture
    def late(self, world: World, promises: Promises) -> dict[str, str]:
        """Work orders by what is the matter with them."""
        made = {"in time": world.create(title="in time")["id"]}
        tablet = world.tablet("alpha")
        for title, minutes in (("late", 100), ("late and held", 100), ("done late", 500)):
            made[title] = str(new_id())
            fields = {"title": title, "service_type_id": str(world.pothole), "location": WEST}
            tablet.edit("work_order", made[title], "create", at=ago(minutes), **fields)
        world.change(world.read(made["late and held"]), status="on_hold")
        world.change(world.read(made["done late"]), status="completed")
        return made

    def titles(self, world: World, **query: Any) -> set[str]:
        answer = world.ask("GET", "/work-orders", query_string=query)
        assert answer.status_code == 200, answer.json
        return {item["record"]["title"] for item in answer.json["items"]}

    def test_of_those_that_have_run_out(self, world: World, late: dict[str, str]) -> None:
        assert self.titles(world, breached="true") == {"late", "late and held"}
        assert self.titles(world, breached="false") == {"in time", "done late"}
        assert self.titles(world, breached="true", status="open") == {"late"}

    def test_of_those_that_are_due(self, world: World, late: dict[str, str]) -> None:
        assert self.titles(world, due_before=now().isoformat()) == {"late"}
        assert self.titles(world, due_before=(now() + timedelta(hours=2)).isoformat()) == {"late", "in time"}
        assert stored(world, late["late and held"])["response"]["breached_at"] is not None
