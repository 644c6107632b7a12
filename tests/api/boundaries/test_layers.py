"""Boundary layers and their settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.boundaries.desk import BASE, Desk
from tests.api.town import Town

LAYERS = f"{BASE}/layers"


def test_a_layer_is_made_read_listed_and_changed(desk: Desk) -> None:
    made = desk.gis.post(LAYERS, {"name": "Towns", "border_m": 5, "tolerances": {"gap_m": 0.5}})
    assert made.status_code == 201
    assert made.json == {
        "id": made.json["id"], "name": "Towns", "role": "jurisdiction", "tolerance_m": 0.0, "border_m": 5.0,
        "rank": None, "service_types": [], "width_m": None, "tolerances": {"gap_m": 0.5}, "public": False,
        "created_at": made.json["created_at"], "in_force": None, "versions": 0,
    }  # fmt: skip
    path = f"{LAYERS}/{made.json['id']}"
    assert desk.gis.get(path).json == made.json
    changed = desk.gis.patch(path, {"public": True, "tolerance_m": 25.5})
    assert changed.json == made.json | {"public": True, "tolerance_m": 25.5}
    assert desk.town.staff("dispatcher").get(path).json == changed.json


def test_layers_come_in_pages_by_name(desk: Desk) -> None:
    for name in ("Parks", "Roads", "Wards"):
        desk.layer(name, role="reference")
    desk.layer("Towns")
    first = desk.gis.get(LAYERS, query_string={"limit": 3}).json
    second = desk.gis.get(LAYERS, query_string={"limit": 3, "cursor": first["next"]}).json
    assert [[each["name"] for each in page["items"]] for page in (first, second)] == [
        ["Parks", "Roads", "Towns"], ["Wards"],
    ]  # fmt: skip
    assert second["next"] is None
    of_role = desk.gis.get(LAYERS, query_string={"role": "jurisdiction"}).json
    assert [each["name"] for each in of_role["items"]] == ["Towns"]


def test_a_layer_shows_its_version_in_force(desk: Desk) -> None:
    layer_id = desk.layer()
    version_id = desk.published(layer_id)
    layer = desk.gis.get(f"{LAYERS}/{layer_id}").json
    assert (layer["in_force"]["id"], layer["in_force"]["number"], layer["versions"]) == (version_id, 1, 1)
    starts = desk.version(version_id)["starts"]
    assert layer["in_force"]["starts"][:23] == starts[:23]


@pytest.mark.parametrize(
    ("wanted", "status", "code", "field"),
    [
        ({}, 422, "invalid_value", "name"),
        ({"name": ""}, 422, "invalid_value", "name"),
        ({"name": "Towns/3"}, 422, "invalid_value", "name"),
        ({"name": "x" * 101}, 422, "invalid_value", "name"),
        ({"name": "Towns", "role": "king"}, 422, "invalid_value", "role"),
        ({"name": "Towns", "colour": "red"}, 422, "invalid_value", "colour"),
        ({"name": "Towns", "tolerance_m": 10_001}, 422, "invalid_value", "tolerance_m"),
        ({"name": "Towns", "tolerance_m": "5"}, 422, "invalid_value", "tolerance_m"),
        ({"name": "Towns", "border_m": -1}, 422, "invalid_value", "border_m"),
        ({"name": "Towns", "tolerances": {"gap_m": -1}}, 422, "invalid_value", "tolerances"),
        ({"name": "Towns", "tolerances": {"gap_km": 1}}, 422, "invalid_value", "tolerances"),
        ({"name": "Towns", "tolerances": {"gap_m": 1e400}}, 400, "malformed_body", None),
        ({"name": "Towns", "rank": 1}, 422, "invalid_value", "rank"),
        ({"name": "Towns", "width_m": 3}, 422, "invalid_value", "width_m"),
        ({"name": "Roads", "role": "overlay"}, 422, "invalid_value", "rank"),
        ({"name": "Roads", "role": "overlay", "rank": 0}, 422, "invalid_value", "rank"),
        ({"name": "Roads", "role": "overlay", "rank": 1, "width_m": 0}, 422, "invalid_value", "width_m"),
        ({"name": "Roads", "role": "overlay", "rank": 1, "service_types": ["no"]}, 422, "unknown_reference",
         "service_types"),
    ],
)  # fmt: skip
def test_settings_that_are_not_acceptable(
    desk: Desk, wanted: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    answer = desk.gis.post(LAYERS, wanted)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert str(answer.json.get("field")).split(".")[0] == str(field)
    assert desk.gis.get(LAYERS).json["items"] == []


def test_names_ranks_and_the_layer_that_decides_are_not_doubled(desk: Desk) -> None:
    desk.layer("Towns")
    roads = desk.layer("Roads", role="overlay", rank=1)
    refused = {
        "already_there": {"name": "Roads", "role": "reference"},
        "jurisdiction_layer_exists": {"name": "Other towns"},
        "rank_taken": {"name": "Parks", "role": "overlay", "rank": 1},
    }
    for code, wanted in refused.items():
        answer = desk.gis.post(LAYERS, wanted)
        assert (answer.status_code, answer.json["code"]) == (409, code)
    desk.layer("Parks", role="overlay", rank=2)
    assert desk.gis.patch(f"{LAYERS}/{roads}", {"rank": 2}).json["code"] == "rank_taken"
    assert desk.gis.patch(f"{LAYERS}/{roads}", {"name": "Parks"}).json["code"] == "already_there"


def test_a_role_is_for_good_and_settings_fit_it(desk: Desk) -> None:
    towns, roads = desk.layer("Towns"), desk.layer("Roads", role="overlay", rank=1, width_m=8)
    assert desk.gis.patch(f"{LAYERS}/{towns}", {"role": "reference"}).status_code == 422
    assert desk.gis.patch(f"{LAYERS}/{towns}", {"rank": 3}).json["field"] == "rank"
    assert desk.gis.patch(f"{LAYERS}/{roads}", {"width_m": None, "rank": 3}).json["width_m"] is None


def test_an_overlay_names_service_types_that_are_there(desk: Desk) -> None:
    admin = desk.town.staff("admin")
    made = admin.post("/v1/service-types", {"code": "pothole", "name": "Pothole", "priority": 3})
    assert made.status_code == 201, made.json
    layer_id = desk.layer("Roads", role="overlay", rank=1, service_types=["pothole"])
    assert desk.gis.get(f"{LAYERS}/{layer_id}").json["service_types"] == ["pothole"]


def test_who_may_do_what(town: Town, desk: Desk) -> None:
    layer_id = desk.layer()
    dispatcher, finance = town.staff("dispatcher"), town.staff("finance")
    of_one_town = town.staff(("gis", town.alder))
    assert dispatcher.get(LAYERS).status_code == of_one_town.get(LAYERS).status_code == 200
    assert finance.get(LAYERS).status_code == 403
    for caller in (dispatcher, of_one_town, finance):
        assert caller.post(LAYERS, {"name": "Mine", "role": "reference"}).status_code == 403
        assert caller.patch(f"{LAYERS}/{layer_id}", {"public": True}).status_code == 403
    assert desk.gis.get(f"{LAYERS}/{layer_id}").json["public"] is False


def test_another_partnerships_layer_is_not_there(desk: Desk, town: Town) -> None:
    stranger = Desk(Town(town.app))
    layer_id = desk.layer()
    assert stranger.gis.get(f"{LAYERS}/{layer_id}").status_code == 404
    assert stranger.gis.patch(f"{LAYERS}/{layer_id}", {"public": True}).status_code == 404
    assert stranger.send(layer_id, {"a.geojson": b"{}"}).status_code == 404
    assert stranger.gis.get(LAYERS).json["items"] == []
    stranger.layer()
