"""The tables of boundaries, and the MetaData that the whole schema shares.

A `layer` is a named set of polygons; a `layer_version` is one dated publication of it; an `area` is one
polygon of a version, with its code; an `area_piece` is an area, or a part of a large one, as look-up reads
it. Every key begins with partnership_id, so that the schema can be distributed by tenant. Coordinates are
EPSG:4326, lon/lat.
"""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlalchemy.schema import ColumnCollectionConstraint

TOLERANCE_M_MAX = 10_000
"""Farthest that a point may be drawn to an area. Beyond it the plane in which the closest point is sought is
too coarse, and a job ten kilometres outside everything belongs to triage."""


def _named_columns(constraint: ColumnCollectionConstraint | Index, _table: Table) -> str:
    """The columns of a key without partnership_id, which begins all of them and tells none apart."""
    names = [column.name for column in constraint.columns]
    return "_".join(name for name in names if name != "partnership_id") or "partnership_id"


metadata = MetaData(
    naming_convention={
        "named_columns": _named_columns,
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(named_columns)s",
        "uq": "uq_%(table_name)s_%(named_columns)s",
        "ix": "ix_%(table_name)s_%(named_columns)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

layer = Table(
    "layer",
    metadata,
    Column("partnership_id", Uuid, ForeignKey("partnership.id"), nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False, server_default="jurisdiction"),
    Column("tolerance_m", Double, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("partnership_id", "id"),
    UniqueConstraint("partnership_id", "name"),
    CheckConstraint("role IN ('jurisdiction', 'reference')", name="role"),
    CheckConstraint(f"tolerance_m >= 0 AND tolerance_m <= {TOLERANCE_M_MAX}", name="tolerance_m"),
)

# A job has one place and so one jurisdiction: two layers that both decide it could silently disagree.
Index(
    "one_jurisdiction_layer",
    layer.c.partnership_id,
    unique=True,
    postgresql_where=text("role = 'jurisdiction'"),
)

layer_version = Table(
    "layer_version",
    metadata,
    Column("partnership_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("layer_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", Text, nullable=False, server_default="draft"),
    Column("during", TSTZRANGE),
    Column("source_name", Text, nullable=False),
    Column("source_layer", Text),
    Column("source_crs", Text, nullable=False),
    Column("source_encoding", Text),
    Column("area_count", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("partnership_id", "id"),
    ForeignKeyConstraint(["partnership_id", "layer_id"], ["layer.partnership_id", "layer.id"]),
    UniqueConstraint("partnership_id", "layer_id", "number"),
    CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
    # A draft holds at no time; a published version holds from a date.
    CheckConstraint("(status = 'draft') = (during IS NULL)", name="during"),
    CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at"),
    CheckConstraint("area_count >= 0", name="area_count"),
    ExcludeConstraint(
        ("partnership_id", "="),
        ("layer_id", "="),
        ("during", "&&"),
        name="one_version_in_force",
        using="gist",
        where=text("status = 'published'"),
    ),
)

area = Table(
    "area",
    metadata,
    Column("partnership_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("valid_from", Date),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    PrimaryKeyConstraint("partnership_id", "id"),
    ForeignKeyConstraint(["partnership_id", "version_id"], ["layer_version.partnership_id", "layer_version.id"]),
    UniqueConstraint("partnership_id", "version_id", "code"),
    Index("ix_area_geom", "geom", postgresql_using="gist"),
)

area_piece = Table(
    "area_piece",
    metadata,
    Column("partnership_id", Uuid, nullable=False),
    Column("area_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("geom", Geometry("POLYGON", srid=4326, spatial_index=False), nullable=False),
    PrimaryKeyConstraint("partnership_id", "area_id", "number"),
    ForeignKeyConstraint(["partnership_id", "area_id"], ["area.partnership_id", "area.id"], ondelete="CASCADE"),
    # The version leads, because all versions of a layer lie on the same ground: with geom alone a look-up
    # would read the pieces of every version ever published there (20 versions: half the speed).
    Index("ix_area_piece_version_id_geom", "version_id", "geom", postgresql_using="gist"),
)
