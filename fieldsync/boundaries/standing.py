"""Open work orders as they stand, read in slices, and what other boundary versions would make of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.boundaries import queries
from fieldsync.journal.edits import Placed
from fieldsync.journal.place import Point

FIRST = UUID(int=0)
"""Before every id."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """An open work order: its point (degrees, EPSG:4326), its crew, and where it belongs now, as far as that decides
    anything here."""

    id: UUID
    lon: float
    lat: float
    service_type_id: UUID
    crew_id: UUID | None
    jurisdiction_id: UUID | None
    placed_version_id: UUID | None
    placed_by: str
    triage: str | None

    @property
    def point(self) -> Point:
        return Point(self.lon, self.lat, self.service_type_id)


_DECODER = msgspec.json.Decoder(list[Standing])


def open_work_orders(
    session: Session, partnership_id: UUID, rows: int, after: UUID = FIRST
) -> Iterator[list[Standing]]:
    """The open work orders in the order of their ids, ``rows`` at a time."""
    while True:
        bound = {"partnership_id": partnership_id, "after": after, "rows": rows}
        found = _DECODER.decode(session.execute(queries.OPEN_AFTER, bound).scalar_one())
        if found:
            yield found
        if len(found) < rows:
            return
        after = found[-1].id


def differs(now: Standing | Placed, then: Placed) -> bool:
    """Whether a publication that gives ``then`` changes anything about a work order that stands as ``now``.

    What a person has decided stays. A work order that keeps its jurisdiction is left as it is, but for the question
    whether somebody should look at it; and who has looked at it once is not asked again.
    """
    if now.placed_by == "person":
        return False
    if now.jurisdiction_id != then.jurisdiction_id:
        return True
    return now.triage != then.triage and now.triage != "accepted"


def placed_from(stored: dict[str, Any]) -> Placed:
    """A placement as ``PlacementChange`` keeps it."""
    return msgspec.convert(stored, Placed)
