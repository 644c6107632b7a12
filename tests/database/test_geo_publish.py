"""Drafts, publishing and which version is in force, on a real PostGIS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID, uuid4

import pytest
import shapely
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from geo import refusals as r
from geo.areas import AreaSet
from geo.assign import InForce, in_force, index_for, place_in_postgis
from geo.load import load_draft
from geo.publish import WHOLE_VERTICES_MAX, publish, warning_kinds
from geo.report import check_version
from geo.tables import area, area_piece, layer, layer_version
from tests.geo.layers import areas_of, at, check_and_publish, engine_of, new_layer, new_partnership, published

WEST, EAST = shapely.box(-77, 38, -76.5, 39), shapely.box(-76.5, 38, -76, 39)


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


@pytest.fixture
def partnership_id(session: Session) -> UUID:
    return new_partnership(session)


@pytest.fixture
def layer_id(session: Session, partnership_id: UUID) -> UUID:
    return new_layer(session, partnership_id)


def circle(vertices: int, lon: float = -77) -> shapely.Geometry:
    return shapely.Point(lon, 38).buffer(0.5, quad_segs=vertices // 4)


def test_a_draft_holds_what_was_read(session: Session, partnership_id: UUID, layer_id: UUID) -> None:
    version_id = load_draft(session, partnership_id, layer_id, areas_of([WEST, EAST]))
    version = session.execute(sa.select(layer_version).where(layer_version.c.id == version_id)).one()
    assert (version.number, version.status, version.area_count) == (1, "draft", 2)
    assert (version.during, version.published_at) == (None, None)
    assert (version.source_name, version.source_layer, version.source_crs) == ("test.gpkg", "towns", "EPSG:4326")
    rows = session.execute(
        sa.select(area.c.code, sa.func.ST_AsBinary(area.c.geom)).where(area.c.version_id == version_id)
    ).all()
    stored = {code: shapely.from_wkb(bytes(wkb)) for code, wkb in rows}
    assert stored == {"A": shapely.multipolygons([WEST]), "B": shapely.multipolygons([EAST])}
    assert load_draft(session, partnership_id, layer_id, areas_of([WEST])) != version_id
    numbers = sa.select(layer_version.c.number).where(layer_version.c.layer_id == layer_id)
    assert sorted(session.execute(numbers).scalars()) == [1, 2]


def test_a_version_holds_until_the_next_one(session: Session, partnership_id: UUID, layer_id: UUID) -> None:
    first = load_draft(session, partnership_id, layer_id, areas_of([WEST]))
    second = load_draft(session, partnership_id, layer_id, areas_of([EAST]))
    assert in_force(session, partnership_id, at(2021)).base is None
    check_and_publish(session, partnership_id, first, at(2002))
    check_and_publish(session, partnership_id, second, at(2012))

    def base(moment: datetime) -> UUID | None:
        found = in_force(session, partnership_id, moment).base
        return found.version_id if found else None

    assert [base(at(year)) for year in (2001, 2002, 2011, 2012, 2100)] == [None, first, first, second, second]
    during = session.execute(
        sa.select(layer_version.c.during).where(layer_version.c.layer_id == layer_id).order_by("number")
    ).scalars()
    assert [(span.lower, span.upper) for span in during] == [(at(2002), at(2012)), (at(2012), None)]


def test_a_reference_layer_decides_no_jurisdiction(session: Session, partnership_id: UUID) -> None:
    reference = new_layer(session, partnership_id, role="reference")
    version_id = load_draft(session, partnership_id, reference, areas_of([WEST]))
    check_and_publish(session, partnership_id, version_id, at(2002))
    assert in_force(session, partnership_id, at(2012)) == InForce(at(2012))


def test_the_layer_s_tolerance_comes_with_the_version_in_force(session: Session) -> None:
    partnership_id, version_id = published(session, areas_of([WEST]), tolerance_m=25)
    found = in_force(session, partnership_id, at(2021)).base
    assert found is not None
    assert (found.version_id, found.tolerance_m) == (version_id, 25)


def test_only_large_areas_are_cut_and_nothing_is_lost(session: Session) -> None:
    """A circle of 1,000 vertices, one of 100, and one of two parts."""
    two = shapely.multipolygons([shapely.box(-70, 38, -69, 39), shapely.box(-68, 38, -67, 39)])
    _, version_id = published(session, areas_of([circle(1000), circle(100, -75), two]))
    rows = session.execute(
        sa.select(area.c.code, sa.func.ST_AsBinary(area_piece.c.geom))
        .join(area, area.c.id == area_piece.c.area_id)
        .where(area_piece.c.version_id == version_id)
    ).all()
    pieces: dict[str, list[shapely.Geometry]] = {"A": [], "B": [], "C": []}
    for code, wkb in rows:
        pieces[code].append(shapely.from_wkb(bytes(wkb)))
    assert len(pieces["A"]) > 8
    assert max(shapely.get_num_coordinates(pieces["A"])) <= WHOLE_VERTICES_MAX
    assert shapely.area(pieces["A"]).sum() == pytest.approx(circle(1000).area, rel=1e-12)
    assert pieces["B"] == [circle(100, -75)]
    assert len(pieces["C"]) == 2


def refusal_of(
    session: Session, partnership_id: UUID, version_id: UUID, moment: datetime, leave_out: str = ""
) -> type[Exception]:
    """What is said to somebody who acknowledges every warning but one kind."""
    acknowledged = [kind for kind in warning_kinds(session, partnership_id, version_id) if kind != leave_out]
    # Whoever is refused rolls back what was done until then.
    with pytest.raises(r.BoundaryRefusal) as caught, session.begin_nested():
        publish(session, partnership_id, version_id, moment, acknowledged=acknowledged)
    return type(caught.value)


def test_what_cannot_be_published(session: Session, partnership_id: UUID, layer_id: UUID) -> None:
    first = load_draft(session, partnership_id, layer_id, areas_of([WEST]))
    second = load_draft(session, partnership_id, layer_id, areas_of([EAST]))
    empty = load_draft(session, partnership_id, layer_id, areas_of([]))
    assert refusal_of(session, partnership_id, first, at(2012)) is r.NotChecked
    check_and_publish(session, partnership_id, first, at(2012))
    check_version(session, partnership_id, second)
    assert "ground_lost" in warning_kinds(session, partnership_id, second)
    assert refusal_of(session, partnership_id, second, at(2013), leave_out="ground_lost") is r.NotAcknowledged
    twice = load_draft(session, partnership_id, layer_id, areas_of([EAST, WEST], ["E", "E"]))
    check_version(session, partnership_id, twice)
    assert refusal_of(session, partnership_id, twice, at(2013)) is r.HasErrors
    assert refusal_of(session, partnership_id, first, at(2013)) is r.VersionNotDraft
    assert refusal_of(session, partnership_id, second, at(2012)) is r.StartsTooEarly
    assert refusal_of(session, partnership_id, second, at(2002)) is r.StartsTooEarly
    assert refusal_of(session, partnership_id, empty, at(2013)) is r.VersionEmpty
    assert refusal_of(session, partnership_id, uuid4(), at(2013)) is r.VersionUnknown
    assert refusal_of(session, new_partnership(session), second, at(2013)) is r.VersionUnknown
    with pytest.raises(ValueError, match="time zone"):
        publish(session, partnership_id, second, at(2013).replace(tzinfo=None))
    found = in_force(session, partnership_id, at(2013)).base
    assert found is not None
    assert found.version_id == first


def test_another_partnership_s_layer_is_unknown(session: Session, layer_id: UUID) -> None:
    with pytest.raises(r.LayerUnknown):
        load_draft(session, new_partnership(session), layer_id, areas_of([WEST]))


def test_the_database_itself_keeps_versions_apart(session: Session, partnership_id: UUID, layer_id: UUID) -> None:
    for _ in range(2):
        load_draft(session, partnership_id, layer_id, areas_of([WEST]))
    with pytest.raises(IntegrityError, match="one_version_in_force"):
        session.execute(
            sa.text("""
                UPDATE layer_version
                SET status = 'published', during = '[2012-01-01,)', published_at = now()
                WHERE layer_id = :layer_id
            """),
            {"layer_id": layer_id},
        )


def test_the_database_itself_keeps_to_one_jurisdiction_layer(session: Session, partnership_id: UUID) -> None:
    new_layer(session, partnership_id, name="Reference 1", role="reference")
    new_layer(session, partnership_id, name="Reference 2", role="reference")
    new_layer(session, partnership_id)
    with pytest.raises(IntegrityError, match="one_jurisdiction_layer"):
        new_layer(session, partnership_id, name="Other towns")


def test_an_index_is_read_once_and_never_of_a_draft(session: Session, engine: sa.Engine) -> None:
    partnership_id, version_id = published(session, areas_of([WEST]))
    draft = load_draft(
        session,
        partnership_id,
        session.execute(sa.select(layer.c.id).where(layer.c.partnership_id == partnership_id)).scalar_one(),
        areas_of([EAST]),
    )
    with pytest.raises(r.VersionIsDraft):
        index_for(session, partnership_id, draft)
    with pytest.raises(r.VersionUnknown):
        index_for(session, new_partnership(session), version_id)
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    first = index_for(session, partnership_id, version_id)
    assert len(statements) == 2
    assert index_for(session, partnership_id, version_id) is first
    assert len(statements) == 2


def test_the_number_of_statements_does_not_depend_on_the_areas_or_points(session: Session, engine: sa.Engine) -> None:
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def counted(areas: AreaSet, points: int) -> int:
        statements.clear()
        partnership_id, version_id = published(session, areas)
        place_in_postgis(session, partnership_id, version_id, [(-76.7, 38.5)] * points)
        return len(statements)

    many = [shapely.box(x, 38, x + 0.1, 38.1) for x in range(-100, -70)]
    codes = [f"T{k}" for k in range(30)]
    assert counted(areas_of(many[:3], codes[:3]), 1) == counted(areas_of(many, codes), 500)
