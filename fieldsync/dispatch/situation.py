"""What eligibility needs to know about a time: crews, what they are booked for, grants and their use; and jobs.

Each function takes a fixed number of statements, however many crews and jobs there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant, Usage
from fieldsync.agreements.usage import load_usage
from fieldsync.crews.facts import CrewFacts, Point, Span
from fieldsync.crews.roster import load_crews
from fieldsync.dispatch.assignments.spans import MINUTES_MAX
from fieldsync.dispatch.facts import Booked, JobFacts

MARGIN = timedelta(days=2)
"""Around a time, days that a shift may reach in from, and on which a time zone's day may begin or end; and what is
booked near enough to be on the way (``eligibility.APART``) or in one of the days."""

USUAL_MINUTES = 60
"""What a job takes where its service type does not say."""


class Situation(Struct):
    """What is known of some crews around a time."""

    crews: dict[UUID, CrewFacts]
    booked: dict[UUID, list[Booked]]
    """By crew, in the order of time; a crew without any has an empty list."""
    grants: list[Grant]
    usage: Usage


class _Booked(Struct, array_like=True):
    crew_id: UUID
    id: UUID
    work_order_id: UUID
    starts_at: datetime
    ends_at: datetime
    at: Point
    pinned: bool
    grant_id: UUID | None
    jurisdiction_id: UUID | None


_BOOKED = text("""
    SELECT coalesce(json_agg(json_build_array(
        a.crew_id, a.id, a.work_order_id, a.starts_at, a.ends_at,
        json_build_array(ST_X(w.location), ST_Y(w.location)), a.pinned, a.grant_id, w.jurisdiction_id)
        ORDER BY a.starts_at, a.id), '[]')::text
    FROM unnest(CAST(:crew_ids AS uuid[])) AS c (id) CROSS JOIN LATERAL (
        SELECT * FROM assignment
        WHERE partnership_id = :partnership_id AND crew_id = c.id AND state = 'planned'
          -- No assignment is longer than a week; so the index on their beginning serves.
          AND starts_at < :ends AND starts_at > :earliest AND ends_at > :starts
        OFFSET 0
    ) a
    JOIN work_order w ON w.partnership_id = a.partnership_id AND w.id = a.work_order_id
""")

JOB_JSON = f"""json_build_object(
        'id', w.id, 'title', w.title, 'jurisdiction_id', w.jurisdiction_id, 'service_type_id', w.service_type_id,
        'service_type', s.name, 'skill', s.skill, 'certificates', s.certificates,
        'minutes', coalesce(s.minutes, {USUAL_MINUTES}), 'at', json_build_array(ST_X(w.location), ST_Y(w.location)),
        'status', w.status, 'crew_id', w.crew_id, 'priority', w.priority,
        'due_at', least(w.due_at, w.respond_by, w.resolve_by))"""
"""``JobFacts`` of a work order ``w`` with its service type ``s``."""

_JOBS = text(f"""
    SELECT coalesce(json_agg({JOB_JSON}), '[]')::text
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
    JOIN work_order w ON w.partnership_id = :partnership_id AND w.id = wanted.id AND w.deleted_at IS NULL
    JOIN service_type s ON s.partnership_id = w.partnership_id AND s.id = w.service_type_id
""")

_BOOKINGS = msgspec.json.Decoder(list[_Booked])
JOBS_OF = msgspec.json.Decoder(list[JobFacts])
"""Reads a list of ``JOB_JSON``."""


def load(
    session: Session, partnership_id: UUID, crew_ids: Collection[UUID] | None, first: datetime, last: datetime,
    grants: list[Grant] | None = None, receivers: Collection[UUID] | None = None,
) -> Situation:  # fmt: skip
    """The crews with these ids (None: all that are not disbanded), and what ``examine`` asks about them for any time
    from ``first`` up to ``last``. Four statements; three where nothing is capped, and one less where the ``grants`` of
    that time are at hand.

    What is used of caps is read only of the grants from the crews' employers to ``receivers``, where the jobs lie
    (None: to anybody; none: nobody asks about caps)."""
    starts, ends = first - MARGIN, last + MARGIN
    days = starts.astimezone(UTC).date(), ends.astimezone(UTC).date()
    crews = load_crews(session, partnership_id, crew_ids, *days)
    if grants is None:
        grants = load_grants(session, partnership_id, first, last)
    givers = {crew.jurisdiction_id for crew in crews.values()}
    asked = (
        one for one in grants if one.giver_id in givers and (receivers is None or one.receiver_id in receivers)
    )  # fmt: skip
    usage = load_usage(session, partnership_id, asked, first, last)
    booked = load_booked(session, partnership_id, list(crews), starts, ends)
    return Situation(crews, booked, grants, usage)


def load_booked(
    session: Session, partnership_id: UUID, crew_ids: Sequence[UUID], starts: datetime, ends: datetime
) -> dict[UUID, list[Booked]]:
    """The planned assignments of these crews that touch a time, in the order of time; one statement."""
    bound = {
        "partnership_id": partnership_id, "crew_ids": list(crew_ids), "starts": starts, "ends": ends,
        "earliest": starts - timedelta(minutes=MINUTES_MAX),
    }  # fmt: skip
    booked: dict[UUID, list[Booked]] = {crew_id: [] for crew_id in crew_ids}
    for row in _BOOKINGS.decode(session.execute(_BOOKED, bound).scalar_one()):
        span = Span(row.starts_at.astimezone(UTC), row.ends_at.astimezone(UTC))
        booked[row.crew_id].append(
            Booked(row.id, row.work_order_id, span, row.at, row.pinned, row.grant_id, row.jurisdiction_id)
        )
    return booked


def load_jobs(session: Session, partnership_id: UUID, ids: Collection[UUID]) -> dict[UUID, JobFacts]:
    """The work orders with these ids that are there and not deleted; one statement."""
    bound = {"partnership_id": partnership_id, "ids": list(ids)}
    return {job.id: job for job in JOBS_OF.decode(session.execute(_JOBS, bound).scalar_one())}


def serving(situation: Situation, own: frozenset[UUID] | None, at: datetime, until: datetime) -> set[UUID]:
    """The crews that a dispatcher of the jurisdictions ``own`` may see and give work to: her own jurisdictions', and
    those that a grant gives to one of them at some time from ``at`` up to ``until``. None: all of them."""
    if own is None:
        return set(situation.crews)
    givers: dict[UUID, list[Grant]] = defaultdict(list)
    for grant in situation.grants:
        if grant.receiver_id in own and grant.starts < until and (grant.ends is None or grant.ends > at):
            givers[grant.giver_id].append(grant)
    return {
        crew.id
        for crew in situation.crews.values()
        if crew.jurisdiction_id in own
        or any(not grant.crew_ids or crew.id in grant.crew_ids for grant in givers.get(crew.jurisdiction_id, ()))
    }
