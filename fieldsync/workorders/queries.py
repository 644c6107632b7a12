"""Records as JSON, made by the database: the one expression that tablets and the office both read."""

from __future__ import annotations

from fieldsync.database import Base
from fieldsync.partnerships import models as _jurisdictions  # noqa: F401  (their tables are named below)
from fieldsync.workorders import models as _records  # noqa: F401

HIDDEN = frozenset(
    {"partnership_id", "id", "version", "change", "scope_crew_id", "deleted_at", "location", "placed_version_id",
     "area_id", "placed_at", "grant_id", "assigned_by"}
)  # fmt: skip
"""Columns that are not part of the record itself; a point is given as ``{lon, lat}`` instead."""


def record_json(name: str, row: str = "t") -> str:
    """The SQL expression for the record in table ``name`` as JSON, where ``row`` is the table's alias."""
    columns = [c.name for c in Base.metadata.tables[name].c if c.name not in HIDDEN]
    listed = ", ".join(f"{row}.{column}" for column in columns)
    if name == "work_order":
        listed += f", json_build_object('lon', ST_X({row}.location), 'lat', ST_Y({row}.location)) AS location"
    return f"(SELECT row_to_json(f) FROM (SELECT {listed}) f)"
