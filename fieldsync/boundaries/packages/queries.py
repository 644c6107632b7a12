"""The SQL of packages."""

from __future__ import annotations

from sqlalchemy import text

# Overlays in their order, then the jurisdiction layer: as they are asked.
IN_FORCE = text("""
    SELECT l.id AS layer_id, v.id AS version_id, v.number, l.name, l.role, l.rank, l.service_types, l.tolerance_m,
           l.border_m
    FROM layer l JOIN layer_version v ON v.partnership_id = l.partnership_id AND v.layer_id = l.id
    WHERE l.partnership_id = :partnership_id AND l.role IN ('jurisdiction', 'overlay')
      AND v.status = 'published' AND v.during @> CAST(:at AS timestamptz)
    ORDER BY l.rank NULLS LAST
""")

NOW = text("SELECT clock_timestamp()")

# Of drafts nobody has an outline: a package never holds one.
LAYERS_OF = text("""
    SELECT id, layer_id FROM layer_version
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:version_ids AS uuid[])) AND status <> 'draft'
""")

VERTICES = text("""
    SELECT coalesce(sum(ST_NPoints(geom)), 0) FROM area
    WHERE partnership_id = :partnership_id AND version_id = :version_id
""")

STORED = text("""
    SELECT version_id, topology FROM version_outline
    WHERE partnership_id = :partnership_id AND version_id = ANY(CAST(:version_ids AS uuid[])) AND recipe = :recipe
""")

STORE = text("""
    INSERT INTO version_outline (partnership_id, version_id, recipe, topology, made_at)
    VALUES (:partnership_id, :version_id, :recipe, :topology, :made_at)
    ON CONFLICT (partnership_id, version_id)
    DO UPDATE SET recipe = excluded.recipe, topology = excluded.topology, made_at = excluded.made_at
""")

# The layer's latest stay, for tablets that have been away.
PRUNE = text("""
    DELETE FROM version_outline o
    USING (
        SELECT v.id, row_number() OVER (ORDER BY v.published_at DESC, v.id DESC) AS n
        FROM layer_version v
        WHERE v.partnership_id = :partnership_id AND v.status <> 'draft'
          AND v.layer_id = (SELECT layer_id FROM layer_version
                            WHERE partnership_id = :partnership_id AND id = :version_id)
    ) AS latest
    WHERE o.partnership_id = :partnership_id AND o.version_id = latest.id AND o.version_id <> :version_id
      AND latest.n > :kept
""")
