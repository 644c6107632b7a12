"""The SQL of merge policies. All bind ``partnership_id``."""

from __future__ import annotations

from sqlalchemy import text

CHOSEN = text("""
    SELECT p.kind, p.field, p.policy, p.custody, p.version, p.changed_at, s.id AS staff_id, s.name AS staff_name
    FROM field_policy p LEFT JOIN staff s ON s.partnership_id = p.partnership_id AND s.id = p.changed_by
    WHERE p.partnership_id = :partnership_id
""")

# Waits for all who decide by the present policies (see HOLD_POLICIES of the journal), and for whoever changes one.
LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('merge policies of ' || CAST(:partnership_id AS text), 0))
""")

CHOOSE = text("""
    INSERT INTO field_policy (partnership_id, kind, field, policy, custody, version, changed_by, changed_at)
    VALUES (:partnership_id, :kind, :field, :policy, :custody, 1, :staff_id, :now)
    ON CONFLICT (partnership_id, kind, field) DO UPDATE
    SET policy = excluded.policy, custody = excluded.custody, version = field_policy.version + 1,
        changed_by = excluded.changed_by, changed_at = excluded.changed_at
""")

# Under that lock the journal's next number lies above all that were decided by the old policy, and below all that will
# be decided by the new one.
REMEMBER = text("""
    INSERT INTO field_policy_change (partnership_id, entry, kind, field, policy, policy_before, custody, custody_before,
                                     changed_by, changed_at, reason)
    VALUES (:partnership_id, nextval(pg_get_serial_sequence('journal', 'entry')), :kind, :field, :policy,
            :policy_before, :custody, :custody_before, :staff_id, :now, :reason)
""")

CHANGES = text("""
    SELECT c.kind, c.field, c.policy, c.policy_before, c.custody, c.custody_before, c.entry, c.changed_at,
           c.changed_by AS changed_by_id, s.name AS changed_by_name, c.reason
    FROM field_policy_change c LEFT JOIN staff s ON s.partnership_id = c.partnership_id AND s.id = c.changed_by
    WHERE c.partnership_id = :partnership_id AND (c.entry, c.kind, c.field) > (:entry, :kind, :field)
    ORDER BY c.entry, c.kind, c.field LIMIT :rows
""")
