"""Scores against somebody else's answer: the labels that the city itself put on its records."""

from __future__ import annotations

from itertools import combinations
from uuid import uuid4

import pytest
import shapely
from pyproj import Geod

from geo.areas import AreaSet
from geo.assign import PlacementIndex
from geo.read import read_areas
from tests.geo.cities import ALLEGHENY, DC, needs_data, points

pytestmark = needs_data


def index_of(areas: AreaSet) -> PlacementIndex:
    return PlacementIndex([uuid4() for _ in areas.codes], areas.codes, areas.geoms, 0)


def wards(year: int) -> PlacementIndex:
    return index_of(read_areas(DC / f"dc_wards_{year}.geojson"))


def commissions(year: int) -> PlacementIndex:
    return index_of(read_areas(DC / "dc_anc_smd_police.gpkg", layer=f"anc_{year}"))


def test_requests_agree_with_the_city_s_wards_except_on_the_line() -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    areas = read_areas(DC / "dc_wards_2012.geojson")
    codes = index_of(areas).place(requests.lon, requests.lat).codes
    assert requests.agreeing(codes) == (22_796, 22_760)
    borders = dict(zip(areas.codes, shapely.boundary(areas.geoms), strict=True))
    for lon, lat, label, code in zip(requests.lon, requests.lat, requests.labels, codes, strict=True):
        if label and label != code:
            # The labels were given by the city's own line, which runs within metres of the published one.
            assert borders[label].distance(shapely.Point(lon, lat)) < 1e-4


def test_requests_against_the_wards_before() -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    labelled, agreeing = requests.agreeing(wards(2002).place(requests.lon, requests.lat).codes)
    assert (labelled, round(100 * agreeing / labelled, 3)) == (22_796, 96.416)


def test_requests_that_change_ward() -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    before = wards(2002).place(requests.lon, requests.lat).codes
    after = wards(2012).place(requests.lon, requests.lat).codes
    assert len(before) == 22_946
    assert sum(was != now for was, now in zip(before, after, strict=True)) == 885


@pytest.mark.parametrize(
    ("kind", "year", "labelled", "percent"),
    [
        ("crime_incident", 2013, 2_898, 100.0),
        ("crime_incident", 2002, 2_898, 75.259),
        ("public_space_permit", 2002, 3_182, 99.434),
        ("public_space_permit", 2013, 3_182, 87.335),
    ],
)
def test_records_against_the_neighbourhood_commissions(kind: str, year: int, labelled: int, percent: float) -> None:
    records = points("dc_crime_permits_labels.csv", "label_anc", kind=kind)
    found, agreeing = records.agreeing(commissions(year).place(records.lon, records.lat).codes)
    assert (found, round(100 * agreeing / found, 3)) == (labelled, percent)


def test_permits_in_no_commission_are_left_to_a_person() -> None:
    """They stand at one point in West Virginia; the widest tolerance does not draw it to Washington."""
    permits = points("dc_crime_permits_labels.csv", "label_anc", kind="public_space_permit")
    placed = commissions(2013).place(permits.lon, permits.lat, tolerance_m=10_000)
    astray = [at for at, rule in enumerate(placed.rules) if rule == "outside"]
    assert len(astray) == 129
    assert {permits.labels[at] for at in astray} == {""}


def overlaps(areas: AreaSet) -> list[tuple[str, shapely.Geometry, float]]:
    """For each pair of areas that overlap: the lower code, the common ground, its size in m²."""
    earth = Geod(ellps="WGS84")
    found = []
    for one, other in combinations(range(len(areas)), 2):
        common = areas.geoms[one].intersection(areas.geoms[other])
        parts = [part for part in shapely.get_parts(common) if part.area]
        if parts:
            size_m2 = sum(abs(earth.geometry_area_perimeter(part)[0]) for part in parts)
            found.append((min(areas.codes[one], areas.codes[other]), common, size_m2))
    return found


def test_a_messy_county_is_read_as_it_is() -> None:
    areas = read_areas(ALLEGHENY, name_field="LABEL")
    assert (len(areas), areas.source.crs, areas.source.code_field) == (130, "EPSG:2272", "MUNICODE")
    assert areas.source.accuracy_m == 4
    sizes_m2 = [size_m2 for _, _, size_m2 in overlaps(areas)]
    assert sum(size_m2 > 1 for size_m2 in sizes_m2) == 9
    # Measured in the file's own plane, whose scale is not quite the ellipsoid's.
    assert sum(sizes_m2) == pytest.approx(4_596, rel=1e-3)


def test_where_the_messy_county_overlaps_the_lowest_code_wins_and_the_rule_says_so() -> None:
    areas = read_areas(ALLEGHENY, name_field="LABEL")
    large = [(code, common.representative_point()) for code, common, size_m2 in overlaps(areas) if size_m2 > 1]
    placed = index_of(areas).place([at.x for _, at in large], [at.y for _, at in large])
    assert placed.codes == [code for code, _ in large]
    assert set(placed.rules) == {"overlap"}
