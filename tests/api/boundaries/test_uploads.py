"""Files handed in over HTTP: read in the background into a draft, or refused with nothing kept of them."""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import shapely

from fieldsync.boundaries.folders import PREFIX
from fieldsync.boundaries.runs.accept import OPEN_MAX
from fieldsync.boundaries.uploads import keep
from geo import formats, shapefile
from tests.api.boundaries.desk import BASE, TWO, Desk, collection
from tests.api.town import Town
from tests.geo.cities import ALLEGHENY, DC, needs_data
from tests.geo.made import zipped_shapefile


def kept(desk: Desk) -> dict[str, int]:
    """How many rows of each table hang on the partnership's files and drafts."""
    tables = ("upload", "upload_part", "layer_version", "area", "finding")
    return {
        table: desk.town.rows(f"SELECT count(*) AS n FROM {table} WHERE partnership_id = :p")[0]["n"]
        for table in tables
    }


def test_a_file_becomes_a_checked_draft(desk: Desk) -> None:
    layer_id = desk.layer()
    answer = desk.send(layer_id, {"towns.geojson": TWO})
    assert answer.status_code == 202
    run = answer.json
    assert (run["sort"], run["state"], run["layer_id"], run["file_kept"]) == ("import", "waiting", layer_id, True)
    assert answer.headers["Location"] == f"{BASE}/runs/{run['id']}"
    done = desk.carried_out(run)
    assert (done["state"], done["problem"], done["attempts"], done["file_kept"]) == ("done", None, 1, False)
    result = done["result"]
    assert (result["version_id"], result["number"], result["areas"]) == (done["version_id"], 1, 2)
    assert (result["errors"], result["warnings"]) == (0, 0)
    assert result["reading"]["code_field"] == "code"
    assert result["reading"]["fields"] == ["code", "name"]
    assert result["reading"]["name"] == "towns.geojson"
    assert any("taken from code" in note for note in result["notes"])
    assert kept(desk) == {"upload": 0, "upload_part": 0, "layer_version": 1, "area": 2, "finding": 0}


def test_options_of_the_form_are_followed(desk: Desk) -> None:
    towns = json.loads(TWO)
    for at, feature in enumerate(towns["features"]):
        feature["properties"] |= {"fips": f"00{at + 1}", "long": f"Town {at}", "from": "2026-01-01"}
    options = {"code_field": "fips", "name_field": "long", "valid_from_field": "from"}
    run = desk.hand_in(desk.layer(), {"towns.geojson": json.dumps(towns).encode()}, **options)
    assert run["parameters"] == options
    rows = desk.town.rows("SELECT code, name, valid_from FROM area WHERE partnership_id = :p ORDER BY feature")
    assert [(row["code"], row["name"], str(row["valid_from"])) for row in rows] == [
        ("001", "Town 0", "2026-01-01"), ("002", "Town 1", "2026-01-01"),
    ]  # fmt: skip


def test_a_loose_shapefile_comes_in_several_files(desk: Desk, tmp_path: Path) -> None:
    zipped_shapefile(tmp_path)
    files = {file.name.upper(): file.read_bytes() for file in (tmp_path / "inside").iterdir()}
    assert {name[-4:] for name in files} == {".SHP", ".SHX", ".DBF", ".PRJ", ".CPG"}
    run = desk.hand_in(desk.layer(role="reference"), files | {"TOWNS.SHP.XML": b"<metadata/>"})
    assert run["state"] == "done", run["problem"]
    assert (run["result"]["areas"], run["result"]["reading"]["format"]) == (3, "Shapefile")
    names = desk.town.rows("SELECT name FROM area WHERE partnership_id = :p ORDER BY feature")
    assert [row["name"] for row in names] == ["Añasco", "Besòs", "Čakovec"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"towns.geojson": b""}, "towns.geojson is empty."),
        ({"a.shp": b"1", "b.dbf": b"1"}, "A loose shapefile is"),
        ({"a.shx": b"1", "a.dbf": b"1"}, "A loose shapefile is"),
        ({"a.geojson": TWO, "b.geojson": TWO}, "a.geojson is no part of a shapefile"),
        ({"a.shp": b"1", "A.SHP": b"1"}, "A.SHP is no part of a shapefile"),
        ({f"{at}.sbn": b"1" for at in range(17)}, "Length must be between 1 and 16."),
    ],
)
def test_files_that_do_not_belong_together(desk: Desk, files: dict[str, bytes], said: str) -> None:
    answer = desk.send(desk.layer(), files)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", "file")
    assert said in answer.json["detail"]
    assert set(kept(desk).values()) == {0}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "file"),
        ({"file": "not a file"}, "file"),
        ({"file": (BytesIO(TWO), "a.geojson"), "colour": "red"}, "colour"),
        ({"file": (BytesIO(TWO), "a.geojson"), "swap_axes": "perhaps"}, "swap_axes"),
        ({"file": (BytesIO(TWO), "a.geojson"), "width_m": "nan"}, "width_m"),
        ({"file": (BytesIO(TWO), "a.geojson"), "width_m": "1001"}, "width_m"),
        ({"file": (BytesIO(TWO), "a.geojson"), "crs": "x" * 8_001}, "crs"),
    ],
)
def test_a_form_that_is_not_acceptable(desk: Desk, data: dict[str, Any], field: str) -> None:
    answer = desk.gis.post(f"{BASE}/layers/{desk.layer()}/uploads", data=data)
    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, "invalid_value", field)
    assert set(kept(desk).values()) == {0}


def test_names_of_files_are_cleaned() -> None:
    assert keep.clean_name("../../etc/passwd") == "passwd"
    assert keep.clean_name("C:\\maps\\towns.shp") == "towns.shp"
    assert keep.clean_name("a\x00b\nc.zip") == "abc.zip"
    assert keep.clean_name("..") == keep.clean_name("") == "file"
    long = keep.clean_name("x" * 500 + ".geojson")
    assert (len(long), long[-8:]) == (200, ".geojson")


def test_the_web_server_takes_what_the_reader_takes() -> None:
    assert keep.FILE_BYTES_MAX == formats.FILE_BYTES_MAX
    assert keep.EXTENSIONS == shapefile.EXTENSIONS


def test_a_large_file_is_kept_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "PART_BYTES", 100)
    layer_id = desk.layer()
    run = desk.send(layer_id, {"towns.geojson": TWO}).json
    parts = desk.town.rows(
        "SELECT number, length(content) AS bytes FROM upload_part WHERE partnership_id = :p ORDER BY number"
    )
    assert [part["number"] for part in parts] == list(range(len(parts)))
    assert {part["bytes"] for part in parts[:-1]} == {100}
    assert desk.carried_out(run)["state"] == "done"


def test_a_file_over_the_limit_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "FILE_BYTES_MAX", len(TWO) - 1)
    answer = desk.send(desk.layer(), {"towns.geojson": TWO})
    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
    assert set(kept(desk).values()) == {0}


def test_bodies_of_other_addresses_stay_small(desk: Desk) -> None:
    answer = desk.gis.post(f"{BASE}/layers", data=b"x" * 9_000_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")


class TestRefusedFiles:
    def test_nothing_is_kept_of_it_but_the_file_and_the_reason(self, desk: Desk, tmp_path: Path) -> None:
        path = zipped_shapefile(tmp_path, cut={"shp": 200})
        run = desk.hand_in(desk.layer(), [path])
        assert (run["state"], run["result"], run["version_id"], run["file_kept"]) == ("failed", None, None, True)
        problem = run["problem"]
        assert (problem["code"], problem["status"], problem["type"]) == (
            "file_unreadable", 422, "urn:fieldsync:problem:file_unreadable",
        )  # fmt: skip
        assert problem["part"].endswith("shp")
        assert {name: count for name, count in kept(desk).items() if count} == {"upload": 1, "upload_part": 1}
        assert list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) == []

    def test_it_is_tried_again_without_sending_it_again(self, desk: Desk) -> None:
        """Longitude and latitude are exchanged; where the towns were before tells so."""
        layer_id = desk.layer()
        desk.published(layer_id)
        swapped = json.loads(TWO)
        for feature in swapped["features"]:
            feature["geometry"]["coordinates"] = [
                [[y, x] for x, y in ring] for ring in feature["geometry"]["coordinates"]
            ]
        run = desk.hand_in(layer_id, {"swapped.geojson": json.dumps(swapped).encode()})
        assert run["state"] == "failed"
        (suggested, *_) = run["problem"]["suggestions"]
        assert suggested["swap_axes"] is True
        options = {name: suggested[name] for name in ("crs", "swap_axes")}
        again = desk.asked(f"/runs/{run['id']}/again", options)
        assert again["id"] != run["id"]
        assert (again["state"], again["parameters"]) == ("done", options), again["problem"]
        version = desk.version(again["version_id"])
        assert (version["area_count"], version["source_name"]) == (2, "swapped.geojson")
        assert version["checked_against"] is not None
        # The file is gone with the run that could read it.
        gone = desk.gis.post(f"{BASE}/runs/{run['id']}/again", {})
        assert (gone.status_code, gone.json["code"]) == (409, "upload_gone")

    def test_options_can_be_taken_back(self, desk: Desk) -> None:
        layer_id = desk.layer()
        run = desk.hand_in(layer_id, {"towns.geojson": TWO}, code_field="fips", layer="towns")
        assert run["problem"]["code"] == "field_not_found"
        again = desk.asked(f"/runs/{run['id']}/again", {"code_field": None})
        assert (again["state"], again["parameters"]) == ("done", {"layer": "towns"})

    def test_only_what_failed_is_tried_again(self, desk: Desk) -> None:
        run = desk.hand_in(desk.layer(), {"towns.geojson": TWO})
        answer = desk.gis.post(f"{BASE}/runs/{run['id']}/again", {})
        assert (answer.status_code, answer.json["code"]) == (409, "run_not_failed")
        assert desk.gis.post(f"{BASE}/runs/{run['id']}/again", {"colour": 1}).status_code == 422

    def test_older_files_make_room(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keep, "KEPT_MAX", 2)
        layer_id = desk.layer()
        runs = [desk.hand_in(layer_id, {f"{at}.geojson": b"{}"}) for at in range(3)]
        assert [desk.run(run["id"])["file_kept"] for run in runs] == [False, True, True]


def test_a_run_is_cancelled_before_it_begins(desk: Desk) -> None:
    run = desk.send(desk.layer(), {"towns.geojson": TWO}).json
    answer = desk.gis.post(f"{BASE}/runs/{run['id']}/cancel")
    assert (answer.status_code, answer.json["state"], answer.json["file_kept"]) == (200, "cancelled", False)
    assert desk.carried_out(run)["state"] == "cancelled"
    assert set(kept(desk).values()) == {0}
    over = desk.gis.post(f"{BASE}/runs/{run['id']}/cancel")
    assert (over.status_code, over.json["code"]) == (409, "run_over")


def test_so_many_runs_and_no_more(desk: Desk) -> None:
    layer_id = desk.layer()
    runs = [desk.send(layer_id, {"towns.geojson": TWO}).json for _ in range(OPEN_MAX)]
    answer = desk.send(layer_id, {"towns.geojson": TWO})
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_runs")
    assert kept(desk)["upload"] == OPEN_MAX
    desk.gis.post(f"{BASE}/runs/{runs[0]['id']}/cancel")
    assert desk.send(layer_id, {"towns.geojson": TWO}).status_code == 202


def test_who_may_hand_in_files(town: Town, desk: Desk) -> None:
    layer_id = desk.layer()
    for caller in (town.staff("dispatcher"), town.staff(("gis", town.alder))):
        answer = caller.post(f"{BASE}/layers/{layer_id}/uploads", data={"file": (BytesIO(TWO), "a.geojson")})
        assert answer.status_code == 403
    assert desk.send(str(uuid4()), {"a.geojson": TWO}).status_code == 404


def test_an_overlay_s_lines_are_as_wide_as_the_layer_says(desk: Desk) -> None:
    line = {"type": "LineString", "coordinates": [[-80, 40], [-79.99, 40]]}
    feature = {"type": "Feature", "properties": {"code": "R1", "name": "Road", "owner": "A"}, "geometry": line}
    roads = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    layer_id = desk.layer("Roads", role="overlay", rank=1, width_m=20)
    run = desk.hand_in(layer_id, {"roads.geojson": roads}, owner_field="owner")
    assert run["state"] == "done", run["problem"]
    (row,) = desk.town.rows("SELECT owner_code, ST_Area(geom::geography) AS m2 FROM area WHERE partnership_id = :p")
    assert row["owner_code"] == "A"
    assert row["m2"] == pytest.approx(20 * 854, rel=0.05)


@needs_data
class TestRealFiles:
    def test_a_county_of_130_towns(self, desk: Desk) -> None:
        """Allegheny's file reports 29 overlapping pairs, 9 of them above 1 m²."""
        run = desk.hand_in(desk.layer(role="reference"), [ALLEGHENY], code_field="MUNICODE", name_field="NAME")
        assert run["state"] == "done", run["problem"]
        assert (run["result"]["areas"], run["result"]["reading"]["crs"]) == (130, "EPSG:2272")
        version = desk.version(run["version_id"])
        kinds = {kind["kind"]: kind["findings"] for kind in version["kinds"]}
        assert kinds["overlap"] == 9
        assert kinds["overlap"] + kinds["overlap_sliver"] == 29
        pairs = [
            finding
            for kind in ("overlap", "overlap_sliver")
            for finding in desk.findings(run["version_id"], kind=kind)["items"]
        ]
        assert sum(finding["measures"]["area_m2"] for finding in pairs) == pytest.approx(4596, rel=0.01)
        assert all(len(finding["features"]) == 2 for finding in pairs)
        county = shapely.box(-80.4, 40.1, -79.6, 40.7)
        assert all(county.contains(shapely.from_geojson(json.dumps(finding["place"]))) for finding in pairs)

    def test_three_vintages_of_a_city_follow_each_other(self, desk: Desk) -> None:
        layer_id = desk.layer()
        numbers = []
        for year in (1990, 2002, 2012):
            run = desk.hand_in(layer_id, [DC / f"dc_wards_{year}.geojson"])
            assert run["state"] == "done", run["problem"]
            assert run["result"]["areas"] == 8
            version = desk.version(run["version_id"])
            assert version["obstacles"] == []
            desk.publish(run["version_id"])
            numbers.append((version["number"], version["checked_against"] is not None))
        assert numbers == [(1, False), (2, True), (3, True)]


def test_the_file_s_place_is_where_the_partnership_is(desk: Desk) -> None:
    """A new layer is held against the towns; one on another continent is refused with what may be meant."""
    desk.published(desk.layer())
    elsewhere = collection(("R", 12.0, 48.0))
    run = desk.hand_in(desk.layer("Roads", role="reference"), {"roads.geojson": elsewhere})
    assert (run["state"], run["problem"]["status"]) == ("failed", 422)
    taken = desk.asked(f"/runs/{run['id']}/again", {"crs": "EPSG:4326"})
    assert taken["state"] == "done"
