"""The exchange's SQL: a device's line, its earlier edits, and the feed of a crew's scope."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.database import Base
from fieldsync.partnerships import models as _jurisdictions  # noqa: F401  (their tables are named below)
from fieldsync.sync.schema import added
from fieldsync.workorders import models as _records  # noqa: F401
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS
from fieldsync.workorders.queries import record_json

# The crew in sub-selects: a join would find nothing where the device was moved while its lock was waited for.
LOCK_DEVICE = text("""
    SELECT d.next_seq, d.revoked_at, d.crew_id, d.former_crew_ids, d.quarantined, d.deposited_seq,
           d.refusals_decided,
           (SELECT disbanded_at IS NOT NULL FROM crew c
            WHERE c.partnership_id = d.partnership_id AND c.id = d.crew_id) AS disbanded,
           (SELECT disbanded_by FROM crew c
            WHERE c.partnership_id = d.partnership_id AND c.id = d.crew_id) AS disbanded_by,
           (SELECT epoch FROM head WHERE partnership_id = :partnership_id) AS epoch,
           EXISTS (SELECT FROM journal_archive
                   WHERE partnership_id = :partnership_id AND author_id = :author_id AND seq IS NOT NULL) AS archived
    FROM device d
    WHERE d.partnership_id = :partnership_id AND d.id = :author_id FOR NO KEY UPDATE
""")

# Which ids a device used so long ago that the journal itself does not refuse them any more.
ARCHIVED_IDS = text("""
    SELECT wanted.id FROM unnest(CAST(:edit_ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT FROM journal_archive
        WHERE partnership_id = :partnership_id AND edit_id = wanted.id AND author_id = :author_id OFFSET 0
    ) a
""")

PAST_EPOCHS = text("SELECT epoch, entry, change FROM past_epoch WHERE partnership_id = :partnership_id")

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
               j.version, j.problem, coalesce(j.refused_fields, '[]') AS refused_fields,
               CASE WHEN j.verdict <> 'conflicted' THEN '[]' ELSE (
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
    SELECT next_seq, refusals_decided, (SELECT epoch FROM head WHERE partnership_id = :partnership_id) AS epoch,
           last_seen_at IS NULL OR last_seen_at < CAST(:now AS timestamptz) - interval '1 minute' AS unseen
    FROM device WHERE partnership_id = :partnership_id AND id = :author_id
""")

FEED_KINDS = ("gone", "jurisdiction", "service_type", *KINDS, "assignment")
"""What the feed is made of, in the order in which records of one change and id are sent."""


def _scope(name: str) -> str:
    """Which rows of a table a crew may see now."""
    if name == "work_order":
        return "t.crew_id = :scope_id AND t.deleted_at IS NULL"
    if name in CHILD_KINDS or name == "assignment":
        return "t.scope_crew_id = :scope_id"
    return "true"  # jurisdictions and service types: everybody in the partnership


def _branch(number: int, name: str) -> str:
    if name == "gone":
        # What left before the download began, it never brought.
        key, source, scope = "t.record_id", "scope_exit", "t.crew_id = :crew_id AND t.change > :began"
        sent = "json_build_object('kind', t.kind, 'id', t.record_id, 'gone', t.reason)"
    else:
        key, source, scope = "t.id", name, _scope(name)
        sent = _sent(name, f"'record', {record_json(name)}")
    return f"""
        (SELECT CAST({sent} AS text) AS sent, t.change, {key} AS id, {number} AS kind FROM {source} t
         WHERE t.partnership_id = :partnership_id AND {scope}
           AND (t.change, {key}, {number}) > (:change, CAST(:id AS uuid), :kind)
         ORDER BY t.change, {key} LIMIT :rows)"""


def _sent(name: str, content: str) -> str:
    version = "t.version" if "version" in Base.metadata.tables[name].c else "1"
    return f"json_build_object('kind', '{name}', 'id', t.id, 'version', {version}, {content})"


HEAD_ROW = -1
"""Stands in the column ``kind`` of the one row that is the head."""

# Each kind is one index range in the order of the feed; the merge of them is cut to a page. The head comes behind it,
# in the same statement and so in the same snapshot: what it says holds for this page, whatever is committed or thinned
# at the same time.
FEED: sa.TextClause = text(
    "SELECT sent, change, id, kind FROM ("
    + " UNION ALL ".join(_branch(number, name) for number, name in enumerate(FEED_KINDS))
    + f""" ORDER BY change, id, kind LIMIT :rows) page
    UNION ALL
    SELECT epoch || ' ' || thinned, change, NULL, {HEAD_ROW} FROM head WHERE partnership_id = :partnership_id"""
)


def _fill_branch(name: str, columns: Iterable[str]) -> str:
    number = FEED_KINDS.index(name)
    named = ", ".join(f"'{column}', t.{column}" for column in columns)
    sent = _sent(name, f"'patch', json_build_object({named})" if named else f"'record', {record_json(name)}")
    return f"""
        (SELECT CAST({sent} AS text) AS sent, t.change, t.id, {number} AS kind FROM {name} t
         WHERE t.partnership_id = :partnership_id AND {_scope(name)}
           AND (t.change, t.id, {number}) > (:change, CAST(:id AS uuid), :kind)
           AND (t.change, t.id, {number}) <= (:to_change, CAST(:to_id AS uuid), :to_kind)
         ORDER BY t.change, t.id LIMIT :rows)"""


@lru_cache
def fill(above: int, upto: int) -> sa.TextClause | None:
    """The columns and kinds that were added to the shapes of records after one step and up to another, for the records
    between two places of the feed, in its order; None where nothing was added."""
    step = added(above, upto)
    branches = [_fill_branch(name, columns) for name, columns in step.columns.items()]
    branches += [_fill_branch(name, ()) for name in FEED_KINDS if name in step.kinds]
    if not branches:
        return None
    return text(" UNION ALL ".join(branches) + " ORDER BY change, id, kind LIMIT :rows")
