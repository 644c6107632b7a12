"""The exchange's SQL: a device's line, its earlier edits, and the feed of a crew's scope."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.database import Base
from fieldsync.partnerships import models as _jurisdictions  # noqa: F401  (their tables are named below)
from fieldsync.workorders import models as _records  # noqa: F401
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS
from fieldsync.workorders.queries import record_json

LOCK_DEVICE = text("""
    SELECT next_seq, revoked_at, crew_id,
           (SELECT epoch FROM head WHERE partnership_id = :partnership_id) AS epoch
    FROM device
    WHERE partnership_id = :partnership_id AND id = :author_id FOR NO KEY UPDATE
""")

TOUCH_DEVICE = text("""
    UPDATE device
    SET next_seq = :next_seq, last_seen_at = :now, skew_ms = :skew_ms,
        app_version = coalesce(CAST(:app_version AS text), app_version)
    WHERE partnership_id = :partnership_id AND id = :author_id
""")

# An idle tablet's polls write at most once a minute.
SEE_DEVICE = text("""
    UPDATE device
    SET last_seen_at = :now, skew_ms = :skew_ms, app_version = coalesce(CAST(:app_version AS text), app_version)
    WHERE partnership_id = :partnership_id AND id = :author_id
""")

# By number and by id; what both find is one row.
EARLIER = text("""
    SELECT coalesce(json_agg(e), '[]')::text FROM (
        SELECT j.edit_id, j.seq, j.kind, j.record_id, j.action, j.base_version, j.observed_at, j.fields, j.verdict,
               j.version, j.problem, CASE WHEN j.verdict <> 'conflicted' THEN '[]' ELSE (
                   SELECT json_agg(json_build_object(
                       'id', c.id, 'sort', c.sort, 'field', c.field, 'policy', c.policy, 'state',
                       -- As it was answered: what a person settled since is learnt by the feed.
                       CASE WHEN c.settled_as = 'policy' THEN 'settled' ELSE 'open' END,
                       'base', c.base_value, 'kept', c.kept_value, 'other', c.other_value) ORDER BY c.id)
                   FROM conflict c
                   WHERE c.partnership_id = j.partnership_id AND c.edit_id = j.edit_id AND c.author_id = j.author_id
               ) END AS conflicts
        FROM (
            SELECT edit_id FROM unnest(CAST(:seqs AS bigint[])) AS wanted (seq) CROSS JOIN LATERAL (
                SELECT edit_id FROM journal
                WHERE partnership_id = :partnership_id AND author_id = :author_id AND seq = wanted.seq OFFSET 0
            ) by_seq
            UNION
            SELECT unnest(CAST(:edit_ids AS uuid[]))
        ) found CROSS JOIN LATERAL (
            SELECT * FROM journal
            WHERE partnership_id = :partnership_id AND edit_id = found.edit_id AND author_id = :author_id OFFSET 0
        ) j
    ) e
""")

DEVICE = text("""
    SELECT next_seq, (SELECT epoch FROM head WHERE partnership_id = :partnership_id) AS epoch,
           last_seen_at IS NULL OR last_seen_at < CAST(:now AS timestamptz) - interval '1 minute' AS unseen
    FROM device WHERE partnership_id = :partnership_id AND id = :author_id
""")

HEAD = text("SELECT epoch, change FROM head WHERE partnership_id = :partnership_id")

FEED_KINDS = ("gone", "jurisdiction", "service_type", *KINDS, "assignment")
"""What the feed is made of, in the order in which records of one change and id are sent."""


def _scope(name: str) -> str:
    """Which rows of a table a crew may see now."""
    if name == "work_order":
        return "t.crew_id = :crew_id AND t.deleted_at IS NULL"
    if name in CHILD_KINDS or name == "assignment":
        return "t.scope_crew_id = :crew_id"
    return "true"  # jurisdictions and service types: everybody in the partnership


def _branch(number: int, name: str) -> str:
    if name == "gone":
        key, source, scope = "t.record_id", "scope_exit", "t.crew_id = :crew_id"
        sent = "json_build_object('kind', t.kind, 'id', t.record_id, 'gone', t.reason)"
    else:
        key, source, scope = "t.id", name, _scope(name)
        version = "t.version" if "version" in Base.metadata.tables[name].c else "1"
        sent = f"json_build_object('kind', '{name}', 'id', t.id, 'version', {version}, 'record', {record_json(name)})"
    return f"""
        (SELECT CAST({sent} AS text) AS sent, t.change, {key} AS id, {number} AS kind FROM {source} t
         WHERE t.partnership_id = :partnership_id AND {scope}
           AND (t.change, {key}, {number}) > (:change, CAST(:id AS uuid), :kind)
         ORDER BY t.change, {key} LIMIT :rows)"""


# Each kind is one index range in the order of the feed; the merge of them is cut to a page.
FEED: sa.TextClause = text(
    " UNION ALL ".join(_branch(number, name) for number, name in enumerate(FEED_KINDS))
    + " ORDER BY change, id, kind LIMIT :rows"
)
