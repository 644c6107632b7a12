"""The rules of placement by example, in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import numpy as np
import pytest
import shapely
from pyproj import Geod

from geo.assign import PlacementIndex
from geo.placements import POINTS_PER_CALL_MAX, Placement
from geo.tables import TOLERANCE_M_MAX


def index_of(areas: dict[str, shapely.Geometry], tolerance_m: float = 0) -> PlacementIndex:
    """Area ids are 1, 2, 3 in the order given."""
    ids = [UUID(int=number) for number in range(1, len(areas) + 1)]
    return PlacementIndex(ids, list(areas), np.array(list(areas.values()), dtype=object), tolerance_m)


# B west of A, sharing the side at 10; C lies over the eastern half of A; D is a ring around nothing.
AREAS = {
    "B": shapely.box(0, 0, 10, 10),
    "A": shapely.box(10, 0, 20, 10),
    "C": shapely.box(15, 0, 25, 10),
    "D": shapely.box(30, 0, 40, 10).difference(shapely.box(33, 3, 37, 7)),
}

PLACED = {
    "inside one": ((5, 5), "B", "inside"),
    "on the outer border of one": ((0, 5), "B", "inside"),
    "on a corner of one": ((0, 0), "B", "inside"),
    "on a border that two share": ((10, 5), "A", "border"),
    "on a corner that two share": ((10, 10), "A", "border"),
    "where two overlap": ((17, 5), "A", "overlap"),
    "on the border of one inside another": ((15, 5), "A", "overlap"),
    "on the other's border inside one": ((20, 5), "A", "overlap"),
    "on the borders of two that overlap beside it": ((17, 10), "A", "border"),
    "in one beside the overlap": ((22, 5), "C", "inside"),
    "in a hole": ((35, 5), None, "outside"),
    "on a hole's edge": ((33, 5), "D", "inside"),
    "nowhere": ((5, 11), None, "outside"),
    "one bit beside the border": ((np.nextafter(0, -1), 5), None, "outside"),
    "no number": ((float("nan"), 5), None, "outside"),
    "infinite": ((float("inf"), 5), None, "outside"),
    "off the globe": ((5, 95), None, "outside"),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_point_is_placed_by_the_first_rule_that_holds(name: str) -> None:
    (lon, lat), code, rule = PLACED[name]
    (placement,) = index_of(AREAS).place([lon], [lat])
    expected = None if code is None else UUID(int=list(AREAS).index(code) + 1)
    assert placement == Placement(expected, code, rule)


def test_a_batch_gives_what_its_points_give_alone() -> None:
    index = index_of(AREAS)
    lon, lat = zip(*(point for point, _, _ in PLACED.values()), strict=True)
    batch = index.place(lon, lat)
    assert len(batch) == len(PLACED)
    assert list(batch) == [index.place([x], [y])[0] for x, y in zip(lon, lat, strict=True)]
    assert (batch.codes, batch.rules) == ([c for _, c, _ in PLACED.values()], [r for _, _, r in PLACED.values()])


def test_the_order_in_which_areas_come_changes_nothing() -> None:
    lon, lat = zip(*(point for point, _, _ in PLACED.values()), strict=True)
    turned = index_of(dict(reversed(AREAS.items())))
    assert turned.place(lon, lat).codes == index_of(AREAS).place(lon, lat).codes


def test_the_lowest_code_is_by_code_point() -> None:
    codes = ["9", "10", "b", "B", "Ä"]
    index = index_of(dict.fromkeys(codes, shapely.box(0, 0, 1, 1)))
    assert index.place([0.5], [0.5]).codes == ["10"]
    without_digits = index_of(dict.fromkeys(codes[2:], shapely.box(0, 0, 1, 1)))
    assert without_digits.place([0.5], [0.5]).codes == ["B"]


def test_parts_that_touch_in_a_point_have_their_border_there() -> None:
    """The corner is on the border of both parts, so with a neighbour it is a shared border, not an
    overlap."""
    touching = shapely.multipolygons([shapely.box(0, 0, 1, 1), shapely.box(1, 1, 2, 2)])
    index = index_of({"A": touching, "B": shapely.box(1, 0, 2, 1)})
    assert index.place([1], [1])[0][1:] == ("A", "border")


@pytest.mark.parametrize("lat", [0.0, 38.9, -38.9, 64.0, 84.0])
def test_a_point_within_the_tolerance_goes_to_the_nearest_area(lat: float) -> None:
    """Distances by the ellipsoid: 40 m and 60 m from the side, with a tolerance of 50 m."""
    geod = Geod(ellps="WGS84")
    index = index_of({"A": shapely.box(-77, lat - 0.5, -76, lat + 0.5)}, tolerance_m=50)
    for azimuth, (lon, from_lat) in {90: (-76, lat), 270: (-77, lat), 0: (-76.5, lat + 0.5)}.items():
        for metres, rule in ((40, "nearest"), (49.99, "nearest"), (50.01, "outside"), (60, "outside")):
            x, y, _ = geod.fwd(lon, from_lat, azimuth, metres)
            assert index.place([x], [y]).rules == [rule], (azimuth, metres)


def test_of_two_as_near_the_lowest_code_wins_and_of_two_otherwise_the_nearest() -> None:
    shared = index_of({"B": shapely.box(-77, 38, -76.5, 39), "A": shapely.box(-76.5, 38, -76, 39)}, 1000)
    assert shared.place([-76.5], [39.001])[0][1:] == ("A", "nearest")
    apart = index_of({"B": shapely.box(-77, 38, -76.5, 39), "A": shapely.box(-76.49, 38, -76, 39)}, 1000)
    assert apart.place([-76.496], [38.5])[0][1:] == ("B", "nearest")
    assert apart.place([-76.494], [38.5])[0][1:] == ("A", "nearest")


def test_a_point_outside_is_drawn_in_also_beside_points_that_several_areas_cover() -> None:
    index = index_of(AREAS, tolerance_m=100)
    assert index.place([17, 17, -0.0001], [5, 5, 5]).rules == ["overlap", "overlap", "nearest"]


def test_the_tolerance_given_stands_over_the_one_loaded() -> None:
    index = index_of({"A": shapely.box(-77, 38, -76, 39)}, tolerance_m=0)
    assert index.place([-76.5], [39.001]).rules == ["outside"]
    assert index.place([-76.5], [39.001], tolerance_m=200).rules == ["nearest"]
    assert index.place([-76.5], [39.001], tolerance_m=0).rules == ["outside"]


def test_a_point_in_a_hole_goes_to_the_hole_s_edge() -> None:
    index = index_of({"D": shapely.box(-77, 38, -76, 39).difference(shapely.box(-76.6, 38.4, -76.4, 38.6))})
    assert index.place([-76.5], [38.599], tolerance_m=200).rules == ["nearest"]
    assert index.place([-76.5], [38.5], tolerance_m=200).rules == ["outside"]


def test_what_cannot_be_asked_is_refused() -> None:
    index = index_of(AREAS)
    with pytest.raises(ValueError, match="one length"):
        index.place([1, 2], [1])
    with pytest.raises(ValueError, match="flat"):
        index.place([[1.0]], [[1.0]])
    many = np.zeros(POINTS_PER_CALL_MAX + 1)
    with pytest.raises(ValueError, match="at most"):
        index.place(many, many)
    for wrong in (-1, TOLERANCE_M_MAX + 1, float("nan")):
        with pytest.raises(ValueError, match="tolerance_m"):
            index.place([100], [50], tolerance_m=wrong)


def test_no_points_and_no_areas() -> None:
    assert list(index_of(AREAS).place([], [])) == []
    assert index_of({}).place([1], [1], tolerance_m=100).rules == ["outside"]


def test_threads_that_ask_a_new_index_together_get_the_same_answers() -> None:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-5, 45, 2000), rng.uniform(-5, 15, 2000)
    expected = index_of(AREAS).place(lon, lat).codes
    for _ in range(20):
        index = index_of(AREAS)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(index.place, lon, lat) for _ in range(8)]
        assert all(answer.result().codes == expected for answer in asked)


@pytest.mark.parametrize("border_m", [5.0, 80.0, 900.0])
def test_near_a_border_is_what_the_ellipsoid_says(border_m: float) -> None:
    """Against the distance to every edge, cut into steps of a few metres."""
    wavy = shapely.Point(-79.9, 40.4).buffer(0.03, quad_segs=9)
    areas = [wavy, shapely.difference(shapely.box(-80, 40.3, -79.8, 40.5), wavy)]
    index = index_of(dict(zip("AB", areas, strict=True)))
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(-80.01, -79.79, 200), rng.uniform(40.29, 40.51, 200)
    edges = shapely.get_coordinates(shapely.segmentize(shapely.boundary(areas), 2e-5))
    geod = Geod(ellps="WGS84")
    for k, near in enumerate(index.near_border(lon, lat, border_m).tolist()):
        flat = np.hypot((edges[:, 0] - lon[k]) * np.cos(np.radians(lat[k])), edges[:, 1] - lat[k])
        x, y = edges[np.argsort(flat)[:20]].T
        least = min(geod.inv(np.full(20, lon[k]), np.full(20, lat[k]), x, y)[2])
        if abs(least - border_m) > 0.05:
            assert near == (least < border_m), (lon[k], lat[k], least)


def test_nothing_is_near_a_border_without_a_distance_or_off_the_earth() -> None:
    index = index_of({"A": shapely.box(0, 0, 1, 1)})
    assert index.near_border([0.0], [0.5], 0).tolist() == [False]
    assert index.near_border([np.nan, 400.0, 0.0], [0.5, 0.5, 0.5], 10).tolist() == [False, False, True]
