"""The tables of boundaries, and the MetaData that the whole schema shares.

A `layer` is a named set of polygons; a `layer_version` is one dated publication of it; an `area` is one
polygon of a version, with its code; an `area_piece` is an area, or a part of a large one, as look-up reads
it; a `finding` is one sentence of a version's check report. Every key begins with partnership_id, so that
the schema can be distributed by tenant. Coordinates are EPSG:4326, lon/lat.
"""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint
from sqlalchemy.schema import ColumnCollectionConstraint

TOLERANCE_M_MAX = 10_000
"""Farthest that a point may be drawn to an area. Beyond it the plane in which the closest point is sought is
too coarse, and a job ten kilometres outside everything belongs to triage."""

BORDER_M_MAX = 1_000
"""Farthest from a border that a job may be flagged. A kilometre of doubt on both sides of every line would
send most of a town to triage."""

WIDTH_M_MAX = 1_000
"""Widest that a line may be drawn: a river with its banks. What is wider is drawn as a polygon."""


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
    # A job this close to its area's border is placed by rule, and flagged for a person to look at.
    Column("border_m", Double, nullable=False, server_default="0"),
    # Overlays only. The lowest rank is asked first; an overlay without service types holds for all of them.
    Column("rank", Integer),
    Column("service_types", ARRAY(Text), nullable=False, server_default="{}"),
    # Lines of an overlay are drawn this wide.
    Column("width_m", Double),
    # What the check takes for a sliver, where it is not the default: {"gap_m": 0.5, …}.
    Column("tolerances", JSONB, nullable=False, server_default="{}"),
    # Anybody may read the published versions.
    Column("public", Boolean, nullable=False, server_default="false"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("partnership_id", "id"),
    UniqueConstraint("partnership_id", "name"),
    CheckConstraint("role IN ('jurisdiction', 'overlay', 'reference')", name="role"),
    CheckConstraint(f"tolerance_m >= 0 AND tolerance_m <= {TOLERANCE_M_MAX}", name="tolerance_m"),
    CheckConstraint(f"border_m >= 0 AND border_m <= {BORDER_M_MAX}", name="border_m"),
    CheckConstraint(f"width_m > 0 AND width_m <= {WIDTH_M_MAX}", name="width_m"),
    CheckConstraint("(role = 'overlay') = (rank IS NOT NULL)", name="rank"),
    CheckConstraint("role = 'overlay' OR (width_m IS NULL AND service_types = '{}')", name="overlay"),
)

# Two overlays of one rank would leave it to chance which is asked first.
Index(
    "one_overlay_per_rank",
    layer.c.partnership_id,
    layer.c.rank,
    unique=True,
    postgresql_where=text("role = 'overlay'"),
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
    # How the file was understood: format, the fields taken, accuracy (geo.areas.Source), and notes on it.
    Column("reading", JSONB, nullable=False, server_default="{}"),
    Column("notes", ARRAY(Text), nullable=False, server_default="{}"),
    # The draft of which this one is a repair.
    Column("repair_of", Uuid),
    Column("area_count", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Uuid),
    # The check report: when, and how many findings of each severity; the findings are rows of `finding`.
    Column("checked_at", DateTime(timezone=True)),
    Column("errors", Integer),
    Column("warnings", Integer),
    Column("notices", Integer),
    # Of the check: the version that the areas were held against, and measures of the layer as a whole.
    Column("checked_against", Uuid),
    Column("measures", JSONB, nullable=False, server_default="{}"),
    # The kinds of warning that whoever published it has acknowledged.
    Column("acknowledged", ARRAY(Text), nullable=False, server_default="{}"),
    Column("published_at", DateTime(timezone=True)),
    Column("published_by", Uuid),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_by", Uuid),
    Column(
        "starts",
        DateTime(timezone=True),
        Computed(
            "CASE WHEN status = 'published'::text THEN lower(during) ELSE NULL::timestamp with time zone END",
            persisted=True,
        ),
    ),
    Column(
        "ends",
        DateTime(timezone=True),
        Computed(
            "CASE WHEN status = 'published'::text THEN upper(during) ELSE NULL::timestamp with time zone END",
            persisted=True,
        ),
    ),
    PrimaryKeyConstraint("partnership_id", "id"),
    ForeignKeyConstraint(["partnership_id", "layer_id"], ["layer.partnership_id", "layer.id"]),
    UniqueConstraint("partnership_id", "layer_id", "number"),
    CheckConstraint("status IN ('draft', 'published', 'withdrawn')", name="status"),
    # A draft holds at no time; a published version holds from a date; a withdrawn one keeps when it held.
    CheckConstraint("(status = 'draft') = (during IS NULL)", name="during"),
    CheckConstraint("NOT lower_inf(during) AND (status = 'withdrawn' OR NOT isempty(during))", name="during_begins"),
    CheckConstraint("(status = 'draft') = (published_at IS NULL)", name="published_at"),
    CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at"),
    CheckConstraint("area_count >= 0", name="area_count"),
    ExcludeConstraint(
        ("partnership_id", "="),
        ("layer_id", "="),
        ("during", "&&"),
        name="one_version_in_force",
        using="gist",
        where=text("status = 'published'"),
    ),
    # Exactly one in force from the first publication on: no two hold at once (above), one at most has no end
    # (below), and whichever ends does so where another begins.
    UniqueConstraint("partnership_id", "layer_id", "starts", name="one_version_per_start"),
    ForeignKeyConstraint(
        ["partnership_id", "layer_id", "ends"],
        ["layer_version.partnership_id", "layer_version.layer_id", "layer_version.starts"],
        name="no_gap_between_versions",
        deferrable=True,
        initially="DEFERRED",
    ),
)

Index(
    "one_version_without_end",
    layer_version.c.partnership_id,
    layer_version.c.layer_id,
    unique=True,
    postgresql_where=text("status = 'published' AND upper_inf(during)"),
)

area = Table(
    "area",
    metadata,
    Column("partnership_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("version_id", Uuid, nullable=False),
    # From 1, in the file's order: what findings and refusals call it.
    Column("feature", Integer, nullable=False),
    # A draft may lack codes and names or repeat codes: its check says so, and publishing refuses it.
    Column("code", Text),
    Column("name", Text),
    # An overlay's: the code of the jurisdiction that is responsible here. Elsewhere the code itself is that.
    Column("owner_code", Text),
    Column("valid_from", Date),
    Column("geom", Geometry("MULTIPOLYGON", srid=4326, spatial_index=False), nullable=False),
    PrimaryKeyConstraint("partnership_id", "id"),
    ForeignKeyConstraint(["partnership_id", "version_id"], ["layer_version.partnership_id", "layer_version.id"]),
    UniqueConstraint("partnership_id", "version_id", "feature"),
    Index("area_by_code", "partnership_id", "version_id", "code"),
    # As below: a tile of the whole layer reads all versions otherwise (20 of them: three times as long).
    Index("ix_area_version_id_geom", "version_id", "geom", postgresql_using="gist"),
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

finding = Table(
    "finding",
    metadata,
    Column("partnership_id", Uuid, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("features", ARRAY(Integer), nullable=False),
    Column("codes", ARRAY(Text), nullable=False),
    Column("measures", JSONB, nullable=False, server_default="{}"),
    Column("place", Geometry("GEOMETRY", srid=4326, spatial_index=False)),
    PrimaryKeyConstraint("partnership_id", "version_id", "number"),
    ForeignKeyConstraint(
        ["partnership_id", "version_id"],
        ["layer_version.partnership_id", "layer_version.id"],
        ondelete="CASCADE",
    ),
    CheckConstraint("severity IN ('error', 'warning', 'notice')", name="severity"),
)
