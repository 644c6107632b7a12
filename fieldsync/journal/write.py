"""Writing an outcome: journal, conflicts, then the head, then the records stamped with it. Whole sets at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import structs
from psycopg.types.json import Json
from sqlalchemy.orm import Session

from fieldsync.journal import clocks, queries
from fieldsync.journal.edits import Author, Clash, Decision, Outcome, Placed, PlacementMade, Record
from fieldsync.journal.place import place
from fieldsync.partnerships.head import next_change
from fieldsync.workorders.kinds import CHILD_KINDS, KINDS, Values
from fieldsync.workorders.rules import DONE, Status

_ENCODER = msgspec.json.Encoder()


def write(session: Session, author: Author, outcome: Outcome, received_at: datetime) -> int | None:
    """Write what was decided. Returns the number of the change in the partnership's feed; None if no record changed."""
    ids = {"partnership_id": author.partnership_id}
    journal = [_journal_row(decision) for decision in outcome.decisions]
    if journal:
        constants = {"author_id": author.id, "side": author.side, "crew_id": author.crew_id, "received_at": received_at}
        session.execute(queries.INSERT_JOURNAL, ids | constants | {"rows": _json(journal)})
    clashes = [_conflict_row(author, decision, clash) for decision in outcome.decisions for clash in decision.clashes]
    if clashes:
        rows = {"rows": _json(clashes), "created_at": received_at}
        session.execute(queries.INSERT_CONFLICTS, ids | rows)
    records = list(outcome.touched.values())
    if not records:
        return None
    if moved := [record for record in records if record.moved]:
        place(session, author.partnership_id, moved)
        made = PlacementMade("edit", author.id)
        write_placements(session, author.partnership_id, [(record, made) for record in moved], received_at)
    followed = clocks.follow(session, author.partnership_id, outcome)
    change = next_change(session, author.partnership_id)
    stamp = ids | {"change": change, "now": received_at}
    _write_records(session, records, stamp, followed.due() if followed is not None else {})
    if followed is not None:
        followed.write(session)
    _follow_scopes(session, records, ids | {"change": change})
    _end_assignments(session, records, stamp | {"staff_id": author.id if author.side == "office" else None})
    return change


def write_placements(
    session: Session, partnership_id: UUID, changed: Iterable[tuple[Record, PlacementMade]], at: datetime
) -> None:
    """Remember how work orders were placed before, where that has changed."""
    rows = [
        {
            "work_order_id": record.id, "version": record.version, "cause": made.cause, "cause_id": made.cause_id,
            "from_placement": record.placed_before, "to_placement": record.placed,
            "released_crew_id": made.released_crew_id,
        }
        for record, made in changed
        if record.placed_before is not None and not _same(record.placed_before, record.placed)
    ]  # fmt: skip
    if rows:
        stamp = {"partnership_id": partnership_id, "changed_at": at}
        session.execute(queries.INSERT_PLACEMENT_CHANGES, stamp | {"rows": _json(rows)})


def _same(before: Placed, now: Placed | None) -> bool:
    return now is not None and structs.replace(now, placed_at=before.placed_at) == before


def _write_records(
    session: Session, records: list[Record], stamp: dict[str, Any], due: dict[UUID, dict[str, datetime | None]]
) -> None:
    created: dict[str, list[dict[str, Any]]] = defaultdict(list)
    updated: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        row = _record_row(record)
        is_due = not record.kind.is_child and record.id in due
        if is_due:
            row |= due[record.id]
        if record.created:
            created[record.kind.name].append(row)
        else:
            updated[record.kind.name, is_due].append(row)
    for name in KINDS:  # work orders first: what hangs on them refers to them
        if rows := created.get(name):
            session.execute(queries.INSERT[name], stamp | {"rows": _json(rows)})
        for is_due in (False, True):
            if rows := updated.get((name, is_due)):
                # The same fields were read of all of them, and what was read is written.
                names = tuple(field for field in KINDS[name].names if field in rows[0])
                session.execute(queries.update(name, names, due=is_due), stamp | {"rows": _json(rows)})


def _follow_scopes(session: Session, records: list[Record], stamp: dict[str, Any]) -> None:
    """Tell the crews that lost a record, and take along what hangs on a work order that changed hands."""
    exits: list[dict[str, Any]] = []
    followed: list[dict[str, Any]] = []
    for record in records:
        if record.scope == record.scope_was:
            continue
        if record.scope_was is not None:
            exits.append(
                {"crew_id": record.scope_was, "record_id": record.id, "kind": record.kind.name,
                 "reason": _left_because(record)}
            )  # fmt: skip
        if not record.kind.is_child:
            followed.append({"id": record.id, "crew_id": record.scope})
    if followed:
        rows = _json(followed)
        for name in (*CHILD_KINDS, "assignment"):
            session.execute(queries.FOLLOW[name], stamp | {"rows": rows})
    if exits:
        session.execute(queries.INSERT_SCOPE_EXITS, stamp | {"rows": _json(exits)})


def _left_because(record: Record) -> str:
    if record.deleted:
        return "deleted"
    return record.left_because or ("unassigned" if record.scope is None else "reassigned")


def _end_assignments(session: Session, records: list[Record], stamp: dict[str, Any]) -> None:
    """Release what was planned for crews that have lost their work order, and for work orders that are done."""
    rows = []
    for record in records:
        if record.kind.is_child or record.created:
            continue
        done = not record.was_done and record.values.get("status") in DONE
        if done or record.scope != record.scope_was:
            same_crew = done and record.scope == record.scope_was
            because = "cancelled" if record.values.get("status") == Status.CANCELLED else "completed"
            rows.append(
                {"id": record.id, "crew_id": record.scope, "done": same_crew,
                 "because": because if same_crew else _left_because(record)}
            )  # fmt: skip
    if rows:
        session.execute(queries.END_ASSIGNMENTS, stamp | {"rows": _json(rows)})


def _json(rows: list[Any]) -> Json:
    return Json(rows, dumps=_ENCODER.encode)


def _record_row(record: Record) -> dict[str, Any]:
    row = record.values | {"id": record.id, "version": record.version}
    if record.kind.is_child:
        row["scope_crew_id"] = record.scope
    elif (point := row.get("location")) is not None and record.placed is not None:
        row["lon"], row["lat"] = point.lon, point.lat
        row |= structs.asdict(record.placed)
    if not record.kind.appends_only:
        row["deleted"] = record.deleted
    return row


class _JournalRow(msgspec.Struct, gc=False, omit_defaults=True):
    """A row of the journal as JSON; what is null is left out, which is quicker to write and to read."""

    edit_id: UUID
    seq: int | None
    kind: str
    record_id: UUID
    action: str
    observed_at: datetime
    happened_at: datetime
    fields: msgspec.Raw
    verdict: str
    base_version: int | None = None
    base_entry: int | None = None
    version: int | None = None
    before: Values | None = None
    after: Values | None = None
    problem: dict[str, Any] | None = None
    refused_fields: list[dict[str, Any]] | None = None


def _journal_row(decision: Decision) -> _JournalRow:
    edit = decision.edit
    return _JournalRow(
        edit.edit_id, edit.seq, edit.kind, edit.record_id, edit.action, edit.observed_at, edit.happened_at, edit.raw,
        decision.verdict, edit.base_version, edit.base_entry, decision.version, decision.before, decision.after,
        decision.problem, decision.refused_fields or None,
    )  # fmt: skip


def conflict_id(author_id: UUID, edit_id: UUID, clash: Clash) -> UUID:
    """Made from the edit and the field: the same whenever the same journal is replayed."""
    return uuid5(author_id, f"{edit_id} {clash.field}")


def _conflict_row(author: Author, decision: Decision, clash: Clash) -> dict[str, Any]:
    edit, against = decision.edit, clash.against
    mine = (author.id, author.side, edit.happened_at)
    theirs = (against.author_id, against.side, against.happened_at) if against else (None, None, None)
    kept, other = (mine, theirs) if clash.kept_is_mine else (theirs, mine)
    return {
        "id": conflict_id(author.id, edit.edit_id, clash),
        "sort": clash.sort,
        "kind": clash.record.kind.name,
        "record_id": clash.record.id,
        "work_order_id": clash.record.work_order_id,
        "field": clash.field,
        "policy": clash.policy,
        "base_value": clash.base,
        "kept_value": clash.kept,
        "kept_by": kept[0],
        "kept_side": kept[1],
        "kept_at": kept[2],
        "other_value": clash.other,
        "other_by": other[0],
        "other_side": other[1],
        "other_at": other[2],
        "edit_id": edit.edit_id,
        "author_id": author.id,
        "state": "settled" if clash.settled else "open",
        "settled_as": "policy" if clash.settled else None,
        "settled_at": edit.happened_at if clash.settled else None,
    }
