"""How areas fit together: overlaps, gaps, holes, enclaves, and borders that are not drawn alike."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.check import check
from geo.findings import Tolerances
from geo.ground import NOISE_M2, Plane
from tests.geo.drawn import PLANE, box, drawn, kinds, only, row


def test_an_overlap_is_a_warning_with_the_pair_and_its_area() -> None:
    areas = drawn([box(0, 0, 100, 100), box(90, 0, 200, 100)])
    found = only(check(areas), "overlap")
    assert (found.severity, found.features, found.codes) == ("warning", (1, 2), ("A", "B"))
    assert found.measures["area_m2"] == pytest.approx(1_000, rel=1e-4)
    assert found.sentence == "Atown (A) and Btown (B) overlap by 1,000 m², 10 % of Atown (A)."
    assert found.place is not None
    assert shapely.equals_exact(PLANE.flat([found.place])[0].normalize(), box(90, 0, 100, 100).normalize(), 1e-6)


def test_an_overlap_under_the_tolerance_is_a_notice() -> None:
    areas = drawn([box(0, 0, 100, 100), box(99.99, 0, 200, 99)])
    assert kinds(check(areas)) == {"overlap_sliver"}
    assert only(check(areas), "overlap_sliver").measures["area_m2"] == pytest.approx(0.99, rel=1e-3)
    assert kinds(check(areas, tolerances=Tolerances(overlap_m2=0.98))) == {"overlap"}


def test_an_overlap_of_rounding_is_none() -> None:
    assert "overlap" not in {
        kind[:7] for kind in kinds(check(drawn([box(0, 0, 100, 100), box(100 - 5e-9, 0, 200, 100)])))
    }


@pytest.mark.parametrize("turned", [False, True])
def test_the_same_polygon_twice_is_an_error(turned: bool) -> None:
    ring = [(0, 0), (100, 0), (100, 100), (0, 100)]
    again = shapely.Polygon(ring[2:] + ring[:2] if turned else ring)
    report = check(drawn([shapely.Polygon(ring), box(100, 0, 200, 100), again, again]))
    found = only(report, "duplicate_shape")
    assert (found.severity, found.features, found.codes) == ("error", (1, 3, 4), ("A", "C", "D"))
    assert "exactly the same polygon" in found.sentence
    assert kinds(report) == {"duplicate_shape"}


def test_practically_the_same_polygon_is_an_error_too_and_no_overlap() -> None:
    areas = drawn([box(0, 0, 100, 100), box(0, 0, 100, 99.6)])
    found = only(check(areas), "duplicate_shape")
    assert "to 99.60 %" in found.sentence
    assert "overlap" not in kinds(check(areas))
    assert kinds(check(areas, tolerances=Tolerances(same_shape=0.997))) == {"overlap"}


def hollow_row(hole: shapely.Geometry) -> list[shapely.Geometry]:
    """Two squares side by side, without what is given."""
    return [square - hole for square in row(2)]


def test_a_gap_is_a_warning_that_names_its_neighbours() -> None:
    report = check(drawn(hollow_row(box(90, 40, 110, 60))))
    found = only(report, "gap")
    assert (found.severity, found.features, found.codes) == ("warning", (1, 2), ("A", "B"))
    assert found.measures["area_m2"] == pytest.approx(400, rel=1e-4)
    assert found.sentence == "A gap of 400 m², 20 m wide, lies between Atown (A) and Btown (B)."
    assert kinds(report) == {"gap"}
    assert (report.measures["gaps"], report.measures["gaps_m2"]) == (1, pytest.approx(400, rel=1e-4))


@pytest.mark.parametrize(
    ("hole", "kind"),
    [
        (box(99.95, 20, 100.04, 80), "gap_sliver"),  # 5.4 m², 9 cm wide
        (box(99.94, 20, 100.05, 80), "gap"),  # 6.6 m², 11 cm wide
        (box(99.6, 50, 100.5, 51), "gap_sliver"),  # 0.9 m²
        (box(99.6, 50, 100.7, 51), "gap"),  # 1.1 m²
        # Thin on the whole, but a circle of 20 cm fits in at one place.
        (shapely.union_all([box(99.99, 1, 100.01, 99), box(99.9, 50, 100.1, 50.2)]), "gap"),
    ],
)
def test_a_gap_too_narrow_or_too_small_is_a_sliver(hole: shapely.Geometry, kind: str) -> None:
    assert kinds(check(drawn(hollow_row(hole)))) == {kind}


def test_a_hole_that_nobody_fills_is_a_warning() -> None:
    report = check(drawn([box(0, 0, 100, 100) - box(40, 40, 60, 60)]))
    found = only(report, "hole")
    assert (found.severity, found.features) == ("warning", (1,))
    assert found.sentence.startswith("A hole of 400 m²")
    tiny = check(drawn([box(0, 0, 100, 100) - box(40, 40, 40.9, 41)]))
    assert kinds(tiny) == {"gap_sliver"}


def test_an_area_in_another_s_hole_is_an_enclave() -> None:
    inner, frame = box(40, 40, 60, 60), box(0, 0, 100, 100) - box(40, 40, 60, 60)
    report = check(drawn([frame, inner]))
    found = only(report, "enclave")
    assert (found.severity, found.features, found.codes) == ("notice", (2, 1), ("B", "A"))
    assert found.sentence == "Btown (B), 400 m², lies in a hole of Atown (A)."
    assert kinds(report) == {"enclave"}


def test_a_part_of_an_area_in_another_s_hole_is_an_enclave_and_the_rest_of_the_hole_a_gap() -> None:
    inner, frame = box(40, 40, 60, 50), box(0, 0, 100, 100) - box(40, 40, 60, 60)
    report = check(drawn([frame, shapely.MultiPolygon([inner, box(100, 0, 200, 100)])]))
    assert only(report, "enclave").sentence == "A part of Btown (B), 200 m², lies in a hole of Atown (A)."
    assert only(report, "gap").measures["area_m2"] == pytest.approx(200, rel=1e-4)


def test_what_an_island_has_in_its_own_hole_is_a_gap_of_its_own() -> None:
    frame = box(0, 0, 100, 100) - box(10, 10, 90, 90)
    island = box(30, 30, 70, 70) - box(40, 40, 60, 60)
    report = check(drawn([frame, island]))
    assert report.measures["gaps_m2"] == pytest.approx(80 * 80 - 40 * 40 + 20 * 20, rel=1e-4)
    assert only(report, "gap").features == (1, 2)
    assert only(report, "hole").features == (2,)


def test_vertices_that_do_not_match_are_a_notice() -> None:
    """The middle of A's side is no vertex of A: the border fits, until somebody simplifies it."""
    report = check(drawn([box(0, 0, 100, 100), box(100, 0, 200, 50), box(100, 50, 200, 100)]))
    assert kinds(report) == {"border_unmatched"}
    assert [found.codes for found in report.of("border_unmatched")] == [("A", "B"), ("A", "C")]
    assert report.of("border_unmatched")[0].measures["length_m"] == pytest.approx(50, rel=0.05)
    assert report.of("border_unmatched")[0].severity == "notice"


@pytest.mark.parametrize(("width_m", "expected"), [(0.09, {"near_miss"}), (0.11, set())])
def test_a_crack_open_to_the_outside_is_a_near_miss(width_m: float, expected: set[str]) -> None:
    report = check(drawn([box(0, 0, 100, 100), box(100 + width_m, 20, 200, 80)]))
    assert kinds(report) == expected
    if expected:
        found = only(report, "near_miss")
        assert (found.severity, found.features) == ("notice", (1, 2))
        assert found.measures["width_m"] == pytest.approx(width_m, rel=1e-3)
        assert found.measures["length_m"] == pytest.approx(60, rel=0.1)


def test_two_areas_that_meet_at_a_sharp_angle_are_no_near_miss() -> None:
    """GEOS calls the long edge invalid, since it starts within the width of the other's."""
    one = shapely.Polygon([(0, 0), (1000, 0), (1000, 1000)])
    other = shapely.Polygon([(0, 0), (1000, -1000), (100, -0.9)])
    edges = shapely.coverage_invalid_edges(np.array([one, other]), 1.0)
    assert not shapely.is_empty(edges).all()
    beside = drawn([one, shapely.Polygon([(0, 0), (1000, -1000), (1000, -300)])])
    assert check(beside, tolerances=Tolerances(gap_m=1)).findings == ()


# Rectangles on a coarse grid share sides, corners and ground in every way.
rectangles = st.builds(
    lambda x, y, w, h: box(10 * x, 10 * y, 10 * (x + w), 10 * (y + h)),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(1, 4),
    st.integers(1, 4),
)
triangles = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=3, unique=True).map(
    lambda corners: shapely.Polygon([(10 * x, 10 * y) for x, y in corners])
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(rectangles, triangles.filter(lambda shape: shape.area > 1)), min_size=1, max_size=9))
def test_overlaps_and_gaps_are_those_of_comparing_all_with_all(shapes: list[shapely.Polygon]) -> None:
    """Pairs are found by their unmatched edges, gaps by shared ones; asked one by one, each pair says the same."""
    areas = drawn(shapes, [str(k) for k in range(len(shapes))])
    report = check(areas, tolerances=Tolerances(overlap_m2=0))
    plane = Plane.around(areas.geoms)
    flat = plane.flat(areas.geoms)
    expected = {(i + 1, j + 1): plane.areas_m2([flat[i] & flat[j]])[0] for j in range(len(flat)) for i in range(j)}
    expected = {pair: m2 for pair, m2 in expected.items() if m2 > NOISE_M2}
    twins = [found.features for found in report.of("duplicate_shape")]
    # Of several with the same polygon, only the first is compared with others.
    first = {feature for group in twins for feature in group[1:]}
    wanted = {pair: m2 for pair, m2 in expected.items() if not first & set(pair)}
    found = {finding.features: finding.measures["area_m2"] for finding in report.of("overlap")}
    assert found == pytest.approx(wanted, rel=1e-6)
    whole = shapely.union_all([shape for feature, shape in enumerate(flat, 1) if feature not in first])
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(whole) for ring in part.interiors]
    covered = shapely.union_all(np.array([*holes, shapely.Polygon()])).difference(whole)
    assert report.measures["gaps_m2"] == pytest.approx(plane.areas_m2([covered])[0], rel=1e-6, abs=1e-3)
    assert report.measures["gaps_m2"] == pytest.approx(
        sum(finding.measures["area_m2"] for finding in report.of("gap", "gap_sliver", "hole"))
    )
