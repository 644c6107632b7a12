"""The journal's SQL: each statement handles a whole batch. Made once from the models and the kinds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from fieldsync.database import Base
from fieldsync.journal.edits import Placed
from fieldsync.journal.models import EditConflict, JournalEntry, PlacementChange
from fieldsync.workorders import models as _records  # noqa: F401  (their tables are named below)
from fieldsync.workorders.completion import ENTRIES_MAX, ENTRY_KINDS, FIELDS
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS, Kind

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
STATEMENTS_HELD_MAX = 256
"""Statements made for one choice of fields each; tablets use a few dozen of them."""

_PLACEMENT = Placed.__struct_fields__
_DUE = ("respond_by", "resolve_by")

# What was entered and could be taken: without the fields that we did not know.
ENTERED = """
    CASE WHEN j.refused_fields IS NULL THEN j.fields ELSE (
        SELECT coalesce(json_object_agg(f.key, f.value), '{}') FROM json_each(j.fields) f
        WHERE f.key NOT IN (SELECT refused ->> 'field' FROM json_array_elements(j.refused_fields) refused)
    ) END"""

# Edits of these records by anybody after the version that the batch was made on, oldest first.
HISTORY = text(f"""
    SELECT coalesce(json_agg(h), '[]')::text FROM (
        SELECT j.record_id, j.kind, j.version, j.entry, j.author_id, j.side, j.happened_at, j.before,
               {ENTERED} AS fields
        FROM unnest(CAST(:record_ids AS uuid[]), CAST(:bases AS int[]), CAST(:base_entries AS bigint[]))
            AS stale (record_id, base, base_entry)
        CROSS JOIN LATERAL (
            SELECT * FROM journal
            WHERE partnership_id = :partnership_id AND record_id = stale.record_id
              AND (version > stale.base OR entry > stale.base_entry)
              AND verdict <> 'refused'
              -- Whose a work order is cannot be entered, so it cannot clash with what was.
              AND action <> 'place'
            OFFSET 0
        ) j
        ORDER BY j.entry
    ) h
""")

# Work orders that these crews' tablets had, and were told to drop, however long ago.
LEFT_SCOPE = text("""
    SELECT wanted.id FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT 1 FROM scope_exit
        WHERE partnership_id = :partnership_id AND crew_id = ANY(CAST(:crew_ids AS uuid[])) AND record_id = wanted.id
          AND kind = 'work_order'
        UNION ALL
        SELECT 1 FROM scope_left
        WHERE partnership_id = :partnership_id AND crew_id = ANY(CAST(:crew_ids AS uuid[]))
          AND work_order_id = wanted.id
        LIMIT 1
    ) e
""")

REFUSED_CREATES = text("""
    SELECT wanted.id FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
        SELECT 1 FROM journal
        WHERE partnership_id = :partnership_id AND record_id = wanted.id AND author_id = :author_id
          AND action = 'create' AND verdict = 'refused'
        LIMIT 1
    ) j
""")

POLICIES = text("""
    SELECT kind, field, policy, custody = 'merge' AS merges FROM field_policy WHERE partnership_id = :partnership_id
""")

# Taken before the policies are read, in a statement of its own, and held until the commit: whoever changes a policy
# waits for all who decide by the old one, so that every entry of the journal is clearly before the change or after it.
HOLD_POLICIES = text("""
    SELECT pg_advisory_xact_lock_shared(hashtextextended('merge policies of ' || CAST(:partnership_id AS text), 0))
""")

# A record that leaves a crew a second time moves to its new place in the feed.
INSERT_SCOPE_EXITS = text("""
    INSERT INTO scope_exit (partnership_id, crew_id, record_id, kind, change, reason)
    SELECT :partnership_id, r.crew_id, r.record_id, r.kind, :change, r.reason
    FROM json_to_recordset(CAST(:rows AS json)) AS r (crew_id uuid, record_id uuid, kind text, reason text)
    ON CONFLICT (partnership_id, crew_id, record_id, kind)
        DO UPDATE SET change = excluded.change, reason = excluded.reason
""")


def _table(name: str) -> sa.Table:
    return Base.metadata.tables[name]


def _typed(table: sa.Table, name: str) -> str:
    return f"{name} {table.c[name].type.compile(_DIALECT)}"


def _columns(names: Iterable[str]) -> list[str]:
    """The fields that are columns as they are: all but a work order's point, and the parent's id."""
    return [name for name in names if name not in ("location", "work_order_id")]


def _recordset(kind: Kind, columns: Iterable[str], *, point: bool) -> str:
    """The FROM item that turns the JSON of many records into rows."""
    table = _table(kind.name)
    typed = [_typed(table, name) for name in ["id", "version", *columns]]
    if point:
        typed += ["lon double precision", "lat double precision"]
    if not kind.appends_only:
        typed.append("deleted boolean")
    return f"json_to_recordset(CAST(:rows AS json)) AS r ({', '.join(typed)})"


_POINT = "ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326)"


def _insert(kind: Kind) -> sa.TextClause:
    beside = ["work_order_id", "scope_crew_id"] if kind.is_child else [*_PLACEMENT, *_DUE]
    columns = _columns(kind.names) + beside
    assigned = {"partnership_id": ":partnership_id", "id": "r.id", "version": "r.version", "change": ":change"}
    assigned |= {"created_at": ":now", "updated_at": ":now"} | {name: f"r.{name}" for name in columns}
    if not kind.is_child:
        assigned["location"] = _POINT
    if not kind.appends_only:  # made and deleted in one batch
        assigned["deleted_at"] = "CASE WHEN r.deleted THEN CAST(:now AS timestamptz) END"
    return text(
        f"INSERT INTO {kind.name} ({', '.join(assigned)}) SELECT {', '.join(assigned.values())}"
        f" FROM {_recordset(kind, columns, point=not kind.is_child)}"
    )


@lru_cache(STATEMENTS_HELD_MAX)
def update(name: str, names: tuple[str, ...], *, due: bool = False) -> sa.TextClause:
    """Write the fields ``names`` of records of kind ``name`` that exist and are locked; of work orders whose clocks
    have changed also when they are ``due``."""
    kind = KINDS[name]
    columns = _columns(names)
    if kind.is_child:
        columns.append("scope_crew_id")
    elif "location" in names:
        columns += _PLACEMENT
    if due:
        columns += _DUE
    assigned = {column: f"r.{column}" for column in columns}
    if "location" in names:
        assigned["location"] = _POINT
    assigned |= {"version": "r.version", "change": ":change", "updated_at": ":now"}
    # The first deletion's moment stays, however often it is repeated.
    assigned["deleted_at"] = "CASE WHEN r.deleted THEN coalesce(t.deleted_at, :now) END"
    return text(f"""
        UPDATE {name} t SET {", ".join(f"{column} = {value}" for column, value in assigned.items())}
        FROM {_recordset(kind, columns, point="location" in names)} CROSS JOIN LATERAL (
            -- The lock on the work order keeps the row where it is.
            SELECT ctid FROM {name} WHERE partnership_id = :partnership_id AND id = r.id OFFSET 0
        ) found
        WHERE t.ctid = found.ctid
    """)


def _selected(kind: Kind, names: Iterable[str]) -> str:
    """What is read of a record: the fields ``names``, and what deciding needs beside them."""
    selected = [*_columns(names), "id", "version", "deleted_at IS NOT NULL AS deleted"]
    if kind.is_child:
        selected += ["work_order_id", "scope_crew_id AS seen_by"]
    else:
        selected += ["crew_id AS seen_by", "jurisdiction_id"]
    if "location" in names:
        selected += ["ST_X(location) AS lon", "ST_Y(location) AS lat", *_PLACEMENT[1:]]
    return ", ".join(selected)


# Every look-up by many ids goes through LATERAL … OFFSET 0: one index probe an id, whatever the planner believes about
# the size of a partnership. Its statistics lag behind, and for one that it has not seen yet it reads all of it.


# A locked row is returned as it is once the lock is held, so locking and reading the work orders can be one statement.
# Everything else is read in later ones: a waiter's snapshot of it was taken before it waited. A work order's lock
# covers all that is recorded on it. Always in id order, and before the head, so that no two batches wait for each
# other.
@lru_cache(STATEMENTS_HELD_MAX)
def lock_work_orders(names: tuple[str, ...]) -> sa.TextClause:
    """Lock work orders, and those of tasks, and read their fields ``names``; binds ``ids`` and ``task_ids``."""
    return text(f"""
        SELECT coalesce(json_agg(r), '[]')::text FROM (
            SELECT w.* FROM (
                SELECT unnest(CAST(:ids AS uuid[])) AS id
                UNION
                SELECT t.work_order_id FROM unnest(CAST(:task_ids AS uuid[])) AS named (id) CROSS JOIN LATERAL (
                    SELECT work_order_id FROM task WHERE partnership_id = :partnership_id AND id = named.id OFFSET 0
                ) t
                ORDER BY id
            ) wanted CROSS JOIN LATERAL (
                SELECT {_selected(KINDS["work_order"], names)} FROM work_order
                WHERE partnership_id = :partnership_id AND id = wanted.id FOR NO KEY UPDATE
            ) w
        ) r
    """)


@lru_cache(STATEMENTS_HELD_MAX)
def load_tasks(names: tuple[str, ...]) -> sa.TextClause:
    """Read the fields ``names`` of tasks; binds ``ids``."""
    return text(f"""
        SELECT coalesce(json_agg(r), '[]')::text FROM (
            SELECT t.* FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
                SELECT {_selected(KINDS["task"], names)} FROM task
                WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
            ) t
        ) r
    """)


# What completing needs, by service type: of those that the work orders ``ids`` have, and of ``service_type_ids``. Those
# that need nothing are left out, so that nothing more is read where nobody requires anything.
REQUIRED = text("""
    SELECT coalesce(json_object_agg(s.id, s.required_on_completion), '{}')::text FROM (
        SELECT unnest(CAST(:service_type_ids AS uuid[])) AS id
        UNION
        SELECT w.service_type_id FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
            SELECT service_type_id FROM work_order
            WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
        ) w
    ) named CROSS JOIN LATERAL (
        SELECT id, required_on_completion FROM service_type
        WHERE partnership_id = :partnership_id AND id = named.id AND required_on_completion <> '{}' OFFSET 0
    ) s
""")

# Read after the locks: nobody changes a work order, or what is recorded on it, before this transaction ends. No more
# entries are counted than can be required.
_COUNTED = ", ".join(
    f"""'{name}', (SELECT count(*) FROM (
        SELECT FROM {name} WHERE partnership_id = :partnership_id AND work_order_id = wanted.id LIMIT {ENTRIES_MAX}
    ) {name}_of_it)"""
    for name in ENTRY_KINDS
)
_REQUIRABLE = ", ".join(f"'{name}', {name}" for name in FIELDS)
RECORDED = text(f"""
    SELECT coalesce(json_agg(r), '[]')::text FROM (
        SELECT wanted.id, w.service_type_id, w.fields, t.tasks, json_build_object({_COUNTED}) AS entries
        FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) CROSS JOIN LATERAL (
            SELECT service_type_id, json_build_object({_REQUIRABLE}) AS fields FROM work_order
            WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0
        ) w CROSS JOIN LATERAL (
            SELECT coalesce(json_agg(json_build_object('id', id, 'title', title, 'done', done, 'position', position)),
                            '[]') AS tasks
            FROM task
            WHERE partnership_id = :partnership_id AND work_order_id = wanted.id
              -- Deleted ones, too, that the batch may restore.
              AND (deleted_at IS NULL OR id = ANY(CAST(:task_ids AS uuid[])))
        ) t
    ) r
""")


def _from_json(table: sa.Table, names: list[str], constants: list[str]) -> sa.TextClause:
    """INSERT of many rows from JSON; ``constants`` are the columns that are the same in all of them."""
    columns = ", ".join(names + constants)
    values = ", ".join([f"r.{name}" for name in names] + [f":{name}" for name in constants])
    typed = ", ".join(_typed(table, name) for name in names)
    return text(
        f"INSERT INTO {table.name} ({columns}) SELECT {values}"
        f" FROM json_to_recordset(CAST(:rows AS json)) AS r ({typed})"
    )


EDITABLE = tuple(kind for kind in KINDS.values() if not kind.appends_only)
INSERT = {kind.name: _insert(kind) for kind in KINDS.values()}

_JOURNAL_CONSTANTS = ["partnership_id", "author_id", "side", "crew_id", "received_at"]
INSERT_JOURNAL = _from_json(
    JournalEntry.__table__,  # type: ignore[arg-type]
    [c.name for c in JournalEntry.__table__.c if c.name not in {*_JOURNAL_CONSTANTS, "entry"}],
    _JOURNAL_CONSTANTS,
)

_CONFLICT_CONSTANTS = ["partnership_id", "created_at"]
INSERT_CONFLICTS = _from_json(
    EditConflict.__table__,  # type: ignore[arg-type]
    [c.name for c in EditConflict.__table__.c if c.name not in {*_CONFLICT_CONSTANTS, "version", "settled_value",
                                                             "settled_by", "settling_edit_id", "reason"}],
    _CONFLICT_CONSTANTS,
)  # fmt: skip

INSERT_PLACEMENT_CHANGES = _from_json(
    PlacementChange.__table__,  # type: ignore[arg-type]
    [c.name for c in PlacementChange.__table__.c if c.name not in {"partnership_id", "changed_at", "reversed_at"}],
    ["partnership_id", "changed_at"],
)

# What hangs on a work order follows it into another crew's scope (or out of all), stamped anew so that the new
# crew's tablets receive it however old it is.
FOLLOW = {
    name: text(f"""
        UPDATE {name} t SET change = :change,
            scope_crew_id = {"CASE WHEN t.deleted_at IS NULL THEN r.crew_id END" if name == "task" else "r.crew_id"}
        FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, crew_id uuid) CROSS JOIN LATERAL (
            -- Nothing moves these rows meanwhile: the lock on their work order covers them.
            SELECT ctid FROM {name} WHERE partnership_id = :partnership_id AND work_order_id = r.id OFFSET 0
        ) of_it
        WHERE t.ctid = of_it.ctid
    """)
    for name in CHILD_KINDS
}

# A plan goes where the job goes: a crew that gets a job back sees what was planned for it, nobody else does.
FOLLOW["assignment"] = text("""
    UPDATE assignment t SET change = :change, scope_crew_id = CASE WHEN t.crew_id = r.crew_id THEN r.crew_id END
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, crew_id uuid) CROSS JOIN LATERAL (
        SELECT ctid FROM assignment WHERE partnership_id = :partnership_id AND work_order_id = r.id OFFSET 0
    ) of_it
    WHERE t.ctid = of_it.ctid
""")

# Whoever takes a job from its crew, or ends it, ends what was planned for it in the same transaction: the crew is free
# again. A part that had begun by the time the job was done stays as done.
END_ASSIGNMENTS = text("""
    WITH ended AS (
        UPDATE assignment t
        SET state = CASE WHEN r.done AND t.starts_at <= :now THEN 'done' ELSE 'released' END,
            released_because = CASE WHEN r.done AND t.starts_at <= :now THEN NULL ELSE r.because END,
            version = t.version + 1, change = :change, updated_at = :now
        FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, crew_id uuid, done boolean, because text)
        CROSS JOIN LATERAL (
            SELECT ctid FROM assignment
            WHERE partnership_id = :partnership_id AND work_order_id = r.id AND state = 'planned'
              AND (r.done OR crew_id IS DISTINCT FROM r.crew_id)
            OFFSET 0
        ) of_it
        WHERE t.ctid = of_it.ctid
        RETURNING t.id, t.work_order_id, t.state, t.released_because, t.crew_id, t.starts_at, t.ends_at, t.minutes,
                  t.pinned
    )
    INSERT INTO assignment_event
        (partnership_id, id, assignment_id, work_order_id, at, action, staff_id, reason, before)
    SELECT :partnership_id, gen_random_uuid(), id, work_order_id, :now,
           CASE WHEN state = 'done' THEN 'done' WHEN released_because = 'recalled' THEN 'recalled' ELSE 'released' END,
           CAST(:staff_id AS uuid), released_because,
           jsonb_build_object('crew_id', crew_id, 'starts_at', starts_at, 'ends_at', ends_at, 'minutes', minutes,
                              'pinned', pinned)
    FROM ended
""")


def existing(tables: list[str]) -> sa.TextClause:
    """Which of some ids exist, for several tables in one statement; binds ``<table>_ids``. Rows ``(table, id)``."""
    return text(
        " UNION ALL ".join(
            f"SELECT '{name}' AS name, wanted.id FROM unnest(CAST(:{name}_ids AS uuid[])) AS wanted (id)"
            f" CROSS JOIN LATERAL (SELECT 1 FROM {name}"
            f" WHERE partnership_id = :partnership_id AND id = wanted.id OFFSET 0) t"
            for name in tables
        )
    )
