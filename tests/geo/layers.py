"""Partnerships and layers in a test's own transaction, which nobody commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import shapely
from sqlalchemy import Engine, create_engine, insert, make_url
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from geo.areas import AreaSet, Source
from geo.load import load_draft
from geo.publish import publish, warning_kinds
from geo.report import check_version
from geo.tables import layer

SOURCE = Source("test.gpkg", "GeoPackage", "towns", "EPSG:4326", "utf-8", "code", "name", 0.0)


def engine_of(database_url: str) -> Engine:
    return create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))


def at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def new_partnership(session: Session) -> UUID:
    partnership_id = uuid4()
    slug = f"test-{partnership_id.hex[:12]}"
    session.execute(
        sql("INSERT INTO partnership (id, slug, name) VALUES (:id, :slug, :slug)"),
        {"id": partnership_id, "slug": slug},
    )
    return partnership_id


def new_layer(session: Session, partnership_id: UUID, tolerance_m: float = 0, **values: object) -> UUID:
    layer_id = uuid4()
    row = {"partnership_id": partnership_id, "id": layer_id, "name": "Towns", "tolerance_m": tolerance_m}
    session.execute(insert(layer), row | values)
    return layer_id


def areas_of(geoms: Sequence[shapely.Geometry], codes: Sequence[str] | None = None) -> AreaSet:
    """Areas with the codes A, B, C … unless others are given."""
    codes = codes or [chr(ord("A") + at) for at in range(len(geoms))]
    parts = [shapely.multipolygons(shapely.get_parts(geom)) for geom in geoms]
    return AreaSet(tuple(codes), tuple(codes), np.array(parts, dtype=object), SOURCE)


def published(session: Session, areas: AreaSet, tolerance_m: float = 0, *, checked: bool = True) -> tuple[UUID, UUID]:
    """A new partnership whose jurisdiction layer has these areas in force from 2020: its id and the
    version's. Without a check they may be what nobody could publish."""
    partnership_id = new_partnership(session)
    layer_id = new_layer(session, partnership_id, tolerance_m)
    version_id = load_draft(session, partnership_id, layer_id, areas)
    if checked:
        check_and_publish(session, partnership_id, version_id, at(2020))
    else:
        pass_unchecked(session, version_id)
        publish(session, partnership_id, version_id, at(2020))
    return partnership_id, version_id


def pass_unchecked(session: Session, version_id: UUID) -> None:
    """Say that a draft's check found nothing, whatever it would find: that is another test's matter."""
    session.execute(
        sql("""
            UPDATE layer_version v SET errors = 0, checked_against = (
                SELECT id FROM layer_version o
                WHERE o.partnership_id = v.partnership_id AND o.layer_id = v.layer_id AND o.status = 'published'
                ORDER BY o.starts DESC LIMIT 1)
            WHERE v.id = :id
        """),
        {"id": version_id},
    )


def check_and_publish(session: Session, partnership_id: UUID, version_id: UUID, moment: datetime) -> None:
    """Publish a draft as somebody does who reads no report and acknowledges every warning in it."""
    check_version(session, partnership_id, version_id)
    warnings = warning_kinds(session, partnership_id, version_id)
    publish(session, partnership_id, version_id, moment, acknowledged=warnings)
