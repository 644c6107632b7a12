"""The SQL of assignments: each statement for a whole request. Rows of assignments are written under the head."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.workorders.queries import record_json

EVENTS_MAX = 100
"""Events shown of one assignment: nobody moves one as often in earnest."""

# Locked in id order, after the work orders and before the head. Their members and shifts change under the same lock.
LOCK_CREWS = text("""
    SELECT c.id, c.jurisdiction_id FROM (
        SELECT DISTINCT unnest(CAST(:ids AS uuid[])) AS id ORDER BY id
    ) wanted CROSS JOIN LATERAL (
        SELECT id, jurisdiction_id FROM crew
        WHERE partnership_id = :partnership_id AND id = wanted.id FOR NO KEY UPDATE
    ) c
""")

# Of two who would use up what a cap leaves, the second counts again. Whatever becomes of its version: terms stay.
LOCK_CAPS = text("""
    SELECT id FROM agreement_term
    WHERE partnership_id = :partnership_id AND cap_period IS NOT NULL
      AND giver_id = ANY(CAST(:givers AS uuid[])) AND receiver_id = ANY(CAST(:receivers AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE
""")

_FIELDS = (
    "id",
    "version",
    "work_order_id",
    "crew_id",
    "starts_at",
    "ends_at",
    "minutes",
    "pinned",
    "state",
    "grant_id",
)

# What is planned for these work orders, and these assignments whatever has become of them.
PARTS = text(f"""
    SELECT coalesce(json_agg(a), '[]')::text FROM (
        SELECT {", ".join(f"t.{name}" for name in _FIELDS)}
        FROM unnest(CAST(:work_order_ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
            SELECT * FROM assignment
            WHERE partnership_id = :partnership_id AND work_order_id = wanted.id
              AND (state = 'planned' OR id = ANY(CAST(:ids AS uuid[])))
            OFFSET 0
        ) t
    ) a
""")

# How assignments with these ids were made, whosever work order they are of: to know a repeated request.
MADE = text("""
    SELECT coalesce(json_agg(e), '[]')::text FROM (
        SELECT t.assignment_id AS id, t.work_order_id, t.staff_id, t.reason, t.after
        FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
            SELECT assignment_id, work_order_id, staff_id, reason, after FROM assignment_event
            WHERE partnership_id = :partnership_id AND assignment_id = wanted.id AND action = 'assigned' OFFSET 0
        ) t
    ) e
""")

# Whose an assignment is: of which work order, and of which crew. Neither is read for deciding.
OF_WORK_ORDERS = text("""
    SELECT t.id, t.work_order_id, t.crew_id, k.jurisdiction_id AS employer_id, t.starts_at, t.ends_at
    FROM assignment t JOIN crew k ON k.partnership_id = t.partnership_id AND k.id = t.crew_id
    WHERE t.partnership_id = :partnership_id AND t.id = ANY(CAST(:ids AS uuid[]))
""")

_ROW = """json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, work_order_id uuid, crew_id uuid, starts_at timestamptz, ends_at timestamptz, minutes int,
        pinned boolean, grant_id uuid)"""

INSERT = text(f"""
    INSERT INTO assignment
        (partnership_id, id, version, change, scope_crew_id, work_order_id, created_at, updated_at, crew_id, starts_at,
         ends_at, minutes, pinned, state, grant_id, assigned_by)
    SELECT :partnership_id, r.id, 1, :change, r.crew_id, r.work_order_id, :at, :at, r.crew_id, r.starts_at, r.ends_at,
           r.minutes, r.pinned, 'planned', r.grant_id, :staff_id
    FROM {_ROW}
""")

# One statement, at whose end the database looks that no crew is in two places: so two can exchange theirs.
MOVE = text(f"""
    UPDATE assignment t
    SET version = t.version + 1, change = :change, updated_at = :at, crew_id = r.crew_id, scope_crew_id = r.crew_id,
        starts_at = r.starts_at, ends_at = r.ends_at, minutes = r.minutes, pinned = r.pinned, grant_id = r.grant_id
    FROM {_ROW}
    WHERE t.partnership_id = :partnership_id AND t.id = r.id
""")

RELEASE = text("""
    UPDATE assignment
    SET version = version + 1, change = :change, updated_at = :at, state = 'released', released_because = :because
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")

INSERT_EVENTS = text("""
    INSERT INTO assignment_event
        (partnership_id, id, assignment_id, work_order_id, at, action, staff_id, reason, before, after)
    SELECT :partnership_id, r.id, r.assignment_id, r.work_order_id, :at, r.action, :staff_id, r.reason, r.before,
           r.after
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, assignment_id uuid, work_order_id uuid, action text, reason text, before jsonb, after jsonb)
""")

_SENT = """
        'id', t.id, 'version', t.version, 'etag', '"' || t.version || '"', 'change', t.change,
        'work_order_id', t.work_order_id, 'crew_id', t.crew_id, 'starts_at', t.starts_at, 'ends_at', t.ends_at,
        'minutes', t.minutes, 'pinned', t.pinned, 'state', t.state, 'released_because', t.released_because,
        'grant_id', t.grant_id, 'assigned_by', t.assigned_by, 'created_at', t.created_at, 'updated_at', t.updated_at"""

_HERS = "(CAST(:own AS uuid[]) IS NULL OR coalesce(w.jurisdiction_id = ANY(CAST(:own AS uuid[])), false))"
"""Whether a work order ``w`` is one that she dispatches."""

# To the home of a lent crew the history begins where its crew got the job: what was said while another partner's crew
# had it, and which one that was, is between that partner and the one where the work lies.
_EVENTS = f"""
        'events', coalesce((
            SELECT json_agg(json_build_object(
                'id', e.id, 'at', e.at, 'action', e.action, 'reason', e.reason,
                'before', CASE WHEN e.is_first THEN e.before || '{{"crew_id": null}}' ELSE e.before END,
                'after', e.after,
                'by', CASE WHEN s.id IS NOT NULL THEN json_build_object('id', s.id, 'name', s.name) END)
                ORDER BY e.at, e.id)
            FROM (
                SELECT v.*, v.id = got.id AS is_first
                FROM assignment_event v
                LEFT JOIN (
                    SELECT g.at, g.id FROM assignment_event g
                    JOIN crew f ON f.partnership_id = g.partnership_id AND f.id = CAST(g.before ->> 'crew_id' AS uuid)
                    WHERE g.partnership_id = t.partnership_id AND g.assignment_id = t.id
                      AND NOT {_HERS} AND f.jurisdiction_id <> ALL(CAST(:own AS uuid[]))
                    ORDER BY g.at DESC, g.id DESC LIMIT 1
                ) got ON true
                WHERE v.partnership_id = t.partnership_id AND v.assignment_id = t.id
                  AND (got.id IS NULL OR (v.at, v.id) >= (got.at, got.id))
                ORDER BY v.at DESC, v.id DESC LIMIT {EVENTS_MAX}
            ) e LEFT JOIN staff s ON s.partnership_id = e.partnership_id AND s.id = e.staff_id), '[]')"""

# Those of her jurisdictions' work orders, and those of her jurisdictions' crews wherever they are lent.
_OWN = (
    "(CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[]))"
    " OR k.jurisdiction_id = ANY(CAST(:own AS uuid[])))"
)

_FROM = """
    FROM assignment t
    JOIN work_order w ON w.partnership_id = t.partnership_id AND w.id = t.work_order_id
    JOIN crew k ON k.partnership_id = t.partnership_id AND k.id = t.crew_id"""

SENT = text(f"""
    SELECT t.id, t.version, CAST(json_build_object({_SENT}) AS text) AS sent FROM assignment t
    WHERE t.partnership_id = :partnership_id AND t.id = ANY(CAST(:ids AS uuid[]))
""")

READ = text(f"""
    SELECT t.version, CAST(json_build_object({_SENT}, {_EVENTS}) AS text) AS sent {_FROM}
    WHERE t.partnership_id = :partnership_id AND t.id = :id AND {_OWN}
""")

WORK_ORDERS = text(f"""
    SELECT w.id, w.version, CAST(json_build_object('kind', 'work_order', 'id', w.id, 'version', w.version,
        'etag', '"' || w.version || '"', 'record', {record_json("work_order", "w")}) AS text) AS sent
    FROM work_order w WHERE w.partnership_id = :partnership_id AND w.id = ANY(CAST(:ids AS uuid[]))
""")

OF_ONE = text("""
    SELECT w.jurisdiction_id FROM work_order w
    WHERE w.partnership_id = :partnership_id AND w.id = :work_order_id
      AND (CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[])))
""")

FILTERS = {
    "crew_id": "t.crew_id = :crew_id",
    "work_order_id": "t.work_order_id = :work_order_id",
    "jurisdiction_id": "w.jurisdiction_id = :jurisdiction_id",
    "since": "t.ends_at > :since",
    "until": "t.starts_at < :until",
    "state": "t.state = ANY(CAST(:state AS text[]))",
}
"""Filter -> its condition."""


def listed(given: Iterable[str], *, events: bool = False) -> sa.TextClause:
    """A page of assignments by their start, by the filters that are given: rows ``(starts_at, id, sent)``."""
    conditions = ["t.partnership_id = :partnership_id", "(t.starts_at, t.id) > (:after_start, CAST(:after_id AS uuid))"]
    conditions += [FILTERS[name] for name in sorted(given)]
    sent = f"{_SENT}, {_EVENTS}" if events else _SENT
    return text(f"""
        SELECT t.starts_at, t.id, CAST(json_build_object({sent}) AS text) AS sent {_FROM}
        WHERE {" AND ".join(conditions)} AND {_OWN}
        ORDER BY t.starts_at, t.id LIMIT :rows
    """)
