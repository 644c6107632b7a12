"""Placing work orders in their jurisdictions: all new and moved points of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.journal.edits import Placed, Record
from geo.assign import InForce, in_force, index_for
from geo.responsible import IndexOf, Responsible, responsible

# One value, decoded at once: a row a jurisdiction would take longer to read than the points to place.
JURISDICTIONS = text("""
    SELECT coalesce(json_object_agg(code, id), '{}')::text FROM jurisdiction
    WHERE partnership_id = :partnership_id AND NOT retired
""")

SERVICES = text("""
    SELECT coalesce(json_object_agg(id, code), '{}')::text FROM service_type WHERE partnership_id = :partnership_id
""")

_BY_CODE = msgspec.json.Decoder(dict[str, UUID])
_CODES = msgspec.json.Decoder(dict[UUID, str])


class Point(msgspec.Struct, gc=False):
    """What decides whose a work order is. Degrees, EPSG:4326."""

    lon: float
    lat: float
    service_type_id: UUID


def place(session: Session, partnership_id: UUID, records: Sequence[Record]) -> None:
    """Set ``placed`` and ``jurisdiction_id`` of the work orders, by the boundary versions in force now.

    A work order that is done keeps the jurisdiction that it was done for, even if its point is corrected afterwards: by
    the same batch or a later one (``Record.placing``). An area whose code no jurisdiction bears leaves the work order
    without one, for triage.
    """
    points = [
        Point(location.lon, location.lat, placing["service_type_id"])
        for record in records
        if (placing := record.placing) is not None
        for location in (placing["location"],)
    ]
    for record, placed in zip(records, placed_at(session, partnership_id, points), strict=True):
        record.placed_before, record.placed = record.placed, placed
        record.jurisdiction_id = placed.jurisdiction_id


def placed_at(
    session: Session, partnership_id: UUID, points: Sequence[Point], layers: InForce | None = None,
    index_of: IndexOf = index_for,
) -> list[Placed]:  # fmt: skip
    """Where work orders at these points belong by ``layers``; without them, by those in force now."""
    layers = layers or in_force(session, partnership_id)
    named = any(overlay.service_types for overlay in layers.overlays)
    codes = _CODES.decode(_scalar(session, SERVICES, partnership_id)) if named else {}
    found = responsible(
        session, partnership_id, layers,
        [point.lon for point in points], [point.lat for point in points],
        [codes.get(point.service_type_id) for point in points], index_of,
    )  # fmt: skip
    jurisdictions = _BY_CODE.decode(_scalar(session, JURISDICTIONS, partnership_id))
    return [_placed(one, jurisdictions, layers) for one in found]


def _scalar(session: Session, statement: sa.TextClause, partnership_id: UUID) -> str:
    value: str = session.execute(statement, {"partnership_id": partnership_id}).scalar_one()
    return value


def _placed(found: Responsible, jurisdictions: dict[str, UUID], layers: InForce) -> Placed:
    jurisdiction_id = jurisdictions.get(found.owner) if found.owner is not None else None
    triage = "near_border" if found.near_border else None
    if jurisdiction_id is None:
        triage = "outside" if found.area_id is None else "no_jurisdiction"
    return Placed(jurisdiction_id, found.area_id, found.version_id, found.rule, triage, layers.at)
