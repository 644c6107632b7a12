"""The SQL of triage. All bind ``partnership_id`` and ``own``: jurisdictions, null for all of them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.office.queries import OWN, placement, sent

PIECES_NEAR = 24
"""Pieces of areas among which the nearest areas of a point are sought; a large area has many."""

AREAS_NEAR = 3

FILTERS = {
    "reason": "w.triage = :reason",
    "jurisdiction_id": "w.jurisdiction_id = :jurisdiction_id",
    "status": "w.status = ANY(CAST(:status AS text[]))",
}
"""Filter -> condition on work orders ``w``."""

# The nearest areas of the jurisdiction layer's version in force (``base_id``): whose it could be.
_NEAR = f"""(
    SELECT coalesce(json_agg(json_build_object(
               'code', n.code, 'name', n.name, 'jurisdiction_id', n.jurisdiction_id,
               'distance_m', round(CAST(n.distance_m AS numeric), 1)) ORDER BY n.distance_m, n.code), '[]')
    FROM (
        SELECT a.code, a.name, j.id AS jurisdiction_id, min(p.distance_m) AS distance_m
        FROM (
            SELECT area_id, ST_Distance(CAST(geom AS geography), CAST(w.location AS geography)) AS distance_m
            FROM area_piece
            WHERE partnership_id = :partnership_id AND version_id = :base_id
            ORDER BY geom <-> w.location LIMIT {PIECES_NEAR}
        ) p
        JOIN area a ON a.partnership_id = :partnership_id AND a.id = p.area_id
        LEFT JOIN jurisdiction j ON j.partnership_id = :partnership_id AND j.code = a.code AND NOT j.retired
        GROUP BY a.code, a.name, j.id ORDER BY 4, 1 LIMIT {AREAS_NEAR}
    ) n)"""


def listed(given: Iterable[str]) -> sa.TextClause:
    """A page of the work orders that wait for a person to look at where they were placed, the longest first."""
    conditions = [
        "w.partnership_id = :partnership_id", "w.triage <> 'accepted'", "w.deleted_at IS NULL", OWN,
        "(CAST(:after_at AS timestamptz) IS NULL OR (w.placed_at, w.id) > (:after_at, :after_id))",
    ] + [FILTERS[name] for name in sorted(given)]  # fmt: skip
    return text(f"""
        SELECT w.placed_at, w.id, CAST(json_build_object(
            'reason', w.triage, 'work_order', {sent("work_order", "w")}, 'placement', {placement("w")}, 'near', {_NEAR}
        ) AS text) AS sent
        FROM (SELECT * FROM work_order w WHERE {" AND ".join(conditions)}
              ORDER BY w.placed_at, w.id LIMIT :rows) w
        ORDER BY w.placed_at, w.id
    """)


# How many wait, by reason.
WAITING = text(f"""
    SELECT coalesce(json_object_agg(triage, n), '{{}}')::text FROM (
        SELECT w.triage, count(*) AS n FROM work_order w
        WHERE w.partnership_id = :partnership_id AND w.triage <> 'accepted' AND w.deleted_at IS NULL AND {OWN}
        GROUP BY w.triage
    ) t
""")

JURISDICTION = text("""
    SELECT 1 FROM jurisdiction WHERE partnership_id = :partnership_id AND id = :jurisdiction_id AND NOT retired
""")
