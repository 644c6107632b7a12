"""The SQL of one work order's clocks."""

from __future__ import annotations

from sqlalchemy import text

_OWN = "(CAST(:own AS uuid[]) IS NULL OR jurisdiction_id = ANY(CAST(:own AS uuid[])))"

SEEN = text(f"SELECT id FROM work_order WHERE partnership_id = :partnership_id AND id = :id AND {_OWN}")

# The lock that the journal takes; whose it is, is looked at after it is held.
LOCK = text("SELECT FROM work_order WHERE partnership_id = :partnership_id AND id = :id FOR NO KEY UPDATE")

NUMBERS = text("""
    SELECT id, number FROM service_policy
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")

PAUSES = text("""
    SELECT p.cause, p.reason, p.starts_at, p.ends_at, p.resume_reason,
           p.staff_id, s.name AS staff_name, p.resumed_by, r.name AS resumed_name
    FROM service_pause p
    LEFT JOIN staff s ON s.partnership_id = p.partnership_id AND s.id = p.staff_id
    LEFT JOIN staff r ON r.partnership_id = p.partnership_id AND r.id = p.resumed_by
    WHERE p.partnership_id = :partnership_id AND p.work_order_id = :id
    ORDER BY p.starts_at DESC, p.id DESC LIMIT :rows
""")
