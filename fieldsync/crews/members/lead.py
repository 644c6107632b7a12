"""Who leads a crew: at most one of its members at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from fieldsync.crews.models import CrewMembership, Member
from fieldsync.crews.problems import LeadThere
from fieldsync.database import new_id
from fieldsync.problems import Unprocessable

ONE_DAY = timedelta(days=1)


def expect_no_other_lead(session: Session, membership: CrewMembership) -> None:
    """Raises:
    LeadThere: somebody else leads the crew in the time of this membership, which is to lead; it says who.
    """
    if not membership.is_lead:
        return
    for other in _leads(session, membership, membership.since):
        name = session.scalars(
            select(Member.name).where(Member.partnership_id == membership.partnership_id, Member.id == other.member_id)
        ).one()
        until = f"until {other.until}" if other.until else "without an end"
        raise LeadThere(
            f"{name} leads the crew from {other.since} {until}. Hand over from a day on (/lead), or end that first.",
            field="is_lead", membership_id=str(other.id), member_id=str(other.member_id), name=name,
            since=other.since.isoformat(), until=other.until and other.until.isoformat(),
        )  # fmt: skip


def hand_over(session: Session, membership: CrewMembership, since: date) -> CrewMembership:
    """Let a member lead her crew from a day on to the end of this membership; the crew is locked.

    Who leads in that time stays a member without leading: her membership is divided at the day, and so is the new
    lead's. Both keep their ids for the part before it. Nothing is changed where she leads then already.

    Returns:
        The membership that leads from ``since`` on.

    Raises:
        Unprocessable: she is not a member on that day.
    """
    if since < membership.since or (membership.until is not None and since > membership.until):
        raise Unprocessable("She is not a member by this membership on that day.", field="since")
    if membership.is_lead:
        return membership
    # Whoever leads makes room before anything is put into it: the database looks at every statement.
    rest = [part for other in _leads(session, membership, since) for part in _cut(other, since, membership.until)]
    session.flush()
    session.add_all(rest)
    if membership.since == since:
        membership.is_lead = True
        return membership
    leading = _part(membership, since, membership.until, is_lead=True)
    membership.until = since - ONE_DAY
    session.flush()
    session.add(leading)
    return leading


def _leads(session: Session, membership: CrewMembership, since: date) -> Sequence[CrewMembership]:
    """Who else leads the crew at any time from ``since`` to the end of this membership."""
    query = select(CrewMembership).where(
        CrewMembership.partnership_id == membership.partnership_id,
        CrewMembership.crew_id == membership.crew_id,
        CrewMembership.id != membership.id,
        CrewMembership.is_lead,
        CrewMembership.until.is_(None) | (CrewMembership.until >= since),
    )
    if membership.until is not None:
        query = query.where(CrewMembership.since <= membership.until)
    return session.scalars(query.order_by(CrewMembership.since)).all()


def _cut(lead: CrewMembership, since: date, until: date | None) -> list[CrewMembership]:
    """Take the days from ``since`` to ``until`` (None: all later ones) from what somebody leads; the parts that are
    new."""
    parts = []
    ends, last = lead.until, lead.until
    if until is not None and (ends is None or ends > until):
        parts.append(_part(lead, until + ONE_DAY, ends, is_lead=True))
        last = until
    if lead.since < since:
        parts.append(_part(lead, since, last, is_lead=False))
        lead.until = since - ONE_DAY
    else:
        lead.until, lead.is_lead = last, False
    return parts


def _part(of: CrewMembership, since: date, until: date | None, **more: Any) -> CrewMembership:
    row_id: UUID = new_id()
    return CrewMembership(
        partnership_id=of.partnership_id, id=row_id, crew_id=of.crew_id, member_id=of.member_id, since=since,
        until=until, **more,
    )  # fmt: skip
