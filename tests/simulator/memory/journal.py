"""What the journal's statements do: see ``fieldsync.journal.queries``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from fieldsync.clock import now
from fieldsync.database import Base
from fieldsync.journal import place, queries
from fieldsync.partnerships.head import NEXT_CHANGE
from fieldsync.problems import IdTaken
from fieldsync.servicelevels.queries import LOOK
from fieldsync.workorders.completion import ENTRIES_MAX, ENTRY_KINDS, FIELDS
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS
from geo import assign
from tests.simulator.memory.session import Bound, answers, answers_made, as_json, as_row, rows_of, scalar, texts
from tests.simulator.memory.tables import Row, Tables, respelled, spelled

PLACEMENT = ("jurisdiction_id", "area_id", "placed_version_id", "placed_by", "triage", "placed_at")
DUE = ("respond_by", "resolve_by")


def _moments(table: str) -> frozenset[str]:
    columns = Base.metadata.tables[table].c
    return frozenset(column.name for column in columns if isinstance(column.type, sa.DateTime))


_MOMENTS = {name: _moments(name) for name in (*KINDS, "journal", "conflict")}


def _written(table: str, row: Row) -> Row:
    """A row with its moments as the database would give them back."""
    for name in _MOMENTS[table] & row.keys():
        row[name] = respelled(row[name])
    return row


def _columns(names: Iterable[str]) -> list[str]:
    return [name for name in names if name not in ("location", "work_order_id")]


# --- reading ----------------------------------------------------------------------------------------------------------


def _selected(kind: str, names: Collection[str], row: Row) -> Row:
    found = {name: row[name] for name in (*_columns(names), "id", "version")}
    found["deleted"] = row["deleted_at"] is not None
    if kind != "work_order":
        return found | {"work_order_id": row["work_order_id"], "seen_by": row["scope_crew_id"]}
    found |= {"seen_by": row["crew_id"], "jurisdiction_id": row["jurisdiction_id"]}
    if "location" in names:
        found |= {name: row[name] for name in ("lon", "lat", *PLACEMENT)}
    return found


@answers_made(queries, "lock_work_orders")
def _lock_work_orders(tables: Tables, bound: Bound, names: tuple[str, ...]) -> Any:
    tasks = (tables["task"].get(task_id) for task_id in texts(bound["task_ids"]))
    wanted = {*texts(bound["ids"]), *(task["work_order_id"] for task in tasks if task)}
    found = (tables["work_order"].get(name) for name in sorted(wanted))
    return as_json([_selected("work_order", names, row) for row in found if row])


@answers_made(queries, "load_tasks")
def _load_tasks(tables: Tables, bound: Bound, names: tuple[str, ...]) -> Any:
    found = (tables["task"].get(name) for name in texts(bound["ids"]))
    return as_json([_selected("task", names, row) for row in found if row])


@answers_made(queries, "existing")
def _existing(tables: Tables, bound: Bound, names: list[str]) -> Any:
    return [(name, one) for name in names for one in bound[f"{name}_ids"] if str(one) in tables[name]]


@answers(queries.HISTORY)
def _history(tables: Tables, bound: Bound) -> Any:
    since = dict(zip(texts(bound["record_ids"]), zip(bound["bases"], bound["base_entries"], strict=True), strict=True))
    names = ("record_id", "kind", "version", "entry", "author_id", "side", "happened_at", "before")
    found = []
    for past in tables.rows("journal"):
        if past["record_id"] in since and past["verdict"] != "refused" and past["action"] != "place":
            base, base_entry = since[past["record_id"]]
            if past["version"] > base or past["entry"] > base_entry:
                unknown = {refused["field"] for refused in past["refused_fields"] or ()}
                fields = {name: value for name, value in past["fields"].items() if name not in unknown}
                found.append({name: past[name] for name in names} | {"fields": fields})
    return as_json(found)


@answers(queries.LEFT_SCOPE)
def _left_scope(tables: Tables, bound: Bound) -> Any:
    def left(crew: str, job: str) -> bool:
        return (crew, job, "work_order") in tables["scope_exit"] or (crew, job) in tables["scope_left"]

    crews = texts(bound["crew_ids"])
    return [(one,) for one in bound["ids"] if any(left(crew, str(one)) for crew in crews)]


@answers(queries.REFUSED_CREATES)
def _refused_creates(tables: Tables, bound: Bound) -> Any:
    refused = {
        row["record_id"]
        for row in tables.rows("journal")
        if row["author_id"] == str(bound["author_id"]) and row["action"] == "create" and row["verdict"] == "refused"
    }
    return [(one,) for one in bound["ids"] if str(one) in refused]


@answers(queries.POLICIES)
def _policies(tables: Tables, bound: Bound) -> Any:
    return [
        (row["kind"], row["field"], row["policy"], row["custody"] == "merge") for row in tables.rows("field_policy")
    ]


@answers(queries.HOLD_POLICIES)
def _hold_policies(tables: Tables, bound: Bound) -> None:
    """Nobody else is there."""


@answers(queries.REQUIRED)
def _required(tables: Tables, bound: Bound) -> Any:
    jobs = (tables["work_order"].get(name) for name in texts(bound["ids"]))
    named = {*texts(bound["service_type_ids"]), *(job["service_type_id"] for job in jobs if job)}
    found = {name: row["required_on_completion"] for name in named if (row := tables["service_type"].get(name))}
    return as_json({name: document for name, document in found.items() if document})


@answers(queries.RECORDED)
def _recorded(tables: Tables, bound: Bound) -> Any:
    edited = set(texts(bound["task_ids"]))
    found = []
    for name in texts(bound["ids"]):
        if (job := tables["work_order"].get(name)) is None:
            continue
        tasks = [
            {column: task[column] for column in ("id", "title", "done", "position")}
            for task in tables.rows("task")
            if task["work_order_id"] == name and (task["deleted_at"] is None or task["id"] in edited)
        ]
        counts = {kind: sum(row["work_order_id"] == name for row in tables.rows(kind)) for kind in ENTRY_KINDS}
        found.append({
            "id": name, "service_type_id": job["service_type_id"], "fields": {field: job[field] for field in FIELDS},
            "tasks": tasks, "entries": {kind: min(count, ENTRIES_MAX) for kind, count in counts.items()},
        })  # fmt: skip
    return as_json(found)


@answers(assign._IN_FORCE)
def _in_force(tables: Tables, bound: Bound) -> Any:
    return as_json([now(), []])  # No layers: every new job waits for a person or a publication to place it.


@answers(place.JURISDICTIONS)
def _jurisdictions(tables: Tables, bound: Bound) -> Any:
    return as_json({row["code"]: row["id"] for row in tables.rows("jurisdiction")})


@answers(LOOK)
def _no_service_levels(tables: Tables, bound: Bound) -> Any:
    return [as_row(policies="[]", calendars=None)]


# --- writing ----------------------------------------------------------------------------------------------------------


def _insert_new(tables: Tables, table: str, key: Any, row: Row) -> None:
    if key in tables[table]:
        raise IdTaken
    tables.put(table, key, row)


@answers(NEXT_CHANGE)
def _next_change(tables: Tables, bound: Bound) -> Any:
    head = tables["head"][()]
    tables.put("head", (), head | {"change": head["change"] + 1})
    return scalar(head["change"] + 1)


_JOURNAL_COLUMNS = [column.name for column in Base.metadata.tables["journal"].c]


@answers(queries.INSERT_JOURNAL)
def _insert_journal(tables: Tables, bound: Bound) -> None:
    same = {name: None if bound[name] is None else str(bound[name]) for name in ("author_id", "side", "crew_id")}
    same["received_at"] = spelled(bound["received_at"])
    for given in rows_of(bound):
        row = _written("journal", dict.fromkeys(_JOURNAL_COLUMNS) | given | same)
        row |= {"entry": tables.next_entry(), "archived": False}
        # The archive has a key of its own: what is there does not stand in the way here, and must never be met.
        assert not tables["journal"].get((row["author_id"], row["edit_id"]), row)["archived"]
        _insert_new(tables, "journal", (row["author_id"], row["edit_id"]), row)


@answers(queries.INSERT_CONFLICTS)
def _insert_conflicts(tables: Tables, bound: Bound) -> None:
    later = dict.fromkeys(("settled_value", "settled_by", "settling_edit_id"))
    for given in rows_of(bound):
        row = _written("conflict", given | later | {"version": 1, "created_at": spelled(bound["created_at"])})
        _insert_new(tables, "conflict", row["id"], row)


@answers(queries.INSERT_PLACEMENT_CHANGES)
def _insert_placement_changes(tables: Tables, bound: Bound) -> None:
    for row in rows_of(bound):
        _insert_new(tables, "placement_change", (row["work_order_id"], row["version"]), row)


def _insert_records(kind: str) -> Any:
    def insert(tables: Tables, bound: Bound) -> None:
        at = spelled(bound["now"])
        beside = ("work_order_id", "scope_crew_id") if KINDS[kind].is_child else (*PLACEMENT, *DUE, "lon", "lat")
        columns = [*_columns(KINDS[kind].names), *beside]
        for given in rows_of(bound):
            row = {name: given.get(name) for name in ("id", "version", *columns)}
            row |= {"change": bound["change"], "created_at": at, "updated_at": at}
            row["deleted_at"] = at if given.get("deleted") else None
            _insert_new(tables, kind, row["id"], _written(kind, row))

    return insert


for _kind in KINDS:
    answers(queries.INSERT[_kind])(_insert_records(_kind))


@answers_made(queries, "update")
def _update(tables: Tables, bound: Bound, kind: str, names: tuple[str, ...], *, due: bool = False) -> None:
    columns = _columns(names)
    if KINDS[kind].is_child:
        columns.append("scope_crew_id")
    elif "location" in names:
        columns += [*PLACEMENT, "lon", "lat"]
    columns += DUE if due else ()
    at = spelled(bound["now"])
    for given in rows_of(bound):
        if (was := tables[kind].get(given["id"])) is None:
            continue
        row = was | {name: given.get(name) for name in columns}
        row |= {"version": given["version"], "change": bound["change"], "updated_at": at}
        row["deleted_at"] = (was["deleted_at"] or at) if given["deleted"] else None
        tables.put(kind, row["id"], _written(kind, row))


@answers(queries.INSERT_SCOPE_EXITS)
def _insert_scope_exits(tables: Tables, bound: Bound) -> None:
    for given in rows_of(bound):
        key = (given["crew_id"], given["record_id"], given["kind"])
        tables.put("scope_exit", key, given | {"change": bound["change"]})


def _follow(kind: str) -> Any:
    def follow(tables: Tables, bound: Bound) -> None:
        crews = {given["id"]: given["crew_id"] for given in rows_of(bound)}
        for row in [row for row in tables.rows(kind) if row["work_order_id"] in crews]:
            crew_id = crews[row["work_order_id"]] if row["deleted_at"] is None else None
            tables.put(kind, row["id"], row | {"change": bound["change"], "scope_crew_id": crew_id})

    return follow


for _kind in CHILD_KINDS:
    answers(queries.FOLLOW[_kind])(_follow(_kind))


@answers(queries.FOLLOW["assignment"], queries.END_ASSIGNMENTS)
def _nothing_is_planned(tables: Tables, bound: Bound) -> None:
    assert not tables["assignment"]


def as_uuid(text: str | None) -> UUID | None:
    """An id of a row, as the driver would give it."""
    return None if text is None else UUID(text)
