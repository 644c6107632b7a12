"""Placing work orders anew without an edit of theirs: a publication, a withdrawal, or a person did it.

These changes are entered in the journal as everything else: action ``place``, and where a crew is released, or gets
back what was taken from it, an ordinary update of ``crew_id``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy.orm import Session

from fieldsync.database import new_id
from fieldsync.journal.edits import Author, Decision, Edit, Known, Outcome, Placed, PlacementMade, Record, Verdict
from fieldsync.journal.load import lock_work_orders
from fieldsync.journal.write import write, write_placements

_ENCODER = msgspec.json.Encoder()
_NEEDED = frozenset({"location", "service_type_id", "crew_id", "status"})


class Change(msgspec.Struct):
    """A locked work order and where it is to belong. ``crew_id`` is given where that changes, too."""

    record: Record
    placed: Placed
    made: PlacementMade
    crew_id: UUID | None | msgspec.UnsetType = msgspec.UNSET
    reason: str | None = None


def lock(session: Session, partnership_id: UUID, ids: Collection[UUID]) -> dict[UUID, Record]:
    """Lock work orders, in the order that everybody takes, and read what placing them needs. Unknown ids are left
    out."""
    known = Known()
    lock_work_orders(session, partnership_id, sorted(ids), _NEEDED, known)
    return {record.id: record for record in known.records.values()}


def place_anew(session: Session, author: Author, changes: Sequence[Change], at: datetime) -> None:
    """Write the changes within the caller's transaction: journal, what was before, records; the head as the last."""
    if not changes:
        return
    outcome = Outcome()
    for change in changes:
        record = change.record
        record.scope_was, record.changed = record.scope, True
        _place(change, outcome, at)
        if change.crew_id is not msgspec.UNSET:
            if change.crew_id is None:
                record.left_because = "moved"
            _give(record, change.crew_id, outcome, at)
        outcome.touched["work_order", record.id] = record
    made = [(change.record, change.made) for change in changes]
    write_placements(session, author.partnership_id, made, at)
    write(session, author, outcome, at)


def _place(change: Change, outcome: Outcome, at: datetime) -> None:
    record, placed = change.record, change.placed
    assert record.placed is not None
    was, now = structs.asdict(record.placed), structs.asdict(placed)
    changed = [name for name in ("jurisdiction_id", "placed_by", "triage") if was[name] != now[name]]
    fields: dict[str, Any] = {name: now[name] for name in changed}
    if change.reason:
        fields["reason"] = change.reason
    record.placed_before, record.placed = record.placed, placed
    record.jurisdiction_id = placed.jurisdiction_id
    record.version += 1
    outcome.decisions.append(_decision(record, "place", fields, {name: was[name] for name in changed}, at))


def _give(record: Record, crew_id: UUID | None, outcome: Outcome, at: datetime) -> None:
    before = {"crew_id": record.crew_id}
    record.values = record.values | {"crew_id": crew_id}
    record.crew_id = crew_id
    record.version += 1
    outcome.decisions.append(_decision(record, "update", {"crew_id": crew_id}, before, at))


def _decision(record: Record, action: str, fields: dict[str, Any], before: dict[str, Any], at: datetime) -> Decision:
    raw = msgspec.Raw(_ENCODER.encode(fields))
    edit = Edit(new_id(), None, "work_order", record.id, action, record.version - 1, at, at, raw, fields)
    return Decision(edit, Verdict.APPLIED, record.version, before)
