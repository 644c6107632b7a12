"""The SQL of a crew's roster: what a person wants to read beside its hours."""

from __future__ import annotations

from sqlalchemy import text

BESIDE = text("""
    SELECT CAST(json_build_object(
        'exceptions', coalesce((
            SELECT json_agg(json_build_object('id', e.id, 'day', e.day, 'starts', e.starts, 'minutes', e.minutes,
                                              'reason', e.reason))
            FROM shift_exception e
            WHERE e.partnership_id = :partnership_id AND e.crew_id = :crew_id
              AND e.day BETWEEN :first AND :last), '[]'),
        'absences', coalesce((
            SELECT json_agg(json_build_object('id', a.id, 'member_id', a.member_id, 'starts_at', a.starts_at,
                                              'ends_at', a.ends_at, 'reason', a.reason) ORDER BY a.starts_at, a.id)
            FROM absence a
            WHERE a.partnership_id = :partnership_id AND a.ends_at > :starts AND a.starts_at < :ends
              AND (a.crew_id = :crew_id OR a.member_id = ANY(CAST(:member_ids AS uuid[])))), '[]'),
        'equipment', coalesce((
            SELECT json_agg(json_build_object('id', q.id, 'sort', q.sort, 'code', q.code, 'name', q.name,
                                              'registration', q.registration, 'since', h.since, 'until', h.until)
                            ORDER BY q.code, h.since)
            FROM crew_equipment h
            JOIN equipment q ON q.partnership_id = h.partnership_id AND q.id = h.equipment_id
            WHERE h.partnership_id = :partnership_id AND h.crew_id = :crew_id
              AND h.since <= :last AND (h.until IS NULL OR h.until >= :first)), '[]')
    ) AS text)
""")
