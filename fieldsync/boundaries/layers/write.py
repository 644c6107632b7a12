"""Layers: made and changed, and read with what is in force of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from fieldsync.database import new_id
from fieldsync.problems import NotFound, UnknownReference, Unprocessable

_SELECT = """
    SELECT layer.id, layer.name, layer.role, layer.tolerance_m, layer.border_m, layer.rank, layer.service_types,
           layer.width_m, layer.tolerances, layer.public, layer.created_at, now.id AS version_id,
           now.number AS version_number, now.starts AS version_starts, (
               SELECT count(*) FROM layer_version AS v
               WHERE v.partnership_id = layer.partnership_id AND v.layer_id = layer.id
           ) AS versions
    FROM layer
    LEFT JOIN layer_version AS now ON now.partnership_id = layer.partnership_id AND now.layer_id = layer.id
                                  AND now.status = 'published' AND now.during @> clock_timestamp()
    WHERE layer.partnership_id = :partnership_id
"""

_READ = text(f"{_SELECT} AND layer.id = :layer_id")

_LIST = text(f"""
    {_SELECT} AND (CAST(:role AS text) IS NULL OR layer.role = :role)
      AND (CAST(:after AS text) IS NULL OR layer.name > :after)
    ORDER BY layer.name LIMIT :rows
""")

_LOCK = text("SELECT id FROM layer WHERE partnership_id = :partnership_id AND id = :layer_id FOR UPDATE")

_INSERT = text("""
    INSERT INTO layer (partnership_id, id, name, role, tolerance_m, border_m, rank, service_types, width_m, tolerances,
                       public)
    VALUES (:partnership_id, :layer_id, :name, :role, :tolerance_m, :border_m, :rank, CAST(:service_types AS text[]),
            :width_m, CAST(:tolerances AS jsonb), :public)
""")

_UPDATE = text("""
    UPDATE layer
    SET name = :name, tolerance_m = :tolerance_m, border_m = :border_m, rank = :rank,
        service_types = CAST(:service_types AS text[]), width_m = :width_m, tolerances = CAST(:tolerances AS jsonb),
        public = :public
    WHERE partnership_id = :partnership_id AND id = :layer_id
""")

_UNKNOWN_SERVICES = text("""
    SELECT code FROM unnest(CAST(:codes AS text[])) AS given (code)
    WHERE NOT EXISTS (SELECT 1 FROM service_type s WHERE s.partnership_id = :partnership_id AND s.code = given.code)
    ORDER BY code
""")

_DEFAULTS: dict[str, Any] = {
    "tolerance_m": 0.0, "border_m": 0.0, "rank": None, "service_types": [], "width_m": None, "tolerances": {},
    "public": False,
}  # fmt: skip


def read_layer(session: Session, partnership_id: UUID, layer_id: UUID) -> dict[str, Any]:
    """A layer, with the version in force of it.

    Raises:
        NotFound: there is none of this id.
    """
    found = session.execute(_READ, {"partnership_id": partnership_id, "layer_id": layer_id}).mappings().one_or_none()
    if found is None:
        raise NotFound
    return _with_version(found)


def list_layers(
    session: Session, partnership_id: UUID, role: str | None, after: str | None, rows: int
) -> Sequence[dict[str, Any]]:
    """Layers by name, from the one after ``after`` on."""
    bound = {"partnership_id": partnership_id, "role": role, "after": after, "rows": rows}
    return [_with_version(row) for row in session.execute(_LIST, bound).mappings()]


def _with_version(row: RowMapping) -> dict[str, Any]:
    in_force = {name: row[f"version_{name}"] for name in ("id", "number", "starts")}
    return dict(row) | {"in_force": in_force if in_force["id"] else None}


def create_layer(session: Session, partnership_id: UUID, wanted: Mapping[str, Any]) -> UUID:
    """Make a layer of ``NewLayerSchema``'s values. Returns its id.

    Raises:
        Unprocessable, UnknownReference: the values do not fit together.
        AlreadyThere, JurisdictionLayerExists, RankTaken: once flushed.
    """
    layer = _DEFAULTS | dict(wanted) | {"partnership_id": partnership_id, "layer_id": new_id()}
    _refuse_unfit(session, layer)
    session.execute(_INSERT, layer | {"tolerances": json.dumps(layer["tolerances"])})
    layer_id: UUID = layer["layer_id"]
    return layer_id


def change_layer(session: Session, partnership_id: UUID, layer_id: UUID, wanted: Mapping[str, Any]) -> None:
    """Change settings of a layer: those of ``LayerPatchSchema`` that are given. Jobs that are placed stay where they
    are; the next ones are placed by the new settings.

    Raises:
        NotFound: there is none of this id.
        Unprocessable, UnknownReference, AlreadyThere, RankTaken: see ``create_layer``.
    """
    keys = {"partnership_id": partnership_id, "layer_id": layer_id}
    # Lock, then read: of two changes at once the second sees the first.
    session.execute(_LOCK, keys)
    layer = read_layer(session, partnership_id, layer_id) | dict(wanted) | keys
    _refuse_unfit(session, layer)
    session.execute(_UPDATE, layer | {"tolerances": json.dumps(layer["tolerances"])})


def _refuse_unfit(session: Session, layer: Mapping[str, Any]) -> None:
    if layer["role"] == "overlay":
        if layer["rank"] is None:
            raise Unprocessable("An overlay needs a rank: the lowest is asked first.", field="rank")
    else:
        for field, empty in (("rank", None), ("service_types", []), ("width_m", None)):
            if layer[field] != empty:
                raise Unprocessable("Only an overlay has this.", field=field)
    codes = list(layer["service_types"])
    if codes:
        bound = {"partnership_id": layer["partnership_id"], "codes": codes}
        if unknown := session.execute(_UNKNOWN_SERVICES, bound).scalars().all():
            listed = ", ".join(unknown[:5])
            raise UnknownReference(f"There is no service type with the code {listed}.", field="service_types")
