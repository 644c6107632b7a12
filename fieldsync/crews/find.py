"""Finding a crew that the asking member of staff may see: one of her jurisdictions'."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.crews.models import Crew
from fieldsync.partnerships.models import Jurisdiction
from fieldsync.problems import CrewDisbanded, NotFound, UnknownReference

Own = Collection[UUID] | None
"""The jurisdictions that somebody may touch; None means all of the partnership."""


def find_crew(session: Session, partnership_id: UUID, own: Own, crew_id: UUID, lock: bool = False) -> Crew:
    """The crew with this id.

    Raises:
        NotFound: there is none that she may see.
    """
    query = select(Crew).where(Crew.partnership_id == partnership_id, Crew.id == crew_id)
    if own is not None:
        query = query.where(Crew.jurisdiction_id.in_(own))
    crew = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if crew is None:
        raise NotFound
    return crew


def working_crew(session: Session, partnership_id: UUID, own: Own, crew_id: UUID) -> Crew:
    """The crew that a request names, locked so that it is not disbanded meanwhile.

    Raises:
        UnknownReference: there is none that she may see.
        CrewDisbanded: it does not work any more.
    """
    try:
        crew = find_crew(session, partnership_id, own, crew_id, lock=True)
    except NotFound:
        raise UnknownReference("There is no such crew that you may see.", field="crew_id") from None
    if crew.disbanded_at is not None:
        raise CrewDisbanded(field="crew_id")
    return crew


def expect_jurisdiction(session: Session, partnership_id: UUID, jurisdiction_id: UUID) -> None:
    """Raises:
    UnknownReference: the partnership has no such jurisdiction.
    """
    query = select(Jurisdiction.id).where(
        Jurisdiction.partnership_id == partnership_id, Jurisdiction.id == jurisdiction_id
    )
    if session.scalars(query).one_or_none() is None:
        raise UnknownReference("There is no such jurisdiction.", field="jurisdiction_id")
