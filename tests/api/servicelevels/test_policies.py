"""Policies: dated versions of all targets, which never change once they have begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.office.world import World, now
from tests.api.servicelevels.promises import Promises, as_json, body, moment

PATH = "/service-levels/policies"


@pytest.fixture
def calendar_id(world: World) -> str:
    return world.ask("POST", "/service-levels/calendars", "admin", json=body()).json["id"]  # type: ignore[no-any-return]


def publish(world: World, *targets: dict[str, Any], **more: Any) -> Any:
    return world.ask("POST", PATH, "admin", json=as_json({"targets": list(targets)} | more))


def test_it_is_numbered_and_in_force_from_its_beginning(world: World, calendar_id: str) -> None:
    assert world.ask("GET", f"{PATH}/in-force").status_code == 404
    target = {"calendar_id": calendar_id, "service_type_id": str(world.pothole), "priority": 2, "response_minutes": 60}
    first = publish(world, target, note="To begin with").json
    starts_at = now() + timedelta(days=1)
    second = publish(world, starts_at=starts_at).json
    assert [first["number"], second["number"]] == [1, 2]
    assert (first["state"], second["state"], first["target_count"], second["targets"]) == ("in_force", "coming", 1, [])
    assert first["targets"] == [
        target | {"id": first["targets"][0]["id"], "jurisdiction_id": None, "resolution_minutes": None,
                  "pauses_on_hold": True}
    ]  # fmt: skip
    assert world.ask("GET", f"{PATH}/in-force", "gis").json == first | {"ends_at": second["starts_at"]}
    asked = {"at": (starts_at + timedelta(hours=1)).isoformat()}
    assert world.ask("GET", f"{PATH}/in-force", query_string=asked).json["number"] == 2
    listed = world.ask("GET", PATH, query_string={"limit": 1}).json
    assert [item["number"] for item in listed["items"]] == [1]
    rest = world.ask("GET", PATH, query_string={"cursor": listed["next"]}).json
    assert [(item["number"], item["ends_at"]) for item in rest["items"]] == [(2, None)]


def test_one_that_has_not_begun_can_be_taken_back(world: World, promises: Promises, calendar_id: str) -> None:
    coming = publish(
        world, {"calendar_id": calendar_id, "response_minutes": 5}, starts_at=now() + timedelta(days=1)
    ).json
    assert world.ask("DELETE", f"/service-levels/calendars/{calendar_id}", "admin").json["code"] == "calendar_in_use"
    assert world.ask("DELETE", f"{PATH}/{coming['id']}", "dispatcher").status_code == 403
    assert world.ask("DELETE", f"{PATH}/{coming['id']}", "admin").status_code == 204
    assert world.ask("GET", f"{PATH}/{coming['id']}").status_code == 404
    assert world.ask("DELETE", f"{PATH}/{promises.policy_id}", "admin").json["code"] == "policy_begun"
    assert world.ask("DELETE", f"/service-levels/calendars/{calendar_id}", "admin").status_code == 204


def test_the_past_stays_as_it_was(world: World) -> None:
    answer = publish(world, starts_at=now() - timedelta(minutes=1))
    assert (answer.status_code, answer.json["field"]) == (422, "starts_at")
    moment_ = now() + timedelta(days=1)
    assert publish(world, starts_at=moment_).status_code == 201
    assert publish(world, starts_at=moment_).json["code"] == "already_there"


@pytest.mark.parametrize(("more", "code", "field"), [
    ({"calendar_id": str(uuid4())}, "unknown_reference", "targets.1.calendar_id"),
    ({"service_type_id": str(uuid4())}, "unknown_reference", "targets.1.service_type_id"),
    ({"jurisdiction_id": str(uuid4())}, "unknown_reference", "targets.1.jurisdiction_id"),
    ({"response_minutes": None}, "invalid_value", "targets.1.resolution_minutes"),
    ({"response_minutes": 0}, "invalid_value", "targets.1.response_minutes"),
    ({"priority": 6}, "invalid_value", "targets.1.priority"),
    ({"priority": None}, "invalid_value", "targets.1"),
])  # fmt: skip
def test_a_target_that_means_nothing_is_refused(
    world: World, calendar_id: str, more: dict[str, Any], code: str, field: str
) -> None:
    good = {"calendar_id": calendar_id, "response_minutes": 60}
    answer = publish(world, good, good | {"priority": 1} | more)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, code, field)
    assert world.ask("GET", PATH).json["items"] == []


def test_what_is_elsewhere_cannot_be_named(world: World, elsewhere: World, calendar_id: str) -> None:
    answer = publish(elsewhere, {"calendar_id": calendar_id, "response_minutes": 60})
    assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")


def test_a_policy_of_now_holds_for_the_next_work_order(world: World, calendar_id: str) -> None:
    assert world.create()["record"]["respond_by"] is None
    publish(world, {"calendar_id": calendar_id, "response_minutes": 60})
    assert moment(world.create()["record"]["respond_by"]) is not None
