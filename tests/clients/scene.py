"""What there is to be read at /ogc: a partnership with layers in versions, and work orders, written straight in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import shapely
from flask import Flask

from fieldsync.auth import tokens
from fieldsync.auth.models import Token
from fieldsync.database import new_id, transaction
from geo.publish import publish
from tests.api.boundaries_serving.layers import area_set, new_draft, new_layer
from tests.api.town import Town
from tests.geo.layers import pass_unchecked

WEST, SOUTH = 12.0, 51.0
CELL = 0.25
UTM33 = 25833
"""The coordinate system in which the layers came."""


def cells(columns: int, rows: int, seed: int = 1) -> list[shapely.MultiPolygon]:
    """A coverage of uneven cells: shared corners are not on a grid, some cells have a hole, some an island."""
    random = np.random.default_rng(seed)
    x = WEST + CELL * np.arange(columns + 1)[:, None] + random.uniform(-0.08, 0.08, (columns + 1, rows + 1))
    y = SOUTH + CELL * np.arange(rows + 1)[None, :] + random.uniform(-0.08, 0.08, (columns + 1, rows + 1))
    shapes = []
    for column in range(columns):
        for row in range(rows):
            corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
            ring = [(x[corner], y[corner]) for corner in corners]
            middle = shapely.Polygon(ring).centroid
            holes = [middle.buffer(0.01).exterior.coords[::-1]] if (column + row) % 3 == 0 else []
            parts = [shapely.Polygon(ring, holes)]
            if (column + row) % 4 == 0:
                parts.append(
                    shapely.box(WEST - 2 - column, SOUTH + row / 10, WEST - 1.9 - column, SOUTH + row / 10 + 0.05)
                )
            shapes.append(shapely.MultiPolygon(parts))
    return shapes


@dataclass
class Scene:
    """A partnership that is read."""

    app: Flask
    town: Town = field(init=False)
    service_type_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.town = Town(self.app)
        self.town.run(
            "INSERT INTO service_type (partnership_id, id, code, name, change)"
            " VALUES (:p, :id, 'pothole', 'Potholes', 1)",
            id=self.service_type_id,
        )

    @property
    def slug(self) -> str:
        return self.town.slug

    def layer(self, name: str, **values: Any) -> UUID:
        """A layer without a version; it decides nothing unless ``role`` says so."""
        return new_layer(self.town, name, **{"role": "reference"} | values)

    def draft(
        self, layer_id: UUID, geoms: Sequence[shapely.Geometry], *, crs: str = f"EPSG:{UTM33}", **more: Any
    ) -> UUID:
        """A version without findings. Codes are C1, C2 … and names end in the same number."""
        codes = [f"C{number}" for number in range(1, len(geoms) + 1)]
        areas = area_set(geoms, codes, [f"Area “{code}”" for code in codes], **more)
        source = dataclasses.replace(areas.source, crs=crs)
        return new_draft(self.town, layer_id, dataclasses.replace(areas, source=source))

    def publish(self, version_id: UUID, days_ago: float) -> datetime:
        """Publish a draft as of some days ago (below zero: in the future)."""
        with self.app.app_context(), transaction() as session:
            at = datetime.now(UTC) - timedelta(days=days_ago)
            pass_unchecked(session, version_id)
            return publish(session, self.town.partnership_id, version_id, at)

    def published(self, name: str, geoms: Sequence[shapely.Geometry], days_ago: float = 1, **more: Any) -> UUID:
        """A layer with one version in force; the layer's id."""
        options = {key: more.pop(key) for key in ("public", "role", "rank") if key in more}
        layer_id = self.layer(name, **options)
        self.publish(self.draft(layer_id, geoms, **more), days_ago)
        return layer_id

    def jobs(self, count: int, **columns: Any) -> list[UUID]:
        """So many work orders, two minutes apart, the first one ten days ago; each lies 0.001234 degrees further."""
        start = datetime.now(UTC) - timedelta(days=10)
        ids = []
        for number in range(count):
            row = {
                "partnership_id": self.town.partnership_id, "id": new_id(), "version": 1, "change": 1,
                "title": f"Hole {number}", "service_type_id": self.service_type_id, "status": "open", "priority": 3,
                "tags": [], "jurisdiction_id": self.town.alder, "placed_by": "inside",
                "placed_at": start, "created_at": start + timedelta(minutes=2 * number), "updated_at": start,
            } | columns  # fmt: skip
            row["updated_at"] = max(row["updated_at"], row["created_at"])
            lon, lat = row.pop("at", (WEST + 0.001234 * number, SOUTH + 0.000987 * number))
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            self.town.run(
                f"INSERT INTO work_order ({names}, location)"
                f" VALUES ({values}, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326))",
                lon=lon, lat=lat, **row,
            )  # fmt: skip
            ids.append(row["id"])
        return ids

    def api_token(self, *roles: str | tuple[str, UUID]) -> str:
        """An API token of somebody new with these roles."""
        person = self.town.staff(*roles)
        token, token_hash = tokens.make("api", self.town.partnership_id)
        with self.app.app_context(), transaction() as session:
            session.add(
                Token(partnership_id=self.town.partnership_id, token_hash=token_hash, id=new_id(), staff_id=person.id,
                      purpose="api")
            )  # fmt: skip
        return token

    def open_work_orders(self) -> None:
        """Show anybody where there is work."""
        self.town.run("UPDATE partnership SET public_work_orders = true WHERE id = :p")
