"""The SQL of versions, their reports and their findings."""

from __future__ import annotations

from sqlalchemy import text

_COLUMNS = """
    v.id, v.layer_id, l.name AS layer, l.role, v.number, v.status, lower(v.during) AS starts, upper(v.during) AS ends,
    v.status = 'published' AND v.during @> clock_timestamp() AS in_force,
    v.source_name, v.reading, v.notes, v.repair_of, v.area_count, v.created_at, v.created_by, v.checked_at,
    v.checked_against, v.errors, v.warnings, v.notices, v.measures, v.acknowledged, v.published_at, v.published_by,
    v.withdrawn_at, v.withdrawn_by
"""

_FROM = """
    FROM layer_version AS v JOIN layer AS l ON l.partnership_id = v.partnership_id AND l.id = v.layer_id
    WHERE v.partnership_id = :partnership_id
"""

LIST = text(f"""
    SELECT {_COLUMNS} {_FROM} AND v.layer_id = :layer_id
      AND (CAST(:status AS text) IS NULL OR v.status = :status)
      AND (CAST(:before AS int) IS NULL OR v.number < :before)
    ORDER BY v.number DESC LIMIT :rows
""")

# `last_id`: the version that a draft would follow. A report that was made against another one says little.
READ = text(f"""
    SELECT {_COLUMNS},
           coalesce((
               SELECT json_agg(json_build_object('kind', kind, 'severity', severity, 'findings', findings)
                               ORDER BY array_position(ARRAY['error', 'warning', 'notice'], severity), kind)
               FROM (SELECT kind, severity, count(*) AS findings FROM finding
                     WHERE partnership_id = v.partnership_id AND version_id = v.id GROUP BY kind, severity) AS counted
           ), '[]') AS kinds,
           (SELECT last.id FROM layer_version AS last
            WHERE last.partnership_id = v.partnership_id AND last.layer_id = v.layer_id AND last.status = 'published'
            ORDER BY last.starts DESC LIMIT 1) AS last_id,
           (SELECT made.result FROM boundary_run AS made
            WHERE made.partnership_id = v.partnership_id AND made.layer_id = v.layer_id AND made.version_id = v.id
              AND made.sort = 'repair' AND made.state = 'done'
            ORDER BY made.id DESC LIMIT 1) AS repair,
           coalesce((SELECT json_agg(json_build_object('id', run.id, 'sort', run.sort, 'state', run.state)
                                     ORDER BY run.id)
            FROM boundary_run AS run
            WHERE run.partnership_id = v.partnership_id AND run.layer_id = v.layer_id AND run.version_id = v.id
              AND run.state IN ('waiting', 'running')), '[]') AS runs
    {_FROM} AND v.id = :version_id
""")

_FINDING = """
        'number', number, 'kind', kind, 'severity', severity, 'sentence', sentence, 'features', features,
        'codes', codes, 'measures', measures"""

_PLACE = "CAST(ST_AsGeoJSON(place, 12) AS json)"

_FOUND = """
    FROM finding
    WHERE partnership_id = :partnership_id AND version_id = :version_id AND number > :after
      AND (CAST(:severities AS text[]) IS NULL OR severity = ANY(CAST(:severities AS text[])))
      AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(CAST(:kinds AS text[])))
    ORDER BY number LIMIT :rows
"""

FINDINGS = text(f"SELECT number, json_build_object({_FINDING}, 'place', {_PLACE})::text AS sent {_FOUND}")

FEATURES = text(f"""
    SELECT number, json_build_object(
        'type', 'Feature', 'id', number, 'geometry', {_PLACE}, 'properties', json_build_object({_FINDING})
    )::text AS sent {_FOUND}
""")

BRIEF = text("""
    SELECT id, layer_id, status, number FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
""")

LAST_OTHER = text("""
    SELECT id FROM layer_version
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id AND status = 'published' AND id <> :version_id
      AND (CAST(:starts AS timestamptz) IS NULL OR starts < :starts)
    ORDER BY starts DESC LIMIT 1
""")

LOCK = text("""
    SELECT layer_id, status, number, starts FROM layer_version
    WHERE partnership_id = :partnership_id AND id = :version_id
    FOR UPDATE
""")

IN_USE = text("""
    SELECT 1 FROM boundary_run
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id AND version_id = :version_id
      AND state IN ('waiting', 'running') AND id IS DISTINCT FROM :but_for
    LIMIT 1
""")

FORGET_IN_RUNS = text("""
    UPDATE boundary_run SET version_id = NULL
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id AND version_id = :version_id
""")

DELETE_AREAS = text("DELETE FROM area WHERE partnership_id = :partnership_id AND version_id = :version_id")

DELETE_VERSION = text("DELETE FROM layer_version WHERE partnership_id = :partnership_id AND id = :version_id")
