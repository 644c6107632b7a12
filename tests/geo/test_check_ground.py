"""Square metres and metres are those of the ellipsoid."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Geod

from geo.findings import Tolerances, area, metres
from geo.ground import Plane, areas_m2, distance_m

WGS84 = Geod(ellps="WGS84")


def geodesic_m2(polygon: shapely.Geometry, step_deg: float = 1e-3) -> float:
    """By pyproj, along edges made of so many short ones that they are straight in degrees too."""
    return abs(WGS84.geometry_area_perimeter(shapely.orient_polygons(shapely.segmentize(polygon, step_deg)))[0])


@pytest.mark.parametrize(
    "polygon",
    [
        shapely.box(-80, 40, -79, 41),
        shapely.box(-80, -0.5, -79.5, 0.25),
        shapely.box(10, 78, 11, 78.5),
        shapely.Polygon([(-80, 40), (-72, 45), (-76, 49)]),
        shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0.2, 0.2), (0.8, 0.2), (0.5, 0.8)]]),
        shapely.MultiPolygon([shapely.box(5, 50, 6, 51), shapely.box(7, 50, 8, 50.5)]),
    ],
)
def test_an_area_is_that_on_the_ellipsoid(polygon: shapely.Geometry) -> None:
    assert areas_m2([polygon])[0] == pytest.approx(geodesic_m2(polygon), rel=1e-8)
    plane = Plane.around(np.array([polygon]))
    assert plane.areas_m2(plane.flat([polygon]))[0] == pytest.approx(areas_m2([polygon])[0], rel=1e-12)


def test_the_parts_of_a_cut_polygon_add_up() -> None:
    whole = shapely.Polygon([(-80, 40), (-79.9, 40.02), (-79.93, 40.11)])
    parts = [whole & shapely.box(-80, 40, -79.94, 41), whole & shapely.box(-79.94, 40, -79, 41)]
    assert areas_m2(parts).sum() == pytest.approx(areas_m2([whole])[0], rel=1e-12)


def test_a_line_has_no_area_and_an_empty_polygon_none() -> None:
    assert areas_m2([shapely.LineString([(0, 0), (1, 1)]), shapely.Polygon()]).tolist() == [0, 0]
    assert areas_m2([]).size == 0


def test_a_sliver_on_a_long_border_is_measured_to_the_square_centimetre() -> None:
    """Ten kilometres long and a millionth of a degree wide: half of length by width. (pyproj's own sum, which starts
    at the pole, is good to a hundred of those here.)"""
    sliver = shapely.Polygon([(-80, 40), (-79.94, 40.000001), (-79.88, 40)])
    meridian_m = WGS84.a * (1 - WGS84.es) / (1 - WGS84.es * np.sin(np.radians(40)) ** 2) ** 1.5
    parallel_m = WGS84.a * np.cos(np.radians(40)) / np.sqrt(1 - WGS84.es * np.sin(np.radians(40)) ** 2)
    expected = np.radians(0.12) * parallel_m * np.radians(1e-6) * meridian_m / 2
    assert areas_m2([sliver])[0] == pytest.approx(expected, abs=1e-4)


def test_what_was_drawn_comes_back_to_the_last_bit() -> None:
    drawn = np.array([shapely.Point(-77.123456789, 38.987654321).buffer(0.1, quad_segs=64)], dtype=object)
    plane = Plane.around(drawn)
    back = plane.lonlat(plane.flat(drawn), drawn)
    assert shapely.equals_identical(back, drawn).all()
    # What is new on the way is where it should be.
    middle = shapely.centroid(plane.flat(drawn))
    assert shapely.distance(plane.lonlat(middle, drawn)[0], shapely.centroid(drawn)[0]) < 1e-12


def test_lengths_and_distances_are_metres() -> None:
    line = shapely.LineString([(-77, 38), (-77, 38.01), (-76.99, 38.02)])
    plane = Plane.around(np.array([line]))
    assert plane.lengths_m(plane.flat([line]))[0] == pytest.approx(WGS84.geometry_length(line), rel=1e-6)
    ring = shapely.Polygon([(-77, 38), (-76.99, 38), (-76.99, 38.01)])
    assert plane.lengths_m(plane.flat([ring]))[0] == pytest.approx(WGS84.geometry_length(ring.exterior), rel=1e-6)
    far = shapely.LineString([(-77, 38), (0, 0)])
    assert distance_m(far) == pytest.approx(WGS84.geometry_length(far))


def test_a_plane_of_nothing_and_one_at_the_pole_exist() -> None:
    assert Plane.around(np.zeros(0, dtype=object)).east_m > 0
    assert Plane.around(np.array([shapely.box(-180, -90, 180, -89)])).east_m > 0


@pytest.mark.parametrize(
    ("m2", "words"),
    [
        (1e-7, "less than 1 cm²"),
        (0.0020, "20 cm²"),
        (0.085, "0.085 m²"),
        (4.4, "4.4 m²"),
        (1916.4, "1,916 m²"),
        (8513, "8,513 m²"),
        (13071.2, "1.31 ha"),
        (2.9e6, "290 ha"),
        (1.9e9, "1,900.0 km²"),
    ],
)
def test_areas_read_as_people_say_them(m2: float, words: str) -> None:
    assert area(m2) == words


@pytest.mark.parametrize(
    ("m", "words"),
    [(1e-6, "less than 1 mm"), (0.023, "2.3 cm"), (0.3, "0.30 m"), (1234.4, "1,234 m"), (4e5, "400.0 km")],
)
def test_lengths_read_as_people_say_them(m: float, words: str) -> None:
    assert metres(m) == words


@pytest.mark.parametrize(
    "wrong", [{"gap_m": -1}, {"overlap_m2": float("nan")}, {"same_shape": 0.4}, {"far_m": 0}, {"fill_m": 1e6}]
)
def test_what_is_no_tolerance_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Tolerances(**wrong)
