"""Lines with a width become the ground that they take, to within the stated error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from geo.lines import widen
from geo.read import read_areas
from geo.refusals import GeometryMissing
from tests.geo.made import feature, geojson, square_at, write

EARTH = Geod(ellps="WGS84")


def widened(line: shapely.Geometry, width_m: float) -> shapely.Geometry:
    return widen(np.array([line], dtype=object), width_m)[0]


def area_m2(ground: shapely.Geometry) -> float:
    return abs(EARTH.geometry_area_perimeter(ground)[0])


@pytest.mark.parametrize("lat", [-35.0, 0.0, 25.0, 40.0, 69.0])
@pytest.mark.parametrize("width_m", [3.0, 20.0, 1_000.0])
def test_the_ground_is_as_wide_as_was_said(lat: float, width_m: float) -> None:
    """Across the middle of a straight line, along the shortest way on the ellipsoid."""
    line = shapely.LineString([(-80.05, lat), (-80.02, lat + 0.02)])
    lon, middle = line.interpolate(0.5, normalized=True).coords[0]
    bearing, _, _ = EARTH.inv(*line.coords[0], *line.coords[1])
    ends = [EARTH.fwd(lon, middle, bearing + side, width_m)[:2] for side in (90, -90)]
    across = shapely.LineString(ends).intersection(widened(line, width_m))
    assert EARTH.geometry_length(across) == pytest.approx(width_m, rel=1e-4)


@pytest.mark.parametrize("kilometres", [50, 250])
def test_far_from_its_middle_a_line_keeps_its_width(kilometres: float) -> None:
    west, south, _ = EARTH.fwd(-80, 40, 270, kilometres * 1_000)
    east, north, _ = EARTH.fwd(-80, 40, 90, kilometres * 1_000)
    ground = widened(shapely.LineString([(west, south), (-80, 40), (east, north)]), 100)
    ends = [EARTH.fwd(west + 0.005, south, bearing, 100)[:2] for bearing in (0, 180)]
    across = EARTH.geometry_length(shapely.LineString(ends).intersection(ground))
    assert across == pytest.approx(100, rel=1.3e-3)


def test_long_edges_are_straight_in_degrees_as_everywhere() -> None:
    """The shortest way between the ends lies kilometres to the north of it."""
    line = shapely.LineString([(-81, 45), (-79, 45)])
    ground = widened(line, 1.0)
    assert all(ground.covers(shapely.Point(lon, 45)) for lon in np.linspace(-81, -79, 41))
    assert area_m2(ground) == pytest.approx(EARTH.geometry_length(shapely.segmentize(line, 0.001)), rel=1e-3)


def test_ends_and_bends_are_round() -> None:
    line = shapely.LineString([(-80.0, 40.0), (-79.9, 40.0), (-79.9, 40.1)])
    ground = widened(line, 100)
    for lon, lat in line.coords:
        for bearing in range(0, 360, 15):
            assert ground.covers(shapely.Point(EARTH.fwd(lon, lat, bearing, 49)[:2]))
    assert not ground.covers(shapely.Point(EARTH.fwd(-80.0, 40.0, 270, 50.1)[:2]))


def test_lines_of_several_parts_and_in_several_places_keep_their_order() -> None:
    many = [
        shapely.MultiLineString([[(lon, 10), (lon + 0.1, 10)], [(lon, 11), (lon + 0.1, 11)]])
        for lon in (170.2, -170.4, 0.1, -0.4, 100.7)
    ]
    grounds = widen(np.array(many, dtype=object), 10)
    assert shapely.is_valid(grounds).all()
    for line, ground in zip(many, grounds, strict=True):
        assert ground.covers(line)
        assert len(ground.geoms) == 2
        assert area_m2(ground) < 20 * sum(EARTH.geometry_length(part) for part in line.geoms)


def test_a_line_without_length_is_refused(tmp_path: Path) -> None:
    drawn = [shapely.MultiLineString([[(-80, 40), (-80, 41)], [(-80, 40), (-80, 40)]])]
    path = write(tmp_path / "r.gpkg", "GPKG", geoms=drawn, codes=("A",), names=("a",), kind="MultiLineString")
    with pytest.raises(GeometryMissing) as caught:
        read_areas(path, width_m=10)
    assert caught.value.feature == 1


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2272"])
def test_a_layer_of_lines_is_read_with_a_width(crs: str, tmp_path: Path) -> None:
    line = shapely.LineString([(-80.0, 40.4), (-79.99, 40.41)])
    if crs != "EPSG:4326":
        there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        line = shapely.transform(line, lambda at: np.column_stack(there.transform(at[:, 0], at[:, 1])))
    path = write(tmp_path / "r.gpkg", "GPKG", geoms=[line], codes=("SR51",), names=("a",), crs=crs, kind="LineString")
    areas = read_areas(path, width_m=24)
    assert areas.codes == ("SR51",)
    assert areas.geoms[0].geom_type == "MultiPolygon"
    length_m = EARTH.geometry_length(shapely.LineString([(-80.0, 40.4), (-79.99, 40.41)]))
    assert area_m2(areas.geoms[0]) == pytest.approx(24 * length_m + np.pi * 144, rel=2e-3)
    assert "1 lines were taken with a width of 24 m." in areas.notes


def test_areas_among_lines_stay_as_they_are(tmp_path: Path) -> None:
    road = {"type": "LineString", "coordinates": [[-76.5, 38, 7], [-76.4, 38, 7]]}
    path = geojson(tmp_path / "t.json", [feature(square_at(), "park"), feature(road, "road")])
    areas = read_areas(path, width_m=10)
    assert areas.geoms[0].equals(shapely.from_geojson(str(square_at()).replace("'", '"')))
    assert not shapely.has_z(areas.geoms).any()
    assert 0 < areas.geoms[1].area < 1e-3


def test_a_width_changes_nothing_where_there_are_no_lines(tmp_path: Path) -> None:
    path = geojson(tmp_path / "t.json", [feature(square_at())])
    assert read_areas(path, width_m=10).notes == read_areas(path).notes
