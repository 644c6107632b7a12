"""Fetching what a decision must know: lock first, then read; a fixed number of statements however many edits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy import TextClause
from sqlalchemy.orm import Session

from fieldsync.journal import queries
from fieldsync.journal.edits import LATEST_ENTRY, Author, Edit, Known, Placed, Record, Recorded, Touch
from fieldsync.workorders.completion import RequiredOnCompletion, Task
from fieldsync.workorders.kinds import KINDS, PLACED_BY, Kind, Location, Policy, Values, entered
from fieldsync.workorders.rules import DONE, Status


class _PastEdit(msgspec.Struct):
    """A row of ``queries.HISTORY``."""

    record_id: UUID
    kind: str
    version: int
    entry: int
    author_id: UUID
    side: str
    happened_at: datetime
    fields: dict[str, Any]
    before: dict[str, Any] | None


class _StoredTask(msgspec.Struct):
    id: UUID
    title: str
    done: bool
    position: int


class _Stored(msgspec.Struct):
    """A row of ``queries.RECORDED``."""

    id: UUID
    service_type_id: UUID
    fields: dict[str, Any]
    tasks: list[_StoredTask]
    entries: dict[str, int]


_BESIDE: list[tuple[str, Any]] = [("id", UUID), ("version", int), ("deleted", bool), ("seen_by", UUID | None)]
_PLACED: list[tuple[str, Any, Any]] = [
    ("jurisdiction_id", UUID | None, None),
    ("area_id", UUID | None, None),
    ("placed_version_id", UUID | None, None),
    ("placed_by", str, ""),
    ("triage", str | None, None),
    ("placed_at", datetime | None, None),
    ("lon", float | None, None),
    ("lat", float | None, None),
]
_ALL_FROM = 8
"""So many fields or more are read and written as all of them: fewer different statements."""


def _rows(kind: Kind) -> msgspec.json.Decoder[list[Any]]:
    """Decodes rows: the kind's own fields, typed as they are entered, and what is read beside them."""
    beside: list[Any] = _BESIDE if kind.is_child else [*_BESIDE, *_PLACED]
    row = msgspec.defstruct("Row", beside, bases=(kind.fields,), kw_only=True)
    return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]


_ROWS = {kind.name: _rows(kind) for kind in queries.EDITABLE}
_HISTORY = msgspec.json.Decoder(list[_PastEdit])
_REQUIRED = msgspec.json.Decoder(dict[UUID, RequiredOnCompletion])
_RECORDED = msgspec.json.Decoder(list[_Stored])


def load(session: Session, author: Author, edits: Sequence[Edit], *, ids_may_be_taken: bool = True) -> Known:
    """Lock the work orders that the edits touch, then read all that deciding them needs.

    Without ``ids_may_be_taken`` nobody looks whether records to be created exist already: the database would refuse
    to write them again (``IdTaken``).
    """
    known = Known()
    live = [edit for edit in edits if edit.refusal is None]
    if not live:
        return known
    created: dict[str, list[UUID]] = defaultdict(list)
    edited: dict[str, list[Edit]] = defaultdict(list)
    named: dict[str, set[UUID]] = defaultdict(set)  # referenced table -> ids
    parents: set[UUID] = set()
    completed: set[UUID] = set()
    for edit in live:
        kind = KINDS[edit.kind]
        if edit.values.get("status") is Status.COMPLETED:
            completed.add(edit.record_id)
        if edit.action != "create":
            edited[edit.kind].append(edit)
        elif ids_may_be_taken:
            created[edit.kind].append(edit.record_id)
        if kind.is_child and (parent := edit.values.get("work_order_id")) is not None:
            parents.add(parent)
        for name, table in kind.references.items():
            if (target := edit.values.get(name)) is not None:
                named[table].add(target)
    ids = {"partnership_id": author.partnership_id}
    work_orders = [edit.record_id for edit in edited["work_order"]] + created["work_order"] + list(parents)
    tasks = [edit.record_id for edit in edited["task"]] + created["task"]
    if work_orders or tasks:
        parameters = ids | {"ids": work_orders, "task_ids": tasks}
        names = _names(KINDS["work_order"], edited["work_order"])
        _read_records(session, KINDS["work_order"], queries.lock_work_orders(names), parameters, known)
    if tasks:
        names = _names(KINDS["task"], edited["task"])
        _read_records(session, KINDS["task"], queries.load_tasks(names), ids | {"ids": tasks}, known)
    _read_existing(session, author, named, created, known)
    stale, unknown = _sort_out(edited, parents, known)
    if unknown:
        unknown -= {edit.record_id for edit in live if edit.action == "create"}
    _read_history(session, author, stale, known)
    _read_exclusions(session, author, known, unknown)
    if stale or any(_elsewhere(author, record) for record in known.records.values()):
        _read_policies(session, author, known)
    if completed:
        _read_requirements(session, author, completed, named["service_type"], known)
    return known


def lock_work_orders(
    session: Session, partnership_id: UUID, ids: Sequence[UUID], names: Collection[str], known: Known
) -> None:
    """Lock work orders and read their fields ``names`` into ``known``."""
    kind = KINDS["work_order"]
    statement = queries.lock_work_orders(tuple(name for name in kind.names if name in names))
    _read_records(session, kind, statement, {"partnership_id": partnership_id, "ids": ids, "task_ids": []}, known)


def _names(kind: Kind, edits: Sequence[Edit]) -> tuple[str, ...]:
    """The fields to read of the records that are edited: those that an edit names, and what the rules look at."""
    touched = set().union(*[edit.values for edit in edits])
    if not kind.is_child:
        touched.add("status")
        if not PLACED_BY.isdisjoint(touched):
            touched |= PLACED_BY
    return kind.names if len(touched) >= _ALL_FROM else tuple(name for name in kind.names if name in touched)


def _sort_out(
    edited: dict[str, list[Edit]], parents: Iterable[UUID], known: Known
) -> tuple[dict[UUID, tuple[int, int]], set[UUID]]:
    """The records that have changed since an edit was made, with the oldest base version and base entry; and the ids
    of no record."""
    stale: dict[UUID, tuple[int, int]] = {}
    unknown = {parent for parent in parents if ("work_order", parent) not in known.records}
    for name, edits in edited.items():
        for edit in edits:
            record = known.records.get((name, edit.record_id))
            base = edit.base_version or 0
            if record is None:
                unknown.add(edit.record_id)
            elif base < record.version or edit.base_entry is not None:
                since = (base, LATEST_ENTRY if edit.base_entry is None else edit.base_entry)
                before = stale.get(record.id, since)
                stale[record.id] = min(since[0], before[0]), min(since[1], before[1])
    return stale, unknown


def _read_records(
    session: Session, kind: Kind, statement: TextClause, parameters: dict[str, Any], known: Known
) -> None:
    rows = _ROWS[kind.name].decode(session.execute(statement, parameters).scalar_one())
    for row in rows:
        work_order_id = row.work_order_id if kind.is_child else row.id
        record = Record(kind, row.id, row.version, entered(kind, row), work_order_id, row.seen_by)
        record.deleted = row.deleted
        if kind.is_child:
            parent = known.records["work_order", work_order_id]
            # Not the row's own scope: a deleted task is in none, but whose it was, and would be again, must be known.
            record.crew_id, record.jurisdiction_id = parent.scope, parent.jurisdiction_id
        else:
            record.jurisdiction_id = row.jurisdiction_id
            record.was_done = record.values["status"] in DONE
            if row.lon is not None:
                record.values["location"] = Location(row.lon, row.lat)
                record.placed = Placed(
                    row.jurisdiction_id, row.area_id, row.placed_version_id, row.placed_by, row.triage, row.placed_at
                )
        record.scope_was = record.scope
        known.records[kind.name, row.id] = record


def _read_existing(
    session: Session, author: Author, named: dict[str, set[UUID]], created: dict[str, list[UUID]], known: Known
) -> None:
    wanted: dict[str, Iterable[UUID]] = {**named}
    wanted |= {name: ids for name, ids in created.items() if KINDS[name].appends_only}
    if not wanted:
        return
    tables = sorted(wanted)
    found = session.execute(
        queries.existing(tables),
        {"partnership_id": author.partnership_id} | {f"{name}_ids": list(wanted[name]) for name in tables},
    )
    for name, record_id in found:
        known.existing.setdefault(name, set()).add(record_id)


def _read_history(session: Session, author: Author, stale: dict[UUID, tuple[int, int]], known: Known) -> None:
    if not stale:
        return
    rows = session.execute(
        queries.HISTORY,
        {
            "partnership_id": author.partnership_id,
            "record_ids": list(stale),
            "bases": [base for base, _ in stale.values()],
            "base_entries": [entry for _, entry in stale.values()],
        },
    ).scalar_one()
    for past in _HISTORY.decode(rows):
        known.history.setdefault((past.kind, past.record_id), []).append(
            Touch(past.version, past.author_id, past.side, past.happened_at,
                  _typed(past.kind, past.fields), _typed(past.kind, past.before or {}), past.entry)
        )  # fmt: skip


def _elsewhere(author: Author, record: Record) -> bool:
    return author.side == "crew" and record.crew_id != author.crew_id


def _read_policies(session: Session, author: Author, known: Known) -> None:
    """What the partnership has chosen; read only where two people may have met."""
    ids = {"partnership_id": author.partnership_id}
    session.execute(queries.HOLD_POLICIES, ids)
    chosen = session.execute(queries.POLICIES, ids).all()
    known.policies = {(kind, field): Policy(policy) for kind, field, policy, _ in chosen if policy is not None}
    known.custody_merges = frozenset((kind, field) for kind, field, _, merges in chosen if merges)


def _typed(kind: str, values: dict[str, Any]) -> Values:
    """Values from the journal as they were when they were entered. ``deleted`` is not a field, but is journalled."""
    deleted = values.pop("deleted", None)
    typed = entered(KINDS[kind], msgspec.convert(values, KINDS[kind].fields))
    return typed if deleted is None else typed | {"deleted": deleted}


def _read_exclusions(session: Session, author: Author, known: Known, unknown: set[UUID]) -> None:
    """What explains why a record is not there, or not this author's: read only where one is not."""
    if unknown:
        rows = session.execute(
            queries.REFUSED_CREATES,
            {"partnership_id": author.partnership_id, "author_id": author.id, "ids": list(unknown)},
        )
        known.refused_creates.update(rows.scalars())
    if author.side != "crew":
        return
    foreign = {record.work_order_id for record in known.records.values() if record.scope != author.crew_id}
    if foreign:
        # Where it was first, for whichever of the crews that the device was a tablet of.
        crew_ids = [author.crew_id, *author.former_crew_ids]
        rows = session.execute(
            queries.LEFT_SCOPE,
            {"partnership_id": author.partnership_id, "crew_ids": crew_ids, "ids": list(foreign)},
        )
        known.left.update(rows.scalars())


def _read_requirements(
    session: Session, author: Author, completed: set[UUID], service_types: set[UUID], known: Known
) -> None:
    """What completing the work orders ``completed`` needs, and, only where that is something, what stands on them.

    The service type of each may become any that the batch names.
    """
    ids = {"partnership_id": author.partnership_id, "ids": list(completed)}
    bound = ids | {"service_type_ids": list(service_types)}
    known.required = _REQUIRED.decode(session.execute(queries.REQUIRED, bound).scalar_one())
    if not known.required:
        return
    edited = {record_id: record for (kind, record_id), record in known.records.items() if kind == "task"}
    rows = session.execute(queries.RECORDED, ids | {"task_ids": list(edited)}).scalar_one()
    for stored in _RECORDED.decode(rows):
        values = stored.fields | {"service_type_id": stored.service_type_id}
        known.recorded[stored.id] = there = Recorded(values, entries=stored.entries)
        for task in stored.tasks:
            if task.id in edited:
                there.edited.append((structs.asdict(task), edited[task.id]))
            else:
                there.tasks.append(Task(task.title, task.done, task.position))
