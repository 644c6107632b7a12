"""Towns whose lines can be drawn anew, and runs that a test carries out itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import shapely
from flask import Flask
from sqlalchemy import insert

from fieldsync.database import new_id
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Jurisdiction
from geo import publish
from geo.areas import AreaSet
from geo.load import load_draft
from geo.publish import warning_kinds
from geo.report import check_version
from geo.tables import layer
from tests.geo.layers import SOURCE
from tests.sync_model.world import World, make_world


class Killed(Exception):
    """The process is gone."""


@dataclass
class TestRun:
    """A run without a queue: keeps what it is told; ``die`` says when it ends in the middle."""

    __test__ = False

    partnership_id: UUID
    version_id: UUID | None
    parameters: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    die: Callable[[int], bool] = lambda told: False
    told: int = 0

    def tell(self, stage: str, done: int = 0, total: int = 0, **more: Any) -> None:
        self.told += 1
        self.progress = self.progress | {"stage": stage, "done": done, "total": total} | more
        if self.die(self.told):
            raise Killed


@dataclass
class Lines:
    """A partnership with a jurisdiction layer; towns lie side by side from west to east."""

    world: World
    layer_id: UUID
    towns: dict[str, UUID]

    def areas(self, edges: Mapping[str, tuple[float, float]]) -> AreaSet:
        """Towns from one longitude to another, between 40 and 41 degrees north."""
        geoms = [shapely.multipolygons([shapely.box(west, 40, east, 41)]) for west, east in edges.values()]
        return AreaSet(tuple(edges), tuple(edges), np.array(geoms, dtype=object), SOURCE)

    def draft(self, areas: AreaSet, layer_id: UUID | None = None) -> UUID:
        with self.world.session() as session:
            version_id = load_draft(session, self.world.partnership_id, layer_id or self.layer_id, areas)
            check_version(session, self.world.partnership_id, version_id)
        return version_id

    def publish(self, areas: AreaSet, at: datetime | None = None, layer_id: UUID | None = None) -> UUID:
        """A version in force, without its reassignment."""
        version_id = self.draft(areas, layer_id)
        with self.world.session() as session:
            kinds = warning_kinds(session, self.world.partnership_id, version_id)
            publish.publish(session, self.world.partnership_id, version_id, at, acknowledged=kinds)
        return version_id

    def withdraw(self, version_id: UUID) -> None:
        with self.world.session() as session:
            publish.withdraw(session, self.world.partnership_id, version_id)

    def run(self, version_id: UUID, **more: Any) -> TestRun:
        return TestRun(self.world.partnership_id, version_id, **more)

    def carry_out(self, carrier: Callable[[TestRun], dict[str, Any]], run: TestRun) -> dict[str, Any]:
        """As a worker does."""
        with self.world.app.app_context():
            return carrier(run)

    def overlay(self, name: str, rank: int, **values: Any) -> UUID:
        layer_id = new_id()
        row = {"partnership_id": self.world.partnership_id, "id": layer_id, "name": name, "role": "overlay"}
        with self.world.session() as session:
            session.execute(insert(layer), row | {"rank": rank} | values)
        return layer_id

    def standing(self) -> dict[UUID, tuple[str | None, str, str | None]]:
        """Work order -> the code of its jurisdiction, the rule, why it is in triage."""
        rows = self.world.rows(
            "SELECT w.id, j.code, w.placed_by, w.triage FROM work_order w LEFT JOIN jurisdiction j"
            " ON j.partnership_id = :p AND j.id = w.jurisdiction_id WHERE w.partnership_id = :p"
        )
        return {row["id"]: (row["code"], row["placed_by"], row["triage"]) for row in rows}


def make_lines(app: Flask, codes: tuple[str, ...], **settings: Any) -> Lines:
    """A partnership with a jurisdiction for each code, and a layer that has no version yet."""
    world = make_world(app)
    ids = {"partnership_id": world.partnership_id}
    towns = {code: new_id() for code in codes}
    layer_id = new_id()
    with world.session() as session:
        change = next_change(session, world.partnership_id)
        session.add_all(
            [Jurisdiction(**ids, id=id_, code=code, name=code, change=change) for code, id_ in towns.items()]
        )
        session.execute(insert(layer), ids | {"id": layer_id, "name": "Towns"} | settings)
    return Lines(world, layer_id, towns)
