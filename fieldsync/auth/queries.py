"""The SQL of logging in and of tokens."""

from __future__ import annotations

from sqlalchemy import text

FIND_PARTNERSHIP = text("SELECT id, slug, name FROM partnership WHERE slug = :slug")

FIND_STAFF = text("""
    SELECT id, password_hash FROM staff
    WHERE partnership_id = :partnership_id AND email = :email AND disabled_at IS NULL
""")

# Counted before the password is looked at, so that many guesses at once cannot all be the first one. An attempt that
# is within the limit prolongs the time it is remembered; one beyond it does not, so a lock ends in any case.
COUNT_ATTEMPT = text("""
    INSERT INTO login_attempts AS a (partnership_id, email_hash, attempts, forgotten_at)
    VALUES (:partnership_id, :email_hash, 1, :until)
    ON CONFLICT (partnership_id, email_hash) DO UPDATE SET
        attempts = CASE WHEN a.forgotten_at <= :now THEN 1 ELSE least(a.attempts, :most) + 1 END,
        forgotten_at = CASE WHEN a.forgotten_at > :now AND a.attempts >= :most THEN a.forgotten_at
                            ELSE excluded.forgotten_at END
    RETURNING attempts, forgotten_at
""")

# Those of addresses that nobody has tried for a while go along, so that the table stays small.
FORGET_ATTEMPTS = text("""
    DELETE FROM login_attempts
    WHERE partnership_id = :partnership_id AND (email_hash = :email_hash OR forgotten_at < :now)
""")

REHASH = text("""
    UPDATE staff SET password_hash = :new_hash
    WHERE partnership_id = :partnership_id AND id = :staff_id AND password_hash = :password_hash
""")

FORGET_SESSIONS = text("""
    DELETE FROM token
    WHERE partnership_id = :partnership_id AND staff_id = :staff_id AND purpose = 'session'
      AND (expires_at < :now OR revoked_at < :now)
""")

END_SESSION = text("""
    UPDATE token SET revoked_at = :now
    WHERE partnership_id = :partnership_id AND id = :token_id AND purpose = 'session'
""")

REVOKE_TOKENS = text("""
    UPDATE token SET revoked_at = :now
    WHERE partnership_id = :partnership_id AND staff_id = :staff_id AND revoked_at IS NULL
      AND purpose = ANY(CAST(:purposes AS text[])) AND id IS DISTINCT FROM CAST(:but AS uuid)
""")

ME = text("""
    SELECT s.id, s.email, s.name, t.purpose, t.label, t.expires_at,
           p.id AS partnership_id, p.slug, p.name AS partnership_name,
           (SELECT coalesce(json_agg(json_build_object('role', r.role, 'jurisdiction_id', r.jurisdiction_id)
                                     ORDER BY r.role, r.jurisdiction_id), '[]') FROM staff_role r
            WHERE r.partnership_id = s.partnership_id AND r.staff_id = s.id) AS roles
    FROM token t
    JOIN staff s ON s.partnership_id = t.partnership_id AND s.id = t.staff_id
    JOIN partnership p ON p.id = t.partnership_id
    WHERE t.partnership_id = :partnership_id AND t.id = :token_id
""")

# One at a time in a partnership: two admins who end each other's role at once would leave none.
LOCK_STAFF = text("SELECT id FROM partnership WHERE id = :partnership_id FOR NO KEY UPDATE")

COUNT_ADMINS = text("""
    SELECT count(*) FROM staff s
    WHERE s.partnership_id = :partnership_id AND s.disabled_at IS NULL AND EXISTS (
        SELECT FROM staff_role r
        WHERE r.partnership_id = s.partnership_id AND r.staff_id = s.id AND r.role = 'admin'
          AND r.jurisdiction_id IS NULL)
""")

KNOWN_JURISDICTIONS = text("""
    SELECT id FROM jurisdiction WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")
