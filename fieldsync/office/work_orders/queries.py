"""The office's SQL for work orders: the list, what is recorded on one, and its history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.journal.queries import ENTERED
from fieldsync.office.queries import OWN, person, placement, sent
from fieldsync.office.refusals.queries import LISTED_FIELDS
from fieldsync.workorders.kinds import CHILD_KINDS

FILTERS = {
    "service_type_id": "w.service_type_id = :service_type_id",
    "priority": "w.priority = :priority",
    "status": "w.status = ANY(CAST(:status AS text[]))",
    "jurisdiction_id": "w.jurisdiction_id = :jurisdiction_id",
    "crew_id": "w.crew_id = :crew_id",
    "placed_by": "w.placed_by = :placed_by",
    # Both go by the clocks that run: one that stands still is due at no time.
    "due_before": """w.id IN (
        SELECT c.work_order_id FROM service_clock c
        WHERE c.partnership_id = :partnership_id AND c.stopped_at IS NULL AND c.due_at IS NOT NULL
          AND c.due_at < :due_before)""",
    "breached": """(w.id IN (
        SELECT c.work_order_id FROM service_clock c
        WHERE c.partnership_id = :partnership_id AND c.stopped_at IS NULL AND c.due_at IS NOT NULL AND c.due_at < :now
        UNION ALL
        SELECT c.work_order_id FROM service_pause s
        JOIN service_clock c ON c.partnership_id = s.partnership_id AND c.work_order_id = s.work_order_id
        WHERE s.partnership_id = :partnership_id AND s.ends_at IS NULL
          AND c.stopped_at IS NULL AND c.breached_at IS NOT NULL)) = :breached""",
    "bbox": "w.location && ST_MakeEnvelope(:west, :south, :east, :north, 4326)",
}
"""Filter -> condition on work orders ``w``."""

_EMPTY = {
    "jurisdiction_id": "w.jurisdiction_id IS NULL",
    "crew_id": "w.crew_id IS NULL",
    # What lies outside everything has no jurisdiction: said here, so that the index of triage is used.
    "outside": "w.placed_by = 'outside' AND w.jurisdiction_id IS NULL",
}

_DELETED = {"exclude": "w.deleted_at IS NULL", "include": "true", "only": "w.deleted_at IS NOT NULL"}
"""``exclude`` is word for word the condition of the partial indexes."""


def listed(given: Iterable[str], empty: Iterable[str], deleted: str, *, scoped: bool) -> sa.TextClause:
    """A page of work orders in the order of their last change, by the filters that are given.

    ``given`` and ``empty`` name filters (``empty``: those that ask for no value). Only what is asked for becomes part
    of the statement, so that each question is planned for itself. Always gives at least one row, with the head's
    ``epoch`` and ``change`` of the same snapshot: everything up to that number is in the answer.
    """
    conditions = ["w.partnership_id = :partnership_id", "(w.change, w.id) > (:after_change, :after_id)"]
    conditions += [FILTERS[name] for name in sorted(given)]
    conditions += [_EMPTY[name] for name in sorted(empty)]
    conditions.append(_DELETED[deleted])
    if scoped:
        conditions.append("w.jurisdiction_id = ANY(CAST(:own AS uuid[]))")
    return text(f"""
        SELECT h.epoch, h.change AS head, p.change, p.id, p.sent
        FROM head h LEFT JOIN LATERAL (
            SELECT w.change, w.id, CAST({sent("work_order", "w")} AS text) AS sent
            FROM work_order w WHERE {" AND ".join(conditions)}
            ORDER BY w.change, w.id LIMIT :rows
        ) p ON true
        WHERE h.partnership_id = :partnership_id
        ORDER BY p.change, p.id
    """)


def _recorded(name: str) -> str:
    alive = "AND t.deleted_at IS NULL" if name == "task" else ""
    order = "t.position, t.id" if name == "task" else "t.created_at, t.id"
    return f"""
        (SELECT '{name}' AS kind, CAST({sent(name)} AS text) AS sent FROM {name} t
         WHERE t.partnership_id = :partnership_id AND t.work_order_id = :id {alive} ORDER BY {order} LIMIT :rows)"""


def recorded(kinds: Iterable[str]) -> sa.TextClause:
    """What is recorded on a work order: rows ``(kind, sent)``, tasks by their position, the others as they came."""
    return text(" UNION ALL ".join(_recorded(name) for name in kinds))


# A refused edit's fields are only handed on: they may hold characters at which the database, looking inside, gives up.
_CHANGED = f"""
    CASE WHEN j.verdict = 'refused' THEN NULL
    WHEN j.action = 'create' THEN (
        SELECT json_object_agg(f.key, json_build_object('before', null, 'after', f.value))
        FROM json_each({ENTERED}) f)
    ELSE (
        SELECT json_object_agg(b.key, json_build_object('before', b.value, 'after', CASE
            WHEN b.key = 'deleted' THEN to_json(j.action = 'delete')
            ELSE coalesce(j.after -> b.key, j.fields -> b.key) END))
        FROM json_each(j.before) b)
    END"""

_OF_WORK_ORDER = " UNION ALL ".join(
    f"SELECT '{name}' AS kind, t.id FROM {name} t WHERE t.partnership_id = w.partnership_id AND t.work_order_id = w.id"
    for name in CHILD_KINDS
)

_DECIDED = f"""
    CASE WHEN j.verdict = 'refused' OR j.refused_fields IS NOT NULL THEN (
        SELECT json_build_object('state', e.state, 'by', {person("e.decided_by", "'office'")}, 'at', e.decided_at,
                                 'reason', e.reason, 'edit_id', e.applied_edit_id)
        FROM refused_edit_decision e
        WHERE e.partnership_id = j.partnership_id AND e.author_id = j.author_id AND e.edit_id = j.edit_id
        ORDER BY e.version DESC LIMIT 1)
    END"""

# Where a work order was first placed stands in what its first move remembers, or else still on its row.
_PLACEMENT = f"""
    CASE WHEN r.kind <> 'work_order' OR j.verdict = 'refused' THEN NULL
    WHEN j.action = 'create' THEN (
        SELECT {placement("p")} FROM jsonb_populate_record(w, (
            SELECT c.from_placement FROM placement_change c
            WHERE c.partnership_id = w.partnership_id AND c.work_order_id = w.id ORDER BY c.version LIMIT 1)) p)
    ELSE (
        SELECT {placement("p")} FROM placement_change c
        CROSS JOIN LATERAL jsonb_populate_record(w, c.to_placement) p
        WHERE c.partnership_id = w.partnership_id AND c.work_order_id = w.id AND c.version = j.version)
    END"""

# What was taken has lengths that we allow. What was refused may be as large as a body: a page must not be 500 of these.
_ENTERED = f"CASE WHEN j.verdict = 'refused' THEN {LISTED_FIELDS} ELSE j.fields END"

# The work order is read first: no row where the asking person may not see it, one without an entry at the end.
HISTORY = text(f"""
    SELECT p.entry, p.sent
    FROM work_order w LEFT JOIN LATERAL (
        SELECT j.entry, CAST(json_build_object(
            'edit_id', j.edit_id, 'kind', j.kind, 'record_id', j.record_id, 'action', j.action,
            'happened_at', j.happened_at, 'observed_at', j.observed_at, 'received_at', j.received_at,
            'by', {person("j.author_id", "j.side", "j.crew_id")},
            'verdict', j.verdict, 'base_version', j.base_version, 'version', j.version,
            'entered', {_ENTERED}, 'entered_left_out', {_ENTERED} IS NULL,
            'changed', {_CHANGED}, 'placement', {_PLACEMENT}, 'problem', j.problem,
            'refused_fields', coalesce(j.refused_fields, '[]'), 'decided', {_DECIDED},
            'conflicts', coalesce((
                SELECT json_agg(json_build_object(
                    'id', c.id, 'sort', c.sort, 'field', c.field, 'state', c.state,
                    'settled', CASE WHEN c.state = 'settled' THEN json_build_object(
                        'as', c.settled_as, 'by', {person("c.settled_by", "'office'")}, 'at', c.settled_at,
                        'edit_id', c.settling_edit_id, 'reason', c.reason) END) ORDER BY c.id)
                FROM conflict c
                WHERE c.partnership_id = j.partnership_id AND c.edit_id = j.edit_id AND c.author_id = j.author_id
            ), '[]'),
            'settles', coalesce((
                SELECT json_agg(c.id ORDER BY c.id) FROM conflict c
                WHERE c.partnership_id = j.partnership_id AND c.work_order_id = w.id
                  AND c.settling_edit_id = j.edit_id AND c.settled_by = j.author_id
            ), '[]')
        ) AS text) AS sent
        FROM (SELECT 'work_order' AS kind, w.id UNION ALL {_OF_WORK_ORDER}) r
        JOIN journal j ON j.partnership_id = w.partnership_id AND j.record_id = r.id AND j.kind = r.kind
        WHERE j.entry > :after
        ORDER BY j.entry LIMIT :rows
    ) p ON true
    WHERE w.partnership_id = :partnership_id AND w.id = :id AND {OWN}
    ORDER BY p.entry
""")


def bound(filters: dict[str, Any]) -> dict[str, Any]:
    """The values that ``listed`` binds for these filters."""
    values = dict(filters)
    if (box := values.pop("bbox", None)) is not None:
        values |= zip(("west", "south", "east", "north"), box, strict=True)
    return values
