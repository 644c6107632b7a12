"""Layers and their versions in a town's partnership, put there directly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import shapely
import sqlalchemy as sa

from fieldsync.database import transaction
from geo.areas import AreaSet, Source
from geo.load import load_draft
from geo.publish import publish
from geo.tables import layer
from tests.api.town import Town
from tests.geo.layers import pass_unchecked

SOURCE = Source("test.gpkg", "GeoPackage", "towns", "EPSG:4326", "utf-8", "code", "name", 0.0)


def at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def area_set(
    geoms: Sequence[shapely.Geometry], codes: Sequence[str | None] | None = None, names: Sequence[str | None] = (),
    **more: Any,
) -> AreaSet:  # fmt: skip
    """Areas with the codes 000, 001 … unless others are given."""
    codes = [f"{k:03}" for k in range(len(geoms))] if codes is None else codes
    parts = [shapely.MultiPolygon(shapely.get_parts(geom).tolist()) for geom in geoms]
    return AreaSet(tuple(codes), tuple(names or codes), np.array(parts, dtype=object), SOURCE, **more)


def new_layer(town: Town, name: str = "Towns", role: str = "jurisdiction", **values: Any) -> UUID:
    layer_id = uuid4()
    row = {"partnership_id": town.partnership_id, "id": layer_id, "name": name, "role": role}
    with town.app.app_context(), transaction() as session:
        session.execute(sa.insert(layer), row | values)
    return layer_id


def new_draft(town: Town, layer_id: UUID, areas: AreaSet) -> UUID:
    with town.app.app_context(), transaction() as session:
        return load_draft(session, town.partnership_id, layer_id, areas)


def new_version(town: Town, layer_id: UUID, areas: AreaSet, moment: datetime) -> UUID:
    """A published version. What its check would say is another test's matter."""
    version_id = new_draft(town, layer_id, areas)
    with town.app.app_context(), transaction() as session:
        pass_unchecked(session, version_id)
        publish(session, town.partnership_id, version_id, moment)
    return version_id
