"""The SQL of the report."""

from __future__ import annotations

from sqlalchemy import text

# All questions in one pass over the clocks. A row says of which grouping it is by what it names.
REPORT = text("""
    SELECT c.sort, GROUPING(w.service_type_id, w.priority, w.jurisdiction_id) AS grouped,
           w.service_type_id, w.priority, w.jurisdiction_id,
           count(*) FILTER (WHERE c.breached) AS breached,
           count(*) FILTER (WHERE NOT c.breached AND c.stopped_because = 'done') AS met,
           count(*) FILTER (WHERE NOT c.breached AND c.stopped_because IS NULL) AS running,
           count(*) FILTER (WHERE NOT c.breached AND c.stopped_because <> 'done') AS not_counted
    FROM (
        SELECT work_order_id, sort, stopped_because,
               breached_at IS NOT NULL OR coalesce(stopped_at IS NULL AND due_at < :now, false) AS breached
        FROM service_clock
        WHERE partnership_id = :partnership_id AND started_at >= :from AND started_at < :to
    ) c
    JOIN work_order w ON w.partnership_id = :partnership_id AND w.id = c.work_order_id
    WHERE w.deleted_at IS NULL
      AND (CAST(:own AS uuid[]) IS NULL OR w.jurisdiction_id = ANY(CAST(:own AS uuid[])))
      AND (CAST(:jurisdiction_id AS uuid) IS NULL OR w.jurisdiction_id = :jurisdiction_id)
    GROUP BY GROUPING SETS (
        (c.sort), (c.sort, w.service_type_id), (c.sort, w.priority), (c.sort, w.jurisdiction_id))
""")

NAMES = text("""
    SELECT id, code, name FROM service_type
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:service_type_ids AS uuid[]))
    UNION ALL
    SELECT id, code, name FROM jurisdiction
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:jurisdiction_ids AS uuid[]))
""")
