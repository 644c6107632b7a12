"""Requests that nobody means well with, or that a program got wrong: refused with the parameter's name, or harmless."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldsync.pages import encode
from tests.api.ogc.reader import Reader, linked
from tests.clients.scene import Scene, cells

INJECTIONS = (
    "'", "' OR '1'='1", "'; DROP TABLE area; --", "C1' --", "%", "C_", "C1\\", "$$", ":code", "%(code)s", "{code}",
    "(SELECT 1)", "C1 OR true", "\u2019 OR true", "C" * 200,
)  # fmt: skip


@pytest.fixture
def wards(scene: Scene) -> str:
    return f"boundaries-{scene.published('Wards', cells(3, 2), public=True)}"


def test_a_property_is_compared_and_never_run(scene: Scene, wards: str, gis: Reader) -> None:
    scene.jobs(2)
    for value in INJECTIONS:
        assert gis.features(wards, code=value) == []
        assert gis.features(wards, name=value) == []
        for name in ("service_type", "jurisdiction", "crew"):
            assert gis.features("work-orders", **{name: value}) == []
    assert gis.codes(wards, code="C3") == ["C3"]
    assert gis.codes(wards, name="Area “C3”", code="C3") == ["C3"]
    assert gis.codes(wards, name="Area “C3”", code="C4") == []
    assert len(gis.features("work-orders", service_type="pothole", jurisdiction="A", status="open", priority="3")) == 2
    assert gis.features("work-orders", jurisdiction="B") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("ooga=booga", "ooga"), ("Limit=1", "Limit"), ("dateTime=2020-01-01", "dateTime"), ("title=x", "title"),
        ("filter=a%3D1", "filter"), ("offset=1", "offset"), ("'=1", "'"), ("=1", ""),
        ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=1.5", "limit"), ("limit=", "limit"), ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"), ("limit=%2B5", "limit"), ("limit=%D9%A3", "limit"), ("limit=1e3", "limit"),
        (f"limit={'9' * 30}", "limit"), ("limit=NaN", "limit"), ("limit=%00", "limit"),
        ("f=html", "f"), ("f=xml", "f"), ("f=", "f"),
        ("priority=high", "priority"), ("priority=0", "priority"), ("priority=6", "priority"),
        ("priority=", "priority"),
        ("status=done", "status"), ("status=", "status"), ("status=open,closed", "status"),
        (f"crew={'x' * 201}", "crew"), ("crew=a%00b", "crew"),
        ("datetime=", "datetime"), ("datetime=now", "datetime"), ("datetime=2020-13-01", "datetime"),
        ("datetime=2020-01-01T00:00:00", "datetime"),
        ("datetime=2020-01-01T00:00:00Z/2019-01-01T00:00:00Z", "datetime"),
        ("datetime=2020-01-01/2020-01-02/2020-01-03", "datetime"), ("datetime=20200101", "datetime"),
        ("datetime=2020-01-01T25:00:00Z", "datetime"), ("datetime=0001-01-01T00:00:00%2B14:00", "datetime"),
        ("datetime=0000-01-01", "datetime"), ("datetime=99999-01-01", "datetime"), ("datetime=2020-W01-1", "datetime"),
        ("datetime=2020-01-01T00:00:60Z", "datetime"), ("datetime=%D9%A2020-01-01", "datetime"),
        ("cursor=", "cursor"), ("cursor=x", "cursor"), ("cursor=%00", "cursor"), (f"cursor={'A' * 401}", "cursor"),
        ("cursor=W10", "cursor"), ("cursor=bnVsbA", "cursor"), ("cursor=%C3%A4", "cursor"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_wrong_is_named(scene: Scene, gis: Reader, query: str, field: str) -> None:
    assert gis.refused(f"collections/work-orders/items?{query}") == ("invalid_parameter", field)


def test_every_resource_refuses_what_it_does_not_know(scene: Scene, wards: str, anybody: Reader) -> None:
    (feature, *_) = anybody.features(wards)
    for path in ("", "conformance", "api", "collections", f"collections/{wards}", f"collections/{wards}/queryables",
                 f"collections/{wards}/items/{feature['id']}"):  # fmt: skip
        assert anybody.refused(f"{path}?limit=1") == ("invalid_parameter", "limit")
        assert anybody.refused(f"{path}?f=pdf") == ("invalid_parameter", "f")
    assert scene.app.test_client().get("/ogc/?x=1").status_code == 400


def test_cursors_that_were_made_up_show_nothing_new(scene: Scene, wards: str, anybody: Reader) -> None:
    scene.open_work_orders()
    scene.jobs(3)
    everything = {feature["id"] for feature in anybody.features("work-orders")}
    for values in ([uuid4(), 3], [uuid4(), 2**63 - 1], [uuid4(), 0]):
        page = anybody.get("collections/work-orders/items", cursor=encode(values))
        assert {feature["id"] for feature in page["features"]} <= everything
    for values in (
        [uuid4(), -1],
        [uuid4(), "x"],
        [uuid4(), 2**63],
        [uuid4()],
        ["x", 1],
        [1, 2, 3],
        [datetime.now(UTC), 1],
    ):
        cursor = encode(values)
        assert anybody.refused("collections/work-orders/items", cursor=cursor) == ("invalid_parameter", "cursor")
    (starts,) = (row["starts"] for row in scene.town.rows("SELECT starts FROM layer_version WHERE partnership_id = :p"))
    for values, codes in (([starts, 4, 6], ["C5", "C6"]), ([starts, 2**62, 6], []), ([starts, -5, 6], ["C1"])):
        page = anybody.get(f"collections/{wards}/items", cursor=encode(values))
        assert [feature["properties"]["code"] for feature in page["features"]][: len(codes) or 1] == codes
    for values in ([datetime.now(UTC), 1, 6], [starts, 1, -6], [starts, 1], [starts.replace(tzinfo=None), 1, 1]):
        assert anybody.refused(f"collections/{wards}/items", cursor=encode(values)) == ("invalid_parameter", "cursor")


def test_a_cursor_of_another_partnership_leads_nowhere_else(scene: Scene, wards: str, anybody: Reader) -> None:
    other = Scene(scene.app)
    theirs = f"boundaries-{other.published('Wards', cells(4, 2), public=True)}"
    following = linked(Reader(other).get(f"collections/{theirs}/items", limit=1), "next")
    assert following is not None
    cursor = following.partition("cursor=")[2].partition("&")[0]
    assert anybody.refused(f"collections/{wards}/items", cursor=cursor) == ("invalid_parameter", "cursor")


@pytest.mark.parametrize(
    "path",
    ["collections/work-orders'", "collections/boundaries-", "collections/boundaries-x", "collections/%00",
     "collections/..", "collections/work-orders/items/x", "collections/work-orders/items/%27",
     "collections/work-orders/items/%00",
     f"collections/work-orders/items/{UUID(int=7)}", "collections/work-orders/items/" + "1" * 500, "nothing",
     "collections/WORK-ORDERS", "collections/work-orders/"],
)  # fmt: skip
def test_an_address_of_nothing_is_not_found(scene: Scene, gis: Reader, path: str) -> None:
    answer = gis.ask(path)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("slug", ["%00", "x" * 300, "%27%3B--", "%2e%2e", "a/b", "\u00e4"])
def test_a_partnership_of_no_possible_name_is_like_any_unknown_one(scene: Scene, slug: str) -> None:
    answer = scene.app.test_client().get(f"/ogc/{slug}/collections")
    assert answer.status_code in (401, 404)
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "host", ["b\u00fccher.example", "xn--bcher-kva.example", "evil.example/\u4e2d", "a b", "[::1]:80"]
)
def test_a_strange_host_makes_no_fault(scene: Scene, wards: str, host: str) -> None:
    answer = scene.app.test_client().get(f"/ogc/{scene.slug}/", headers={"Host": host.encode().decode("latin-1")})
    assert answer.status_code in (200, 400)
    for value in answer.headers.values():
        value.encode("ascii")


NAMES = st.sampled_from(["limit", "bbox", "bbox-crs", "crs", "datetime", "cursor", "f", "code", "name", "status", "x"])
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["1", "10", "0,0,90,90", "2020-01-01/..", "C1", "json", "http://www.opengis.net/def/crs/EPSG/0/4326"]
    ),
    st.lists(st.floats(), min_size=3, max_size=7).map(lambda numbers: ",".join(map(str, numbers))),
)


@given(query=st.dictionaries(NAMES, VALUES, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered_or_refused(scene: Scene, wards: str, gis: Reader, query: dict[str, str]) -> None:
    for collection in (wards, "work-orders"):
        answer = gis.ask(f"collections/{collection}/items", headers=None)
        assert answer.status_code == 200
        answer = gis.scene.app.test_client().get(
            f"/ogc/{scene.slug}/collections/{collection}/items", headers=gis.headers, query_string=query
        )
        assert answer.status_code in (200, 400), answer.get_data(as_text=True)
        if answer.status_code == 400:
            assert answer.json["field"] in query
