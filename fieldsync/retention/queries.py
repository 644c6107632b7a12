"""The SQL of keeping short what is read all day. A partnership at a time, in bounded steps."""

from __future__ import annotations

from sqlalchemy import text

# A mark that lies ahead was noted by a clock that has been put back since: it says nothing.
DUE = text("""
    SELECT h.partnership_id FROM head h
    WHERE NOT EXISTS (
        SELECT FROM feed_mark m
        WHERE m.partnership_id = h.partnership_id AND m.noted_at > :since AND m.noted_at <= :at
    )
    ORDER BY h.partnership_id LIMIT :rows
""")

# What had changed by a mark that is old enough is older still.
RAISE_THINNED = text("""
    UPDATE head SET thinned = m.change
    FROM (
        SELECT change FROM feed_mark WHERE partnership_id = :partnership_id AND noted_at <= :before
        ORDER BY noted_at DESC LIMIT 1
    ) m
    WHERE partnership_id = :partnership_id AND thinned < m.change AND m.change <= head.change
""")

THINNED = text("SELECT thinned FROM head WHERE partnership_id = :partnership_id")

MARK = text("""
    INSERT INTO feed_mark (partnership_id, noted_at, change)
    SELECT partnership_id, :at, change FROM head WHERE partnership_id = :partnership_id
    ON CONFLICT (partnership_id, noted_at) DO NOTHING
""")

# The newest of those that are old enough stays: by it the next look goes.
FORGET_MARKS = text("""
    DELETE FROM feed_mark
    WHERE partnership_id = :partnership_id AND (noted_at > :at OR noted_at < (
        SELECT max(noted_at) FROM feed_mark WHERE partnership_id = :partnership_id AND noted_at <= :before))
""")

FORGET_SESSIONS = text("""
    DELETE FROM token WHERE partnership_id = :partnership_id AND token_hash IN (
        SELECT token_hash FROM token
        WHERE partnership_id = :partnership_id AND purpose = 'session' AND expires_at < :at LIMIT :rows)
""")

FORGET_ATTEMPTS = text("""
    DELETE FROM login_attempts WHERE partnership_id = :partnership_id AND email_hash IN (
        SELECT email_hash FROM login_attempts
        WHERE partnership_id = :partnership_id AND forgotten_at < :at LIMIT :rows)
""")
