"""Reading features page by page: each exactly once, whatever the size of a page."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from fieldsync.config import Settings
from fieldsync.ogc.collection import PAGE_BYTES_MAX
from tests.api.ogc.reader import Reader, linked
from tests.clients.scene import CELL, SOUTH, WEST, Scene, cells


@pytest.mark.parametrize("limit", [1, 5, 6, 7, 30, 100, 10_000, 10**12])
def test_every_area_comes_once_and_as_it_is_stored(scene: Scene, anybody: Reader, limit: int) -> None:
    geoms = cells(6, 5)
    layer_id = scene.published("Wards", geoms, public=True)
    pages = list(anybody.pages(f"boundaries-{layer_id}", limit=limit))
    assert len(pages) == max(1, math.ceil(30 / limit))
    assert all(page["numberMatched"] == 30 for page in pages)
    assert all(page["numberReturned"] == len(page["features"]) <= limit for page in pages)
    features = [feature for page in pages for feature in page["features"]]
    assert [feature["properties"]["code"] for feature in features] == [f"C{n}" for n in range(1, 31)]
    assert len({feature["id"] for feature in features}) == 30
    for feature, geom in zip(features, geoms, strict=True):
        assert shapely.equals_exact(shape(feature["geometry"]), geom, tolerance=1e-9)


@pytest.mark.parametrize("limit", [1, 7, 25, 100])
@pytest.mark.parametrize("public", [True, False])
def test_every_work_order_comes_once(scene: Scene, anybody: Reader, gis: Reader, limit: int, public: bool) -> None:
    scene.open_work_orders()
    ids = [str(id_) for id_ in scene.jobs(25)]
    features = (anybody if public else gis).features("work-orders", limit=limit)
    assert len(features) == 25
    assert len({feature["id"] for feature in features}) == 25
    if not public:
        assert [feature["id"] for feature in features] == ids
        assert [feature["properties"]["title"] for feature in features] == [f"Hole {n}" for n in range(25)]


def test_pages_hold_with_every_way_to_select(scene: Scene, gis: Reader) -> None:
    layer_id = scene.published("Wards", cells(6, 5))
    scene.jobs(40)
    box = f"{WEST},{SOUTH},{WEST + 2.1 * CELL},{SOUTH + 2.1 * CELL}"
    for collection, queries in (
        (f"boundaries-{layer_id}", [{"bbox": box}, {"code": "C7"}, {"bbox": box, "datetime": "../.."}]),
        ("work-orders", [{"bbox": box}, {"status": "open"}, {"datetime": "2000-01-01/.."}, {"jurisdiction": "A"}]),
    ):
        for query in queries:
            whole = [feature["id"] for feature in gis.features(collection, limit=1000, **query)]
            assert whole
            assert [feature["id"] for feature in gis.features(collection, limit=2, **query)] == whole
            assert gis.get(f"collections/{collection}/items", limit=1, **query)["numberMatched"] == len(whole)


def test_a_box_that_takes_in_many_pages_gives_the_same_as_the_index(scene: Scene, gis: Reader) -> None:
    """Above so many pages the spatial index is left aside."""
    layer_id = scene.published("Wards", cells(6, 5))
    scene.jobs(60)
    for collection in ("work-orders", f"boundaries-{layer_id}"):
        box = f"{WEST - 0.3},{SOUTH - 0.3},{WEST + 5.5 * CELL},{SOUTH + 3.5 * CELL}"
        by_index = [feature["id"] for feature in gis.features(collection, bbox=box, limit=1000)]
        assert len(by_index) > 20
        assert [feature["id"] for feature in gis.features(collection, bbox=box, limit=1)] == by_index


def lake(lon: float, vertices: int) -> shapely.Polygon:
    angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    return shapely.Polygon(np.column_stack([lon + 0.4 * np.cos(angles), 50 + 0.4 * np.sin(angles)]))


def test_a_page_ends_before_it_grows_too_large(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.published("Lakes", [lake(10 + number, 120_000) for number in range(4)], public=True)
    sizes = []
    address: str | None = f"collections/boundaries-{layer_id}/items"
    codes = []
    while address is not None:
        answer = anybody.ask(address)
        page = answer.json
        sizes.append(len(answer.get_data()))
        codes += [feature["properties"]["code"] for feature in page["features"]]
        assert page["numberMatched"] == 4
        address = linked(page, "next")
        assert len(sizes) < 10
    assert codes == ["C1", "C2", "C3", "C4"]
    assert len(sizes) == 2
    assert max(sizes) < 1.5 * PAGE_BYTES_MAX  # The area that fills the page stands on it.


def test_an_area_larger_than_a_page_comes_whole_and_alone(scene: Scene, anybody: Reader) -> None:
    huge = lake(10, 350_000)
    layer_id = scene.published("Lakes", [shapely.box(0, 0, 1, 1), huge, shapely.box(2, 0, 3, 1)], public=True)
    pages = list(anybody.pages(f"boundaries-{layer_id}"))
    assert [[feature["properties"]["code"] for feature in page["features"]] for page in pages] == [["C1", "C2"], ["C3"]]
    assert shapely.get_num_coordinates(shape(pages[0]["features"][1]["geometry"])) == 350_001


def test_links_are_absolute_and_keep_what_was_asked(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.published("Wards", cells(3, 2), public=True)
    path = f"collections/boundaries-{layer_id}/items"
    base = f"http://localhost/ogc/{scene.slug}/{path}"
    answer = anybody.ask(path, limit=2, bbox="0,0,90,90", datetime="2026-01-01/..")
    page = answer.json
    assert linked(page, "self") == f"{base}?limit=2&bbox=0,0,90,90&datetime=2026-01-01/.."
    following = linked(page, "next")
    assert following is not None
    assert following.startswith(f"{base}?limit=2&bbox=0,0,90,90&datetime=2026-01-01/..&cursor=")
    assert [link["rel"] for link in page["links"]].count("prev") == 0
    header = ", ".join(answer.headers.getlist("Link"))
    assert f'<{following}>; rel="next"; type="application/geo+json"' in header
    assert answer.content_type == "application/geo+json"
    last = list(anybody.pages(f"boundaries-{layer_id}", limit=4))[-1]
    assert linked(last, "next") is None


def test_the_public_address_stands_in_links_behind_a_proxy(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.published("Wards", cells(1, 1), public=True)
    kept = scene.app.config["FIELDSYNC"]
    scene.app.config["FIELDSYNC"] = Settings(public_url="https://fieldsync.example.gov/sub/")
    try:
        page = anybody.get(f"collections/boundaries-{layer_id}/items")
        root = anybody.get("")["links"][0]["href"]
    finally:
        scene.app.config["FIELDSYNC"] = kept
    assert root == f"https://fieldsync.example.gov/sub/ogc/{scene.slug}/"
    assert linked(page, "collection") == f"{root}collections/boundaries-{layer_id}"


def test_a_single_feature_says_the_same_as_the_page(scene: Scene, gis: Reader) -> None:
    layer_id = scene.published("Wards", cells(2, 2))
    scene.jobs(3)
    for collection in (f"boundaries-{layer_id}", "work-orders"):
        for feature in gis.features(collection):
            answer = gis.ask(f"collections/{collection}/items/{feature['id']}")
            assert answer.content_type == "application/geo+json"
            alone = answer.json
            assert (
                linked(alone, "self")
                == f"http://localhost/ogc/{scene.slug}/collections/{collection}/items/{alone['id']}"
            )
            assert linked(alone, "collection") == f"http://localhost/ogc/{scene.slug}/collections/{collection}"
            del alone["links"]
            assert alone == feature


def test_an_empty_collection_has_an_empty_page(scene: Scene, gis: Reader) -> None:
    (page,) = gis.pages("work-orders")
    assert (page["features"], page["numberMatched"], page["numberReturned"]) == ([], 0, 0)
    assert "spatial" not in gis.get("collections/work-orders")["extent"]


def test_head_and_options_and_what_is_not_taken(scene: Scene, anybody: Reader) -> None:
    layer_id = scene.published("Wards", cells(2, 2), public=True)
    for path in ("", "conformance", "api", "collections", f"collections/boundaries-{layer_id}/items"):
        head = anybody.ask(path, method="HEAD")
        assert head.status_code == 200
        assert head.get_data() == b""
        assert head.content_type == anybody.ask(path).content_type
        assert set(anybody.ask(path, method="OPTIONS").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        assert anybody.ask(path, method="POST").status_code == 405
