"""Outlines: areas in few points, with the promises that tablets rely on."""

from __future__ import annotations

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely import MultiPolygon, Polygon, box

from geo.areas import Areas
from geo.topology.arcs import GRID_DEG, STEPS_PER_DEG, Points, drawn_lines
from geo.topology.outline import ERROR_M, Outline, outline_of
from geo.topology.rings import polygons_of
from geo.topology.simplify import simplify
from tests.geo.cities import ALLEGHENY, DC, needs_data
from tests.geo.coverages import Objects, is_coverage, turned, winding_cells

STEP_M = 1.12
"""How long a step of the grid is at most."""


def areas_of(geoms: Objects) -> Areas:
    codes = tuple(f"{k:05}" for k in range(len(geoms)))
    return Areas(codes, codes, np.array([MultiPolygon(shapely.get_parts(geom).tolist()) for geom in geoms]))


def drawn(outline: Outline) -> Objects:
    """The outline's polygons, in degrees."""
    steps = np.array([polygons_of(outline.lines, shape) for shape in outline.shapes], dtype=object)
    return shapely.transform(steps, lambda xy: xy * GRID_DEG)


def metric(geoms: Objects, south: float) -> Objects:
    """In a plane where distances are those on the ground or up to a few per cent longer."""
    eastward = 111_320 * np.cos(np.radians(abs(south)))
    return shapely.transform(geoms, lambda xy: xy * (eastward, 111_700))


def farthest_m(points_of: Objects, away_from: Objects) -> float:
    """The largest distance of a point on the borders of the one from the border of the other, area by area."""
    south = float(np.abs(shapely.total_bounds(away_from)[[1, 3]]).min())
    ones, others = metric(shapely.boundary(points_of), south), metric(shapely.boundary(away_from), south)
    shapely.prepare(others)
    worst = 0.0
    for one, other in zip(ones, others, strict=True):
        if not one.is_empty:
            every_m = max(1.0, one.length / 10_000)
            points = shapely.points(shapely.get_coordinates(shapely.segmentize(one, every_m)))
            worst = max(worst, float(shapely.distance(points, other).max()))
    return worst


def read(path: str) -> Objects:
    _, _, wkb, _ = pyogrio.raw.read(path)
    return np.asarray(shapely.force_2d(shapely.from_wkb(wkb)))


def check(geoms: Objects, error_m: float = ERROR_M) -> Outline:
    """An outline, of which everything that is promised holds."""
    outline = outline_of(areas_of(geoms), error_m)
    found = drawn(outline)
    assert shapely.is_valid(found).all()
    assert farthest_m(found, geoms) <= error_m
    assert is_coverage(found) or not is_coverage(geoms)
    return outline


CORNER = 4 * 1e-5**2
"""Square degrees: four cells of the grid that outlines are drawn on."""

# --- laws, on layers made by chance ------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), points=st.sampled_from([1, 2, 7, 40]), cell=st.sampled_from([2e-4, 1e-3, 1e-2, 0.2]),
    wobble=st.sampled_from([0.0, 0.02, 0.1]), south=st.sampled_from([-60.0, -0.001, 40.0]),
    error_m=st.sampled_from([2.0, 5.0, 30.0]),
)  # fmt: skip
@example(seed=14410, points=40, cell=2e-4, wobble=0.02, south=-60.0, error_m=2.0)
def test_an_outline_of_a_coverage_is_a_coverage_within_its_error(
    seed: int, points: int, cell: float, wobble: float, south: float, error_m: float
) -> None:
    geoms = winding_cells(4, 3, points=points, seed=seed, south=south, cell_deg=cell, wobble=wobble)
    assume(is_coverage(geoms))
    outline = check(geoms, error_m)
    found = drawn(outline)
    # No gap has opened: all together have one outer border and no hole, as before. A corner that is not wider than the
    # grid may be pinched off; it hangs on the rest by a point.
    parts = shapely.get_parts(shapely.coverage_union_all(found))
    (whole,) = parts[shapely.area(parts) > CORNER]
    assert all(part.touches(whole) for part in parts if part is not whole)
    assert not any(len(part.interiors) for part in parts)
    assert len(outline.lines) <= 3 * len(geoms) + 9


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_far_from_borders_every_point_is_whose_it_was(seed: int) -> None:
    """Also where areas overlap or leave gaps, and have holes and several parts."""
    chance = np.random.default_rng(seed)
    centres = chance.uniform((-80.01, 39.99), (-79.99, 40.01), (8, 2))
    discs = shapely.buffer(shapely.points(centres), chance.uniform(5e-4, 6e-3, 8), quad_segs=40)
    rings = shapely.difference(discs, shapely.buffer(shapely.points(centres + 1e-3), 1.5e-3))
    geoms = np.array([geom for geom in rings if not geom.is_empty])
    outline = outline_of(areas_of(geoms))
    found = drawn(outline)
    points = shapely.points(chance.uniform((-80.017, 39.983), (-79.983, 40.017), (3_000, 2)))
    near = np.zeros(len(points), dtype=bool)
    for border in metric(shapely.boundary(geoms), 40.0):
        near |= shapely.distance(metric(points, 40.0), border) <= ERROR_M + STEP_M
    assert near.mean() < 0.5
    for before, after in zip(geoms, found, strict=True):
        differ = shapely.contains(before, points) != shapely.contains(after, points)
        assert not (differ & ~near).any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), by=st.integers(1, 9))
def test_an_outline_follows_from_the_areas_alone(seed: int, by: int) -> None:
    geoms = winding_cells(3, 3, seed=seed)
    geoms[4] = MultiPolygon([box(-80.005, 40.005, -80.004, 40.006)])
    one, two = outline_of(areas_of(geoms)), outline_of(areas_of(turned(geoms, by)))
    assert [line.tolist() for line in one.lines] == [line.tolist() for line in two.lines]
    assert drawn(one).tolist() == drawn(two).tolist()


def test_a_border_that_stays_keeps_its_arcs_in_another_version() -> None:
    """A tablet is sent the rest only."""
    geoms = winding_cells(6, 6, seed=3)
    before = {line.tobytes() for line in outline_of(areas_of(geoms)).lines}
    merged = np.array([geoms[0].union(geoms[1]), *geoms[2:]])
    after = {line.tobytes() for line in outline_of(areas_of(merged)).lines}
    assert len(before - after) <= 4
    assert len(after - before) <= 3


# --- shapes that are easily got wrong ------------------------------------------------------------------------------

K = 1e-3
LAND = box(0, 0, 10 * K, 10 * K)


@pytest.mark.parametrize(
    "geoms",
    [
        pytest.param([LAND.difference(box(4 * K, 4 * K, 6 * K, 6 * K)), box(4 * K, 4 * K, 6 * K, 6 * K)], id="enclave"),
        pytest.param([LAND.difference(box(4 * K, 4 * K, 6 * K, 6 * K))], id="hole"),
        pytest.param([Polygon([(0, 0), (K, 0), (0, K)]).union(Polygon([(0, 0), (-K, 0), (0, -K)]))], id="bow tie"),
        pytest.param(
            [LAND.difference(Polygon([(5 * K, 0), (6 * K, 3 * K), (4 * K, 3 * K)]))], id="a hole that touches"
        ),
        pytest.param(
            [LAND.difference(box(K, K, 9 * K, 9 * K)).union(box(3 * K, 3 * K, 7 * K, 7 * K).difference(
                box(4 * K, 4 * K, 5 * K, 5 * K)))], id="an island in a lake, with a lake",
        ),
        pytest.param([LAND, box(5 * K, 5 * K, 15 * K, 15 * K)], id="an overlap"),
        pytest.param([LAND, LAND], id="twice the same"),
        pytest.param([LAND, box(K, K, 2 * K, 2 * K)], id="one upon the other"),
        pytest.param(
            [LAND, box(5 * K, 10 * K, 15 * K, 20 * K), box(-5 * K, 10 * K, 5 * K, 20 * K)], id="corners apart"
        ),
        pytest.param([MultiPolygon([LAND, box(20 * K, 0, 21 * K, K)]), box(10 * K, 0, 20 * K, K)], id="two parts"),
        pytest.param([Polygon([(0, 0), (K, 0), (K, K), (0, K)], [[(0, 0), (K / 2, K / 4), (K / 4, K / 2)]])],
                     id="a hole at a corner"),
    ],
)  # fmt: skip
def test_shapes_stay_what_they_are(geoms: list[shapely.Geometry]) -> None:
    outline = check(np.array(geoms))
    for before, after in zip(geoms, drawn(outline), strict=True):
        assert before.symmetric_difference(after).area < 1e-12
        assert len(shapely.get_parts(after)) == len(shapely.get_parts(before))


def test_an_area_narrower_than_a_step_may_be_lost_and_keeps_its_place_in_the_list() -> None:
    speck = box(20 * K, 0.2e-5, 20 * K + 0.1e-5, 0.3e-5)
    outline = check(np.array([LAND, speck]))
    assert outline.codes == ("00000", "00001")
    assert outline.shapes[1] == []
    assert outline_of(areas_of(np.array([speck]))).lines == []


def line(*points: tuple[int, int]) -> Points:
    return np.array(points, dtype=np.int64)


BULGE = line((0, 0), (100, 3), (200, 0))
"""Three steps high: less than the tolerance of four, so that by itself it becomes straight."""


def test_a_line_by_itself_is_as_short_as_the_tolerance_allows() -> None:
    assert [found.tolist() for found in simplify([BULGE], 4.0, (1.0, 1.0))] == [[[0, 0], [200, 0]]]
    assert [found.tolist() for found in simplify([BULGE], 2.0, (1.0, 1.0))] == [BULGE.tolist()]
    assert [found.tolist() for found in simplify([BULGE], 4.0, (1.0, 2.0))] == [BULGE.tolist()]


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([line((95, -10), (100, 2), (105, -10))], id="a peak that it would cut"),
        pytest.param([line((0, 0), (100, -3), (200, 0))], id="one that would become the same"),
        pytest.param([line((99, 1), (101, 1), (101, 2)), line((99, 1), (99, 2), (101, 2))], id="an island within"),
        pytest.param([line((0, 0), (50, 1), (60, 1)), line((0, 0), (60, 1))], id="a triangle at its end"),
    ],
)
def test_a_line_keeps_its_side_of_others(others: list[Points]) -> None:
    first, *rest = simplify([BULGE, *others], 4.0, (1.0, 1.0))
    assert first.tolist() == BULGE.tolist()
    assert shapely.is_simple(shapely.multilinestrings(drawn_lines([first, *rest])))
    assert len({found.tobytes() for found in (first, *rest)}) == 1 + len(others)


def test_a_thin_lens_does_not_vanish() -> None:
    lens = Polygon([(0, 0), (5 * K, 2e-5), (10 * K, 0), (5 * K, -2e-5)])
    (found,) = drawn(check(np.array([lens])))
    assert found.area > 0


def test_no_border_jumps_over_an_island() -> None:
    """A bay of 4 m, within the tolerance, with a rock in it that is an area of its own."""
    land = Polygon([(0, 0), (5 * K, 4e-5), (10 * K, 0), (10 * K, K), (0, K)])
    rock = box(5 * K - 1e-5, 1e-5, 5 * K + 1e-5, 2e-5)
    outline = check(np.array([land, rock]))
    one, other = drawn(outline)
    assert not one.intersects(other)
    assert not other.is_empty


def test_an_error_below_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        outline_of(areas_of(np.array([LAND])), 1.0)


def test_a_needle_stays_that_a_simplification_by_area_cuts_off() -> None:
    """20 m by 2.4 m: its area is below the square of the tolerance, its length is four times that."""
    needle = [(5 * K + 2.2e-5, K), (5 * K + 1.1e-5, K + 1.8e-4), (5 * K, K)]
    geoms = np.array([Polygon([(0, 0), (10 * K, 0), (10 * K, K), *needle, (0, K)])])
    on_ground = metric(geoms, 0.0)
    by_area = shapely.coverage_simplify(on_ground, ERROR_M)
    assert shapely.hausdorff_distance(by_area[0], on_ground[0]) > 3 * ERROR_M
    assert farthest_m(geoms, drawn(check(geoms))) <= ERROR_M


# --- real layers ---------------------------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("year", ["1990", "2002", "2012"])
def test_dc(year: str) -> None:
    geoms = read(str(DC / f"dc_wards_{year}.geojson"))
    outline = check(geoms)
    assert farthest_m(geoms, drawn(outline)) <= ERROR_M + STEP_M
    assert sum(map(len, outline.lines)) < 1_500 < shapely.get_num_coordinates(geoms).sum()


@needs_data
def test_allegheny_which_is_no_coverage() -> None:
    """29 overlaps and 61 gaps: none is added, and where an area is lost it was narrower than a step."""
    raw = read(f"/vsizip/{ALLEGHENY}")
    to_degrees = Transformer.from_crs(2272, 4326, always_xy=True)
    geoms = shapely.transform(raw, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
    assert not is_coverage(geoms)
    outline = check(geoms)
    found = drawn(outline)
    assert pairs_that_overlap(found) <= pairs_that_overlap(geoms)
    before, after = (shapely.union_all(metric(each, 40.0)) for each in (geoms, found))
    assert gaps(after) <= gaps(before)
    # What is farther from the outline than the error was narrower than a step.
    for true, few in zip(metric(geoms, 40.0), metric(found, 40.0), strict=True):
        lost = true.difference(few.buffer(ERROR_M + STEP_M))
        assert lost.buffer(-STEP_M).is_empty


def pairs_that_overlap(geoms: Objects) -> set[tuple[int, int]]:
    one, two = shapely.STRtree(geoms).query(geoms)
    pairs = one < two
    one, two = one[pairs], two[pairs]
    overlap = shapely.area(shapely.intersection(geoms[one], geoms[two])) > (1e-3 / STEPS_PER_DEG) ** 2
    return set(zip(one[overlap].tolist(), two[overlap].tolist(), strict=True))


def gaps(union: shapely.Geometry) -> int:
    return sum(len(part.interiors) for part in shapely.get_parts(union))
