"""Vector tiles: what is in them, who may have them, and how long they are kept."""

from __future__ import annotations

import gzip
import math
from typing import Any
from uuid import UUID, uuid4

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from tests.api.boundaries_serving.layers import area_set, at, new_draft, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import turned, winding_cells

EXTENT = 4_096
BUFFER = 64
EDGE = 20_037_508.342789244


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    x = (lon + 180) / 360 * 2**z
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
    return int(x), int(y)


def in_tile(geoms: NDArray[np.object_], z: int, x: int, y: int) -> NDArray[np.object_]:
    """Areas in steps of the tile, y upward from its southern edge."""

    def steps(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        east = lonlat[:, 0] / 180 * EDGE
        north = np.degrees(np.arcsinh(np.tan(np.radians(lonlat[:, 1])))) / 180 * EDGE
        step = 2 * EDGE / 2**z / EXTENT
        return np.column_stack([(east + EDGE) / step - x * EXTENT, (north - EDGE) / step + (y + 1) * EXTENT])

    return np.asarray(shapely.transform(geoms, steps))


def url(town: Town, version_id: object, z: int, x: int, y: int) -> str:
    return f"/v1/boundaries/tiles/{town.slug}/{version_id}/{z}/{x}/{y}.mvt"


def decoded(answer: Any) -> dict[str, dict[str, Any]]:
    """Layer -> code -> feature."""
    assert answer.status_code in (200, 204), answer.data
    layers = mapbox_vector_tile.decode(answer.data)
    return {name: {one["properties"]["code"]: one for one in layer["features"]} for name, layer in layers.items()}


# --- what is in them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [0, 8, 11, 13, 16, 22])
def test_a_tile_shows_every_area_that_meets_it_within_a_step(town: Town, cells: tuple[str, str], z: int) -> None:
    x, y = tile_at(-79.979, 40.011, z)
    true = in_tile(winding_cells(), z, x, y)
    areas = decoded(town.tablet().get(url(town, cells[1], z, x, y))).get("areas", {})
    # A border that runs along the sheet's edge may leave it a step earlier or later.
    sheet = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER).buffer(-2)
    for k, geom in enumerate(true):
        within = geom.intersection(sheet)
        feature = areas.get(f"{k:03}")
        if feature is None:
            # It would be a point, or a line.
            assert within.buffer(-1).is_empty
            continue
        shown = shapely.geometry.shape(feature["geometry"])
        assert shown.is_valid
        # Half a step by leaving points out and half a diagonal by drawing on the steps, each way.
        assert shown.difference(geom.buffer(1.5)).is_empty
        assert within.difference(shown.buffer(1.5)).is_empty
        assert (feature["id"], feature["properties"]["name"]) == (k + 1, f"{k:03}")


@pytest.mark.parametrize("z", [9, 12, 14])
def test_neighbours_do_not_gape(town: Town, z: int) -> None:
    """Whichever way their rings run and wherever they begin."""
    geoms = turned(winding_cells(points=60, wobble=0.05), 7)
    version_id = new_version(town, new_layer(town, public=True), area_set(geoms), at(2020))
    x, y = tile_at(-79.979, 40.011, z)
    areas = decoded(town.nobody().get(url(town, version_id, z, x, y)))["areas"]
    shown = shapely.union_all([shapely.geometry.shape(one["geometry"]).buffer(0.75) for one in areas.values()])
    ground = shapely.union_all(in_tile(geoms, z, x, y)).intersection(shapely.box(0, 0, EXTENT, EXTENT))
    assert ground.buffer(-2).difference(shown).is_empty


def test_labels_lie_in_their_areas_each_in_one_tile(town: Town, cells: tuple[str, str]) -> None:
    z = 12
    west, north = tile_at(-80.02, 40.05, z)
    east, south = tile_at(-79.95, 39.99, z)
    tablet = town.tablet()
    seen: list[str] = []
    for x in range(west, east + 1):
        for y in range(north, south + 1):
            labels = decoded(tablet.get(url(town, cells[1], z, x, y))).get("labels", {})
            true = in_tile(winding_cells(), z, x, y)
            for code, feature in labels.items():
                assert true[int(code)].buffer(1).contains(shapely.geometry.shape(feature["geometry"]))
            seen += labels
    assert sorted(seen) == [f"{k:03}" for k in range(12)]


def test_what_a_draft_may_have_can_be_shown(town: Town, gis: Caller) -> None:
    """Rings that cross themselves, parts without an area, no code, no name, and the poles."""
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    flat = shapely.Polygon([(2, 0), (3, 0), (2, 0)])
    world = shapely.box(-180, -90, 180, 90)
    areas = area_set([bow_tie, flat, world, shapely.box(4, 0, 5, 1)], [None, "A", "A", None], ["क", None, "b", "c"])
    version_id = new_draft(town, new_layer(town), areas)
    for z in (0, 3, 8):
        answer = gis.get(url(town, version_id, z, *tile_at(0.5, 0.5, z)))
        features = mapbox_vector_tile.decode(answer.data)["areas"]["features"]
        assert {one["id"] for one in features} >= {1, 3}
        assert next(one for one in features if one["id"] == 1)["properties"] == {"name": "क"}


# --- addresses and copies -----------------------------------------------------------------------------------------


def test_a_tile_with_nothing_in_it_is_an_empty_answer(town: Town, cells: tuple[str, str]) -> None:
    answer = town.tablet().get(url(town, cells[1], 5, 0, 0))
    assert (answer.status_code, answer.data) == (204, b"")
    assert mapbox_vector_tile.decode(answer.data) == {}


@pytest.mark.parametrize("place", [(23, 0, 0), (0, 1, 0), (3, 0, 8), (22, 2**22, 0), (10**9, 10**9, 10**9)])
def test_there_are_no_tiles_elsewhere(town: Town, cells: tuple[str, str], place: tuple[int, int, int]) -> None:
    assert town.tablet().get(url(town, cells[1], *place)).status_code == 404
    assert town.tablet().get(url(town, cells[1], -1, 0, 0)).status_code == 404


def test_a_tile_is_compressed_when_asked(town: Town, cells: tuple[str, str]) -> None:
    path = url(town, cells[1], 12, *tile_at(-79.979, 40.011, 12))
    tablet = town.tablet()
    plain = tablet.get(path)
    zipped = tablet.get(path, headers={"Accept-Encoding": "br, GZIP"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    assert plain.headers["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert "Content-Encoding" not in tablet.get(path, headers={"Accept-Encoding": "gzip;q=0"}).headers
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    assert not plain.headers["ETag"].startswith("W/")


def test_a_tile_that_a_map_has_is_not_sent_again(town: Town, cells: tuple[str, str]) -> None:
    path = url(town, cells[1], 12, *tile_at(-79.979, 40.011, 12))
    tablet = town.tablet()
    first = tablet.get(path)
    again = tablet.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = tablet.get(url(town, cells[1], 13, 0, 0), headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 204
    # Who may not have it is not told that it is as it was.
    assert town.nobody().get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 404


def test_how_long_copies_are_kept(town: Town) -> None:
    layer_id = new_layer(town, public=True)
    version_id = new_version(town, layer_id, area_set(winding_cells()), at(2020))
    path = url(town, version_id, 0, 0, 0)
    public = town.nobody().get(path)
    assert public.headers["Cache-Control"] == "public, max-age=604800, immutable"
    assert public.headers["Access-Control-Allow-Origin"] == "*"
    town.run("UPDATE layer SET public = false WHERE partnership_id = :p AND id = :id", id=layer_id)
    private = town.tablet().get(path)
    assert private.headers["Cache-Control"] == "private, max-age=604800, immutable"
    assert "Authorization" in private.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in private.headers


# --- who may have them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "published", "withdrawn"])
@pytest.mark.parametrize("public", [False, True])
def test_who_may_see_which_version(town: Town, status: str, public: bool) -> None:
    layer_id = new_layer(town, public=public)
    if status == "draft":
        version_id = new_draft(town, layer_id, area_set(winding_cells()))
    else:
        version_id = new_version(town, layer_id, area_set(winding_cells()), at(2020))
    if status == "withdrawn":
        town.run(
            "UPDATE layer_version SET status = 'withdrawn', withdrawn_at = now()"
            " WHERE partnership_id = :p AND id = :id",
            id=version_id,
        )
    path = url(town, version_id, 12, *tile_at(-79.979, 40.011, 12))
    stranger = Town(town.app)
    draft = status == "draft"
    open_ = public and not draft
    expected = {
        "nobody": (town.nobody(), open_),
        "a stranger": (stranger.staff("admin", "gis"), open_),
        "a stranger's tablet": (stranger.tablet(), open_),
        "a tablet": (town.tablet(), not draft),
        "a dispatcher": (town.staff("dispatcher"), not draft),
        "an admin": (town.staff("admin"), True),
        "gis staff of one town": (town.staff(("gis", town.alder)), True),
    }
    for who, (caller, may) in expected.items():
        assert caller.get(path).status_code == (200 if may else 404), who
    assert town.nobody().get(path, headers={"Authorization": "Bearer none"}).status_code == 401


def test_desktop_programs_send_an_api_token_as_a_password(town: Town, cells: tuple[str, str]) -> None:
    admin = town.staff("admin")
    token = admin.post("/v1/api-tokens", {"staff_id": str(admin.id), "label": "QGIS"}).json["token"]
    path = url(town, cells[1], 12, *tile_at(-79.979, 40.011, 12))
    client = town.app.test_client()
    assert client.get(path, auth=("qgis", token)).status_code == 200
    assert client.get(path, auth=("qgis", "wrong")).status_code == 401


def test_a_version_belongs_to_the_partnership_in_the_address(town: Town, cells: tuple[str, str]) -> None:
    stranger = Town(town.app)
    for slug in (stranger.slug, "nowhere", "%00"):
        path = f"/v1/boundaries/tiles/{slug}/{cells[1]}/0/0/0.mvt"
        assert stranger.staff("gis").get(path).status_code == 404
        assert town.staff("gis").get(path).status_code == 404
    assert town.staff("gis").get(url(town, uuid4(), 0, 0, 0)).status_code == 404


# --- TileJSON --------------------------------------------------------------------------------------------------------


def test_a_map_is_told_all_it_needs(town: Town, cells: tuple[str, str]) -> None:
    layer_id, version_id = cells
    staff = town.staff("dispatcher")
    answer = staff.get(f"/v1/boundaries/layers/{layer_id}/tilejson.json")
    found = answer.json
    west, south, east, north = shapely.total_bounds(winding_cells())
    assert found["tilejson"] == "3.0.0"
    assert found["tiles"] == [f"http://localhost/v1/boundaries/tiles/{town.slug}/{version_id}/{{z}}/{{x}}/{{y}}.mvt"]
    assert found["bounds"] == pytest.approx([west, south, east, north], abs=1e-5)
    assert (found["minzoom"], found["maxzoom"], found["version"], found["scheme"]) == (0, 14, "1.0.0", "xyz")
    lon, lat, zoom = found["center"]
    # The map opens where something is to be seen.
    path = found["tiles"][0].removeprefix("http://localhost")
    x, y = tile_at(lon, lat, zoom)
    layers = decoded(staff.get(path.format(z=zoom, x=x, y=y)))
    assert {layer["id"] for layer in found["vector_layers"]} == set(layers) == {"areas", "labels"}
    for layer in found["vector_layers"]:
        assert set(layer["fields"]) >= {name for one in layers[layer["id"]].values() for name in one["properties"]}
    again = staff.get(
        f"/v1/boundaries/layers/{layer_id}/tilejson.json", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_layers_tilejson_is_that_of_the_version_in_force(town: Town) -> None:
    layer_id = new_layer(town)
    first = new_version(town, layer_id, area_set(winding_cells(seed=1)), at(2020))
    second = new_version(town, layer_id, area_set(winding_cells(seed=2)), at(2021))
    new_version(town, layer_id, area_set(winding_cells(seed=3)), at(2100))
    draft = new_draft(town, layer_id, area_set(winding_cells(seed=4)))
    other = new_draft(town, new_layer(town, "Other", "reference"), area_set(winding_cells()))
    path = f"/v1/boundaries/layers/{layer_id}/tilejson.json"

    def version(caller: Caller, asked: UUID | None = None) -> str | int:
        answer = caller.get(path + (f"?version={asked}" if asked else ""))
        return answer.json["tiles"][0] if answer.status_code == 200 else answer.status_code

    dispatcher, gis = town.staff("dispatcher"), town.staff("gis")
    assert str(second) in str(version(dispatcher))
    assert str(first) in str(version(dispatcher, first))
    assert version(dispatcher, draft) == 404
    assert str(draft) in str(version(gis, draft))
    assert version(gis, other) == 404
    assert gis.get(f"{path}?version=x").status_code == 422


def test_anybody_reads_the_tilejson_of_a_public_layer(town: Town) -> None:
    layer_id = new_layer(town, public=True)
    path = f"/v1/boundaries/tiles/{town.slug}/{layer_id}/tilejson.json"
    assert town.nobody().get(path).status_code == 404  # Nothing is in force.
    new_version(town, layer_id, area_set(winding_cells()), at(2020))
    answer = town.nobody().get(path)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    town.run("UPDATE layer SET public = false WHERE partnership_id = :p AND id = :id", id=layer_id)
    assert town.nobody().get(path).status_code == 404
    assert town.tablet().get(path).status_code == 200
