"""The office's SQL for conflicts. What may be seen of them is what may be seen of their work orders."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.office.queries import OWN, person, sent
from fieldsync.workorders.kinds import KINDS

_EDITABLE = [kind.name for kind in KINDS.values() if not kind.appends_only]

# Of the edit that ran into the conflict the journal knows for which crew the tablet was carried then; of the other one
# the tablet's present crew is told.
_CREW_THEN = "CASE WHEN {by} = c.author_id THEN coalesce(j.crew_id, d.crew_id) ELSE d.crew_id END"


def _point(value: str) -> str:
    lon, lat = (f"CAST({value} ->> '{name}' AS double precision)" for name in ("lon", "lat"))
    return f"CAST(ST_SetSRID(ST_MakePoint({lon}, {lat}), 4326) AS geography)"


# On the spheroid of WGS 84.
_DISTANCE = f"""CASE WHEN c.field = 'location' AND c.kept_value IS NOT NULL AND c.other_value IS NOT NULL
    THEN round(CAST(ST_Distance({_point("c.kept_value")}, {_point("c.other_value")}) AS numeric), 1) END"""

_SENT = f"""json_build_object(
    'id', c.id, 'version', c.version, 'etag', '"' || c.version || '"', 'state', c.state, 'sort', c.sort,
    'kind', c.kind, 'record_id', c.record_id, 'work_order_id', c.work_order_id,
    'work_order', json_build_object('title', w.title, 'status', w.status, 'priority', w.priority,
                                    'jurisdiction_id', w.jurisdiction_id, 'crew_id', w.crew_id,
                                    'deleted', w.deleted_at IS NOT NULL),
    'field', c.field, 'policy', c.policy, 'base', c.base_value,
    'kept', json_build_object('value', c.kept_value, 'at', c.kept_at,
                              'by', {person("c.kept_by", "c.kept_side", _CREW_THEN.format(by="c.kept_by"))}),
    'other', json_build_object('value', c.other_value, 'at', c.other_at,
                               'by', {person("c.other_by", "c.other_side", _CREW_THEN.format(by="c.other_by"))}),
    'distance_m', {_DISTANCE},
    'edit_id', c.edit_id, 'received_at', j.received_at, 'created_at', c.created_at,
    'settled', CASE WHEN c.state = 'settled' THEN json_build_object(
        'as', c.settled_as, 'value', c.settled_value, 'by', {person("c.settled_by", "'office'")},
        'at', c.settled_at, 'edit_id', c.settling_edit_id, 'reason', c.reason) END)"""

_TEXTS = " OR ".join(
    f"(c.kind = '{kind.name}' AND c.field IN ({', '.join(repr(name) for name in sorted(kind.texts))}))"
    for kind in KINDS.values() if kind.texts & kind.policies.keys()
)  # fmt: skip
_COMPARED = f"CASE WHEN {_TEXTS} THEN json_build_array(c.base_value, c.kept_value, c.other_value) END"
"""The values of a long text, to be compared."""

_WORK_ORDER = "JOIN work_order w ON w.partnership_id = c.partnership_id AND w.id = c.work_order_id"
_EDIT = """LEFT JOIN LATERAL (
    SELECT crew_id, received_at FROM journal
    WHERE partnership_id = c.partnership_id AND edit_id = c.edit_id AND author_id = c.author_id LIMIT 1) j ON true"""

FILTERS = {
    "state": "c.state = :state",
    "sort": "c.sort = :sort",
    "kind": "c.kind = :kind",
    "field": "c.field = :field",
    "policy": "c.policy = :policy",
    "work_order_id": "c.work_order_id = :work_order_id",
    "record_id": "c.record_id = :record_id",
    "jurisdiction_id": "w.jurisdiction_id = :jurisdiction_id",
    "device_id": "(c.kept_by = :device_id OR c.other_by = :device_id)",
    "since": "c.created_at >= :since",
    "until": "c.created_at < :until",
    "title": "strpos(lower(w.title), lower(:title)) > 0",
    "crew_id": """(w.crew_id = :crew_id OR EXISTS (
        SELECT FROM journal j
        WHERE j.partnership_id = c.partnership_id AND j.edit_id = c.edit_id AND j.author_id = c.author_id
          AND j.crew_id = :crew_id))""",
}
"""Filter -> condition on conflicts ``c`` of work orders ``w``."""

_NOT_COUNTED = {"state", "sort"}

_DUE = "coalesce(least(w.resolve_by, w.due_at), '9999-01-01 00:00:00+00')"

ORDERS: dict[str, tuple[str, str, str]] = {
    "oldest": ("c.created_at, c.id", "(c.created_at, c.id) > (:at, :id)", ""),
    "newest": ("c.created_at DESC, c.id DESC", "(c.created_at, c.id) < (:at, :id)", ""),
    "urgent": (
        f"w.priority, {_DUE}, c.created_at, c.id",
        f"(w.priority, {_DUE}, c.created_at, c.id) > (:priority, :due_at, :at, :id)",
        f", w.priority, {_DUE} AS due_at",
    ),
}
"""Name -> order, condition for what comes after a row, and what of it must be known beside ``at`` and ``id``."""

CREWS_COUNTED_MAX = 50

# One look at the queue, counted in four ways.
_COUNTS = f"""
    SELECT coalesce((SELECT json_object_agg(sort, number) FROM (
               SELECT sort, count(*) AS number FROM queue GROUP BY sort) n), '{{}}') AS open,
           json_build_object(
               'fields', coalesce((SELECT json_agg(n) FROM (
                   SELECT kind, field, count(*) AS open FROM queue GROUP BY kind, field
                   ORDER BY open DESC, kind, field) n), '[]'),
               'crews', coalesce((SELECT json_agg(n) FROM (
                   SELECT q.crew_id, k.name AS crew_name, count(*) AS open
                   FROM queue q LEFT JOIN crew k ON k.partnership_id = :partnership_id AND k.id = q.crew_id
                   GROUP BY q.crew_id, k.name ORDER BY open DESC, q.crew_id LIMIT {CREWS_COUNTED_MAX}) n), '[]'),
               'ages', json_build_object(
                   'day', (SELECT count(*) FROM queue WHERE age <= interval '1 day'),
                   'week', (SELECT count(*) FROM queue WHERE age > interval '1 day' AND age <= interval '7 days'),
                   'older', (SELECT count(*) FROM queue WHERE age > interval '7 days'))) AS counts"""


def listed(given: Iterable[str], *, queue: bool, order: str, onwards: bool) -> sa.TextClause:
    """A page of conflicts by the filters that are given; with the counts of open ones.

    ``queue``: the state asked for is ``open``; ``onwards``: from a row on, whose keys are bound. Only what is asked for
    becomes part of the statement, so that each question is planned for itself. Always gives at least one row.
    """
    given = sorted(given)
    page = [FILTERS[name] for name in given]
    if queue:
        page.append("c.state = 'open'")  # Word for word the condition of the partial index.
    counted = [FILTERS[name] for name in given if name not in _NOT_COUNTED]
    common = f"c.partnership_id = :partnership_id AND {OWN}"
    sorting, after, keys = ORDERS[order]
    if onwards:
        page.append(after)
    return text(f"""
        WITH queue AS MATERIALIZED (
            SELECT c.sort, c.kind, c.field, w.crew_id, CAST(:now AS timestamptz) - c.created_at AS age
            FROM conflict c {_WORK_ORDER} WHERE {" AND ".join([common, "c.state = 'open'", *counted])}
        ), counted AS ({_COUNTS}
        ), page AS (
            SELECT c.id, c.created_at AS at{keys}, row_number() OVER (ORDER BY {sorting}) AS place,
                   CAST({_SENT} AS text) AS sent, {_COMPARED} AS compared
            FROM (
                SELECT c.* FROM conflict c {_WORK_ORDER} WHERE {" AND ".join([common, *page])}
                ORDER BY {sorting} LIMIT :rows
            ) c {_WORK_ORDER} {_EDIT}
        )
        SELECT counted.open, counted.counts, page.* FROM counted LEFT JOIN page ON true ORDER BY page.place
    """)


def _record(kind: str) -> str:
    if kind == "work_order":
        return sent(kind, "w")
    return f"(SELECT {sent(kind)} FROM {kind} t WHERE t.partnership_id = c.partnership_id AND t.id = c.record_id)"


_RECORD = "CASE c.kind " + " ".join(f"WHEN '{name}' THEN {_record(name)}" for name in _EDITABLE) + " END"

READ = text(f"""
    SELECT c.id, c.version, CAST({_SENT} AS text) AS sent, CAST({_RECORD} AS text) AS current, {_COMPARED} AS compared
    FROM conflict c {_WORK_ORDER} {_EDIT}
    WHERE c.partnership_id = :partnership_id AND c.id = ANY(CAST(:ids AS uuid[])) AND {OWN}
    ORDER BY c.created_at, c.id
""")

FIND = text(f"""
    SELECT c.work_order_id FROM conflict c {_WORK_ORDER}
    WHERE c.partnership_id = :partnership_id AND c.id = :id AND {OWN}
""")

# Of two who settle it at once, the second waits here and then sees what the first did.
LOCK = text("""
    SELECT id, version, state, sort, kind, record_id, field, kept_value, kept_side, other_value, other_side,
           coalesce(other_at, created_at) AS other_at
    FROM conflict
    WHERE partnership_id = :partnership_id AND work_order_id = :work_order_id AND id = ANY(CAST(:ids AS uuid[]))
    ORDER BY id FOR NO KEY UPDATE
""")

SETTLE = text("""
    UPDATE conflict c
    SET version = version + 1, state = 'settled', settled_as = r.choice, settled_value = r.value,
        settled_by = :staff_id, settled_at = :now, settling_edit_id = r.edit_id, reason = :reason
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, choice text, value json, edit_id uuid)
    WHERE c.partnership_id = :partnership_id AND c.id = r.id
""")

# The work order is locked: this stays true.
STANDING = {
    name: text(
        f"SELECT id, version, deleted_at IS NOT NULL AS deleted,"
        f" {'status' if name == 'work_order' else 'NULL AS status'}"
        f" FROM {name} WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))"
    )
    for name in _EDITABLE
}
