"""The board's SQL. All bind ``partnership_id`` and most ``own``: jurisdictions, null for all of them.

Each is one statement, whatever the number of crews and jobs. Documents are made by the database: one value is read
instead of thousands of rows.
"""

from __future__ import annotations

from sqlalchemy import text

from fieldsync.workorders.rules import DONE, Status

OWN = "(CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[])))"

# Word for word the condition of the index of open ones.
_OPEN = "w.status IN ('open', 'in_progress', 'on_hold') AND w.deleted_at IS NULL"
assert set(Status) - DONE == {Status.OPEN, Status.IN_PROGRESS, Status.ON_HOLD}

_DUE = "least(w.due_at, w.respond_by, w.resolve_by)"

# What is due at no time comes after all that is.
_BY_DUE = f"coalesce({_DUE}, timestamptz '9999-12-31 00:00:00+00')"

_NOTHING_PLANNED = """NOT EXISTS (
    SELECT FROM assignment p
    WHERE p.partnership_id = w.partnership_id AND p.work_order_id = w.id AND p.state = 'planned' AND p.ends_at > :at)"""

# As what is planned overlaps a time that begins now and has no end: the index of what is planned knows it so, too.
_STILL_PLANNED = """
    SELECT DISTINCT p.work_order_id FROM assignment p
    WHERE p.partnership_id = :partnership_id AND p.state = 'planned' AND p.ends_at > :at
      AND tstzrange(p.starts_at, p.ends_at) && tstzrange(:at, NULL)"""

_JOB = f"""'id', w.id, 'version', w.version, 'etag', '"' || w.version || '"', 'change', w.change, 'title', w.title,
    'status', w.status, 'priority', w.priority, 'service_type_id', w.service_type_id,
    'jurisdiction_id', w.jurisdiction_id, 'crew_id', w.crew_id,
    'location', json_build_object('lon', ST_X(w.location), 'lat', ST_Y(w.location)),
    'minutes', coalesce(s.minutes, :usual),
    'due_at', w.due_at, 'respond_by', w.respond_by, 'resolve_by', w.resolve_by, 'due', {_DUE}"""

_SERVICE_TYPE = "JOIN service_type s ON s.partnership_id = w.partnership_id AND s.id = w.service_type_id"

# No assignment is longer than a day, so the index on their beginning serves.
_IN_TIME = "a.starts_at < :ends AND a.starts_at > :earliest AND a.ends_at > :starts"

HEAD = text("""
    SELECT h.change, h.epoch, p.time_zone FROM head h JOIN partnership p ON p.id = h.partnership_id
    WHERE h.partnership_id = :partnership_id
""")

# These crews (null: every one), whether each has anything to do in the time, and whether that is in her jurisdictions.
CREWS = text(f"""
    SELECT c.id, c.jurisdiction_id, c.disbanded_at IS NOT NULL AS disbanded, coalesce(bool_or(true) FILTER (
               WHERE a.id IS NOT NULL), false) AS busy,
           coalesce(bool_or({OWN}) FILTER (WHERE a.id IS NOT NULL), false) AS hers
    FROM crew c
    LEFT JOIN LATERAL (
        SELECT a.id, a.work_order_id FROM assignment a
        WHERE a.partnership_id = c.partnership_id AND a.crew_id = c.id AND a.state <> 'released' AND {_IN_TIME}
        OFFSET 0
    ) a ON true
    LEFT JOIN work_order w ON w.partnership_id = c.partnership_id AND w.id = a.work_order_id
    WHERE c.partnership_id = :partnership_id
      AND (CAST(:crew_ids AS uuid[]) IS NULL OR c.id = ANY(CAST(:crew_ids AS uuid[])))
    GROUP BY c.partnership_id, c.id ORDER BY c.code
""")

PLANNED = text(f"""
    SELECT coalesce(json_agg(json_build_object(
        'id', a.id, 'version', a.version, 'crew_id', a.crew_id, 'starts_at', a.starts_at, 'ends_at', a.ends_at,
        'minutes', a.minutes, 'state', a.state, 'pinned', a.pinned, 'grant_id', a.grant_id,
        'work_order', json_build_object({_JOB}), 'facts', json_build_object(
            'id', w.id, 'title', w.title, 'jurisdiction_id', w.jurisdiction_id, 'service_type_id', w.service_type_id,
            'service_type', s.name, 'skill', s.skill, 'certificates', s.certificates,
            'minutes', coalesce(s.minutes, :usual), 'at', json_build_array(ST_X(w.location), ST_Y(w.location)),
            'status', w.status, 'crew_id', w.crew_id)) ORDER BY a.starts_at, a.id), '[]')::text
    FROM (
        SELECT a.* FROM unnest(CAST(:crew_ids AS uuid[])) AS c (id) CROSS JOIN LATERAL (
            SELECT * FROM assignment a
            WHERE a.partnership_id = :partnership_id AND a.crew_id = c.id AND a.state <> 'released' AND {_IN_TIME}
            OFFSET 0
        ) a LIMIT :rows
    ) a
    JOIN work_order w ON w.partnership_id = :partnership_id AND w.id = a.work_order_id
    {_SERVICE_TYPE}
""")

# The page is found by what it is sorted by, and only then read whole.
UNASSIGNED = text(f"""
    SELECT coalesce(json_agg(json_build_object({_JOB}) ORDER BY {_BY_DUE}, w.id), '[]')::text
    FROM (
        SELECT w.* FROM work_order w
        WHERE w.partnership_id = :partnership_id AND {_OPEN} AND {OWN} AND {_NOTHING_PLANNED}
          AND ({_BY_DUE}, w.id) > (CAST(:after_due AS timestamptz), CAST(:after_id AS uuid))
        ORDER BY {_BY_DUE}, w.id LIMIT :rows
    ) w {_SERVICE_TYPE}
""")

COUNTS = text(f"""
    WITH planned AS MATERIALIZED ({_STILL_PLANNED}), waiting AS (
        SELECT w.jurisdiction_id, count(*) FILTER (WHERE p.work_order_id IS NULL) AS jobs,
               count(*) FILTER (WHERE p.work_order_id IS NULL AND {_DUE} <= :at) AS overdue,
               min({_DUE}) FILTER (WHERE p.work_order_id IS NULL) AS next_due,
               count(*) FILTER (WHERE w.respond_by <= :at) AS response,
               count(*) FILTER (WHERE w.resolve_by <= :at) AS resolution
        FROM work_order w LEFT JOIN planned p ON p.work_order_id = w.id
        WHERE w.partnership_id = :partnership_id AND {_OPEN} AND {OWN} GROUP BY w.jurisdiction_id
    )
    SELECT json_build_object(
        'unassigned', (SELECT coalesce(json_agg(json_build_object(
                'jurisdiction_id', jurisdiction_id, 'jobs', jobs, 'overdue', overdue, 'next_due', next_due)
                ORDER BY jurisdiction_id), '[]') FROM waiting WHERE jobs > 0),
        'breached', (SELECT json_build_object('response', coalesce(sum(response), 0),
                                              'resolution', coalesce(sum(resolution), 0)) FROM waiting),
        'conflicts', (SELECT coalesce(json_object_agg(sort, number), '{{}}') FROM (
            SELECT c.sort, count(*) AS number
            FROM conflict c JOIN work_order w ON w.partnership_id = c.partnership_id AND w.id = c.work_order_id
            WHERE c.partnership_id = :partnership_id AND c.state = 'open' AND {OWN} GROUP BY c.sort ORDER BY c.sort) n),
        'triage', (SELECT coalesce(json_object_agg(triage, number), '{{}}') FROM (
            SELECT w.triage, count(*) AS number FROM work_order w
            WHERE w.partnership_id = :partnership_id AND w.triage <> 'accepted' AND w.deleted_at IS NULL AND {OWN}
            GROUP BY w.triage ORDER BY w.triage) n)
    )::text
""")

# What was written after a number, in the order of the commits; each table is read along its index.
CHANGED = text("""
    SELECT change, work_order_id, crew_id, assignment_id, everything FROM (
        (SELECT change, id AS work_order_id, CAST(NULL AS uuid) AS crew_id, CAST(NULL AS uuid) AS assignment_id,
                false AS everything
         FROM work_order WHERE partnership_id = :partnership_id AND change > :since ORDER BY change, id LIMIT :rows)
        UNION ALL
        (SELECT change, work_order_id, crew_id, id, false
         FROM assignment WHERE partnership_id = :partnership_id AND change > :since ORDER BY change, id LIMIT :rows)
        UNION ALL
        (SELECT change, NULL, id, NULL, false
         FROM crew WHERE partnership_id = :partnership_id AND change > :since ORDER BY change, id LIMIT :rows)
        UNION ALL
        -- What a kind of work needs is in every job of it.
        (SELECT change, NULL, NULL, NULL, true
         FROM service_type WHERE partnership_id = :partnership_id AND change > :since ORDER BY change, id LIMIT 1)
    ) c ORDER BY change LIMIT :rows
""")

# Jobs for which something was planned, up to a moment between the two questions. The limit is one of jobs, not of their
# parts: else fewer of them would look like all.
RUN_OUT = text("""
    SELECT DISTINCT work_order_id FROM assignment
    WHERE partnership_id = :partnership_id AND state = 'planned'
      AND tstzrange(starts_at, ends_at) && tstzrange(CAST(:seen_at AS timestamptz), :at, '[]')
      AND ends_at > CAST(:seen_at AS timestamptz) AND ends_at <= :at
    LIMIT :rows
""")

# The crews on whose days a change can be seen: those that were written, those that an assignment left, and those that
# have one of a work order that was written.
AFFECTED_CREWS = text(f"""
    SELECT unnest(CAST(:crew_ids AS uuid[])) AS id
    UNION
    SELECT CAST(e.before ->> 'crew_id' AS uuid)
    FROM unnest(CAST(:assignment_ids AS uuid[])) AS changed (id) CROSS JOIN LATERAL (
        SELECT before FROM assignment_event
        WHERE partnership_id = :partnership_id AND assignment_id = changed.id AND before IS NOT NULL OFFSET 0
    ) e
    UNION
    SELECT a.crew_id FROM unnest(CAST(:work_order_ids AS uuid[])) AS changed (id) CROSS JOIN LATERAL (
        SELECT crew_id FROM assignment a
        WHERE a.partnership_id = :partnership_id AND a.work_order_id = changed.id AND a.state <> 'released'
          AND {_IN_TIME}
        OFFSET 0
    ) a
""")

# She is told of one that she does not see any more only where she could have seen it: it was one of her jurisdictions'
# before it was placed anew, or it is one and has been deleted.
JOBS = text(f"""
    SELECT coalesce(json_agg(json_build_object(
        'id', w.id,
        -- Nobody's jobs, in triage, are not known to be hers, which SQL has as null.
        'seen', w.deleted_at IS NULL AND coalesce({OWN}, false),
        'left', coalesce({OWN}, false) OR EXISTS (
            SELECT FROM placement_change c
            WHERE c.partnership_id = w.partnership_id AND c.work_order_id = w.id
              AND CAST(c.from_placement ->> 'jurisdiction_id' AS uuid) = ANY(CAST(:own AS uuid[]))),
        'job', json_build_object({_JOB}, 'unassigned', {_OPEN} AND {_NOTHING_PLANNED})) ORDER BY w.id), '[]')::text
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT * FROM work_order WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
    ) w {_SERVICE_TYPE}
""")

ASSIGNMENTS = text("""
    SELECT coalesce(json_agg(json_build_object(
        'id', a.id, 'version', a.version, 'change', a.change, 'work_order_id', a.work_order_id, 'crew_id', a.crew_id,
        'starts_at', a.starts_at, 'ends_at', a.ends_at, 'state', a.state, 'released_because', a.released_because)
        ORDER BY a.change, a.id), '[]')::text
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT * FROM assignment WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
    ) a
    JOIN work_order w ON w.partnership_id = :partnership_id AND w.id = a.work_order_id
    JOIN crew k ON k.partnership_id = :partnership_id AND k.id = a.crew_id
    WHERE CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[]))
       OR k.jurisdiction_id = ANY(CAST(:own AS uuid[]))
""")
