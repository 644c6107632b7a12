"""Triage: whose a work order is, decided by a person and remembered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import shapely

from fieldsync.boundaries.reassign import reassign
from fieldsync.database import transaction
from geo.areas import AreaSet
from geo.load import load_draft
from geo.publish import publish, warning_kinds
from geo.report import check_version
from tests.api.office.world import EAST, NOWHERE, TOWNS, WEST, World
from tests.database.lines import TestRun
from tests.geo.layers import SOURCE

NEAR = {"lon": -79.9001, "lat": 40.5}  # 8 m west of the line between the towns
WIDE = {"west": shapely.box(-80.1, 40.0, -79.8, 41.0), "east": shapely.box(-79.8, 40.0, -79.7, 41.0)}


def republish(world: World, towns: dict[str, Any]) -> None:
    """A new version of the towns' lines, and everything that follows from it."""
    geoms = np.array([shapely.multipolygons([town]) for town in towns.values()], dtype=object)
    with world.app.app_context():
        with transaction() as session:
            (layer_id,) = next(iter(world.rows("SELECT id FROM layer WHERE partnership_id = :p")))
            areas = AreaSet(tuple(towns), tuple(towns), geoms, SOURCE)
            version_id = load_draft(session, world.partnership_id, layer_id, areas)
            check_version(session, world.partnership_id, version_id)
            kinds = warning_kinds(session, world.partnership_id, version_id)
            publish(session, world.partnership_id, version_id, acknowledged=kinds)
        reassign(TestRun(world.partnership_id, version_id))


@pytest.fixture
def flagging(world: World) -> World:
    """The layer flags within 20 metres of a border."""
    world.rows("UPDATE layer SET border_m = 20 WHERE partnership_id = :p RETURNING id")
    return world


def listed(world: World, by: str = "dispatcher", **query: Any) -> dict[str, Any]:
    answer = world.ask("GET", "/triage", by, query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[no-any-return]


def decide(world: World, work_order: dict[str, Any], by: str = "dispatcher", **body: Any) -> Any:
    return world.ask("POST", f"/triage/{work_order['id']}", by, if_match=work_order["etag"], json=body)


def history(world: World, record_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.ask("GET", f"/work-orders/{record_id}/history").json["items"]
    return items


def test_the_list_says_why_and_whose_it_could_be(flagging: World) -> None:
    outside = flagging.create(title="nowhere", location=NOWHERE)
    near = flagging.create(title="near", location=NEAR)
    flagging.create(title="deep", location=WEST)
    page = listed(flagging)
    assert [(item["reason"], item["work_order"]["id"]) for item in page["items"]] == [
        ("outside", outside["id"]), ("near_border", near["id"]),
    ]  # fmt: skip
    assert page["waiting"] == {"outside": 1, "near_border": 1}
    first, second = page["items"]
    assert [area["code"] for area in second["near"]] == ["west", "east"]
    assert second["near"][0]["distance_m"] == 0
    assert second["near"][1]["distance_m"] == pytest.approx(8.5, abs=0.2)
    assert second["near"][1]["jurisdiction_id"] == str(flagging.towns["east"])
    assert second["placement"]["rule"] == "inside"
    assert first["placement"]["jurisdiction_id"] is None
    assert [item["work_order"]["id"] for item in listed(flagging, reason="near_border")["items"]] == [near["id"]]


def test_pages_follow_one_another(flagging: World) -> None:
    ids = [flagging.create(location=NOWHERE)["id"] for _ in range(5)]
    found, cursor = [], None
    while True:
        page = listed(flagging, limit=2, **({"cursor": cursor} if cursor else {}))
        found += [item["work_order"]["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ids


def test_what_is_accepted_is_not_asked_again(flagging: World) -> None:
    near = flagging.create(location=NEAR)
    answer = decide(flagging, near, decision="accept", reason="The pole stands on our side")
    assert answer.status_code == 200
    assert (answer.json["record"]["triage"], answer.json["version"]) == ("accepted", 2)
    assert listed(flagging)["items"] == []
    republish(flagging, {code: shapely.segmentize(town, 0.2) for code, town in TOWNS.items()})
    assert flagging.read(near["id"])["version"] == 2
    assert decide(flagging, answer.json, decision="accept").json["code"] == "not_in_triage"


def test_a_move_outlasts_a_publication_but_not_a_corrected_point(flagging: World) -> None:
    outside = flagging.create(location=NOWHERE)
    moved = decide(flagging, outside, decision="move", jurisdiction_id=str(flagging.towns["east"])).json
    assert moved["record"]["jurisdiction_id"] == str(flagging.towns["east"])
    assert (moved["record"]["placed_by"], moved["record"]["triage"]) == ("person", "accepted")
    republish(flagging, WIDE)
    assert flagging.read(outside["id"])["version"] == moved["version"]
    corrected = flagging.change(moved, location=WEST)
    assert corrected["record"]["placed_by"] == "inside"
    assert corrected["record"]["jurisdiction_id"] == str(flagging.towns["west"])


def test_the_history_says_which_rule_placed_it_each_time(flagging: World) -> None:
    job = flagging.create(location={"lon": -79.85, "lat": 40.5})
    republish(flagging, WIDE)
    job = flagging.read(job["id"])
    job = decide(flagging, job, decision="move", jurisdiction_id=str(flagging.towns["east"]), reason="As agreed").json
    flagging.change(job, title="Another title")
    entries = history(flagging, job["id"])
    told = [(entry["action"], entry["placement"] and entry["placement"]["rule"]) for entry in entries]
    assert told == [("create", "inside"), ("place", "inside"), ("place", "person"), ("update", None)]
    first, publication, person, _ = entries
    assert (first["placement"]["area"], first["placement"]["version"]) == ("east", 1)
    assert (publication["placement"]["area"], publication["placement"]["version"]) == ("west", 2)
    assert publication["by"]["side"] == "boundaries"
    assert publication["by"]["name"] == "towns, version 2"
    assert publication["changed"]["jurisdiction_id"] == {
        "before": str(flagging.towns["east"]), "after": str(flagging.towns["west"]),
    }  # fmt: skip
    assert person["by"]["name"] == "Dispatcher"
    assert person["entered"]["reason"] == "As agreed"


def test_who_dispatches_for_one_town_decides_for_that_one_only(flagging: World) -> None:
    near, outside = flagging.create(location=NEAR), flagging.create(location=NOWHERE)
    assert [item["work_order"]["id"] for item in listed(flagging, "of west")["items"]] == [near["id"]]
    assert listed(flagging, "of west")["waiting"] == {"near_border": 1}
    assert listed(flagging, "of east")["items"] == []
    assert decide(flagging, outside, "of west", decision="accept").status_code == 404
    gift = decide(flagging, near, "of west", decision="move", jurisdiction_id=str(flagging.towns["east"]))
    assert gift.status_code == 403
    assert decide(flagging, near, "of west", decision="accept").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"decision": "move"}, 422, "jurisdiction_id"),
        ({"decision": "accept", "jurisdiction_id": str(uuid4())}, 422, "jurisdiction_id"),
        ({"decision": "move", "jurisdiction_id": str(uuid4())}, 422, "jurisdiction_id"),
        ({"decision": "guess"}, 422, "decision"),
        ({"decision": "accept", "reason": "x" * 301}, 422, "reason"),
        ({}, 422, None),
    ],
)
def test_a_decision_that_is_none_is_refused(flagging: World, body: Any, status: int, field: str | None) -> None:
    job = flagging.create(location=NOWHERE)
    answer = decide(flagging, job, **body)
    assert answer.status_code == status, answer.json
    if field:
        assert answer.json["field"] == field
    assert flagging.read(job["id"])["version"] == 1


def test_a_stale_decision_is_told_what_is_there(flagging: World) -> None:
    job = flagging.create(location=NEAR)
    flagging.change(job, title="Meanwhile")
    answer = decide(flagging, job, decision="accept")
    assert answer.status_code == 412
    assert answer.json["current"]["record"]["title"] == "Meanwhile"


def test_a_tablet_reads_no_triage(world: World) -> None:
    assert world.ask("GET", "/triage", "alpha").status_code == 403
    assert world.create(location=EAST)["record"]["triage"] is None
