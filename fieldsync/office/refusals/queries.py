"""The SQL of refused edits: crews' edits that were not taken, or not whole, with what was decided on each.

All bind ``partnership_id`` and ``own``: jurisdictions, null for all of them. Who has the jurisdiction of the crew that
entered it, or of the work order that it is about, may see a refused edit; of what stands now she sees what she may see
anyway.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.journal.models import REFUSED
from fieldsync.office.queries import OWN, person, sent
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS

COUNTED_MAX = 10_000
"""Waiting edits that are counted: beyond it a queue is too long for its length to matter."""

LISTED_BYTES_MAX = 16 * 1024
"""Fields of this size are shown in the list; a tablet's longest honest edit has a long text in each of two fields. What
is larger is read alone: a page of 500 is 8 MB at most."""

_PACKED_BYTES_MAX = 16 * 1024
"""As they lie in the database. What is larger there is not even looked at in a list: unpacked it may have a hundred
times as much."""

CODE = "coalesce(j.problem ->> 'code', 'unknown_field')"
"""Why it was refused; where only some of its fields were: why they were."""

# What a dispatcher rejected when she released a lost tablet's edits, she has decided on already.
_REJECTED = f"{CODE} = 'not_released'"

_DECISION = """
    LEFT JOIN LATERAL (
        SELECT version, state, decided_by, decided_at, reason, applied_edit_id FROM refused_edit_decision e
        WHERE e.partnership_id = j.partnership_id AND e.author_id = j.author_id AND e.edit_id = j.edit_id
        ORDER BY version DESC LIMIT 1
    ) decision ON true"""

STATE = f"coalesce(decision.state, CASE WHEN {_REJECTED} THEN 'dismissed' ELSE 'waiting' END)"

# Fields are what anybody sent: only what looks like an id is taken for one, and only where looking is cheap.
_PARENT_SENT = f"""CASE WHEN pg_column_size(j.fields) <= {_PACKED_BYTES_MAX} THEN (
    SELECT CAST(s.id AS uuid) FROM (SELECT j.fields ->> 'work_order_id' AS id) s
    WHERE s.id ~* '^[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?[0-9a-f]{{4}}-?[0-9a-f]{{4}}-?[0-9a-f]{{12}}$') END"""

_PARENT_STANDING = " ".join(
    f"WHEN '{name}' THEN (SELECT t.work_order_id FROM {name} t"
    " WHERE t.partnership_id = j.partnership_id AND t.id = j.record_id)"
    for name in CHILD_KINDS
)

# The work order that it is about: of what hangs on one, where that stands, else where it was to be made.
_WORK_ORDER_ID = f"""CASE WHEN j.kind = 'work_order' THEN j.record_id
    ELSE coalesce(CASE j.kind {_PARENT_STANDING} END, {_PARENT_SENT}) END"""


def _lies_in(jurisdictions: str) -> str:
    """Condition: the crew's jurisdiction is, or the work order lies in, one of these. Looked up for one edit after the
    other, as they lie in the index, so that a page ends the search. No filter tells where a work order lies that she
    may not see."""
    return f"""(EXISTS (
        SELECT FROM crew k
        WHERE k.partnership_id = j.partnership_id AND k.id = j.crew_id AND k.jurisdiction_id = ANY({jurisdictions})
    ) OR EXISTS (
        SELECT FROM work_order w
        WHERE w.partnership_id = j.partnership_id AND w.id = {_WORK_ORDER_ID}
          AND w.jurisdiction_id = ANY({jurisdictions}) AND {OWN}))"""


_VISIBLE = f"(CAST(:own AS uuid[]) IS NULL OR {_lies_in('CAST(:own AS uuid[])')})"

FILTERS = {
    "code": f"{CODE} = :code",
    "kind": "j.kind = :kind",
    "crew_id": "j.crew_id = :crew_id",
    "device_id": "j.author_id = :device_id",
    "work_order_id": f"{_WORK_ORDER_ID} = :work_order_id",
    "jurisdiction_id": _lies_in("ARRAY[CAST(:jurisdiction_id AS uuid)]"),
}
"""Filter -> condition on refused edits ``j``."""


def _record(name: str) -> str:
    """The record as it stands, where the asking person may see its own work order."""
    if name == "work_order":
        return f"""(SELECT {sent(name, "w")} FROM work_order w
            WHERE w.partnership_id = :partnership_id AND w.id = j.record_id AND {OWN})"""
    return f"""(SELECT {sent(name)} FROM {name} t
        JOIN work_order w ON w.partnership_id = t.partnership_id AND w.id = t.work_order_id
        WHERE t.partnership_id = :partnership_id AND t.id = j.record_id AND {OWN})"""


_RECORD = "CASE j.kind " + " ".join(f"WHEN '{name}' THEN {_record(name)}" for name in KINDS) + " END"

# The creation whose refusal it followed from.
_DEPENDS_ON = f"""CASE WHEN {CODE} = 'depends_on' THEN (
    SELECT json_build_object('device_id', c.author_id, 'edit_id', c.edit_id, 'kind', c.kind, 'record_id', c.record_id,
        'state', coalesce((
            SELECT e.state FROM refused_edit_decision e
            WHERE e.partnership_id = c.partnership_id AND e.author_id = c.author_id AND e.edit_id = c.edit_id
            ORDER BY e.version DESC LIMIT 1),
            CASE WHEN c.problem ->> 'code' = 'not_released' THEN 'dismissed' ELSE 'waiting' END))
    FROM journal c
    WHERE c.partnership_id = :partnership_id AND c.author_id = j.author_id
      AND c.record_id = CASE WHEN j.problem ->> 'field' = 'work_order_id' THEN {_PARENT_SENT} ELSE j.record_id END
      AND c.action = 'create' AND c.verdict = 'refused'
    ORDER BY c.entry DESC LIMIT 1) END"""

_DECIDED = f"""CASE WHEN decision.state IS NOT NULL THEN json_build_object(
    'state', decision.state, 'by', {person("decision.decided_by", "'office'")}, 'at', decision.decided_at,
    'reason', decision.reason, 'edit_id', decision.applied_edit_id) END"""


def _item(fields: str) -> str:
    """The SQL expression for a refused edit as JSON; ``fields``: that of its fields."""
    return f"""json_build_object(
        'device_id', j.author_id, 'edit_id', j.edit_id, 'version', coalesce(decision.version, 0),
        'etag', '"' || coalesce(decision.version, 0) || '"', 'state', {STATE}, 'verdict', j.verdict, 'code', {CODE},
        'problem', j.problem, 'refused_fields', coalesce(j.refused_fields, '[]'), 'seq', j.seq, 'kind', j.kind,
        'record_id', j.record_id, 'action', j.action, 'base_version', j.base_version, 'fields', {fields},
        'fields_left_out', {fields} IS NULL, 'observed_at', j.observed_at, 'happened_at', j.happened_at,
        'received_at', j.received_at, 'by', {person("j.author_id", "j.side", "j.crew_id")},
        'work_order', (
            SELECT json_build_object('id', w.id, 'title', w.title, 'status', w.status,
                'jurisdiction_id', w.jurisdiction_id, 'crew_id', w.crew_id, 'deleted', w.deleted_at IS NOT NULL)
            FROM work_order w WHERE w.partnership_id = :partnership_id AND w.id = {_WORK_ORDER_ID} AND {OWN}),
        'record', {_RECORD}, 'depends_on', {_DEPENDS_ON}, 'decided', {_DECIDED})"""


LISTED_FIELDS = f"""CASE WHEN pg_column_size(j.fields) <= {_PACKED_BYTES_MAX}
    AND octet_length(CAST(j.fields AS text)) <= {LISTED_BYTES_MAX} THEN j.fields END"""
"""The fields of a refused edit ``j``, where they are small enough for a page of many."""


_UNDECIDED = """NOT EXISTS (
    SELECT FROM refused_edit_decision e WHERE e.partnership_id = :partnership_id AND e.entry = j.entry)"""


def _found(given: Collection[str], state: str | None, after: str = "true", order: str = "") -> str:
    """FROM, WHERE and ORDER of refused edits ``j``. ``after``: a condition on ``j.entry``; ``order``: of ``{}.entry``.

    Thousands that were decided on may lie before the first that waits, and far apart in the journal. They are passed
    over by the indexes alone, and only what is left is looked up in the journal, one after the other, so that a full
    page ends the search.
    """
    keys = ["j.partnership_id = :partnership_id", REFUSED, after]
    if "device_id" in given:
        keys.append(FILTERS["device_id"])
    others = [_VISIBLE, *[FILTERS[name] for name in sorted(given)]]
    if state != "waiting":
        in_state = "true" if state is None else f"{STATE} = :state"
        conditions = " AND ".join([*keys, in_state, *others])
        return f"FROM journal j {'' if state is None else _DECISION} WHERE {conditions} {order.format('j')}"
    return f"""
        FROM (
            SELECT j.entry, j.author_id, j.edit_id FROM journal j
            WHERE {" AND ".join([*keys, _UNDECIDED])} {order.format("j")}
        ) q CROSS JOIN LATERAL (
            SELECT * FROM journal
            WHERE partnership_id = :partnership_id AND edit_id = q.edit_id AND author_id = q.author_id OFFSET 0
        ) j WHERE {" AND ".join([f"NOT {_REJECTED}", *others])} {order.format("q")}"""


def listed(given: Collection[str], state: str | None, *, newest: bool) -> sa.TextClause:
    """A page of refused edits by their order of receipt. Only what is asked for becomes part of the statement, so that
    each question is planned for itself. ``after`` is the entry of the last row of the page before."""
    sign, order = ("<", "DESC") if newest else (">", "ASC")
    found = _found(given, state, f"j.entry {sign} :after", f"ORDER BY {{}}.entry {order}")
    return text(f"""
        SELECT j.entry, CAST({_item(LISTED_FIELDS)} AS text) AS sent
        FROM (SELECT j.* {found} LIMIT :rows) j {_DECISION}
        ORDER BY j.entry {order}
    """)


def counted(given: Collection[str]) -> sa.TextClause:
    """How many wait, by code, under these filters (the code's own left out); ``COUNTED_MAX`` are counted."""
    found = _found([name for name in given if name != "code"], "waiting")
    return text(f"""
        SELECT coalesce(json_object_agg(code, number), '{{}}')::text FROM (
            SELECT code, count(*) AS number FROM (SELECT {CODE} AS code {found} LIMIT {COUNTED_MAX}) waiting
            GROUP BY code
        ) n
    """)


READ = text(f"""
    SELECT coalesce(decision.version, 0) AS version, CAST({_item("j.fields")} AS text) AS sent
    FROM journal j {_DECISION}
    WHERE j.partnership_id = :partnership_id AND j.author_id = :sender_id AND j.edit_id = :edit_id AND {REFUSED}
      AND {_VISIBLE}
""")

# What applying it needs, of an edit that she may see. The journal never changes: nothing of it has to be locked.
FIND = text(f"""
    SELECT j.entry, j.kind, j.record_id, j.action, j.verdict, j.crew_id, CAST(j.fields AS text) AS fields,
           j.refused_fields
    FROM journal j
    WHERE j.partnership_id = :partnership_id AND j.author_id = :sender_id AND j.edit_id = :edit_id AND {REFUSED}
      AND {_VISIBLE}
""")

# The device's own line: of two who decide on an edit of it the second waits here, and so does the tablet.
LOCK = text("""
    SELECT refusals_decided FROM device WHERE partnership_id = :partnership_id AND id = :sender_id FOR NO KEY UPDATE
""")

STANDING = text("""
    SELECT version, state FROM refused_edit_decision
    WHERE partnership_id = :partnership_id AND author_id = :sender_id AND edit_id = :edit_id
    ORDER BY version DESC LIMIT 1
""")

DECIDE = text("""
    INSERT INTO refused_edit_decision
        (partnership_id, author_id, edit_id, version, entry, number, state, decided_by, decided_at, reason,
         applied_edit_id)
    VALUES (:partnership_id, :sender_id, :edit_id, :version, :entry, :number, :state, :staff_id, :now, :reason,
            :applied_id)
""")

# Its tablet asks for the list when the number has grown.
TELL = text("""
    UPDATE device SET refusals_decided = :number WHERE partnership_id = :partnership_id AND id = :sender_id
""")

WORK_ORDER_OF = {
    name: text(f"SELECT work_order_id FROM {name} WHERE partnership_id = :partnership_id AND id = :id")
    for name in CHILD_KINDS
}

# The refused creation, by the same device, of a record that is not there.
REFUSED_CREATION = text("""
    SELECT edit_id FROM journal
    WHERE partnership_id = :partnership_id AND author_id = :sender_id AND record_id = :id AND action = 'create'
      AND verdict = 'refused'
    ORDER BY entry DESC LIMIT 1
""")
