"""The SQL of the clocks: each statement handles a whole batch. Look-ups by many ids go through LATERAL … OFFSET 0, as
the journal's do."""

from __future__ import annotations

from sqlalchemy import text

# Asked for every batch that may touch clocks, so it is one row. The calendars are held as they are until the commit:
# who changes one waits for the clocks that are reckoned by it now, and then sees them (see docs/service-levels.md).
_LOOK = """
    SELECT (SELECT coalesce(json_agg(json_build_array(starts_at, id) ORDER BY starts_at), '[]')
            FROM service_policy WHERE partnership_id = :partnership_id)::text AS policies,
           (SELECT json_object_agg(c.id, c.version) FROM (
                SELECT id, version FROM business_calendar
                WHERE partnership_id = :partnership_id
                  AND EXISTS (SELECT FROM service_policy WHERE partnership_id = :partnership_id)
                {held}
            ) c)::text AS calendars
"""
LOOK = text(_LOOK.format(held="FOR SHARE"))
GLANCE = text(_LOOK.format(held=""))
"""The same for who only reads."""

TERMS = text("""
    SELECT (SELECT coalesce(json_agg(t), '[]') FROM (
                SELECT policy_id, id, service_type_id, priority, jurisdiction_id, calendar_id, response_minutes,
                       resolution_minutes, pauses_on_hold
                FROM service_target
                WHERE partnership_id = :partnership_id AND policy_id = ANY(CAST(:policy_ids AS uuid[]))
            ) t)::text AS targets,
           (SELECT coalesce(json_agg(c), '[]') FROM (
                SELECT b.id, b.version, b.time_zone, b.hours, coalesce(
                    (SELECT json_agg(h.day) FROM holiday h
                     WHERE h.partnership_id = b.partnership_id AND h.calendar_id = b.id), '[]') AS holidays
                FROM business_calendar b
                WHERE b.partnership_id = :partnership_id AND b.id = ANY(CAST(:calendar_ids AS uuid[]))
            ) c)::text AS calendars
""")

# Work orders as they were before the batch, whose lock is held.
JOBS = text("""
    SELECT coalesce(json_agg(j), '[]')::text FROM (
        SELECT w.*,
               (SELECT json_object_agg(c.sort, c) FROM (
                    SELECT w.id AS work_order_id, sort, policy_id, target_id, calendar_id, target_minutes, started_at,
                           spent_minutes, running_since, due_at, stopped_at, stopped_because, breached_at
                    FROM service_clock WHERE partnership_id = :partnership_id AND work_order_id = w.id
                ) c) AS clocks,
               (SELECT json_agg(p) FROM (
                    SELECT id, cause, reason, starts_at, staff_id
                    FROM service_pause
                    WHERE partnership_id = :partnership_id AND work_order_id = w.id AND ends_at IS NULL
                    ORDER BY cause
                ) p) AS pauses,
               (SELECT max(ends_at) FROM service_pause
                WHERE partnership_id = :partnership_id AND work_order_id = w.id) AS paused_until
        FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
            SELECT id, status, service_type_id, priority, jurisdiction_id, deleted_at IS NOT NULL AS deleted
            FROM work_order WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
        ) w
    ) j
""")

# Clocks as they are when they start: most of all that are written, and half the work for the database.
START_CLOCKS = text("""
    INSERT INTO service_clock
        (partnership_id, work_order_id, sort, policy_id, target_id, calendar_id, target_minutes, started_at,
         spent_minutes, running_since, due_at)
    SELECT :partnership_id, r.w, p.sort, p.policy_id, p.target_id, p.calendar_id, p.target_minutes, r.s, 0, r.s, r.d
    FROM json_to_recordset(CAST(:rows AS json)) AS r (w uuid, n int, s timestamptz, d timestamptz)
    JOIN json_to_recordset(CAST(:promised AS json)) AS p (
        n int, sort text, policy_id uuid, target_id uuid, calendar_id uuid, target_minutes int) ON p.n = r.n
""")

_MAY_CHANGE = (
    "target_id", "calendar_id", "target_minutes", "spent_minutes", "running_since", "due_at", "stopped_at",
    "stopped_because", "breached_at",
)  # fmt: skip

KEEP_CLOCKS = text(f"""
    INSERT INTO service_clock
        (partnership_id, work_order_id, sort, policy_id, started_at, target_id, calendar_id, target_minutes,
         spent_minutes, running_since, due_at, stopped_at, stopped_because, breached_at)
    SELECT :partnership_id, r.work_order_id, r.sort, r.policy_id, r.started_at, r.target_id, r.calendar_id,
           r.target_minutes, coalesce(r.spent_minutes, 0), r.running_since, r.due_at, r.stopped_at, r.stopped_because,
           r.breached_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        work_order_id uuid, sort text, policy_id uuid, target_id uuid, calendar_id uuid, target_minutes int,
        started_at timestamptz, spent_minutes float, running_since timestamptz, due_at timestamptz,
        stopped_at timestamptz, stopped_because text, breached_at timestamptz)
    ON CONFLICT (partnership_id, work_order_id, sort) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in _MAY_CHANGE)}
""")

KEEP_PAUSES = text("""
    INSERT INTO service_pause (partnership_id, id, work_order_id, cause, reason, starts_at, ends_at, staff_id,
                               resume_reason, resumed_by)
    SELECT :partnership_id, r.*
    FROM json_to_recordset(CAST(:rows AS json)) AS r (
        id uuid, work_order_id uuid, cause text, reason text, starts_at timestamptz, ends_at timestamptz,
        staff_id uuid, resume_reason text, resumed_by uuid)
    ON CONFLICT (partnership_id, id) DO UPDATE
    SET ends_at = excluded.ends_at, resume_reason = excluded.resume_reason, resumed_by = excluded.resumed_by
""")

# For who changes clocks without an edit: the journal writes these along with the record.
STAMP = text("""
    UPDATE work_order w SET change = :change, respond_by = r.respond_by, resolve_by = r.resolve_by
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, respond_by timestamptz, resolve_by timestamptz)
    CROSS JOIN LATERAL (
        SELECT ctid FROM work_order WHERE partnership_id = :partnership_id AND id = r.id OFFSET 0
    ) found
    WHERE w.ctid = found.ctid
""")
