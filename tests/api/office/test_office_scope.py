"""Who may see and do what: roles, jurisdictions, and other partnerships."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from fieldsync.office.conflicts import api as conflicts
from fieldsync.office.recorded import api as recorded
from fieldsync.office.work_orders import api as work_orders
from tests.api.office.world import EAST, NOWHERE, WEST, World

BLUEPRINTS = {module.blp.name for module in (work_orders, recorded, conflicts)}

BODIES: dict[str, Any] = {
    "work_orders.edit": {"title": "x"},
    "work_orders.assign": {"crew_id": None},
    "work_orders.cancel": {"reason": "x"},
    "recorded.add_note": {"body": "x"},
    "recorded.add_task": {"title": "x"},
    "recorded.edit_task": {"done": True},
    "conflicts.settle": {"choice": "kept"},
}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Every route of the office: ``(endpoint, method, rule)``, with its ids as ``{name}``."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in BLUEPRINTS:
            address = rule.rule.removeprefix("/v1").replace("<uuid:", "{").replace(">", "}")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield rule.endpoint, method, address


def a_conflict(world: World) -> tuple[str, str, str]:
    """A work order with a task and an open conflict: their ids."""
    work_order = world.create(crew_id=str(world.crews["alpha"]), description="As reported")
    task = world.ask("POST", f"/work-orders/{work_order['id']}/tasks", json={"title": "Fill"}).json
    tablet = world.tablet("alpha")
    tablet.exchange()
    world.change(work_order, description="By the office")
    verdict = tablet.edit("work_order", work_order["id"], "update", 1, description="By the crew")
    assert verdict["verdict"] == "conflicted"
    return work_order["id"], task["id"], verdict["conflicts"][0]["id"]


def test_nothing_of_another_partnership_exists_on_any_route(world: World, elsewhere: World) -> None:
    work_order_id, task_id, conflict_id = a_conflict(elsewhere)
    ids = {"work_order_id": work_order_id, "task_id": task_id, "conflict_id": conflict_id}
    before = elsewhere.read(work_order_id, include="tasks,notes,entries")
    own_id = world.create()["id"]
    tried = 0
    for endpoint, method, rule in routes(world.app):
        if "{" not in rule:
            continue
        addresses = {rule.format(**ids)}
        if "task_id" in rule:
            addresses.add(rule.format(**ids | {"work_order_id": own_id}))
        for address in addresses:
            for tag in ('"1"', '"2"'):
                answer = world.ask(method, address, if_match=tag, json=BODIES.get(endpoint))
                assert (answer.status_code, answer.json["code"]) == (404, "not_found"), (method, address)
                assert work_order_id not in answer.text.replace(address, "")
                tried += 1
    assert tried > 20
    assert elsewhere.read(work_order_id, include="tasks,notes,entries") == before
    assert world.ask("GET", "/conflicts").json["items"] == []
    assert world.ask("GET", "/conflicts", query_string={"work_order_id": work_order_id}).json["items"] == []


def test_what_belongs_to_another_partnership_cannot_be_named(world: World, elsewhere: World) -> None:
    work_order = world.create()
    for field, value in (("crew_id", elsewhere.crews["alpha"]), ("service_type_id", elsewhere.pothole)):
        answers = [
            world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match='"1"', json={field: str(id_)})
            for id_ in (value, uuid4())
        ]
        assert [(a.status_code, a.json["code"]) for a in answers] == [(422, "unknown_reference")] * 2


def test_ids_that_are_none_are_not_found(world: World) -> None:
    assert world.ask("GET", "/work-orders/x").status_code == 404
    assert world.ask("GET", f"/work-orders/{uuid4()}").status_code == 404
    assert world.ask("GET", f"/conflicts/{uuid4()}/history").status_code == 404


class TestOneJurisdiction:
    """A dispatcher of one town sees and does what lies there."""

    def test_sees_nothing_of_the_others(self, world: World) -> None:
        mine, theirs = world.create(title="mine"), world.create(title="theirs", location=EAST)
        triage = world.create(title="triage", location=NOWHERE)
        listed = world.ask("GET", "/work-orders", "of west").json["items"]
        assert [item["id"] for item in listed] == [mine["id"]]
        for work_order in (theirs, triage):
            path = f"/work-orders/{work_order['id']}"
            for method, address, body in (
                ("GET", path, None), ("GET", f"{path}/history", None), ("PATCH", path, {"title": "x"}),
                ("DELETE", path, None), ("POST", f"{path}/notes", {"body": "x"}),
            ):  # fmt: skip
                assert world.ask(method, address, "of west", if_match='"1"', json=body).status_code == 404
        asked = {"jurisdiction_id": str(world.towns["east"])}
        assert world.ask("GET", "/work-orders", "of west", query_string=asked).json["items"] == []

    def test_triage_is_for_those_who_dispatch_for_all(self, world: World) -> None:
        triage = world.create(title="triage", location=NOWHERE)
        listed = world.ask("GET", "/work-orders", "second", query_string={"placed_by": "outside"}).json["items"]
        assert listed == [triage]
        assert world.ask("GET", "/work-orders", "of west", query_string={"placed_by": "outside"}).json["items"] == []

    def test_makes_no_work_for_others(self, world: World) -> None:
        body = {"title": "Hole", "service_type_id": str(world.pothole)}
        for place in (EAST, NOWHERE):
            answer = world.ask("POST", "/work-orders", "of west", json=body | {"location": place})
            assert (answer.status_code, answer.json["code"], answer.json["field"]) == (403, "not_allowed", "location")
        work_order = world.ask("POST", "/work-orders", "of west", json=body | {"location": WEST}).json
        moved = world.ask("PATCH", f"/work-orders/{work_order['id']}", "of west", '"1"', json={"location": EAST})
        assert moved.status_code == 403
        assert world.read(work_order["id"]) == work_order
        assert world.rows("SELECT count(*) FROM work_order WHERE partnership_id = :p") == [(1,)]
        near = {"lon": -79.95, "lat": 40.6}
        moved = world.ask("PATCH", f"/work-orders/{work_order['id']}", "of west", '"1"', json={"location": near})
        assert moved.status_code == 200

    def test_settles_only_what_is_hers(self, world: World) -> None:
        *_, conflict_id = a_conflict(world)
        assert [c["id"] for c in world.ask("GET", "/conflicts", "of west").json["items"]] == [conflict_id]
        nothing = world.ask("GET", "/conflicts", "of east").json
        ages = {"day": 0, "week": 0, "older": 0}
        assert nothing == {
            "items": [], "next": None, "open": {}, "counts": {"fields": [], "crews": [], "ages": ages},
        }  # fmt: skip
        path = f"/conflicts/{conflict_id}"
        assert world.ask("GET", path, "of east").status_code == 404
        kept = {"choice": "kept"}
        assert world.ask("POST", f"{path}/settlement", "of east", '"1"', json=kept).status_code == 404
        assert world.ask("POST", f"{path}/settlement", "of west", '"1"', json=kept).status_code == 200


class TestRoles:
    """Admins read; dispatchers act; nobody else comes in."""

    @pytest.mark.parametrize("by", ["gis", "alpha"])
    def test_that_have_no_business_here(self, world: World, by: str) -> None:
        for _, method, rule in routes(world.app):
            path = rule.format(work_order_id=uuid4(), task_id=uuid4(), conflict_id=uuid4())
            assert world.ask(method, path, by, '"1"', json={}).status_code == 403

    def test_of_admins_to_read(self, world: World) -> None:
        work_order_id, task_id, conflict_id = a_conflict(world)
        ids = {"work_order_id": work_order_id, "task_id": task_id, "conflict_id": conflict_id}
        for _, method, rule in routes(world.app):
            answer = world.ask(method, rule.format(**ids), "admin", '"1"', json={})
            assert answer.status_code == (200 if method == "GET" else 403), rule

    def test_of_those_who_do_not_say_who_they_are(self, world: World) -> None:
        for _, method, rule in routes(world.app):
            path = rule.format(work_order_id=uuid4(), task_id=uuid4(), conflict_id=uuid4())
            assert world.app.test_client().open("/v1" + path, method=method).status_code == 401
