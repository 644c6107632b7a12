"""The SQL of resource requests. All bind ``partnership_id``; what answers a state binds ``now``.

Every dispatcher of the partnership may read all of it: whoever is to help must see who asks, and who helps already.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.agreements.requests.rules import OPEN, REQUEST_LENGTH_MAX
from fieldsync.crews import models as _crews  # noqa: F401  (their tables are named below)
from fieldsync.workorders import models as _workorders  # noqa: F401

_OPEN = ", ".join(f"'{state}'" for state in OPEN)

# ``rules.standing``, in SQL.
_STATE = f"""(CASE WHEN r.state IN ({_OPEN}) AND r.ends_at <= CAST(:now AS timestamptz) THEN 'closed'
             ELSE r.state END)"""


def _person(row: str, column: str) -> str:
    return f"""(SELECT json_build_object('id', s.id, 'name', s.name) FROM staff s
                WHERE s.partnership_id = {row}.partnership_id AND s.id = {row}.{column})"""


def _crew(column: str) -> str:
    return f"""(SELECT json_build_object('id', c.id, 'code', c.code, 'name', c.name) FROM crew c
                WHERE c.partnership_id = o.partnership_id AND c.id = {column})"""


def _offers_in(state: str) -> str:
    return f"""(SELECT count(*) FROM resource_offer o WHERE o.partnership_id = r.partnership_id
                AND o.request_id = r.id AND o.state = '{state}')"""


_REQUEST = f"""json_build_object(
    'id', r.id, 'version', r.version, 'etag', '"' || r.version || '"', 'state', {_STATE},
    'jurisdiction_id', r.jurisdiction_id, 'title', r.title, 'note', r.note, 'skill', r.skill,
    'service_type_id', r.service_type_id, 'starts_at', r.starts_at, 'ends_at', r.ends_at,
    'crews_wanted', r.crews_wanted, 'crews_accepted', {_offers_in("accepted")},
    'crews_offered', {_offers_in("offered")},
    'location', CASE WHEN r.location IS NOT NULL
                THEN json_build_object('lon', ST_X(r.location), 'lat', ST_Y(r.location)) END,
    'address', r.address, 'created_at', r.created_at, 'created_by', {_person("r", "created_by")})"""

_OFFER = f"""json_build_object(
    'id', o.id, 'version', o.version, 'etag', '"' || o.version || '"', 'request_id', o.request_id, 'state', o.state,
    'over', o.ends_at <= CAST(:now AS timestamptz), 'jurisdiction_id', o.jurisdiction_id, 'crew', {_crew("o.crew_id")},
    'starts_at', o.starts_at, 'ends_at', o.ends_at, 'cents_per_hour', o.cents_per_hour, 'note', o.note,
    'created_at', o.created_at, 'created_by', {_person("o", "created_by")})"""

_EVENT = f"""json_build_object(
    'id', e.id, 'at', e.at, 'action', e.action, 'offer_id', e.offer_id, 'jurisdiction_id', e.jurisdiction_id,
    'by', {_person("e", "staff_id")}, 'reason', e.reason, 'changed', e.changed)"""

FILTERS = {
    "state": f"{_STATE} = ANY(CAST(:state AS text[]))",
    "jurisdiction_id": "r.jurisdiction_id = :jurisdiction_id",
    "helper_id": """EXISTS (SELECT FROM resource_offer o WHERE o.partnership_id = r.partnership_id
                            AND o.request_id = r.id AND o.jurisdiction_id = :helper_id)""",
    "skill": "r.skill = :skill",
    "service_type_id": "r.service_type_id = :service_type_id",
    # No request lasts longer, so the index is read from there.
    "from_": "r.ends_at > CAST(:from_ AS timestamptz)"
             f" AND r.starts_at > CAST(:from_ AS timestamptz) - interval '{REQUEST_LENGTH_MAX.days} days'",
    "to": "r.starts_at < CAST(:to AS timestamptz)",
}  # fmt: skip
"""Filter -> condition on requests ``r``."""

SIDES = {
    "mine": "r.jurisdiction_id = ANY(CAST(:own AS uuid[]))",
    "others": "r.jurisdiction_id <> ALL(CAST(:own AS uuid[]))",
}


def listed(given: Iterable[str], side: str | None, *, paged: bool) -> sa.TextClause:
    """A page of requests in the order of ``(starts_at, id)``, by the filters that are given."""
    conditions = ["r.partnership_id = :partnership_id"] + [FILTERS[name] for name in sorted(given)]
    if side is not None:
        conditions.append(SIDES[side])
    if paged:
        conditions.append("(r.starts_at, r.id) > (CAST(:after_at AS timestamptz), :after_id)")
    return text(f"""
        SELECT r.id, r.starts_at, CAST({_REQUEST} AS text) AS sent FROM resource_request r
        WHERE {" AND ".join(conditions)} ORDER BY r.starts_at, r.id LIMIT :rows
    """)


READ = text(f"""
    SELECT r.version, CAST({_REQUEST} AS text) AS sent,
        (SELECT coalesce(json_agg({_OFFER} ORDER BY o.created_at, o.id), '[]')::text FROM resource_offer o
         WHERE o.partnership_id = r.partnership_id AND o.request_id = r.id) AS offers,
        (SELECT coalesce(json_agg({_EVENT} ORDER BY e.id), '[]')::text FROM (
            SELECT * FROM resource_event WHERE partnership_id = r.partnership_id AND request_id = r.id
            ORDER BY id DESC LIMIT :shown) e) AS history,
        (SELECT count(*) > :shown FROM (
            SELECT FROM resource_event WHERE partnership_id = r.partnership_id AND request_id = r.id
            LIMIT :shown + 1) e) AS more
    FROM resource_request r WHERE r.partnership_id = :partnership_id AND r.id = :id
""")

READ_OFFER = text(f"""
    SELECT o.version, CAST({_OFFER} AS text) AS sent, CAST({_REQUEST} AS text) AS request
    FROM resource_offer o
    JOIN resource_request r ON r.partnership_id = o.partnership_id AND r.id = o.request_id
    WHERE o.partnership_id = :partnership_id AND o.request_id = :request_id AND o.id = :id
""")

# At least one row for a request that exists.
HISTORY = text(f"""
    SELECT e.id, e.sent FROM resource_request r
    LEFT JOIN LATERAL (
        SELECT e.id, CAST({_EVENT} AS text) AS sent FROM resource_event e
        WHERE e.partnership_id = r.partnership_id AND e.request_id = r.id AND e.id > :after
        ORDER BY e.id LIMIT :rows
    ) e ON true
    WHERE r.partnership_id = :partnership_id AND r.id = :id ORDER BY e.id
""")

# What a crew can do as a whole, or somebody brings along who belongs to it in that time. Days are those of its clock.
_CAN = """(
    needed.skill IS NULL OR needed.skill = ANY(o.skills) OR EXISTS (
        SELECT FROM crew_membership m
        JOIN qualification q ON q.partnership_id = m.partnership_id AND q.member_id = m.member_id
        WHERE m.partnership_id = o.partnership_id AND m.crew_id = o.id AND q.sort = 'skill' AND q.code = needed.skill
          AND daterange(m.since, m.until, '[]') * daterange(q.valid_from, q.valid_until, '[]')
              && daterange(CAST(r.starts_at AT TIME ZONE coalesce(o.time_zone, p.time_zone) AS date),
                           CAST(r.ends_at AT TIME ZONE coalesce(o.time_zone, p.time_zone) AS date), '[]')))"""

# At least one row for a request that exists.
HELPERS = text(f"""
    SELECT h.code, h.sent FROM resource_request r
    JOIN partnership p ON p.id = r.partnership_id
    LEFT JOIN service_type t ON t.partnership_id = r.partnership_id AND t.id = r.service_type_id
    CROSS JOIN LATERAL (SELECT coalesce(r.skill, t.skill) AS skill) needed
    LEFT JOIN LATERAL (
        SELECT o.code, CAST(json_build_object(
            'crew', {_crew("o.id")}, 'jurisdiction_id', o.jurisdiction_id,
            'offer_id', (SELECT f.id FROM resource_offer f
                         WHERE f.partnership_id = r.partnership_id AND f.request_id = r.id AND f.crew_id = o.id
                           AND f.state IN ('offered', 'accepted') AND f.ends_at > :now
                         ORDER BY f.id DESC LIMIT 1)) AS text) AS sent
        FROM crew o
        WHERE o.partnership_id = r.partnership_id AND o.jurisdiction_id <> r.jurisdiction_id
          AND o.disbanded_at IS NULL AND {_CAN} AND (CAST(:after AS text) IS NULL OR o.code > :after)
        ORDER BY o.code LIMIT :rows
    ) h ON true
    WHERE r.partnership_id = :partnership_id AND r.id = :id ORDER BY h.code
""")

# --- steps: the request's row is locked first, and covers its offers ------------------------------------------------

# One row, so what is read is what stands once the lock is held.
LOCK_REQUEST = text("""
    SELECT id, version, jurisdiction_id, title, note, skill, service_type_id, starts_at, ends_at, crews_wanted,
           ST_X(location) AS lon, ST_Y(location) AS lat, address, state
    FROM resource_request WHERE partnership_id = :partnership_id AND id = :id FOR NO KEY UPDATE
""")

OFFERS = text("""
    SELECT id, version, jurisdiction_id, crew_id, starts_at, ends_at, state
    FROM resource_offer WHERE partnership_id = :partnership_id AND request_id = :request_id ORDER BY id
""")

JURISDICTION = text("""
    SELECT 1 FROM jurisdiction WHERE partnership_id = :partnership_id AND id = :id AND NOT retired
""")

SERVICE_TYPE = text("""
    SELECT 1 FROM service_type WHERE partnership_id = :partnership_id AND id = :id AND NOT retired
""")

# In the order of ids, like everybody who locks crews.
LOCK_CREWS = text("""
    SELECT FROM crew WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE
""")

STAMP_CREWS = text("""
    UPDATE crew SET change = :change WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")

SETTLE_REQUEST = text("""
    UPDATE resource_request SET state = :state, version = version + 1
    WHERE partnership_id = :partnership_id AND id = :id
""")

SETTLE_OFFERS = text("""
    UPDATE resource_offer SET state = :state, version = version + 1
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")

RELEASE_OFFERS = text("""
    UPDATE resource_offer
    SET state = 'released', version = version + 1, ends_at = :end,
        starts_at = least(starts_at, CAST(:end AS timestamptz))
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")
