"""The SQL of policies."""

from __future__ import annotations

from sqlalchemy import text

_POLICIES = """
    SELECT p.id, p.number, p.starts_at, p.note, p.published_at, p.published_by,
           (SELECT min(n.starts_at) FROM service_policy n
            WHERE n.partnership_id = p.partnership_id AND n.starts_at > p.starts_at) AS ends_at,
           (SELECT count(*) FROM service_target t
            WHERE t.partnership_id = p.partnership_id AND t.policy_id = p.id) AS target_count
    FROM service_policy p
    WHERE p.partnership_id = :partnership_id"""

LIST = text(
    f"{_POLICIES} AND (CAST(:after AS timestamptz) IS NULL OR p.starts_at > :after) ORDER BY p.starts_at LIMIT :rows"
)
READ = text(f"{_POLICIES} AND p.id = :id")
IN_FORCE = text(f"{_POLICIES} AND p.starts_at <= :at ORDER BY p.starts_at DESC LIMIT 1")

TARGETS = text("""
    SELECT coalesce(json_agg(t), '[]')::text FROM (
        SELECT id, service_type_id, priority, jurisdiction_id, calendar_id, response_minutes, resolution_minutes,
               pauses_on_hold
        FROM service_target WHERE partnership_id = :partnership_id AND policy_id = :id
        ORDER BY service_type_id NULLS LAST, priority NULLS LAST, jurisdiction_id NULLS LAST
    ) t
""")

NUMBERS = text("""
    SELECT count(*) AS policies, coalesce(max(number), 0) AS last
    FROM service_policy WHERE partnership_id = :partnership_id
""")

INSERT = text("""
    INSERT INTO service_policy (partnership_id, id, number, starts_at, note, published_at, published_by)
    VALUES (:partnership_id, :id, :number, :starts_at, :note, :at, :staff_id)
""")

INSERT_TARGETS = text("""
    INSERT INTO service_target (partnership_id, id, policy_id, service_type_id, priority, jurisdiction_id, calendar_id,
                                response_minutes, resolution_minutes, pauses_on_hold)
    SELECT :partnership_id, r.id, :policy_id, r.service_type_id, r.priority, r.jurisdiction_id, r.calendar_id,
           r.response_minutes, r.resolution_minutes, r.pauses_on_hold
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, service_type_id uuid, priority int, jurisdiction_id uuid, calendar_id uuid, response_minutes int,
        resolution_minutes int, pauses_on_hold boolean)
""")

# Calendars are held until the commit: somebody else may be removing one. The others are never removed.
KNOWN = {
    "service_type_id": text(
        "SELECT id FROM service_type WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))"
    ),
    "jurisdiction_id": text(
        "SELECT id FROM jurisdiction WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))"
    ),
    "calendar_id": text(
        "SELECT id FROM business_calendar WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))"
        " ORDER BY id FOR KEY SHARE"
    ),
}

LOCK = text("SELECT starts_at FROM service_policy WHERE partnership_id = :partnership_id AND id = :id FOR UPDATE")
DELETE_TARGETS = text("DELETE FROM service_target WHERE partnership_id = :partnership_id AND policy_id = :id")
DELETE = text("DELETE FROM service_policy WHERE partnership_id = :partnership_id AND id = :id")
