"""What describes the API: landing page, conformance, collections, queryables, definition; as JSON and as web pages."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.api.ogc.reader import CRS84, Reader, linked
from tests.clients.scene import SOUTH, WEST, Scene, cells

QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


@pytest.fixture
def wards(scene: Scene) -> str:
    scene.jobs(3, at=(12.25, 51.5))
    return f"boundaries-{scene.published('Wards', cells(3, 2), public=True)}"


def test_the_start_says_how_to_go_on(scene: Scene) -> None:
    for path in ("/ogc", "/ogc/"):
        document = scene.app.test_client().get(path).json
        assert "http://localhost/ogc/{partnership}/" in document["description"]
        # Who is not asked for by name is not told: the list would be of all tenants.
        assert scene.slug not in str(document)


def test_the_landing_page_leads_everywhere(scene: Scene, wards: str, anybody: Reader) -> None:
    for path in ("", f"http://localhost/ogc/{scene.slug}"):
        document = anybody.get(path)
        kinds = {link["rel"]: link["type"] for link in document["links"]}
        assert kinds == {
            "self": "application/json", "alternate": "text/html", "conformance": "application/json",
            "service-desc": "application/vnd.oai.openapi+json;version=3.0", "data": "application/json",
        }  # fmt: skip
        for link in document["links"]:
            answer = anybody.ask(link["href"])
            assert answer.status_code == 200
            assert answer.content_type.replace("; charset=utf-8", "") == link["type"]


def test_it_conforms_to_parts_one_two_and_of_three_to_queryables(wards: str, anybody: Reader) -> None:
    uris = {uri.removeprefix("http://www.opengis.net/spec/") for uri in anybody.get("conformance")["conformsTo"]}
    assert uris == {
        "ogcapi-common-1/1.0/conf/core", "ogcapi-features-1/1.0/conf/core", "ogcapi-features-1/1.0/conf/geojson",
        "ogcapi-features-1/1.0/conf/oas30", "ogcapi-features-2/1.0/conf/crs", "ogcapi-features-3/1.0/conf/queryables",
        "ogcapi-features-3/1.0/conf/queryables-query-parameters",
    }  # fmt: skip


def test_a_collection_says_what_is_in_it(wards: str, gis: Reader) -> None:
    for title, collection in gis.collections().items():
        assert gis.get(f"collections/{collection['id']}") == collection
        assert collection["itemType"] == "feature"
        items = linked(collection, "items")
        assert items is not None
        assert items.endswith(f"/collections/{collection['id']}/items")
        assert linked(collection, QUERYABLES) == items.removesuffix("items") + "queryables"
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        assert collection["extent"]["spatial"]["crs"] == CRS84
        assert west < east or title == "Work orders"
        box = f"{west},{south},{east},{north}"
        assert len(gis.features(collection["id"], bbox=box)) == len(gis.features(collection["id"]))


def test_an_extent_takes_in_every_version(scene: Scene, gis: Reader) -> None:
    layer_id = scene.layer("Wards")
    scene.publish(scene.draft(layer_id, [cells(3, 2)[1]]), 20)
    before = gis.get(f"collections/boundaries-{layer_id}")["extent"]
    scene.publish(scene.draft(layer_id, [cells(3, 2)[3]]), 10)
    after = gis.get(f"collections/boundaries-{layer_id}")["extent"]
    assert before["spatial"]["bbox"] != after["spatial"]["bbox"]
    for i, better in enumerate((min, min, max, max)):
        both = [before["spatial"]["bbox"][0][i], after["spatial"]["bbox"][0][i]]
        assert after["spatial"]["bbox"][0][i] == better(both)
    assert before["temporal"]["interval"][0][0] == after["temporal"]["interval"][0][0]


def test_queryables_are_a_schema_and_each_can_be_asked_for(wards: str, gis: Reader) -> None:
    samples = {"string": "x", "integer": "3", "date": "2026-01-01"}
    for collection in gis.collections().values():
        answer = gis.ask(f"collections/{collection['id']}/queryables")
        assert answer.content_type == "application/schema+json"
        schema = answer.json
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == linked(collection, QUERYABLES)
        assert schema["additionalProperties"] is False
        geometry = schema["properties"].pop("geometry")
        assert geometry["format"] in ("geometry-multipolygon", "geometry-point")
        features = gis.features(collection["id"])
        for name, field in schema["properties"].items():
            sample = field.get("enum", [samples[field.get("format", field["type"])]])[0]
            gis.get(f"collections/{collection['id']}/items", **{name: sample})
            held = next((f["properties"][name] for f in features if f["properties"][name] is not None), None)
            if held is not None:
                assert gis.features(collection["id"], **{name: held})
        for feature in features:
            known = {name: value for name, value in feature["properties"].items() if name in schema["properties"]}
            given = {name: value for name, value in known.items() if value is not None}
            assert list(Draft202012Validator(schema).iter_errors(given)) == []


class TestTheDefinition:
    def test_is_valid_openapi_3_0(self, wards: str, gis: Reader, anybody: Reader) -> None:
        for reader in (gis, anybody):
            document = reader.get("api")
            assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []
            assert document["servers"] == [{"url": f"http://localhost/ogc/{reader.scene.slug}"}]

    def test_has_each_route(self, scene: Scene, wards: str, gis: Reader) -> None:
        routes = {
            rule.rule.removeprefix("/ogc/<slug>") for rule in scene.app.url_map.iter_rules()
            if rule.endpoint.startswith("ogc.") and "<slug>" in rule.rule
        }  # fmt: skip
        for collection in (wards, "work-orders"):
            wanted = {
                route.replace("<collection_id>", collection).replace("<feature_id>", "{featureId}") for route in routes
            }
            assert wanted <= set(gis.get("api")["paths"])

    def test_names_each_parameter_and_no_other(self, wards: str, gis: Reader) -> None:
        document = gis.get("api")
        for path, item in document["paths"].items():
            parameters = [_resolved(document, parameter) for parameter in item["get"]["parameters"]]
            for parameter in parameters:
                if parameter["in"] == "query":
                    schema = parameter["schema"]
                    value = str(schema.get("enum", [schema.get("minimum", "")])[0])
                    answer = gis.ask(path.lstrip("/").replace("{featureId}", "x"), **{parameter["name"]: value})
                    assert answer.status_code != 400 or "There is no parameter" not in answer.json["detail"]

    def test_holds_for_what_is_answered(self, wards: str, gis: Reader) -> None:
        document = gis.get("api")
        checked = set()
        for path, answer in _answers(document, gis):
            (kind,) = [
                kind for kind in document["paths"][path]["get"]["responses"]["200"]["content"] if kind != "text/html"
            ]
            assert answer.content_type == kind
            schema = document["paths"][path]["get"]["responses"]["200"]["content"][kind]["schema"]
            whole = {**schema, "components": document["components"]}
            assert [error.message for error in OAS30Validator(whole).iter_errors(answer.json)] == []
            checked.add(path)
        assert checked == set(document["paths"])


def _resolved(document: Any, part: Any) -> Any:
    return document["components"]["parameters"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part


def _answers(document: Any, reader: Reader) -> Iterator[tuple[str, Any]]:
    for path in document["paths"]:
        address = path.lstrip("/")
        if "{featureId}" in path:
            collection = address.split("/")[1]
            address = address.replace("{featureId}", reader.features(collection)[0]["id"])
        yield path, reader.ask(address)


class TestWebPages:
    @pytest.mark.parametrize("path", ["", "conformance", "collections", "collections/work-orders"])
    def test_are_for_who_has_a_browser(self, wards: str, gis: Reader, path: str) -> None:
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        for answer in (gis.ask(path, f="html"), gis.ask(path, headers={"Accept": browser})):
            assert answer.status_code == 200
            assert answer.content_type == "text/html; charset=utf-8"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            _WellFormed().feed(answer.get_data(as_text=True))
        for accept in ("application/json", "*/*", "application/geo+json, application/json", "image/png", ""):
            assert gis.ask(path, headers={"Accept": accept}).content_type == "application/json"
        assert gis.ask(path, f="json", headers={"Accept": browser}).content_type == "application/json"

    def test_show_names_as_text(self, scene: Scene, anybody: Reader) -> None:
        scene.published('<script>alert(1)</script> & "Sons"', cells(1, 1), public=True)
        page = anybody.ask("collections", f="html").get_data(as_text=True)
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in page


class _WellFormed(HTMLParser):
    """Complains about tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class TestKeeping:
    def test_what_anybody_sees_may_be_kept_a_minute(self, scene: Scene, wards: str, anybody: Reader) -> None:
        scene.open_work_orders()
        for path in ("", "collections", f"collections/{wards}/items", "collections/work-orders/items"):
            answer = anybody.ask(path)
            assert answer.headers["Cache-Control"] == "public, max-age=60"
            assert {"Accept", "Authorization"} <= {name.strip() for name in answer.headers["Vary"].split(",")}
            again = anybody.ask(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert (again.status_code, again.get_data()) == (304, b"")
            assert again.headers["ETag"] == answer.headers["ETag"]

    def test_what_staff_see_is_theirs_alone(self, wards: str, gis: Reader) -> None:
        answer = gis.ask(f"collections/{wards}/items")
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert (
            gis.ask(f"collections/{wards}/items", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        )
        live = gis.ask("collections/work-orders/items")
        assert live.headers["Cache-Control"] == "no-store"
        assert "ETag" not in live.headers

    def test_another_answer_has_another_mark(self, scene: Scene, wards: str, anybody: Reader) -> None:
        path = f"collections/{wards}/items"
        marks = [
            anybody.ask(path, **query).headers["ETag"]
            for query in ({}, {"limit": "2"}, {"crs": "http://www.opengis.net/def/crs/EPSG/0/4326"})
        ]
        layer_id = wards.removeprefix("boundaries-")
        scene.publish(scene.draft(layer_id, cells(3, 2, seed=2)), 0)  # type: ignore[arg-type]
        marks.append(anybody.ask(path).headers["ETag"])
        marks += [anybody.ask("collections", f=kind).headers["ETag"] for kind in ("json", "html")]
        assert len(set(marks)) == len(marks)


def test_the_extent_of_the_scene_is_where_it_is(wards: str, anybody: Reader) -> None:
    (box,) = anybody.get(f"collections/{wards}")["extent"]["spatial"]["bbox"]
    assert box[0] == pytest.approx(WEST - 2)  # the island of the first area
    assert box[1] == pytest.approx(SOUTH, abs=0.1)
