"""The office's SQL for conflicts. What may be seen of them is what may be seen of their work orders."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.office.queries import OWN, person, sent
from fieldsync.workorders.kinds import KINDS

_SENT = f"""json_build_object(
    'id', c.id, 'version', c.version, 'etag', '"' || c.version || '"', 'state', c.state, 'sort', c.sort,
    'kind', c.kind, 'record_id', c.record_id, 'work_order_id', c.work_order_id,
    'work_order', json_build_object('title', w.title, 'status', w.status, 'jurisdiction_id', w.jurisdiction_id,
                                    'crew_id', w.crew_id, 'deleted', w.deleted_at IS NOT NULL),
    'field', c.field, 'policy', c.policy, 'base', c.base_value,
    'kept', json_build_object('value', c.kept_value, 'by', {person("c.kept_by", "c.kept_side")}, 'at', c.kept_at),
    'other', json_build_object('value', c.other_value, 'by', {person("c.other_by", "c.other_side")}, 'at', c.other_at),
    'edit_id', c.edit_id, 'created_at', c.created_at,
    'settled', CASE WHEN c.state = 'settled' THEN json_build_object(
        'as', c.settled_as, 'value', c.settled_value, 'by', {person("c.settled_by", "'office'")},
        'at', c.settled_at, 'edit_id', c.settling_edit_id) END)"""

_WORK_ORDER = "JOIN work_order w ON w.partnership_id = c.partnership_id AND w.id = c.work_order_id"

FILTERS = {
    "state": "c.state = :state",
    "sort": "c.sort = :sort",
    "kind": "c.kind = :kind",
    "work_order_id": "c.work_order_id = :work_order_id",
    "jurisdiction_id": "w.jurisdiction_id = :jurisdiction_id",
    "crew_id": """(w.crew_id = :crew_id OR EXISTS (
        SELECT FROM journal j
        WHERE j.partnership_id = c.partnership_id AND j.edit_id = c.edit_id AND j.author_id = c.author_id
          AND j.crew_id = :crew_id))""",
}
"""Filter -> condition on conflicts ``c`` of work orders ``w``."""

_NOT_COUNTED = {"state", "sort"}


def listed(given: Iterable[str], *, queue: bool) -> sa.TextClause:
    """A page of conflicts, the oldest first, by the filters that are given; with the counts of open ones by sort.

    ``queue``: the state asked for is ``open``. Only what is asked for becomes part of the statement, so that each
    question is planned for itself. Always gives at least one row.
    """
    given = sorted(given)
    page = [FILTERS[name] for name in given]
    if queue:
        page.append("c.state = 'open'")  # Word for word the condition of the partial index.
    counted = [FILTERS[name] for name in given if name not in _NOT_COUNTED]
    common = f"c.partnership_id = :partnership_id AND {OWN}"
    return text(f"""
        WITH counts AS (
            SELECT coalesce(json_object_agg(sort, number), '{{}}') AS open FROM (
                SELECT c.sort, count(*) AS number FROM conflict c {_WORK_ORDER}
                WHERE {" AND ".join([common, "c.state = 'open'", *counted])} GROUP BY c.sort
            ) n
        ), page AS (
            SELECT c.id, c.created_at, CAST({_SENT} AS text) AS sent FROM conflict c {_WORK_ORDER}
            WHERE {" AND ".join([common, *page])}
              AND (c.created_at, c.id) > (CAST(:after_at AS timestamptz), :after_id)
            ORDER BY c.created_at, c.id LIMIT :rows
        )
        SELECT counts.open, page.id, page.created_at, page.sent
        FROM counts LEFT JOIN page ON true ORDER BY page.created_at, page.id
    """)


def _record(kind: str) -> str:
    if kind == "work_order":
        return sent(kind, "w")
    return f"(SELECT {sent(kind)} FROM {kind} t WHERE t.partnership_id = c.partnership_id AND t.id = c.record_id)"


_EDITABLE = [kind.name for kind in KINDS.values() if not kind.appends_only]
_RECORD = "CASE c.kind " + " ".join(f"WHEN '{name}' THEN {_record(name)}" for name in _EDITABLE) + " END"

READ = text(f"""
    SELECT c.version, CAST({_SENT} AS text) AS sent, CAST({_RECORD} AS text) AS current
    FROM conflict c {_WORK_ORDER} WHERE c.partnership_id = :partnership_id AND c.id = :id AND {OWN}
""")

FIND = text(f"""
    SELECT c.work_order_id FROM conflict c {_WORK_ORDER}
    WHERE c.partnership_id = :partnership_id AND c.id = :id AND {OWN}
""")

# Of two who settle it at once, the second waits here and then sees what the first did.
LOCK = text("""
    SELECT version, state, sort, kind, record_id, work_order_id, field, kept_value, other_value
    FROM conflict WHERE partnership_id = :partnership_id AND id = :id FOR NO KEY UPDATE
""")

SETTLE = text("""
    UPDATE conflict
    SET version = version + 1, state = 'settled', settled_as = :choice, settled_value = CAST(:value AS json),
        settled_by = :staff_id, settled_at = :now, settling_edit_id = :edit_id
    WHERE partnership_id = :partnership_id AND id = :id
""")

# The work order is locked: this stays true.
STANDING = {
    name: text(
        f"SELECT version, deleted_at IS NOT NULL AS deleted, {'status' if name == 'work_order' else 'NULL AS status'}"
        f" FROM {name} WHERE partnership_id = :partnership_id AND id = :id"
    )
    for name in _EDITABLE
}
