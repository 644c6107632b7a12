"""Fetching what a decision must know: lock first, then read; a fixed number of statements however many edits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.journal import queries
from fieldsync.journal.edits import Author, Edit, Known, Record, Touch
from fieldsync.workorders.kinds import KINDS, Kind, Policy, Values, entered


class _PastEdit(msgspec.Struct):
    """A row of ``queries.HISTORY``."""

    record_id: UUID
    kind: str
    version: int
    author_id: UUID
    side: str
    happened_at: datetime
    fields: dict[str, Any]
    before: dict[str, Any] | None


def _row_type(kind: Kind) -> Any:
    """The shape of one row of ``queries.LOAD``, its ``fields`` typed as the kind's own."""
    return msgspec.defstruct(
        "Loaded",
        [
            ("id", UUID),
            ("version", int),
            ("crew_id", UUID | None),
            ("work_order_id", UUID),
            ("jurisdiction_id", UUID | None),
            ("placed", list[str | None] | None),
            ("deleted", bool),
            ("fields", kind.fields),
        ],
    )


_DECODERS = {kind.name: msgspec.json.Decoder(list[_row_type(kind)]) for kind in queries.EDITABLE}  # type: ignore[misc]
_HISTORY = msgspec.json.Decoder(list[_PastEdit])


def load(session: Session, author: Author, edits: Sequence[Edit]) -> Known:
    """Lock the work orders that the edits touch, then read all that deciding them needs."""
    known = Known()
    live = [edit for edit in edits if edit.refusal is None]
    created: dict[str, set[UUID]] = defaultdict(set)
    edited: dict[str, dict[UUID, int]] = defaultdict(dict)  # kind -> record -> oldest base version
    named: dict[str, set[UUID]] = defaultdict(set)  # referenced table -> ids
    parents: set[UUID] = set()
    for edit in live:
        kind = KINDS[edit.kind]
        if edit.action == "create":
            created[edit.kind].add(edit.record_id)
        else:
            base, bases = edit.base_version or 0, edited[edit.kind]
            bases[edit.record_id] = min(base, bases.get(edit.record_id, base))
        if kind.is_child and (parent := edit.values.get("work_order_id")) is not None:
            parents.add(parent)
        for name, table in kind.references.items():
            if (target := edit.values.get(name)) is not None:
                named[table].add(target)
    if not live:
        return known
    ids = {"partnership_id": author.partnership_id}
    work_order_ids = edited["work_order"].keys() | parents
    if work_order_ids or edited["task"]:
        session.execute(
            queries.LOCK_WORK_ORDERS,
            ids | {"work_order_ids": list(work_order_ids), "task_ids": list(edited["task"])},
        )
    work_orders = work_order_ids | created["work_order"]
    for name, wanted in (("work_order", work_orders), ("task", edited["task"].keys() | created["task"])):
        if wanted:
            _read_records(session, author, KINDS[name], wanted, known)
    _read_existing(session, author, named, created, known)
    _read_history(session, author, edited, known)
    _read_exclusions(session, author, known, work_order_ids, edited["task"])
    return known


def _read_records(session: Session, author: Author, kind: Kind, wanted: Iterable[UUID], known: Known) -> None:
    rows = session.execute(
        queries.LOAD[kind.name], {"partnership_id": author.partnership_id, "ids": list(wanted)}
    ).scalar_one()
    for row in _DECODERS[kind.name].decode(rows):
        record = Record(kind, row.id, row.version, entered(row.fields), row.work_order_id, row.crew_id)
        record.jurisdiction_id = row.jurisdiction_id
        record.placed = row.placed
        record.deleted = row.deleted
        record.scope_was = record.scope
        known.records[kind.name, row.id] = record


def _read_existing(
    session: Session, author: Author, named: dict[str, set[UUID]], created: dict[str, set[UUID]], known: Known
) -> None:
    wanted = {table: ids for table, ids in named.items() if ids}
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


def _read_history(session: Session, author: Author, edited: dict[str, dict[UUID, int]], known: Known) -> None:
    stale = [
        (record_id, base)
        for name, bases in edited.items()
        for record_id, base in bases.items()
        if (record := known.records.get((name, record_id))) is not None and base < record.version
    ]
    if not stale:
        return
    record_ids, bases = zip(*stale, strict=True)
    rows = session.execute(
        queries.HISTORY,
        {"partnership_id": author.partnership_id, "record_ids": list(record_ids), "bases": list(bases)},
    ).scalar_one()
    for past in _HISTORY.decode(rows):
        known.history.setdefault(past.record_id, []).append(
            Touch(past.version, past.author_id, past.side, past.happened_at,
                  _typed(past.kind, past.fields), _typed(past.kind, past.before or {}))
        )  # fmt: skip
    policies = session.execute(queries.POLICIES, {"partnership_id": author.partnership_id})
    known.policies = {(kind, field): Policy(policy) for kind, field, policy in policies}


def _typed(kind: str, values: dict[str, Any]) -> Values:
    """Values from the journal as they were when they were entered. ``deleted`` is not a field, but is journalled."""
    deleted = values.pop("deleted", None)
    typed = entered(msgspec.convert(values, KINDS[kind].fields))
    return typed if deleted is None else typed | {"deleted": deleted}


def _read_exclusions(
    session: Session, author: Author, known: Known, work_orders: Iterable[UUID], tasks: Iterable[UUID]
) -> None:
    """What explains why a record is not there, or not this author's: read only where one is not."""
    unknown = [i for i in work_orders if ("work_order", i) not in known.records]
    unknown += [i for i in tasks if ("task", i) not in known.records]
    if unknown:
        rows = session.execute(
            queries.REFUSED_CREATES,
            {"partnership_id": author.partnership_id, "author_id": author.id, "ids": unknown},
        )
        known.refused_creates.update(rows.scalars())
    if author.side != "crew":
        return
    foreign = {record.work_order_id for record in known.records.values() if record.scope != author.crew_id}
    if foreign:
        rows = session.execute(
            queries.LEFT_SCOPE,
            {"partnership_id": author.partnership_id, "crew_id": author.crew_id, "ids": list(foreign)},
        )
        known.left.update(rows.scalars())
