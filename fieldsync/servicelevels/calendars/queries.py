"""The SQL of calendars."""

from __future__ import annotations

from sqlalchemy import text

_CALENDAR = """
    SELECT b.id, b.version, b.name, b.time_zone, b.hours::text AS hours,
           (SELECT coalesce(json_agg(json_build_object('day', h.day, 'name', h.name) ORDER BY h.day), '[]')
            FROM holiday h WHERE h.partnership_id = b.partnership_id AND h.calendar_id = b.id)::text AS holidays,
           EXISTS (SELECT FROM service_target t
                   JOIN service_policy p ON p.partnership_id = t.partnership_id AND p.id = t.policy_id
                   WHERE t.partnership_id = b.partnership_id AND t.calendar_id = b.id AND p.starts_at <= :now) AS in_use
    FROM business_calendar b
    WHERE b.partnership_id = :partnership_id"""

LIST = text(f"{_CALENDAR} AND (CAST(:after AS text) IS NULL OR b.name > :after) ORDER BY b.name LIMIT :rows")
READ = text(f"{_CALENDAR} AND b.id = :id")
COUNT = text("SELECT count(*) FROM business_calendar WHERE partnership_id = :partnership_id")

INSERT = text("""
    INSERT INTO business_calendar (partnership_id, id, version, name, time_zone, hours)
    VALUES (:partnership_id, :id, 1, :name, :time_zone, CAST(:hours AS jsonb))
""")

# Waits for the batches that reckon by the calendar as it is, and gives no row if somebody else was quicker.
UPDATE = text("""
    UPDATE business_calendar
    SET version = version + 1, name = :name, time_zone = :time_zone, hours = CAST(:hours AS jsonb)
    WHERE partnership_id = :partnership_id AND id = :id AND version = :version RETURNING version
""")

CLEAR_HOLIDAYS = text("DELETE FROM holiday WHERE partnership_id = :partnership_id AND calendar_id = :id")
INSERT_HOLIDAYS = text("""
    INSERT INTO holiday (partnership_id, calendar_id, day, name)
    SELECT :partnership_id, :id, r.day, r.name
    FROM json_to_recordset(CAST(:rows AS json)) AS r (day date, name text)
""")

LOCK = text("SELECT version FROM business_calendar WHERE partnership_id = :partnership_id AND id = :id FOR UPDATE")
NAMED = text("SELECT EXISTS (SELECT FROM service_target WHERE partnership_id = :partnership_id AND calendar_id = :id)")
DELETE = text("DELETE FROM business_calendar WHERE partnership_id = :partnership_id AND id = :id")

RUNNING = text("""
    SELECT DISTINCT work_order_id FROM service_clock
    WHERE partnership_id = :partnership_id AND calendar_id = :id AND running_since IS NOT NULL AND breached_at IS NULL
    ORDER BY work_order_id
""")

LOCK_WORK_ORDERS = text("""
    SELECT id FROM work_order WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE
""")
