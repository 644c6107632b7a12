"""The index in memory and PostGIS place every point alike: by the same area, for the same reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from geo.areas import AreaSet
from geo.assign import PlacementIndex, place_in_postgis
from geo.placements import POINTS_PER_CALL_MAX
from geo.read import read_areas
from tests.geo.cities import ALLEGHENY, DC, needs_data, points
from tests.geo.layers import areas_of, engine_of, published


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = engine_of(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
        session.rollback()


Points = list[tuple[float, float]]


def both(session: Session, areas: AreaSet, at: Points, tolerance_m: float = 0) -> list[Any]:
    """Place by both and hold them to one answer, which is returned."""
    # Unchecked: both must agree on areas that lie upon each other, too.
    partnership_id, version_id = published(session, areas, tolerance_m, checked=False)
    index = PlacementIndex.load(session, partnership_id, version_id)
    by_index = list(index.place([x for x, _ in at], [y for _, y in at]))
    by_postgis = list(place_in_postgis(session, partnership_id, version_id, at))
    differing = [
        (point, mine, theirs) for point, mine, theirs in zip(at, by_index, by_postgis, strict=True) if mine != theirs
    ]
    assert differing == []
    return by_index


@needs_data
@pytest.mark.parametrize("year", [1990, 2002, 2012])
def test_a_city_s_requests(session: Session, year: int) -> None:
    requests = points("dc_service_requests.csv", "label_ward")
    areas = read_areas(DC / f"dc_wards_{year}.geojson")
    placed = both(session, areas, list(zip(requests.lon, requests.lat, strict=True)), tolerance_m=50)
    if year == 2012:
        assert requests.agreeing([placement.code for placement in placed]) == (22_796, 22_760)


@needs_data
@pytest.mark.parametrize("tolerance_m", [0, 200])
def test_a_messy_county_s_own_vertices_and_the_middles_of_its_edges(session: Session, tolerance_m: float) -> None:
    """Where many borders meet, overlap and miss each other by millimetres."""
    areas = read_areas(ALLEGHENY, name_field="LABEL")
    corners = shapely.get_coordinates(areas.geoms)[::11]
    middles = (corners[:-1] + corners[1:]) / 2
    placed = both(session, areas, [(x, y) for x, y in np.vstack([corners, middles]).tolist()], tolerance_m)
    assert {placement.rule for placement in placed} >= {"inside", "border", "overlap"}


STEP = 1 / 16


@st.composite
def shapes(draw: st.DrawFn) -> shapely.Geometry:
    """Something on a coarse grid near Washington, so that borders and corners often fall together."""
    x, y = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    wide, high = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    box = shapely.box(x, y, x + wide, y + high)
    kind = draw(st.sampled_from(["box", "triangle", "hole", "two", "touching", "circle", "comb"]))
    if kind == "triangle":
        box = shapely.Polygon([(x, y), (x + wide, y + draw(st.integers(0, 3))), (x, y + high)])
    elif kind == "hole":
        box = box.difference(shapely.box(x + 0.25, y + 0.25, x + wide - 0.25, y + high - 0.5))
    elif kind == "two":
        box = shapely.multipolygons([box, shapely.box(x + wide + 1, y, x + wide + 2, y + 1)])
    elif kind == "touching":
        box = shapely.multipolygons([box, shapely.box(x + wide, y + high, x + wide + 1, y + high + 1)])
    elif kind == "circle":
        box = shapely.Point(x + wide / 2, y + high / 2).buffer(wide / 2, quad_segs=draw(st.integers(4, 120)))
    elif kind == "comb":
        # Slanted edges with many vertices: cut when published, at places that no double can name exactly.
        teeth = np.linspace(0, wide, draw(st.integers(10, 400)))
        top = y + high + np.where(np.arange(teeth.size) % 2, 0.3, 0.7) + teeth / 7
        box = shapely.Polygon([(x + wide, y), (x, y), *zip(x + teeth, top, strict=True)])
    return box


def placed_near(shape: shapely.Geometry, scale: float) -> shapely.Geometry:
    return shapely.transform(shape, lambda c: c * scale + [-77.03, 38.9])


@st.composite
def questions(draw: st.DrawFn, geoms: list[shapely.Geometry]) -> Points:
    """Vertices, points along edges, each as it is and one bit beside, and points anywhere."""
    corners = shapely.get_coordinates(geoms)
    at: Points = []
    for _ in range(draw(st.integers(5, 40))):
        k = draw(st.integers(0, len(corners) - 2))
        share = draw(st.sampled_from([0.0, 0.5, 0.25, 1 / 3, 0.7]))
        x, y = corners[k] + share * (corners[k + 1] - corners[k])
        toward = draw(st.sampled_from([None, -np.inf, np.inf]))
        if toward is not None:
            x = np.nextafter(x, toward)
        at.append((float(x), float(y)))
    west, south, east, north = shapely.total_bounds(geoms)
    anywhere = st.tuples(st.floats(west - 0.1, east + 0.1), st.floats(south - 0.1, north + 0.1))
    wild = [(float("nan"), 0.0), (float("inf"), 38.9), (-77.0, 91.0), (181.0, 38.9)]
    return at + draw(st.lists(anywhere, max_size=20)) + wild


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_generated_areas_and_points_on_their_lines(session: Session, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(shapes(), min_size=1, max_size=6))
    scale = data.draw(st.sampled_from([STEP, 0.01, 0.1 / 3]))
    geoms = [placed_near(shape, scale) for shape in drawn if shape.is_valid and not shape.is_empty]
    geoms = [geom for geom in geoms if geom.is_valid]
    if not geoms:
        return
    at = data.draw(questions(geoms))
    tolerance_m = data.draw(st.sampled_from([0, 0, 1, 300, 10_000]))
    with session.begin_nested() as savepoint:
        both(session, areas_of(geoms), at, tolerance_m)
        savepoint.rollback()


def test_a_point_on_our_own_cut_is_inside(session: Session) -> None:
    """A circle of 1,000 vertices is cut through its middle; nothing there is a border."""
    circle = shapely.Point(-77, 38).buffer(0.5, quad_segs=250)
    beside = shapely.box(-76.5, 37.5, -76, 38.5)
    along = [(-77 + step / 64, 38.0) for step in range(-31, 32)] + [(-77.0, 38 + step / 64) for step in range(-31, 32)]
    placed = both(session, areas_of([circle, beside]), along)
    assert {(placement.code, placement.rule) for placement in placed} == {("A", "inside")}
    assert both(session, areas_of([circle, beside]), [(-76.5, 38.0)])[0][1:] == ("A", "border")


def test_no_version_and_no_points(session: Session) -> None:
    partnership_id, version_id = published(session, areas_of([shapely.box(0, 0, 1, 1)]))
    assert list(place_in_postgis(session, partnership_id, version_id, [])) == []
    assert place_in_postgis(session, partnership_id, uuid4(), [(0.5, 0.5)]).rules == ["outside"]
    assert place_in_postgis(session, uuid4(), version_id, [(0.5, 0.5)]).rules == ["outside"]
    with pytest.raises(ValueError, match="at most"):
        place_in_postgis(session, partnership_id, version_id, [(0.0, 0.0)] * (POINTS_PER_CALL_MAX + 1))


def test_other_versions_on_the_same_ground_do_not_count(session: Session) -> None:
    here = shapely.box(-77, 38, -76, 39)
    published(session, areas_of([here], ["old"]))
    published(session, areas_of([here], ["other"]), tolerance_m=1000)
    (placement,) = both(session, areas_of([here], ["new"]), [(-76.5, 38.5)])
    assert placement[1:] == ("new", "inside")
