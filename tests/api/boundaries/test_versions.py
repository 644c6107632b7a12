"""Versions, their reports and findings, repairs and differences over HTTP."""

from __future__ import annotations

import json
from typing import get_args
from uuid import uuid4

import pytest
import shapely

from fieldsync.boundaries.versions import schemas
from geo import repair
from tests.api.boundaries.desk import APART, BASE, TWO, Desk, collection
from tests.api.town import Town
from tests.geo.cities import DC, needs_data

OVERLAPPING = collection(("A", -80.0, 40.0), ("B", -79.95, 40.0))


def test_a_version_says_everything_that_is_needed_to_decide(desk: Desk) -> None:
    layer_id = desk.layer()
    first = desk.published(layer_id)
    second = desk.version(desk.drafted(layer_id, collection(("A", -80.0, 40.0), ("C", -79.9, 40.0))))
    assert (second["layer"], second["role"], second["number"], second["status"]) == (
        "Towns",
        "jurisdiction",
        2,
        "draft",
    )
    assert (second["starts"], second["ends"], second["in_force"], second["area_count"]) == (None, None, False, 2)
    assert second["reading"]["format"] == "GeoJSON"
    assert (second["reading"]["code_field"], second["reading"]["fields"]) == ("code", ["code", "name"])
    assert (second["created_by"], second["notes"] != []) == (str(desk.gis.id), True)
    assert (second["checked_against"], second["report_outdated"]) == (first, False)
    kinds = {kind["kind"]: kind for kind in second["kinds"]}
    assert kinds["code_changed"]["severity"] == "warning"
    assert kinds["code_changed"]["meaning"]
    assert {"code_changed", "unknown_code", "uncovered_jurisdiction"} <= set(second["to_acknowledge"])
    assert set(second["to_acknowledge"]) == {name for name, kind in kinds.items() if kind["severity"] == "warning"}
    assert second["warnings"] == sum(kind["findings"] for kind in kinds.values() if kind["severity"] == "warning")
    assert (second["obstacles"], second["runs"], second["repair"]) == ([], [], None)
    assert second["measures"]["areas"] == 2


def test_versions_are_listed_the_newest_first(desk: Desk) -> None:
    layer_id = desk.layer()
    ids = [desk.drafted(layer_id) for _ in range(3)]
    desk.publish(ids[1])
    path = f"{BASE}/layers/{layer_id}/versions"
    first = desk.gis.get(path, query_string={"limit": 2}).json
    second = desk.gis.get(path, query_string={"limit": 2, "cursor": first["next"]}).json
    assert [each["number"] for each in first["items"] + second["items"]] == [3, 2, 1]
    assert second["next"] is None
    drafts = desk.gis.get(path, query_string={"status": "draft"}).json
    assert [each["id"] for each in drafts["items"]] == [ids[2], ids[0]]
    (published,) = desk.gis.get(path, query_string={"status": "published"}).json["items"]
    assert (published["in_force"], published["ends"], published["published_by"]) == (True, None, str(desk.gis.id))
    assert desk.gis.get(f"{BASE}/layers/{uuid4()}/versions").status_code == 404


def test_findings_are_read_by_page_severity_and_kind(desk: Desk) -> None:
    version_id = desk.drafted(desk.layer(), collection(("A", -80.0, 40.0), ("A", -79.95, 40.0), ("Z", -79.0, 40.0)))
    every = desk.findings(version_id)["items"]
    assert [finding["number"] for finding in every] == list(range(1, len(every) + 1))
    severities = [finding["severity"] for finding in every]
    assert severities == sorted(severities, key=["error", "warning", "notice"].index)
    (repeated,) = desk.findings(version_id, kind="code_repeated")["items"]
    assert (repeated["severity"], repeated["features"], repeated["codes"]) == ("error", [1, 2], ["A"])
    (overlap,) = desk.findings(version_id, kind="overlap")["items"]
    assert overlap["measures"]["area_m2"] > 1e6
    place = shapely.from_geojson(json.dumps(overlap["place"]))
    assert place.area == pytest.approx(0.05 * 0.1)
    errors = desk.findings(version_id, severity="error")["items"]
    assert {finding["severity"] for finding in errors} == {"error"}
    both = desk.findings(version_id, kind=["overlap", "code_repeated"])["items"]
    assert {finding["kind"] for finding in both} == {"overlap", "code_repeated"}
    first = desk.findings(version_id, limit=2)
    assert [finding["number"] for finding in first["items"]] == [1, 2]
    assert desk.findings(version_id, limit=2, cursor=first["next"])["items"][0]["number"] == 3


def test_findings_are_a_map(desk: Desk) -> None:
    version_id = desk.drafted(desk.layer(), collection(("A", -80.0, 40.0), ("Y", -79.95, 40.0), ("Z", -79.0, 40.0)))
    answer = desk.gis.get(f"{BASE}/versions/{version_id}/findings", query_string={"format": "geojson", "limit": 1})
    assert answer.mimetype == "application/geo+json"
    document = json.loads(answer.data)
    (feature,) = document["features"]
    assert (document["type"], feature["type"], document["next"] is None) == ("FeatureCollection", "Feature", False)
    assert {"kind", "severity", "sentence", "measures"} <= feature["properties"].keys()


def test_filters_that_mean_nothing(desk: Desk) -> None:
    path = f"{BASE}/versions/{desk.drafted(desk.layer())}/findings"
    for query in ({"severity": "bad"}, {"kind": "king"}, {"format": "csv"}, {"limit": 501}, {"cursor": "x"}):
        assert desk.gis.get(path, query_string=query).status_code == 422
    huge = {"cursor": "WyI5OTk5OTk5OTk5OTk5OTkiXQ"}
    assert desk.gis.get(path, query_string=huge).json["items"] == []


def test_errors_keep_a_draft_from_being_published_until_it_is_repaired(desk: Desk) -> None:
    bow_tie = json.loads(TWO)
    ring = bow_tie["features"][0]["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]
    layer_id = desk.layer()
    version_id = desk.drafted(layer_id, json.dumps(bow_tie).encode())
    version = desk.version(version_id)
    assert (version["errors"], version["obstacles"]) == (1, ["version_has_errors"])
    refused = desk.gis.post(f"{BASE}/versions/{version_id}/publication", {"acknowledge": version["to_acknowledge"]})
    assert (refused.status_code, refused.json["code"], refused.json["errors"]) == (409, "version_has_errors", 1)
    run = desk.asked(f"/versions/{version_id}/repair", {})
    assert run["state"] == "done", run["problem"]
    repaired = desk.version(run["version_id"])
    assert (repaired["number"], repaired["repair_of"], repaired["errors"]) == (2, version_id, 0)
    assert repaired["repair"]["vanishing"] == {"geometry_invalid": 1}
    changed = repaired["repair"]["changed"][0]
    assert (changed["feature"], changed["code"], changed["before_m2"]) == (1, "A", None)
    assert any("repair of version 1" in note for note in repaired["notes"])
    desk.publish(run["version_id"])
    assert desk.version(version_id)["errors"] == 1


def test_a_repair_says_what_moved_from_whom_to_whom(desk: Desk) -> None:
    version_id = desk.drafted(desk.layer(), OVERLAPPING)
    run = desk.asked(f"/versions/{version_id}/repair", {"winner": "lowest_code"})
    result = run["result"]
    assert (run["state"], result["number"], result["repair_of"]) == ("done", 2, version_id), run["problem"]
    changed = {each["code"]: each for each in result["changed"]}
    assert changed["B"]["lost_m2"] == pytest.approx(changed["B"]["before_m2"] / 2, rel=1e-6)
    assert changed["B"]["after_m2"] == pytest.approx(changed["B"]["before_m2"] / 2, rel=1e-6)
    (transfer,) = result["transfers"]
    assert (transfer["from_code"], transfer["to_code"]) == ("B", "A")
    assert result["moved_m2"] == pytest.approx(transfer["m2"])
    assert result["vanishing"] == {"overlap": 1}
    assert desk.version(run["version_id"])["repair"] == result
    other = desk.asked(f"/versions/{version_id}/repair", {"winner": "smallest"})
    assert other["result"]["number"] == 3


def test_a_repair_that_changes_nothing_is_no_draft(desk: Desk) -> None:
    layer_id = desk.layer()
    run = desk.asked(f"/versions/{desk.drafted(layer_id)}/repair", {"coverage": False})
    assert (run["state"], run["problem"]["code"], run["version_id"]) == ("failed", "nothing_to_repair", None)
    assert len(desk.gis.get(f"{BASE}/layers/{layer_id}/versions").json["items"]) == 1


def test_areas_of_an_overlay_may_lie_upon_each_other(desk: Desk) -> None:
    version_id = desk.drafted(desk.layer("Parks", role="overlay", rank=1), OVERLAPPING)
    answer = desk.gis.post(f"{BASE}/versions/{version_id}/repair", {"coverage": True})
    assert (answer.status_code, answer.json["field"]) == (422, "coverage")
    run = desk.asked(f"/versions/{version_id}/repair", {})
    assert (run["parameters"]["coverage"], run["problem"]["code"]) == (False, "nothing_to_repair")


def test_the_api_takes_what_a_repair_takes() -> None:
    assert get_args(schemas.Winner) == get_args(repair.Winner)


def test_a_draft_is_checked_again_by_other_tolerances(desk: Desk) -> None:
    layer_id = desk.layer()
    version_id = desk.drafted(layer_id, OVERLAPPING)
    assert "overlap" in {kind["kind"] for kind in desk.version(version_id)["kinds"]}
    desk.gis.patch(f"{BASE}/layers/{layer_id}", {"tolerances": {"overlap_m2": 1e9}})
    run = desk.asked(f"/versions/{version_id}/check")
    assert (run["sort"], run["state"], run["version_id"]) == ("check", "done", version_id)
    kinds = {kind["kind"] for kind in desk.version(version_id)["kinds"]}
    assert ("overlap" in kinds, "overlap_sliver" in kinds) == (False, True)


def test_a_report_against_another_version_is_outdated(desk: Desk) -> None:
    layer_id = desk.layer()
    first, second = desk.drafted(layer_id), desk.drafted(layer_id)
    desk.publish(first)
    assert desk.version(second)["report_outdated"] is True
    desk.asked(f"/versions/{second}/check")
    again = desk.version(second)
    assert (again["report_outdated"], again["checked_against"]) == (False, first)


def test_a_draft_is_deleted_with_all_that_hangs_on_it(desk: Desk) -> None:
    layer_id = desk.layer()
    run = desk.hand_in(layer_id, {"towns.geojson": OVERLAPPING})
    version_id = run["version_id"]
    assert desk.gis.delete(f"{BASE}/versions/{version_id}").status_code == 204
    assert desk.gis.get(f"{BASE}/versions/{version_id}").status_code == 404
    for table in ("area", "finding", "layer_version"):
        assert desk.town.rows(f"SELECT count(*) AS n FROM {table} WHERE partnership_id = :p")[0]["n"] == 0
    assert (desk.run(run["id"])["state"], desk.run(run["id"])["version_id"]) == ("done", None)
    assert desk.version(desk.drafted(layer_id))["number"] == 1


def test_what_is_published_is_neither_deleted_nor_checked_nor_repaired(desk: Desk) -> None:
    version_id = desk.published(desk.layer())
    path = f"{BASE}/versions/{version_id}"
    for answer in (desk.gis.delete(path), desk.gis.post(f"{path}/check"), desk.gis.post(f"{path}/repair", {})):
        assert (answer.status_code, answer.json["code"]) == (409, "version_not_draft")
    assert desk.version(version_id)["obstacles"] == ["version_not_draft"]


def test_a_draft_that_is_worked_on_is_not_deleted(desk: Desk) -> None:
    version_id = desk.drafted(desk.layer())
    run = desk.gis.post(f"{BASE}/versions/{version_id}/check").json
    assert desk.version(version_id)["runs"] == [{"id": run["id"], "sort": "check", "state": "waiting"}]
    answer = desk.gis.delete(f"{BASE}/versions/{version_id}")
    assert (answer.status_code, answer.json["code"]) == (409, "draft_in_use")
    desk.carried_out(run)
    assert desk.gis.delete(f"{BASE}/versions/{version_id}").status_code == 204


class TestDifference:
    def test_ground_that_changed_hands(self, desk: Desk) -> None:
        layer_id = desk.layer()
        first = desk.published(layer_id)
        moved = json.loads(TWO)
        # Half of Birch becomes Alder's.
        moved["features"][0]["geometry"] = shapely.geometry.mapping(shapely.box(-80, 40, -79.85, 40.1))
        moved["features"][1]["geometry"] = shapely.geometry.mapping(shapely.box(-79.85, 40, -79.8, 40.1))
        second = desk.drafted(layer_id, json.dumps(moved).encode())
        run = desk.asked(f"/versions/{second}/difference", {})
        assert (run["state"], run["parameters"]) == ("done", {"before": first}), run["problem"]
        result = run["result"]
        assert result["counts"] == {
            "added": 0, "removed": 0, "renamed": 0, "recoded": 0, "reshaped": 2, "pairs": 1,
        }  # fmt: skip
        (pair,) = result["pairs"]
        assert (pair["from"], pair["to"], pair["slivers"]) == ("B", "A", 0)
        assert pair["hectares"] == pytest.approx(4740, rel=0.01)
        assert "features" not in result
        answer = desk.gis.get(f"{BASE}/runs/{run['id']}/features")
        assert answer.mimetype == "application/geo+json"
        document = json.loads(answer.data)
        (feature,) = document["features"]
        assert feature["properties"] == pair
        assert document["within_m"] < 2
        box = shapely.box(-79.9, 40, -79.85, 40.1)
        assert shapely.from_geojson(json.dumps(feature["geometry"])).symmetric_difference(box).area < 1e-9

    def test_a_version_is_held_against_any_other_of_its_layer(self, desk: Desk) -> None:
        layer_id = desk.layer()
        first, second = desk.drafted(layer_id), desk.drafted(layer_id, APART)
        run = desk.asked(f"/versions/{first}/difference", {"before": second})
        assert run["result"]["counts"]["pairs"] > 0
        same = desk.asked(f"/versions/{first}/difference", {"before": first})
        assert set(same["result"]["counts"].values()) == {0}
        other = desk.drafted(desk.layer("Parks", role="reference"))
        for before in (None, other, str(uuid4())):
            answer = desk.gis.post(f"{BASE}/versions/{first}/difference", {"before": before} if before else {})
            assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")

    def test_a_draft_without_codes_cannot_be_compared(self, desk: Desk) -> None:
        layer_id = desk.layer()
        twice = desk.drafted(layer_id, collection(("A", -80.0, 40.0), ("A", -79.9, 40.0)))
        run = desk.asked(f"/versions/{twice}/difference", {"before": desk.drafted(layer_id)})
        assert (run["state"], run["problem"]["code"]) == ("failed", "not_comparable")
        assert desk.gis.get(f"{BASE}/runs/{run['id']}/features").status_code == 404

    @needs_data
    def test_the_wards_of_a_city_after_ten_years(self, desk: Desk) -> None:
        layer_id = desk.layer()
        old, new = (desk.hand_in(layer_id, [DC / f"dc_wards_{year}.geojson"])["version_id"] for year in (2002, 2012))
        result = desk.asked(f"/versions/{new}/difference", {"before": old})["result"]
        assert result["counts"]["added"] == result["counts"]["removed"] == 0
        assert result["moved_hectares"] == pytest.approx(sum(pair["hectares"] for pair in result["pairs"]), abs=0.01)
        lost = sum(ward["lost_hectares"] for ward in result["reshaped"])
        gained = sum(ward["gained_hectares"] for ward in result["reshaped"])
        outside = sum(
            (pair["to"] is None) * pair["hectares"] - (pair["from"] is None) * pair["hectares"]
            for pair in result["pairs"]
        )
        assert lost - gained == pytest.approx(outside, abs=0.01)


def test_who_may_do_what(town: Town, desk: Desk) -> None:
    version_id = desk.drafted(desk.layer())
    path = f"{BASE}/versions/{version_id}"
    dispatcher = town.staff("dispatcher")
    assert dispatcher.get(path).status_code == dispatcher.get(f"{path}/findings").status_code == 200
    for caller in (dispatcher, town.staff(("gis", town.alder)), town.staff("finance")):
        assert caller.delete(path).status_code == 403
        for what in ("check", "repair", "difference"):
            assert caller.post(f"{path}/{what}", {}).status_code == 403


def test_another_partnerships_versions_are_not_there(desk: Desk, town: Town) -> None:
    stranger = Desk(Town(town.app))
    layer_id = desk.layer()
    version_id = desk.drafted(layer_id)
    own = stranger.drafted(stranger.layer())
    assert stranger.gis.get(f"{BASE}/versions/{version_id}").status_code == 404
    assert stranger.gis.get(f"{BASE}/layers/{layer_id}/versions").status_code == 404
    for what in ("check", "repair", "difference"):
        assert stranger.gis.post(f"{BASE}/versions/{version_id}/{what}", {}).status_code == 404
    answer = stranger.gis.post(f"{BASE}/versions/{own}/difference", {"before": version_id})
    assert (answer.status_code, answer.json["field"]) == (422, "before")
    assert stranger.gis.delete(f"{BASE}/versions/{version_id}").status_code == 404
    assert desk.version(version_id)["status"] == "draft"
