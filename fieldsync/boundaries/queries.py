"""The SQL of publications: what they go through, and what they did."""

from __future__ import annotations

from sqlalchemy import text

OPEN = "w.status IN ('open', 'in_progress', 'on_hold') AND w.deleted_at IS NULL"
"""Open work orders ``w``: word for word the condition of the index ``work_order_open``."""

COUNT_OPEN = text(f"SELECT count(*) FROM work_order w WHERE w.partnership_id = :partnership_id AND {OPEN}")

# One value, decoded at once: rows by the thousand take longer to fetch one by one than to place.
OPEN_AFTER = text(f"""
    SELECT coalesce(json_agg(o), '[]')::text FROM (
        SELECT w.id, ST_X(w.location) AS lon, ST_Y(w.location) AS lat, w.service_type_id, w.crew_id,
               w.jurisdiction_id, w.placed_version_id, w.placed_by, w.triage
        FROM work_order w
        WHERE w.partnership_id = :partnership_id AND w.id > :after AND {OPEN}
        ORDER BY w.id LIMIT :rows
    ) o
""")

VERSION = text("""
    SELECT v.id, v.number, v.status, v.starts, v.errors, l.id AS layer_id, l.name AS layer, l.role, l.rank,
           l.tolerance_m, l.border_m, l.service_types
    FROM layer_version v JOIN layer l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
    WHERE v.partnership_id = :partnership_id AND v.id = :version_id
""")

# When the first version after a moment comes into force, on any layer that decides.
NEXT_START = text("""
    SELECT min(v.starts)
    FROM layer l JOIN layer_version v ON v.partnership_id = l.partnership_id AND v.layer_id = l.id
    WHERE l.partnership_id = :partnership_id AND l.role IN ('jurisdiction', 'overlay')
      AND v.status = 'published' AND v.starts > :starts
""")

JURISDICTION_NAMES = text("""
    SELECT coalesce(json_object_agg(id, json_build_array(code, name)), '{}')::text
    FROM jurisdiction WHERE partnership_id = :partnership_id
""")

# Transactions that may have read the versions in force before a publication have a number below this one. They got
# it with their first lock, and they read the versions later.
HORIZON = text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
OLDEST_RUNNING = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")

MADE = text("""
    SELECT count(*) FILTER (WHERE c.moved) AS moved, count(*) FILTER (WHERE NOT c.moved) AS flagged,
           count(c.released_crew_id) AS released
    FROM (
        SELECT released_crew_id,
               from_placement ->> 'jurisdiction_id' IS DISTINCT FROM to_placement ->> 'jurisdiction_id' AS moved
        FROM placement_change
        WHERE partnership_id = :partnership_id AND cause = 'publication' AND cause_id = :version_id
    ) c
""")

# What a withdrawal gave back, and what it flagged beside that.
REVERSED = text("""
    SELECT count(*) FILTER (WHERE published) AS reversed, count(*) FILTER (WHERE NOT published) AS flagged
    FROM (
        SELECT EXISTS (
            SELECT 1 FROM placement_change p
            WHERE p.partnership_id = c.partnership_id AND p.cause_id = c.cause_id AND p.cause = 'publication'
              AND p.work_order_id = c.work_order_id
        ) AS published
        FROM placement_change c
        WHERE c.partnership_id = :partnership_id AND c.cause_id = :version_id AND c.cause = 'withdrawal'
    ) w
""")

MADE_AFTER = text("""
    SELECT work_order_id, version, from_placement, to_placement, released_crew_id
    FROM placement_change
    WHERE partnership_id = :partnership_id AND cause = 'publication' AND cause_id = :version_id
      AND reversed_at IS NULL AND work_order_id > :after
    ORDER BY work_order_id LIMIT :rows
""")

LOOKED_AT = text("""
    UPDATE placement_change SET reversed_at = :at
    WHERE partnership_id = :partnership_id AND cause_id = :version_id AND work_order_id = ANY(CAST(:ids AS uuid[]))
      AND cause = 'publication'
""")
