"""OWSLib, which many Python programs and catalogues use, reads every feature."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from owslib.ogcapi import REQUEST_HEADERS
from owslib.ogcapi.features import Features
from owslib.util import Authentication, http_get
from shapely.geometry import shape

from tests.clients.live import JOBS, PARCELS, WARDS, Live


@pytest.fixture(params=["basic", "bearer", "anybody"])
def features(request: pytest.FixtureRequest, live: Live, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client, by each way to say who asks."""
    # OWSLib writes given headers into a dictionary of its module, where the next client finds them.
    monkeypatch.setattr("owslib.ogcapi.REQUEST_HEADERS", dict(REQUEST_HEADERS))
    auth = Authentication(username="qgis", password=live.token) if request.param == "basic" else None
    headers = {"Authorization": f"Bearer {live.token}"} if request.param == "bearer" else None
    client = Features(f"{live.url}/", auth=auth, headers=headers)
    client.is_staff = request.param != "anybody"
    return client


def every(client: Any, collection: str, **query: Any) -> list[Any]:
    """The features of all pages, by following the links."""
    page = client.collection_items(collection, **query)
    found, matched, pages = list(page["features"]), page["numberMatched"], 1
    while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
        page = http_get(following[0], headers=client.headers, auth=client.auth).json()
        found += page["features"]
        pages += 1
        assert pages < 100
    assert len(found) == matched
    assert pages > 3
    return found


def test_finds_the_collections(live: Live, features: Any) -> None:
    wanted = {live.wards, "work-orders"} | ({live.parcels} if features.is_staff else set())
    assert set(features.feature_collections()) == wanted
    assert features.collection(live.wards)["title"] == "Wards"
    assert "code" in features.collection_queryables(live.wards)["properties"]
    assert features.conformance()["conformsTo"]


def test_reads_the_definition(live: Live, features: Any) -> None:
    # It asks for it without the headers it was given, and so gets what anybody gets.
    assert f"/collections/{live.wards}/items" in features.api()["paths"]


def test_reads_every_feature_across_pages(live: Live, features: Any) -> None:
    collections = {live.wards: WARDS} | ({live.parcels: PARCELS} if features.is_staff else {})
    for collection, count in collections.items():
        found = {f["properties"]["code"]: shape(f["geometry"]) for f in every(features, collection, limit=7)}
        stored = live.stored(collection)
        assert len(found) == count
        assert sorted(found) == sorted(stored)
        assert all(shapely.equals_exact(found[code], stored[code], tolerance=1e-8) for code in stored)
    jobs = {f["id"]: shape(f["geometry"]) for f in every(features, "work-orders", limit=10)}
    assert len(jobs) == JOBS
    if features.is_staff:
        stored = live.jobs()
        assert all(shapely.equals_exact(jobs[id_], stored[id_], tolerance=1e-8) for id_ in stored)


def test_reads_a_single_feature(live: Live, features: Any) -> None:
    (first, *_) = features.collection_items(live.wards, limit=1)["features"]
    alone = features.collection_item(live.wards, first["id"])
    assert alone["geometry"] == first["geometry"]


def test_selects_by_box_and_time(live: Live, features: Any) -> None:
    (first, *_) = features.collection_items(live.wards, limit=1)["features"]
    box = shape(first["geometry"]).geoms[0].bounds
    found = features.collection_items(live.wards, bbox=list(box), limit=1000)
    wanted = [code for code, geom in live.stored(live.wards).items() if geom.intersects(shapely.box(*box))]
    assert sorted(f["properties"]["code"] for f in found["features"]) == sorted(wanted)
    both = features.collection_items(live.wards, datetime_="../..", limit=1000)
    assert {f["properties"]["version"] for f in both["features"]} == {1, 2}
