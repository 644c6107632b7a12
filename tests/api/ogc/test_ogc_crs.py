"""Coordinate systems and boxes: what is selected and drawn equals what PROJ and GEOS say."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import shape

from fieldsync.ogc.crs import CRS84 as LONLAT
from fieldsync.ogc.crs import ground, of_epsg, offered
from tests.api.ogc.reader import CRS84, EPSG, Reader
from tests.clients.scene import SOUTH, UTM33, WEST, Scene, cells

OFFERED = [CRS84, f"{EPSG}4326", f"{EPSG}3857", f"{EPSG}{UTM33}"]


def transformed(geom: shapely.Geometry, epsg: int) -> shapely.Geometry:
    """A lon/lat geometry in the axis order of the authority."""
    forth = Transformer.from_crs(4326, epsg, always_xy=True)
    flips = CRS.from_epsg(epsg).axis_info[0].direction == "north"

    def move(lonlat: np.ndarray) -> np.ndarray:
        xy = np.column_stack(forth.transform(lonlat[:, 0], lonlat[:, 1]))
        return xy[:, ::-1] if flips else xy

    return shapely.transform(geom, move)


class TestDrawing:
    @pytest.mark.parametrize(
        ("epsg", "source"), [(4326, UTM33), (3857, UTM33), (UTM33, UTM33), (3035, 3035), (31468, 31468)]
    )
    def test_in_another_system_is_by_its_authoritys_axes(
        self, scene: Scene, anybody: Reader, epsg: int, source: int
    ) -> None:
        geoms = cells(3, 3)
        layer_id = scene.published("Wards", geoms, public=True, crs=f"EPSG:{source}")
        path = f"collections/boundaries-{layer_id}/items"
        answer = anybody.ask(path, crs=f"{EPSG}{epsg}")
        assert answer.headers["Content-Crs"] == f"<{EPSG}{epsg}>"
        # PostGIS may take a transformation of its own between two datums.
        tolerance = 1e-9 if epsg == 4326 else 1e-3 if epsg in (3857, UTM33, 3035) else 5
        for feature, geom in zip(answer.json["features"], geoms, strict=True):
            assert shapely.equals_exact(shape(feature["geometry"]), transformed(geom, epsg), tolerance=tolerance)
        alone = anybody.ask(f"{path}/{answer.json['features'][0]['id']}", crs=f"{EPSG}{epsg}")
        assert alone.headers["Content-Crs"] == f"<{EPSG}{epsg}>"
        assert alone.json["geometry"] == answer.json["features"][0]["geometry"]

    def test_is_in_longitude_and_latitude_unless_asked_otherwise(self, scene: Scene, anybody: Reader) -> None:
        layer_id = scene.published("Wards", cells(1, 1), public=True)
        answer = anybody.ask(f"collections/boundaries-{layer_id}/items")
        assert answer.headers["Content-Crs"] == f"<{CRS84}>"
        lon, lat = shape(answer.json["features"][0]["geometry"]).centroid.coords[0]
        assert abs(lon - WEST) < 3
        assert abs(lat - SOUTH) < 1

    def test_latitude_comes_first_in_epsg_4326(self, scene: Scene, gis: Reader) -> None:
        scene.jobs(1, at=(12.25, 51.5))
        (feature,) = gis.features("work-orders", crs=f"{EPSG}4326")
        assert feature["geometry"]["coordinates"] == [51.5, 12.25]

    def test_where_a_system_has_no_numbers_is_refused(self, scene: Scene, gis: Reader) -> None:
        scene.published("Towns of Pennsylvania", [shapely.box(-80, 40, -79, 41)], crs="EPSG:2272")
        layer_id = scene.published("Antarctica", [shapely.box(-81, -90, -80, -89)], crs="EPSG:4326")
        path = f"collections/boundaries-{layer_id}/items"
        assert gis.refused(path, crs=f"{EPSG}2272") == ("invalid_parameter", "crs")
        (feature,) = gis.features(f"boundaries-{layer_id}")
        assert gis.refused(f"{path}/{feature['id']}", crs=f"{EPSG}2272") == ("invalid_parameter", "crs")

    def test_a_collection_names_its_systems(self, scene: Scene, anybody: Reader) -> None:
        scene.published("Wards", cells(1, 1), public=True)
        scene.published("Lots", cells(1, 1), public=True, crs="Some local grid")
        scene.published("Secret", cells(1, 1), crs="EPSG:2272")
        scene.published("Polar", cells(1, 1), public=True, crs="EPSG:32661")
        for collection in anybody.collections().values():
            assert collection["crs"] == OFFERED
            assert collection["storageCrs"] == CRS84


class TestBoxes:
    @pytest.mark.parametrize("uri", OFFERED)
    def test_select_what_touches_them(self, scene: Scene, gis: Reader, uri: str) -> None:
        geoms = cells(5, 4)
        layer_id = scene.published("Wards", geoms)
        jobs = [str(id_) for id_ in scene.jobs(60)]
        points = [shapely.Point(WEST + 0.001234 * n, SOUTH + 0.000987 * n) for n in range(60)]
        epsg = 4326 if uri == CRS84 else int(uri.rpartition("/")[2])
        random = np.random.default_rng(7)
        seen = set()
        for _ in range(12):
            lon, lat = random.uniform(WEST - 0.2, WEST + 1), random.uniform(SOUTH - 0.2, SOUTH + 0.8)
            box = shapely.box(lon, lat, lon + random.uniform(0.001, 0.5), lat + random.uniform(0.001, 0.5))
            bounds = (box if uri == CRS84 else transformed(box, epsg)).bounds
            drawn = [geom if uri == CRS84 else transformed(geom, epsg) for geom in [*geoms, *points]]
            touched = [bool(geom.intersects(shapely.box(*bounds))) for geom in drawn]
            query = {"bbox": ",".join(map(str, bounds)), "bbox_crs": uri}
            codes = [f"C{n}" for n, hit in enumerate(touched[:20], 1) if hit]
            assert gis.codes(f"boundaries-{layer_id}", limit=3, **query) == codes
            found = [id_ for id_, hit in zip(jobs, touched[20:], strict=True) if hit]
            assert [f["id"] for f in gis.features("work-orders", **query)] == found
            seen.add((len(codes) > 0, len(found) > 0))
        assert (True, True) in seen

    def test_and_answers_may_be_in_two_systems(self, scene: Scene, gis: Reader) -> None:
        scene.jobs(1, at=(12.25, 51.5))
        (feature,) = gis.features(
            "work-orders", bbox="51.4,12.2,51.6,12.3", bbox_crs=f"{EPSG}4326", crs=f"{EPSG}3857"
        )  # fmt: skip
        assert feature["geometry"]["coordinates"][0] == pytest.approx(1363663.76, abs=0.01)
        assert gis.features("work-orders", bbox="12.2,51.4,12.3,51.6", bbox_crs=f"{EPSG}4326") == []

    def test_across_the_antimeridian_have_their_west_in_the_east(self, scene: Scene, gis: Reader) -> None:
        for lon in (179.5, -179.5, 0.5, 170.0):
            scene.jobs(1, at=(lon, -16.5), title=str(lon))
        layer_id = scene.published("Fiji", [shapely.box(179, -17, 180, -16), shapely.box(-180, -17, -179, -16),
                                            shapely.box(0, -17, 1, -16)])  # fmt: skip

        def titles(bbox: str, crs: str = CRS84) -> set[str]:
            return {f["properties"]["title"] for f in gis.features("work-orders", bbox=bbox, bbox_crs=crs)}

        assert titles("179,-18,-179,-15") == {"179.5", "-179.5"}
        assert titles("-18,179,-15,-179", f"{EPSG}4326") == {"179.5", "-179.5"}
        assert titles("-179,-18,179,-15") == {"0.5", "170.0"}
        assert titles("179,-18,0,-179,-15,100") == {"179.5", "-179.5"}
        assert gis.codes(f"boundaries-{layer_id}", bbox="179.2,-18,-179.2,-15") == ["C1", "C2"]

    def test_that_are_points_and_lines_and_worlds(self, scene: Scene, gis: Reader) -> None:
        layer_id = scene.published("Wards", [shapely.box(12, 51, 13, 52), shapely.box(13, 51, 14, 52)])
        for bbox, codes in (
            ("12.5,51.5,12.5,51.5", ["C1"]), ("13,51.5,13,51.5", ["C1", "C2"]), ("12.5,51.5,13.5,51.5", ["C1", "C2"]),
            ("-180,-90,180,90", ["C1", "C2"]), ("-1e300,-1e300,1e300,1e300", ["C1", "C2"]),
            ("-400,-95,400,95", ["C1", "C2"]),
            ("200,51,210,52", []), ("12,95,13,99", []), ("14,52,15,53", ["C2"]), ("14.0000001,52,15,53", []),
        ):  # fmt: skip
            assert gis.codes(f"boundaries-{layer_id}", bbox=bbox) == codes, bbox
        for epsg in (3857, UTM33):
            for bbox, codes in (("-1e300,-1e300,1e300,1e300", ["C1", "C2"]), ("1e200,1e200,1e300,1e300", [])):
                assert gis.codes(f"boundaries-{layer_id}", bbox=bbox, bbox_crs=f"{EPSG}{epsg}") == codes

    @pytest.mark.parametrize(
        "bbox",
        ["", "1", "1,2,3", "1,2,3,4,5", "1,2,3,4,5,6,7", "a,b,c,d", "1,2,nan,4", "1,2,inf,4", "-inf,0,1,1", "1;2;3;4",
         "0,2,1,1", "0,0,5,1,1,4", "0,0,0x10,1", "1,2,3," + "9" * 400, "0,0,1,1,", "0,0,1,1'); DROP TABLE area; --"],
    )  # fmt: skip
    def test_that_are_none_are_refused(self, scene: Scene, gis: Reader, bbox: str) -> None:
        assert gis.refused("collections/work-orders/items", bbox=bbox) == ("invalid_parameter", "bbox")

    def test_on_a_map_have_no_antimeridian(self, scene: Scene, gis: Reader) -> None:
        query = {"bbox": "5,0,1,1", "bbox_crs": f"{EPSG}3857"}
        assert gis.refused("collections/work-orders/items", **query) == ("invalid_parameter", "bbox")

    @pytest.mark.parametrize("name", ["crs", "bbox_crs"])
    @pytest.mark.parametrize("uri", ["", "EPSG:4326", f"{EPSG}2272", f"{EPSG}4326x", "http://www.opengis.net/def/crs/"])
    def test_and_answers_are_in_systems_that_are_offered(self, scene: Scene, gis: Reader, name: str, uri: str) -> None:
        wanted = ("invalid_parameter", name.replace("_", "-"))
        assert gis.refused("collections/work-orders/items", **{"bbox": "0,0,1,1", name: uri}) == wanted


class TestTheGround:
    def test_of_a_box_across_the_antimeridian_on_a_map_is_in_two_parts(self) -> None:
        alaska = of_epsg(3338)
        assert alaska is not None
        east, west = (shapely.from_wkb(part) for part in ground(alaska, (-2_000_000, 500_000, 0, 900_000)))
        assert east.bounds[2] == 180
        assert west.bounds[0] == -180
        assert west.intersects(shapely.Point(-158, 57))
        assert east.intersects(shapely.Point(176, 54))
        assert not west.intersects(shapely.Point(0, 53))

    @pytest.mark.parametrize("size_m", [100_000, 1_000_000])
    def test_follows_the_curved_edges_of_a_box_on_a_map(self, size_m: float) -> None:
        albers = of_epsg(5070)
        assert albers is not None
        low, high = 1e6, 1e6 + size_m
        (part,) = ground(albers, (-size_m / 2, low, size_m / 2, high))
        ring = shapely.get_coordinates(shapely.from_wkb(part))
        middles = (ring[:-1] + ring[1:]) / 2
        x, y = Transformer.from_crs(4326, 5070, always_xy=True).transform(*middles.T)
        astray = np.minimum.reduce([abs(x - size_m / 2), abs(x + size_m / 2), abs(y - low), abs(y - high)])
        assert astray.max() < (0.02 if size_m == 100_000 else 2)

    def test_axes_are_east_and_north_or_not_offered(self) -> None:
        codes = [crs.srid for crs in offered([2048, 32661, 999_999, 27700, 3035, 4269, 3857])]
        assert codes == [4326, 4326, 3857, 27700, 3035, 4269]
        assert [crs.flips for crs in offered([27700, 3035, 4269])] == [False, True, False, False, True, True]

    def test_is_empty_outside_the_world(self) -> None:
        assert ground(LONLAT, (181, 0, 190, 1)) == []
