"""Grants: who may work for whom by an agreement or an accepted offer. Pure.

A grant is one direction: crews of ``giver_id`` may work for ``receiver_id``. Of several that allow the same work, the
one that applies is the first in the order of ``Grant.rank``: see ``grants_for``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct


class Window(Struct, frozen=True):
    """Weekly hours: minutes of the day, by the clock of the grant's time zone, ``until`` excluded (1440: midnight)."""

    weekday: int
    """1 Monday to 7 Sunday."""
    starts: int
    until: int


class Grant(Struct, frozen=True, kw_only=True):
    """What one term of an agreement's version, or one accepted offer, allows. An empty set means: any."""

    id: UUID
    """The term's, or the offer's."""
    sort: str
    """``term`` or ``offer``."""
    code: str
    """What people call it: the agreement's code, or the request's title."""
    version_id: UUID
    """The agreement's version; the offer itself."""
    giver_id: UUID
    receiver_id: UUID
    crew_ids: frozenset[UUID] = frozenset()
    skills: frozenset[str] = frozenset()
    service_type_ids: frozenset[UUID] = frozenset()
    starts: datetime
    """UTC; the first moment at which it holds."""
    ends: datetime | None = None
    """The first moment at which it holds no more; None: no end is known."""
    hours: tuple[Window, ...] = ()
    time_zone: str = "UTC"
    cap_minutes: int | None = None
    cap_cents: int | None = None
    cap_period: str | None = None
    cents_per_hour: int | None = None
    home_priority: bool = False

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, float, str, UUID]:
        """Overlapping grants, the first to apply first: an offer for this very time before a standing agreement; what
        names crews before what does not; what names service types, then skills; the one that began last; by code."""
        return (
            self.sort != "offer", not self.crew_ids, not self.service_type_ids, not self.skills,
            -self.starts.timestamp(), self.code, self.id,
        )  # fmt: skip


def allows(grant: Grant, giver_id: UUID, receiver_id: UUID, crew_id: UUID, service_type_id: UUID,
           skill: str | None) -> bool:  # fmt: skip
    """Whether the grant is about this crew and this kind of job at all, whenever that may be."""
    return (
        grant.giver_id == giver_id
        and grant.receiver_id == receiver_id
        and (not grant.crew_ids or crew_id in grant.crew_ids)
        and (not grant.service_type_ids or service_type_id in grant.service_type_ids)
        and (not grant.skills or skill in grant.skills)
    )


def holds(grant: Grant, starts: datetime, ends: datetime) -> bool:
    """Whether the grant holds from ``starts`` to ``ends`` without a break (hours of the day left aside)."""
    return grant.starts <= starts and (grant.ends is None or ends <= grant.ends)


def grants_for(
    grants: Iterable[Grant], giver_id: UUID, receiver_id: UUID, crew_id: UUID, service_type_id: UUID, skill: str | None
) -> list[Grant]:
    """The grants that are about this crew and this kind of job, the first to apply first."""
    found = (one for one in grants if allows(one, giver_id, receiver_id, crew_id, service_type_id, skill))
    return sorted(found, key=lambda one: one.rank)
