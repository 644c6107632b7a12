"""Real layers: a county whose towns overlap and leave gaps, and a city's wards in three vintages."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from geo.areas import AreaSet
from geo.check import check
from geo.findings import Report
from geo.read import read_areas
from tests.geo.cities import ALLEGHENY, DC, needs_data
from tests.geo.drawn import kinds, only

pytestmark = needs_data


@pytest.fixture(scope="module")
def county() -> AreaSet:
    return read_areas(ALLEGHENY, name_field="LABEL")


@pytest.fixture(scope="module")
def report(county: AreaSet) -> Report:
    return check(county)


@pytest.fixture(scope="module")
def wards() -> dict[int, AreaSet]:
    return {year: read_areas(DC / f"dc_wards_{year}.geojson") for year in (1990, 2002, 2012)}


def test_allegheny_s_overlaps_are_those_of_its_readme(report: Report) -> None:
    """The 4,596 m² there are of UTM's plane, which shows this county 0.06 % too small."""
    pairs = report.of("overlap", "overlap_sliver")
    assert len(pairs) == 29
    assert len(report.of("overlap")) == 9
    total = sum(found.measures["area_m2"] for found in pairs)
    assert total == pytest.approx(4_596, rel=0.01)
    assert total == pytest.approx(4_598.9, abs=0.1)
    assert report.measures["overlaps"] == 29


def test_allegheny_s_gaps_are_those_of_shapely_s_union(county: AreaSet, report: Report) -> None:
    """The 61 of its README are the holes of shapely.union_all in UTM 17 north. In other systems it is 57 to 66: the
    smallest are of square micrometres, and rounding makes and unmakes them; the ground is the same."""
    to_utm = Transformer.from_crs(4326, 32617, always_xy=True)
    flat = shapely.transform(county.geoms, lambda xy: np.column_stack(to_utm.transform(*xy.T)))
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(shapely.union_all(flat)) for ring in part.interiors]
    gaps = report.of("gap", "gap_sliver", "hole")
    assert len(gaps) == 61
    assert report.measures["gaps_m2"] == pytest.approx(sum(hole.area for hole in holes), rel=0.01)
    assert sum(hole.area > 1e-6 for hole in holes) == pytest.approx(61, abs=1)
    # The same edges as GEOS calls invalid: each gap or overlap has its areas among them.
    edges = shapely.coverage_invalid_edges(flat, 1.0)
    flagged = set((np.flatnonzero(~shapely.is_empty(edges)) + 1).tolist())
    for found in (*gaps, *report.of("overlap", "overlap_sliver")):
        assert flagged & set(found.features)


def test_allegheny_s_findings_lie_where_they_say(county: AreaSet, report: Report) -> None:
    for found in report.of("overlap", "overlap_sliver", "gap", "gap_sliver"):
        assert found.place is not None
        for feature in found.features:
            assert shapely.dwithin(found.place, county.geoms[feature - 1], 1e-8)


def test_allegheny_has_four_enclaves_and_nothing_wrong_with_its_codes(report: Report) -> None:
    assert [found.sentence.split(",")[0] for found in report.of("enclave")] == [
        "Mount Oliver Borough (839)",
        "Pitcairn Borough (847)",
        "West View Borough (864)",
        "Pennsbury Village Borough (871)",
    ]
    assert report.counts["error"] == 0


def test_the_wards_of_washington_fit_together(wards: dict[int, AreaSet]) -> None:
    for year, areas in wards.items():
        names = {code: f"Ward {code}" for code in areas.codes if code}
        assert check(areas, expected=names).findings == (), year


def test_what_changed_in_washington_by_2002(wards: dict[int, AreaSet]) -> None:
    report = check(wards[2002], before=wards[1990])
    assert [found.codes[0] for found in report.of("shape_changed")] == [str(ward) for ward in range(1, 9)]
    assert len(report.of("renamed")) == 8
    assert report.measures["ground_lost_m2"] == pytest.approx(1.1, abs=0.1)
    assert kinds(report) == {"shape_changed", "renamed", "ground_gained"}


def test_what_changed_in_washington_by_2012(wards: dict[int, AreaSet]) -> None:
    report = check(wards[2012], before=wards[2002])
    assert [found.codes[0] for found in report.of("shape_changed")] == ["1", "2", "3", "6", "7"]
    assert [found.codes[0] for found in report.of("shape_adjusted")] == ["4", "5", "8"]
    # The river's bank, where the District ends.
    assert only(report, "ground_lost").measures["area_m2"] == pytest.approx(8_513, abs=2)
    assert kinds(report) == {"shape_changed", "shape_adjusted", "renamed", "ground_lost", "ground_gained"}
