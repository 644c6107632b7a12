"""A box is looked up in the spatial index; one that takes in nearly all is walked in the order of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import shapely
import sqlalchemy as sa
from flask import Flask

from fieldsync.database import db
from fieldsync.ogc import queries
from fieldsync.ogc.crs import CRS84, ground
from fieldsync.ogc.fields import AREA, PUBLIC_WORK_ORDER, WORK_ORDER
from tests.clients.scene import Scene
from tests.sync_model.world import end_app, make_app

SIDE = 40
"""Areas in a row, and rows."""
JOBS = 20_000


@pytest.fixture(scope="module")
def large(new_module_database: Callable[[], str]) -> Iterator[tuple[Scene, dict[str, Any]]]:
    """A database in which reading everything costs more than an index does."""
    app: Flask = make_app(new_module_database())
    scene = Scene(app)
    boxes = [shapely.box(x / SIDE, y / SIDE, (x + 1) / SIDE, (y + 1) / SIDE) for x in range(SIDE) for y in range(SIDE)]
    layer_id = scene.layer("Cells")
    version_id: UUID | None = None
    for days in (3, 2, 1):
        version_id = scene.draft(layer_id, boxes)
        scene.publish(version_id, days)
    scene.town.run(
        """
        INSERT INTO work_order (partnership_id, id, version, change, title, service_type_id, status, priority, location,
                                tags, placed_by, placed_at, created_at, updated_at)
        SELECT :p, gen_random_uuid(), 1, 1, 'x', :s, 'open', 3, ST_SetSRID(ST_MakePoint(random(), random()), 4326),
               '{}', 'outside', now(), now(), now()
        FROM generate_series(1, :n)
        """,
        s=scene.service_type_id, n=JOBS,
    )  # fmt: skip
    scene.town.run("ANALYZE")
    (shape,) = ground(CRS84, (0.5, 0.5, 0.52, 0.52))
    bound = {"partnership_id": scene.town.partnership_id, "shape_0": shape, "limit": 100, "bytes": 10**6}
    yield scene, bound | {"versions": [version_id]}
    end_app(app)


def plan(scene: Scene, statement: sa.TextClause, bound: dict[str, Any]) -> str:
    names = set(statement.compile().params)
    with scene.app.app_context():
        rows = db.session.execute(sa.text("EXPLAIN " + statement.text), {name: bound[name] for name in names})
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("by_index", [True, False])
def test_areas(large: tuple[Scene, dict[str, Any]], by_index: bool) -> None:
    scene, bound = large
    where = queries.area_conditions(AREA, {}, [bound["shape_0"]], by_index=by_index)
    for statement in (queries.page_of_areas(where, AREA, CRS84), queries.count_areas(where)):
        said = plan(scene, statement, bound | {"after": 0})
        assert ("ix_area_version_id_geom" in said) == by_index
        assert "uq_area_version_id_feature" in said or by_index
        assert "Seq Scan on area" not in said


@pytest.mark.parametrize("by_index", [True, False])
@pytest.mark.parametrize("public", [True, False])
def test_work_orders(large: tuple[Scene, dict[str, Any]], by_index: bool, public: bool) -> None:
    scene, bound = large
    fields = PUBLIC_WORK_ORDER if public else WORK_ORDER
    scope = queries.work_order_scope(own=False)
    where = queries.work_order_conditions(
        scope, fields, {}, [bound["shape_0"]], (), public=public, by_index=by_index
    )  # fmt: skip
    said = plan(
        scene, queries.page_of_work_orders(where, fields, CRS84, public=public), bound | {"after": UUID(int=0)}
    )  # fmt: skip
    assert ("work_order_place" in said) == by_index
    assert ("Index Scan using pk_work_order on work_order w " in said) != by_index
    assert "Seq Scan on work_order" not in said


def test_areas_without_a_box_are_read_in_their_order(large: tuple[Scene, dict[str, Any]]) -> None:
    scene, bound = large
    said = plan(scene, queries.page_of_areas("true", AREA, CRS84), bound | {"after": 700})
    assert "uq_area_version_id_feature" in said
    assert "Seq Scan" not in said
