"""Placing work orders in their jurisdictions: all new and moved points of a batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.journal.edits import Record
from geo.assign import index_for, version_in_force

# One value, decoded at once: a row a jurisdiction would take longer to read than the points to place.
JURISDICTIONS = text("""
    SELECT coalesce(json_object_agg(code, id), '{}')::text FROM jurisdiction
    WHERE partnership_id = :partnership_id AND NOT retired
""")

_BY_CODE = msgspec.json.Decoder(dict[str, UUID])

NOWHERE = (None, None, None, "outside")


def place(session: Session, partnership_id: UUID, records: Sequence[Record], at: datetime) -> None:
    """Set ``placed`` and ``jurisdiction_id`` of the work orders, by the boundary version in force at ``at``.

    A work order that was done before this batch keeps the jurisdiction that it was done for, even if its point is
    corrected afterwards. An area whose code no jurisdiction bears leaves the work order without one, for triage.
    """
    records = [record for record in records if not record.was_done]
    if not records:
        return
    in_force = version_in_force(session, partnership_id, at)
    if in_force is None:
        for record in records:
            record.placed, record.jurisdiction_id = NOWHERE, None
        return
    index = index_for(session, partnership_id, in_force.version_id)
    points = [record.values["location"] for record in records]
    placements = index.place(
        [point.lon for point in points], [point.lat for point in points], tolerance_m=in_force.tolerance_m
    )
    by_code = session.execute(JURISDICTIONS, {"partnership_id": partnership_id}).scalar_one()
    jurisdictions = _BY_CODE.decode(by_code)
    for record, area_id, code, rule in zip(
        records, placements.area_ids, placements.codes, placements.rules, strict=True
    ):
        record.jurisdiction_id = jurisdictions.get(code) if code is not None else None
        record.placed = (record.jurisdiction_id, area_id, in_force.version_id, rule)
