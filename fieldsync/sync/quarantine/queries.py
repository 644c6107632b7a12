"""The quarantine's SQL."""

from __future__ import annotations

from sqlalchemy import text

# Waiting under these numbers, the first of each.
WAITING_UNDER = text("""
    SELECT q.seq, q.edit_id, q.body FROM unnest(CAST(:seqs AS bigint[])) AS wanted (seq) CROSS JOIN LATERAL (
        SELECT seq, edit_id, body FROM quarantined_edit
        WHERE partnership_id = :partnership_id AND device_id = :device_id AND seq = wanted.seq AND misfit_id = :in_line
        OFFSET 0
    ) q
""")

# Twenty thousand rows at most, along the primary key.
HELD = text("""
    SELECT count(*) AS edits, coalesce(sum(bytes), 0) AS bytes FROM quarantined_edit
    WHERE partnership_id = :partnership_id AND device_id = :device_id
""")

# What was refused for other content under its number stays as it came first.
DEPOSIT = text("""
    INSERT INTO quarantined_edit
        (partnership_id, device_id, seq, misfit_id, edit_id, sent_at, received_at, body, bytes)
    SELECT :partnership_id, :device_id, r.seq, r.misfit_id, r.edit_id, :sent_at, :now, r.body, octet_length(r.body)
    FROM json_to_recordset(CAST(:rows AS json)) AS r (seq bigint, misfit_id uuid, edit_id uuid, body text)
    ON CONFLICT (partnership_id, device_id, seq, misfit_id) DO NOTHING
""")

DEPOSITED = text("""
    UPDATE device
    SET deposited_seq = :deposited_seq, last_seen_at = :now, skew_ms = :skew_ms,
        app_version = coalesce(CAST(:app_version AS text), app_version)
    WHERE partnership_id = :partnership_id AND id = :device_id
""")

# A page is cut at so many bytes, but has one edit at least.
PAGE = text("""
    SELECT seq, misfit_id, edit_id, sent_at, received_at, body FROM (
        SELECT seq, misfit_id, edit_id, sent_at, received_at, body,
               sum(bytes) OVER (ORDER BY seq, misfit_id) - bytes AS before
        FROM (
            SELECT seq, misfit_id, edit_id, sent_at, received_at, body, bytes FROM quarantined_edit
            WHERE partnership_id = :partnership_id AND device_id = :device_id
              AND (seq, misfit_id) > (:seq, CAST(:misfit_id AS uuid))
            ORDER BY seq, misfit_id LIMIT :rows
        ) next
    ) page
    WHERE before < :bytes ORDER BY seq, misfit_id
""")

# In the order of the numbers; what came under a used one behind the first.
TO_RELEASE = text("""
    SELECT seq, misfit_id, edit_id, sent_at, received_at, body FROM quarantined_edit
    WHERE partnership_id = :partnership_id AND device_id = :device_id AND seq <= :through_seq
    ORDER BY seq, misfit_id LIMIT :rows
""")

# Everything that was read: the rows of a device are in line by the lock on it.
DELETE = text("""
    DELETE FROM quarantined_edit
    WHERE partnership_id = :partnership_id AND device_id = :device_id
      AND (seq, misfit_id) <= (:seq, CAST(:misfit_id AS uuid))
""")

RELEASED = text("""
    UPDATE device SET next_seq = :next_seq WHERE partnership_id = :partnership_id AND id = :device_id
""")

NOTE_RELEASE = text("""
    INSERT INTO quarantine_release
        (partnership_id, id, device_id, from_seq, through_seq, rejected, reason, released_at, released_by)
    VALUES (:partnership_id, :id, :device_id, :from_seq, :through_seq, CAST(:rejected AS bigint[]), :reason, :now,
            :staff_id)
""")

RELEASES = text("""
    SELECT r.from_seq, r.through_seq, r.rejected, r.reason, r.released_at, r.released_by AS staff_id, s.name
    FROM quarantine_release r
    JOIN staff s ON s.partnership_id = r.partnership_id AND s.id = r.released_by
    WHERE r.partnership_id = :partnership_id AND r.device_id = :device_id
    ORDER BY r.released_at DESC, r.id DESC LIMIT :rows
""")

WAITING_BY_PARTNERSHIP = text("""
    SELECT p.slug, q.edits, q.devices
    FROM (
        SELECT partnership_id, count(*) AS edits, count(DISTINCT device_id) AS devices
        FROM quarantined_edit GROUP BY partnership_id
    ) q
    JOIN partnership p ON p.id = q.partnership_id
    ORDER BY p.slug
""")
