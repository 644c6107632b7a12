"""The SQL of suggestions: which crews and which work orders are looked at."""

from __future__ import annotations

from sqlalchemy import text

from fieldsync.dispatch.situation import JOB_JSON

# The crews of where the work lies before others, then by the distance of their depots. One partnership has some
# hundreds of crews at most: sorting them takes no index.
CREWS = text("""
    SELECT id FROM crew
    WHERE partnership_id = :partnership_id AND disbanded_at IS NULL
      AND (CAST(:employers AS uuid[]) IS NULL OR jurisdiction_id = ANY(CAST(:employers AS uuid[])))
    ORDER BY jurisdiction_id IS DISTINCT FROM :home,
             ST_DistanceSphere(depot, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)) NULLS LAST, id
    LIMIT :rows
""")

# What the work order itself is planned for: it makes room where it moves away.
PLANNED = text("""
    SELECT id, crew_id, grant_id, starts_at, minutes FROM assignment
    WHERE partnership_id = :partnership_id AND work_order_id = :work_order_id AND state = 'planned'
""")

# The nearest ones and the most urgent ones of all that wait. All that wait are read, along the index of open work
# orders: an index of places would lead past every one that was ever done there.
JOBS = text(f"""
    WITH waiting AS MATERIALIZED (
        SELECT w.partnership_id, w.id, w.title, w.jurisdiction_id, w.service_type_id, w.location, w.status, w.crew_id,
               w.priority, w.due_at, w.respond_by, w.resolve_by,
               least(w.due_at, w.respond_by, w.resolve_by) AS due, d.metres
        FROM work_order w
        CROSS JOIN LATERAL (
            SELECT ST_DistanceSphere(
                w.location, ST_SetSRID(ST_MakePoint(CAST(:lon AS float8), CAST(:lat AS float8)), 4326)) AS metres
            OFFSET 0) d
        WHERE w.partnership_id = :partnership_id
          AND w.status IN ('open', 'in_progress', 'on_hold') AND w.deleted_at IS NULL
          -- What is on hold waits for something else than a crew.
          AND w.status <> 'on_hold'
          AND w.jurisdiction_id = ANY(CAST(:jurisdictions AS uuid[]))
          -- What nobody has is planned for nobody; so only the crew's own are looked up among what is planned.
          AND (w.crew_id IS NULL OR w.crew_id = :crew_id AND NOT EXISTS (
              SELECT FROM assignment a
              WHERE a.partnership_id = w.partnership_id AND a.work_order_id = w.id AND a.state = 'planned'))
          AND (CAST(:reach_m AS int) IS NULL OR d.metres IS NULL OR round(d.metres) <= :reach_m)
    ), chosen AS (
        (SELECT id FROM waiting ORDER BY metres NULLS LAST, id LIMIT :near)
        UNION
        (SELECT id FROM waiting ORDER BY due NULLS LAST, priority, id LIMIT :urgent)
    )
    SELECT CAST(coalesce(json_agg({JOB_JSON}), '[]') AS text) AS jobs, (SELECT count(*) FROM waiting) AS waiting
    FROM chosen JOIN waiting w ON w.id = chosen.id
    JOIN service_type s ON s.partnership_id = w.partnership_id AND s.id = w.service_type_id
""")
