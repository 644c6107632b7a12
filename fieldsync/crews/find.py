"""Finding crews and members that the asking member of staff may see."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from fieldsync.crews.models import Crew, CrewMembership, Member
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
    crew: Crew | None = session.scalars(_locked(query, Crew) if lock else query).one_or_none()
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


def find_member(session: Session, partnership_id: UUID, own: Own, member_id: UUID, lock: bool = False) -> Member:
    """The member with this id. Whoever locks her and crews locks her first.

    Raises:
        NotFound: there is none that somebody with these jurisdictions may see.
    """
    query = visible_members(partnership_id, own).where(Member.id == member_id)
    found: Member | None = session.scalars(_locked(query, Member) if lock else query).one_or_none()
    if found is None:
        raise NotFound
    return found


def visible_members(partnership_id: UUID, own: Own) -> Any:
    """A query of the members whom one of these jurisdictions employs, or who were ever in one of their crews."""
    query = select(Member).where(Member.partnership_id == partnership_id)
    if own is None:
        return query
    return query.where(or_(Member.jurisdiction_id.in_(own), in_crew_of(own)))


def in_crew_of(own: Collection[UUID], since: date | None = None) -> Any:
    """That a member is in a crew of one of these jurisdictions; with ``since``: on that day or a later one."""
    condition = exists(CrewMembership.id).where(
        CrewMembership.partnership_id == Member.partnership_id,
        CrewMembership.member_id == Member.id,
        Crew.partnership_id == CrewMembership.partnership_id,
        Crew.id == CrewMembership.crew_id,
        Crew.jurisdiction_id.in_(own),
    )
    if since is None:
        return condition
    return condition.where(or_(CrewMembership.until.is_(None), CrewMembership.until >= since))


def _locked(query: Any, table: type[Crew | Member]) -> Any:
    # Whoever has read the row before reads it anew: it may have changed while the lock was waited for.
    return query.with_for_update(of=table, key_share=True).execution_options(populate_existing=True)


def expect_jurisdiction(session: Session, partnership_id: UUID, jurisdiction_id: UUID) -> None:
    """Raises:
    UnknownReference: the partnership has no such jurisdiction.
    """
    query = select(Jurisdiction.id).where(
        Jurisdiction.partnership_id == partnership_id, Jurisdiction.id == jurisdiction_id
    )
    if session.scalars(query).one_or_none() is None:
        raise UnknownReference("There is no such jurisdiction.", field="jurisdiction_id")
