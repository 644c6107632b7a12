"""The grants of a partnership: the terms of its agreements' versions, and the offers that were accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.rules import Grant
from fieldsync.wallclock import StoredWindow, moment

MARGIN = timedelta(days=1)
"""No time zone is further than this from UTC: days that are read too many are left out afterwards."""

# One statement for both sorts. An accepted version that was ended before it began has an empty range: never read.
_GRANTS = text("""
    SELECT coalesce(json_agg(g), '[]')::text FROM (
        SELECT t.id, 'term' AS sort, a.code, v.id AS version_id, t.giver_id, t.receiver_id, t.crew_ids, t.skills,
               t.service_type_ids, t.hours, t.cap_minutes, t.cap_cents, t.cap_period, t.cents_per_hour,
               t.home_priority, p.time_zone, lower(v.during) AS first_day, upper(v.during) AS day_after,
               NULL AS starts_at, NULL AS ends_at
        FROM agreement_version v
        JOIN agreement a ON a.partnership_id = v.partnership_id AND a.id = v.agreement_id
        JOIN agreement_term t ON t.partnership_id = v.partnership_id AND t.version_id = v.id
        JOIN partnership p ON p.id = v.partnership_id
        WHERE v.partnership_id = :partnership_id AND v.state = 'accepted'
          AND v.during && daterange(CAST(:first_day AS date), CAST(:day_after AS date))
        UNION ALL
        SELECT o.id, 'offer', r.title, o.id, o.jurisdiction_id, r.jurisdiction_id, ARRAY[o.crew_id],
               CASE WHEN r.skill IS NULL THEN '{}' ELSE ARRAY[r.skill] END,
               CASE WHEN r.service_type_id IS NULL THEN '{}' ELSE ARRAY[r.service_type_id] END,
               '[]', NULL, NULL, NULL, o.cents_per_hour, true, p.time_zone, NULL, NULL, o.starts_at, o.ends_at
        FROM resource_offer o
        JOIN resource_request r ON r.partnership_id = o.partnership_id AND r.id = o.request_id
        JOIN partnership p ON p.id = o.partnership_id
        WHERE o.partnership_id = :partnership_id AND o.state IN ('accepted', 'released')
          AND o.ends_at > :starts AND o.starts_at < :ends AND o.starts_at < o.ends_at
    ) g
""")


class _Row(Struct):
    id: UUID
    sort: str
    code: str
    version_id: UUID
    giver_id: UUID
    receiver_id: UUID
    crew_ids: frozenset[UUID]
    skills: frozenset[str]
    service_type_ids: frozenset[UUID]
    hours: list[StoredWindow]
    cap_minutes: int | None
    cap_cents: int | None
    cap_period: str | None
    cents_per_hour: int | None
    home_priority: bool
    time_zone: str
    first_day: date | None
    day_after: date | None
    starts_at: datetime | None
    ends_at: datetime | None


_ROWS = msgspec.json.Decoder(list[_Row])


def load_grants(session: Session, partnership_id: UUID, starts: datetime, ends: datetime) -> list[Grant]:
    """Every grant that holds at some time from ``starts`` up to, and without, ``ends``; one statement.

    An offer is for jobs of the skill and the service type that were asked for, and can be recalled: it is at its
    helper's discretion. One that was released holds up to the moment of its release.
    """
    bound = {
        "partnership_id": partnership_id, "starts": starts, "ends": ends,
        "first_day": starts.astimezone(UTC).date() - MARGIN, "day_after": ends.astimezone(UTC).date() + 2 * MARGIN,
    }  # fmt: skip
    grants = (_grant(row) for row in _ROWS.decode(session.execute(_GRANTS, bound).scalar_one()))
    return [one for one in grants if one.starts < ends and (one.ends is None or one.ends > starts)]


def _grant(row: _Row) -> Grant:
    starts, ends = row.starts_at, row.ends_at
    if row.first_day is not None:
        zone = ZoneInfo(row.time_zone)
        starts = moment(zone, row.first_day)
        ends = moment(zone, row.day_after) if row.day_after is not None else None
    assert starts is not None
    return Grant(
        id=row.id, sort=row.sort, code=row.code, version_id=row.version_id, giver_id=row.giver_id,
        receiver_id=row.receiver_id, crew_ids=row.crew_ids, skills=row.skills, service_type_ids=row.service_type_ids,
        starts=starts.astimezone(UTC), ends=ends and ends.astimezone(UTC),
        hours=tuple(hours.window() for hours in row.hours), time_zone=row.time_zone, cap_minutes=row.cap_minutes,
        cap_cents=row.cap_cents, cap_period=row.cap_period, cents_per_hour=row.cents_per_hour,
        home_priority=row.home_priority,
    )  # fmt: skip
