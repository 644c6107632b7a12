"""The journal's SQL: each statement handles a whole batch. Made once from the models and the kinds."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from fieldsync.database import Base
from fieldsync.journal.models import EditConflict, JournalEntry
from fieldsync.workorders import models as _records  # noqa: F401  (their tables are named below)
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS, Kind

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_PLACEMENT = ("jurisdiction_id", "area_id", "placed_version_id", "placed_by")

# Locking comes before reading, as a statement of its own: a waiter that read in the same statement would go on with
# the snapshot it took before it waited. A work order's lock covers everything recorded on it. Always in id order, and
# before the head, so that two batches cannot wait for each other.
LOCK_WORK_ORDERS = text("""
    SELECT id FROM work_order
    WHERE partnership_id = :partnership_id AND id IN (
        SELECT unnest(CAST(:work_order_ids AS uuid[]))
        UNION
        SELECT work_order_id FROM task WHERE partnership_id = :partnership_id AND id = ANY(CAST(:task_ids AS uuid[]))
    )
    ORDER BY id FOR NO KEY UPDATE
""")

# Edits of these records by anybody after the version that the batch was made on, oldest first.
HISTORY = text("""
    SELECT coalesce(json_agg(h), '[]')::text FROM (
        SELECT j.record_id, j.kind, j.version, j.author_id, j.side, j.happened_at, j.fields, j.before
        FROM unnest(CAST(:record_ids AS uuid[]), CAST(:bases AS int[])) AS s (record_id, base)
        JOIN journal j ON j.partnership_id = :partnership_id AND j.record_id = s.record_id AND j.version > s.base
        WHERE j.verdict <> 'refused'
        ORDER BY j.entry
    ) h
""")

# Work orders that this crew's tablets had, and were told to drop.
LEFT_SCOPE = text("""
    SELECT record_id FROM scope_exit
    WHERE partnership_id = :partnership_id AND crew_id = :crew_id AND record_id = ANY(CAST(:ids AS uuid[]))
      AND kind = 'work_order'
""")

REFUSED_CREATES = text("""
    SELECT record_id FROM journal
    WHERE partnership_id = :partnership_id AND author_id = :author_id AND record_id = ANY(CAST(:ids AS uuid[]))
      AND action = 'create' AND verdict = 'refused'
""")

POLICIES = text("SELECT kind, field, policy FROM field_policy WHERE partnership_id = :partnership_id")

# The partnership's line of commits: whoever holds this row writes records next. Taken after all other locks.
NEXT_CHANGE = text("UPDATE head SET change = change + 1 WHERE partnership_id = :partnership_id RETURNING change")

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


def _columns(kind: Kind) -> list[str]:
    """The entered fields that are columns as they are: all but a work order's point, and the parent's id."""
    return [name for name in kind.names if name not in ("location", "work_order_id")]


def _recordset(kind: Kind, extra: list[str]) -> str:
    """The FROM item that turns the JSON of many records into rows."""
    table = _table(kind.name)
    typed = [_typed(table, name) for name in ["id", "version", *_columns(kind), *extra]]
    if not kind.is_child:
        typed += ["lon double precision", "lat double precision"]
    if "deleted_at" in table.c:
        typed.append("deleted boolean")
    return f"json_to_recordset(CAST(:rows AS json)) AS r ({', '.join(typed)})"


def _assignments(kind: Kind) -> dict[str, str]:
    """Column -> expression, for a record that is written whole."""
    assigned = {"version": "r.version", "change": ":change", "updated_at": ":now"}
    assigned |= {name: f"r.{name}" for name in _columns(kind)}
    if kind.is_child:
        assigned["scope_crew_id"] = "r.scope_crew_id"
    else:
        assigned["location"] = "ST_SetSRID(ST_MakePoint(r.lon, r.lat), 4326)"
        assigned |= {name: f"r.{name}" for name in _PLACEMENT}
    return assigned


def _insert(kind: Kind) -> sa.TextClause:
    extra = ["work_order_id", "scope_crew_id"] if kind.is_child else list(_PLACEMENT)
    assigned = {"partnership_id": ":partnership_id", "id": "r.id", "created_at": ":now"} | _assignments(kind)
    if kind.is_child:
        assigned["work_order_id"] = "r.work_order_id"
    return text(
        f"INSERT INTO {kind.name} ({', '.join(assigned)})"
        f" SELECT {', '.join(assigned.values())} FROM {_recordset(kind, extra)}"
    )


def _update(kind: Kind) -> sa.TextClause:
    extra = ["scope_crew_id"] if kind.is_child else list(_PLACEMENT)
    assigned = _assignments(kind)
    # The first deletion's moment stays, however often it is repeated.
    assigned["deleted_at"] = "CASE WHEN r.deleted THEN coalesce(t.deleted_at, :now) END"
    pairs = ", ".join(f"{name} = {value}" for name, value in assigned.items())
    return text(
        f"UPDATE {kind.name} t SET {pairs} FROM {_recordset(kind, extra)}"
        f" WHERE t.partnership_id = :partnership_id AND t.id = r.id"
    )


def _load(kind: Kind) -> sa.TextClause:
    names = ", ".join(_columns(kind))
    if kind.is_child:
        meta = (
            "scope_crew_id AS crew_id, work_order_id, (SELECT w.jurisdiction_id FROM work_order w"
            f" WHERE w.partnership_id = {kind.name}.partnership_id AND w.id = work_order_id) AS jurisdiction_id"
        )
        placed = "null AS placed"
    else:
        names += ", json_build_object('lon', ST_X(location), 'lat', ST_Y(location)) AS location"
        meta = "crew_id, id AS work_order_id, jurisdiction_id"
        placed = f"json_build_array({', '.join(_PLACEMENT)}) AS placed"
    return text(f"""
        SELECT coalesce(json_agg(r), '[]')::text FROM (
            SELECT id, version, {meta}, {placed}, deleted_at IS NOT NULL AS deleted,
                   (SELECT f FROM (SELECT {names}) f) AS fields
            FROM {kind.name} WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
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
UPDATE = {kind.name: _update(kind) for kind in EDITABLE}
LOAD = {kind.name: _load(kind) for kind in EDITABLE}

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
                                                             "settled_by", "settling_edit_id"}],
    _CONFLICT_CONSTANTS,
)  # fmt: skip

# What hangs on a work order follows it into another crew's scope (or out of all), stamped anew so that the new
# crew's tablets receive it however old it is.
FOLLOW = {
    name: text(f"""
        UPDATE {name} t SET change = :change,
            scope_crew_id = {"CASE WHEN t.deleted_at IS NULL THEN r.crew_id END" if name == "task" else "r.crew_id"}
        FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, crew_id uuid)
        WHERE t.partnership_id = :partnership_id AND t.work_order_id = r.id
    """)
    for name in CHILD_KINDS
}


def existing(tables: list[str]) -> sa.TextClause:
    """Which of some ids exist, for several tables in one statement; binds ``<table>_ids``. Rows ``(table, id)``."""
    return text(
        " UNION ALL ".join(
            f"SELECT '{name}' AS name, id FROM {name}"
            f" WHERE partnership_id = :partnership_id AND id = ANY(CAST(:{name}_ids AS uuid[]))"
            for name in tables
        )
    )
