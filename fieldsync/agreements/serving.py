"""Who may work for whom at a moment, for many work orders at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant, allows

_CREWS = text("""
    SELECT coalesce(json_object_agg(id, json_build_array(jurisdiction_id, name, disbanded_at IS NULL)), '{}')::text
    FROM crew WHERE partnership_id = :partnership_id
""")
_SKILLS = text("""
    SELECT coalesce(json_object_agg(id, skill), '{}')::text FROM service_type WHERE partnership_id = :partnership_id
""")

_AN_INSTANT = timedelta(microseconds=1)


class Employer(msgspec.Struct, array_like=True):
    """Of a crew: the jurisdiction that employs it, its name, and whether it has not been disbanded."""

    jurisdiction_id: UUID
    name: str
    exists: bool


class Serving(msgspec.Struct):
    """The crews of a partnership, and whom else than their employers they may work for."""

    crews: dict[UUID, Employer]
    skills: dict[UUID, str | None]
    """Service type -> the skill that it needs."""
    grants: dict[tuple[UUID, UUID], list[Grant]]
    """(giver, receiver) -> what holds between them."""

    def may(self, crew_id: UUID, jurisdiction_id: UUID | None, service_type_id: UUID) -> bool:
        """Whether the crew may work on jobs of this kind in this jurisdiction (None: nobody's, so nobody may).

        The hours of an agreement and its caps are left aside: they bind a time, and a work order has none yet.
        """
        crew = self.crews.get(crew_id)
        if crew is None or jurisdiction_id is None:
            return False
        if crew.jurisdiction_id == jurisdiction_id:
            return True
        skill = self.skills.get(service_type_id)
        return any(
            allows(grant, crew.jurisdiction_id, jurisdiction_id, crew_id, service_type_id, skill)
            for grant in self.grants.get((crew.jurisdiction_id, jurisdiction_id), ())
        )


_EMPLOYERS = msgspec.json.Decoder(dict[UUID, Employer])
_BY_SERVICE = msgspec.json.Decoder(dict[UUID, str | None])


def employers_of_crews(session: Session, partnership_id: UUID) -> dict[UUID, Employer]:
    """Every crew of the partnership by its id."""
    return _EMPLOYERS.decode(session.execute(_CREWS, {"partnership_id": partnership_id}).scalar_one())


def load_serving(session: Session, partnership_id: UUID, at: datetime) -> Serving:
    """Who may work for whom at ``at``; three statements."""
    between: dict[tuple[UUID, UUID], list[Grant]] = defaultdict(list)
    for grant in load_grants(session, partnership_id, at, at + _AN_INSTANT):
        between[grant.giver_id, grant.receiver_id].append(grant)
    skills = _BY_SERVICE.decode(session.execute(_SKILLS, {"partnership_id": partnership_id}).scalar_one())
    return Serving(employers_of_crews(session, partnership_id), skills, dict(between))
