"""The SQL of runs: every change of a run's state is one statement that says from which state it leads."""

from __future__ import annotations

from sqlalchemy import text

# By the database's clock, which also tells when it is due.
INSERT = text("""
    INSERT INTO boundary_run (partnership_id, id, sort, layer_id, version_id, upload_id, parameters, progress, due_at,
                              asked_by, created_at)
    VALUES (:partnership_id, :run_id, :sort, :layer_id, :version_id, :upload_id, CAST(:parameters AS jsonb), '{}',
            coalesce(CAST(:due_at AS timestamptz), clock_timestamp()), :asked_by, clock_timestamp())
""")

SORT = text("SELECT sort FROM boundary_run WHERE partnership_id = :partnership_id AND id = :run_id")

# waiting -> running; running -> running where whoever carried it out is gone: the caller has the right to do so.
# One that is to be cancelled is not waited for.
START = text("""
    UPDATE boundary_run
    SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, clock_timestamp())
    WHERE partnership_id = :partnership_id AND id = :run_id AND state IN ('waiting', 'running')
      AND (due_at <= clock_timestamp() OR cancel_asked)
    RETURNING sort, layer_id, version_id, upload_id, parameters, progress, result, cancel_asked, attempts, asked_by
""")

# The attempt is checked by every statement below: whoever was taken for dead writes nothing any more.
OURS = "partnership_id = :partnership_id AND id = :run_id AND state = 'running' AND attempts = :attempt"

TELL = text(f"""
    UPDATE boundary_run SET progress = CAST(:progress AS jsonb)
    WHERE {OURS}
    RETURNING cancel_asked
""")

# What there is to tell of it so far is kept with it, for whoever goes on.
MADE = text(f"""
    UPDATE boundary_run SET version_id = :version_id, result = CAST(:result AS jsonb)
    WHERE {OURS}
    RETURNING id
""")

# Whoever asked for its end before this has been promised that nothing of it stays.
FINISH = text(f"""
    UPDATE boundary_run SET state = 'done', result = CAST(:result AS jsonb), ended_at = clock_timestamp()
    WHERE {OURS} AND NOT cancel_asked
    RETURNING id
""")

STILL_OURS = text(f"SELECT cancel_asked FROM boundary_run WHERE {OURS}")

END = text(f"""
    UPDATE boundary_run
    SET state = :state, problem = CAST(:problem AS jsonb), result = NULL, ended_at = clock_timestamp()
    WHERE {OURS}
    RETURNING id
""")

# running -> waiting. Being asked to stop is no failed attempt; a database that could not do it is one.
PUT_BACK = text(f"""
    UPDATE boundary_run SET state = 'waiting', attempts = attempts - CAST(:uncounted AS int)
    WHERE {OURS}
    RETURNING id
""")

# waiting -> cancelled at once; a running one is told, and ends by itself.
CANCEL = text("""
    UPDATE boundary_run
    SET cancel_asked = true,
        state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
        ended_at = CASE state WHEN 'waiting' THEN clock_timestamp() END
    WHERE partnership_id = :partnership_id AND id = :run_id AND state IN ('waiting', 'running')
    RETURNING state, upload_id
""")

# failed -> waiting, to go on from where it was.
REVIVE = text("""
    UPDATE boundary_run
    SET state = 'waiting', attempts = 0, problem = NULL, ended_at = NULL, cancel_asked = false
    WHERE partnership_id = :partnership_id AND id = :run_id AND state = 'failed'
    RETURNING id
""")

# Locked, so that it is not deleted before the next run stands there that reads it.
LOCK_UPLOAD = text("""
    SELECT upload.id FROM boundary_run AS run
    JOIN upload ON upload.partnership_id = run.partnership_id AND upload.id = run.upload_id
    WHERE run.partnership_id = :partnership_id AND run.id = :run_id
    FOR UPDATE OF upload
""")

DROP_UPLOAD = text("DELETE FROM upload WHERE partnership_id = :partnership_id AND id = :upload_id")

# In the order in which their versions come into force.
NEXT_MOVE = text("""
    SELECT id FROM boundary_run
    WHERE partnership_id = :partnership_id AND sort = ANY(CAST(:moves AS text[])) AND state IN ('waiting', 'running')
      AND (due_at <= clock_timestamp() OR cancel_asked)
    ORDER BY due_at, id
    LIMIT 1
""")

OPEN_FILES = text("""
    SELECT count(*) FROM boundary_run
    WHERE partnership_id = :partnership_id AND state IN ('waiting', 'running')
      AND NOT sort = ANY(CAST(:moves AS text[]))
""")

# The right to carry out a run is a lock of a database session: it ends with the session, in whatever way.
TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(:right, 0))")

RELEASE = text("SELECT pg_advisory_unlock_all()")

# Open runs that are due, that nobody has the right to at this moment, and for which no job waits in the queue.
LEFT_LYING = text("""
    SELECT run.partnership_id, run.id, run.sort
    FROM boundary_run AS run
    CROSS JOIN LATERAL (SELECT hashtextextended(
        CASE WHEN run.sort = ANY(CAST(:moves AS text[])) THEN 'boundary moves ' || run.partnership_id
             ELSE 'boundary run ' || run.id END, 0)) AS held (key)
    WHERE run.state IN ('waiting', 'running')
      AND (run.due_at <= clock_timestamp() - CAST(:patience AS interval) OR run.cancel_asked)
      -- A lock's key of 64 bits is shown in two halves.
      AND NOT EXISTS (
          SELECT 1 FROM pg_locks AS lock
          WHERE lock.locktype = 'advisory' AND lock.objsubid = 1
            AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND ((CAST(lock.classid AS bigint) << 32) | CAST(lock.objid AS bigint)) = held.key)
      AND NOT EXISTS (
          SELECT 1 FROM procrastinate_jobs AS job
          WHERE job.status = 'todo' AND (job.scheduled_at IS NULL OR job.scheduled_at <= clock_timestamp())
            AND job.args ->> 'run_id' = CAST(run.id AS text))
    ORDER BY run.due_at, run.id
    LIMIT 100
""")

OLD_UPLOADS = text("""
    DELETE FROM upload
    WHERE created_at < clock_timestamp() - CAST(:kept AS interval) AND NOT EXISTS (
        SELECT 1 FROM boundary_run AS run
        WHERE run.partnership_id = upload.partnership_id AND run.upload_id = upload.id
          AND run.state IN ('waiting', 'running'))
""")
