"""The partnership in which a scenario plays: two towns, three crews, an office."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fieldsync.auth.models import Staff
from fieldsync.crews.models import Crew, Member
from fieldsync.partnerships.models import Head, Jurisdiction, Partnership
from fieldsync.workorders.models import ServiceType
from tests.simulator.virtual import BEGIN, Ids

CREWS = 3
DESKS = 3


@dataclass
class Town:
    """Its ids; the same for the same seed, but for the partnership's own."""

    partnership_id: UUID
    slug: str
    epoch: UUID
    member_id: UUID
    jurisdiction_ids: list[UUID] = field(default_factory=list)
    service_type_ids: list[UUID] = field(default_factory=list)
    crew_ids: list[UUID] = field(default_factory=list)
    staff_ids: list[UUID] = field(default_factory=list)
    """The last of them dispatches for the first town alone."""

    def own(self, desk: int) -> frozenset[UUID] | None:
        """The jurisdictions that a person at a desk may touch; None: all."""
        return frozenset(self.jurisdiction_ids[:1]) if desk == DESKS - 1 else None


def found(session: Any, partnership_id: UUID, ids: Ids) -> Town:
    """Write a new town into the caller's transaction."""
    town = Town(partnership_id, f"t{partnership_id.hex}", epoch=ids(), member_id=ids())
    key = {"partnership_id": partnership_id}
    session.add(Partnership(id=partnership_id, slug=town.slug, name="A town", time_zone="UTC", created_at=BEGIN))
    session.flush()
    session.add(Head(**key, change=1, epoch=town.epoch, thinned=0))
    for name in ("Alder", "Birch"):
        town.jurisdiction_ids.append(ids())
        session.add(Jurisdiction(**key, id=town.jurisdiction_ids[-1], code=name[0], name=name, retired=False, change=1))
    session.flush()
    for name in ("pothole", "sign"):
        town.service_type_ids.append(ids())
        session.add(
            ServiceType(**key, id=town.service_type_ids[-1], code=name, name=name.title(), priority=3, certificates=[],
                        required_on_completion={}, retired=False, change=1)
        )  # fmt: skip
    session.add(Member(**key, id=town.member_id, jurisdiction_id=town.jurisdiction_ids[0], name="Mary Member"))
    for number in range(DESKS):
        town.staff_ids.append(ids())
        session.add(Staff(**key, id=town.staff_ids[-1], email=f"o{number}@example.org", name=f"Olga {number}",
                          created_at=BEGIN))  # fmt: skip
    for number in range(CREWS):
        town.crew_ids.append(ids())
        session.add(
            Crew(**key, id=town.crew_ids[-1], jurisdiction_id=town.jurisdiction_ids[number % 2], code=f"C{number}",
                 name=f"Crew {number}", skills=[], overtime_minutes=0, change=0)
        )  # fmt: skip
    session.flush()
    return town
