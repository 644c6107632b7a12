"""What has ended, and whose jobs may still be with the crews that it allowed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.agreements.rules import Grant
from fieldsync.wallclock import day_of, moment

_TERMS_OF = """
    SELECT coalesce(json_agg(json_build_object(
        'id', t.id, 'giver_id', t.giver_id, 'receiver_id', t.receiver_id, 'crew_ids', t.crew_ids, 'skills', t.skills,
        'service_type_ids', t.service_type_ids)), '[]')
    FROM agreement_term t WHERE t.partnership_id = v.partnership_id AND t.version_id = v.id"""

# The first day on which it held no more; null where it has no end. One that was cut before it began never held, and is
# over when it would have begun.
_DAY_AFTER = "CASE WHEN isempty(v.during) THEN v.starts_on ELSE upper(v.during) END"

_ZONES = text("SELECT DISTINCT time_zone FROM partnership")

# What was taken out already is left out by partial indexes. Only what is over by its partnership's own calendar counts
# in the limit, the longest over first: nobody's agreements keep another's waiting.
_ENDED = text(f"""
    SELECT coalesce(json_agg(e ORDER BY e.about, e.id), '[]')::text FROM (
        SELECT 'term' AS sort, v.partnership_id, v.id, a.code, p.time_zone, {_DAY_AFTER} AS day_after, NULL AS at,
               ({_TERMS_OF}) AS sides, CAST({_DAY_AFTER} AS timestamptz) AS about
        FROM agreement_version v
        JOIN agreement a ON a.partnership_id = v.partnership_id AND a.id = v.agreement_id
        JOIN partnership p ON p.id = v.partnership_id
        JOIN unnest(CAST(:zones AS text[]), CAST(:days AS date[])) AS today (time_zone, day)
            ON today.time_zone = p.time_zone
        WHERE v.state = 'accepted' AND v.taken_out_at IS NULL AND {_DAY_AFTER} <= today.day
        UNION ALL
        SELECT 'offer', o.partnership_id, o.id, r.title, p.time_zone, NULL, o.ends_at, json_build_array(
            json_build_object(
                'id', o.id, 'giver_id', o.jurisdiction_id, 'receiver_id', r.jurisdiction_id,
                'crew_ids', ARRAY[o.crew_id],
                'skills', CASE WHEN r.skill IS NULL THEN '{{}}' ELSE ARRAY[r.skill] END,
                'service_type_ids', CASE WHEN r.service_type_id IS NULL THEN '{{}}' ELSE ARRAY[r.service_type_id] END)),
               o.ends_at
        FROM resource_offer o
        JOIN resource_request r ON r.partnership_id = o.partnership_id AND r.id = o.request_id
        JOIN partnership p ON p.id = o.partnership_id
        WHERE o.state IN ('accepted', 'released') AND o.taken_out_at IS NULL AND o.ends_at <= :at
        ORDER BY about, id LIMIT :rows
    ) e
""")


class _Side(Struct):
    id: UUID
    giver_id: UUID
    receiver_id: UUID
    crew_ids: frozenset[UUID]
    skills: frozenset[str]
    service_type_ids: frozenset[UUID]


class _EndedRow(Struct):
    sort: str
    partnership_id: UUID
    id: UUID
    code: str
    time_zone: str
    day_after: date | None
    at: datetime | None
    sides: list[_Side]


class Ended(Struct, frozen=True):
    """A version of an agreement, or an accepted offer, that holds no more, and whose jobs may still be with the crews.

    ``grants`` say what it allowed; when, does not count any more.
    """

    sort: str
    """``term`` or ``offer``."""
    partnership_id: UUID
    id: UUID
    """The version's, or the offer's."""
    at: datetime
    """UTC; the first moment at which it held no more."""
    grants: tuple[Grant, ...]


_ENDED_ROWS = msgspec.json.Decoder(list[_EndedRow])


def load_ended(session: Session, at: datetime, most: int) -> list[Ended]:
    """What has ended by ``at``, in all partnerships, and was not yet taken out (``taken_out_at``), at most so many:
    those that ended first; two statements."""
    days = {zone: day_of(at, ZoneInfo(zone)) for zone in session.execute(_ZONES).scalars()}
    bound = {"at": at, "zones": list(days), "days": list(days.values()), "rows": most}
    found = (_ended(row) for row in _ENDED_ROWS.decode(session.execute(_ENDED, bound).scalar_one()))
    return [one for one in found if one.at <= at]


def _ended(row: _EndedRow) -> Ended:
    ended_at = row.at if row.day_after is None else moment(ZoneInfo(row.time_zone), row.day_after)
    assert ended_at is not None
    grants = tuple(
        Grant(
            id=side.id, sort=row.sort, code=row.code, version_id=row.id, giver_id=side.giver_id,
            receiver_id=side.receiver_id, crew_ids=side.crew_ids, skills=side.skills,
            service_type_ids=side.service_type_ids, starts=ended_at, ends=ended_at,
        )
        for side in row.sides
    )  # fmt: skip
    return Ended(row.sort, row.partnership_id, row.id, ended_at.astimezone(UTC), grants)
