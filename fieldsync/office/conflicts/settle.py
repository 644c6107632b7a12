"""Settling conflicts: compare-and-set on their versions, and edits through the journal where values change.

One conflict, or several of one work order at once: all of them or none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json
from sqlalchemy import Row

from fieldsync.documents import etag
from fieldsync.journal.edits import Edit
from fieldsync.office.conflicts import queries
from fieldsync.office.conflicts.read import read_conflicts
from fieldsync.office.desk import Desk
from fieldsync.office.refused import refused
from fieldsync.problems import (
    ConflictSettled,
    NotFound,
    PreconditionFailed,
    RecordDeleted,
    UnknownReference,
    Unprocessable,
)
from fieldsync.workorders.rules import Status, way

_ENCODER = msgspec.json.Encoder()
_RECORD_CHANGED = "The record has changed since you saw it; nothing was settled."


class Choice(StrEnum):
    """What a person may decide."""

    KEPT = "kept"  # the record stays as it is now
    OTHER = "other"  # the value that lost is what stands
    VALUE = "value"  # a third one


class Side(StrEnum):
    """Whose values are to stand."""

    CREW = "crew"
    OFFICE = "office"  # also what an agreement or a publication of boundaries did


@dataclass(slots=True)
class _Decided:
    """A conflict and what is decided on it."""

    conflict: Row[Any]
    choice: Choice
    value: msgspec.Raw
    edit_id: UUID | None = None
    """The edit with which the value was entered."""

    @property
    def record(self) -> tuple[str, UUID]:
        return self.conflict.kind, self.conflict.record_id


@dataclass(slots=True)
class _Standing:
    """A record that conflicts are about, as it stands."""

    version: int
    deleted: bool
    status: str | None
    decided: list[_Decided] = field(default_factory=list)
    """What changes it."""


def settle(
    desk: Desk, conflict_id: UUID, choice: Choice, value: msgspec.Raw | None, wanted: frozenset[int],
    reason: str | None, record_version: int | None = None,
) -> None:  # fmt: skip
    """Settle a conflict whose version is one of ``wanted``, within the caller's transaction.

    ``value`` is the JSON of the chosen value, for ``VALUE`` only. ``record_version``: of the record as she saw it,
    where she says so. Tablets learn of a changed value by their feed.

    Raises:
        NotFound: there is none that she may see.
        PreconditionFailed: it was settled after she read it, or its record has changed since she saw it; the problem
            holds it as it is, with the record.
        ConflictSettled: she read it as settled already.
        Unprocessable, EditRefused: the value cannot be one of that field.
        RecordDeleted: the record was deleted meanwhile, and not because of this conflict.
    """
    if (choice is Choice.VALUE) != (value is not None):
        raise Unprocessable("A value is given with the choice `value`, and only with it.", field="value")
    work_order_id = desk.session.execute(queries.FIND, desk.ids(id=conflict_id)).scalar_one_or_none()
    if work_order_id is None:
        raise NotFound
    (conflict,) = _locked(desk, work_order_id, [conflict_id])
    # While she waited for the lock it may have moved to where she may not see it.
    desk.read("work_order", work_order_id, work_order_id)
    if conflict.version not in wanted:
        raise PreconditionFailed(
            "The conflict has changed since you read it.",
            current=_as_they_are(desk, [conflict_id])[0],
            etag=etag(conflict.version),
        )
    if record_version is not None and _changed_since(desk, [conflict], {conflict_id: record_version}):
        raise PreconditionFailed(
            _RECORD_CHANGED, field="record_version", current=_as_they_are(desk, [conflict_id])[0],
            etag=etag(conflict.version),
        )  # fmt: skip
    _decide(desk, work_order_id, [_decided(conflict, choice, value)], reason)


def settle_together(
    desk: Desk, work_order_id: UUID, seen: Mapping[UUID, int], choice: Choice | Side, reason: str | None,
    records: Mapping[UUID, int],
) -> None:  # fmt: skip
    """Settle several conflicts of a work order in one way, all or none, within the caller's transaction.

    ``seen``: the version of each as she read it; ``records``: of those of which she says it, the version of the record.
    ``choice``: ``KEPT``, ``OTHER``, or the side whose values stand.
    Where two of them give one field of one record another value, the later one stands, and both are settled with it.

    Raises:
        NotFound: there is no such work order that she may see.
        UnknownReference: one of them is no conflict of this work order.
        PreconditionFailed: some, or their records, have changed since she read them; the problem holds these as they
            are.
        ConflictSettled: she read one as settled already.
        Unprocessable: both values of one are of the same side.
        EditRefused, RecordDeleted: as for a single one.
    """
    found = {conflict.id: conflict for conflict in _locked(desk, work_order_id, seen)}
    # After the lock: while she waited it may have moved to where she may not see it.
    desk.read("work_order", work_order_id, work_order_id)
    for place, conflict_id in enumerate(seen):
        if conflict_id not in found:
            raise UnknownReference(
                f"The work order has no conflict {conflict_id}.", field=f"conflicts[{place}].id", id=str(conflict_id)
            )
    if changed := [conflict_id for conflict_id, version in seen.items() if found[conflict_id].version != version]:
        raise PreconditionFailed(
            f"{len(changed)} of the conflicts have changed since you read them; nothing was settled.",
            current=_as_they_are(desk, changed),
        )
    if changed := _changed_since(desk, list(found.values()), records):
        raise PreconditionFailed(_RECORD_CHANGED, field="conflicts", current=_as_they_are(desk, changed))
    # The oldest value first, so that of two for one field the later one stands.
    conflicts = sorted(found.values(), key=lambda conflict: (conflict.other_at, conflict.id))
    if isinstance(choice, Choice):
        chosen = dict.fromkeys(found, choice)
    else:
        chosen = {conflict.id: _choice_of(conflict, choice, list(seen)) for conflict in conflicts}
    decided = [_decided(conflict, chosen[conflict.id]) for conflict in conflicts]
    _decide(desk, work_order_id, decided, reason)


def _locked(desk: Desk, work_order_id: UUID, ids: Iterable[UUID]) -> list[Row[Any]]:
    # In the order in which the journal takes its locks: the work order, then what hangs on it.
    desk.lock(work_order_id)
    bound = {"partnership_id": desk.partnership_id, "work_order_id": work_order_id, "ids": list(ids)}
    return list(desk.session.execute(queries.LOCK, bound))


def _changed_since(desk: Desk, conflicts: Iterable[Row[Any]], records: Mapping[UUID, int]) -> list[UUID]:
    """The conflicts whose record has another version by now than the one in ``records``."""
    of_kind: dict[str, list[Row[Any]]] = defaultdict(list)
    for conflict in conflicts:
        if conflict.id in records:
            of_kind[conflict.kind].append(conflict)
    changed = []
    for kind, some in of_kind.items():
        bound = {"partnership_id": desk.partnership_id, "ids": [conflict.record_id for conflict in some]}
        versions = {row.id: row.version for row in desk.session.execute(queries.STANDING[kind], bound)}
        changed += [conflict.id for conflict in some if versions[conflict.record_id] != records[conflict.id]]
    return changed


def _as_they_are(desk: Desk, ids: list[UUID]) -> list[msgspec.Raw]:
    return [msgspec.Raw(document) for _, _, document in read_conflicts(desk, ids)]


def _choice_of(conflict: Row[Any], side: Side, seen: list[UUID]) -> Choice:
    """Which of the two values is that side's. What nobody is known to have entered is the office's: it stood there."""
    kept, other = (Side.CREW if given == Side.CREW else Side.OFFICE for given in
                   (conflict.kept_side, conflict.other_side))  # fmt: skip
    if kept is other and kept is side:
        raise Unprocessable(
            f"Both values for {conflict.field} are of the {side}'s side: decide this conflict by itself.",
            field=f"conflicts[{seen.index(conflict.id)}].id", id=str(conflict.id),
        )  # fmt: skip
    return Choice.OTHER if other is side else Choice.KEPT


def _decided(conflict: Row[Any], choice: Choice, value: msgspec.Raw | None = None) -> _Decided:
    if value is None:
        value = _json(conflict.kept_value if choice is Choice.KEPT else conflict.other_value)
    return _Decided(conflict, choice, value)


def _decide(desk: Desk, work_order_id: UUID, decided: list[_Decided], reason: str | None) -> None:
    """Enter what is to stand, and write down what was decided. All is locked."""
    if any(one.conflict.state == "settled" for one in decided):
        raise ConflictSettled
    edits = _edits(desk, work_order_id, [one for one in decided if one.choice is not Choice.KEPT])
    if edits:
        desk.enter(edits)
    rows = [
        {"id": one.conflict.id, "choice": one.choice, "value": one.value, "edit_id": one.edit_id} for one in decided
    ]
    bound = {"partnership_id": desk.partnership_id, "staff_id": desk.staff_id, "now": desk.at, "reason": reason}
    desk.session.execute(queries.SETTLE, bound | {"rows": Json(rows, dumps=_ENCODER.encode)})


def _edits(desk: Desk, work_order_id: UUID, decided: list[_Decided]) -> list[Edit]:
    """What must be entered so that the values stand, in an order in which each finds what it needs.

    What was deleted comes back first, the work order before its tasks; its status comes when all that completing it may
    need is there; and if it is to be deleted, that is the last.
    """
    standing = _standing(desk, decided)
    _check_alive(desk, work_order_id, standing)
    restores: list[Edit] = []
    changes: list[Edit] = []
    steps: list[Edit] = []
    ends: list[Edit] = []
    for (kind, record_id), record in sorted(standing.items(), key=lambda item: item[0][0] != "work_order"):
        version = record.version
        if record.deleted and any(one.conflict.field != "deleted" for one in record.decided):
            restores.append(desk.edit(kind, record_id, "restore", version))
            version += 1
        fields = _last_of_each(record.decided)
        deletes, status = fields.pop("deleted", None), fields.pop("status", None)
        if fields:
            entered = _json({name: one.value for name, one in fields.items()})
            changes.append(_entering(desk.edit(kind, record_id, "update", version, entered), *fields.values()))
            version += 1
        for step in _steps(record.status, status.value) if status is not None and record.status is not None else ():
            # Each edit is made on what the one before it left; the last one brings what was decided.
            edit = desk.edit(kind, record_id, "update", version, _json({"status": step}))
            steps.append(_entering(edit, status))
            version += 1
        if deletes is not None and not record.deleted:
            edit = _entering(desk.edit(kind, record_id, "delete", version), deletes)
            (ends if kind == "work_order" else changes).append(edit)
        _share(record.decided)
    return restores + changes + steps + ends


def _entering(edit: Edit, *decided: _Decided | None) -> Edit:
    for one in decided:
        if one is not None:
            one.edit_id = edit.edit_id
    return edit


def _last_of_each(decided: list[_Decided]) -> dict[str, _Decided]:
    return {one.conflict.field: one for one in decided}


def _share(decided: list[_Decided]) -> None:
    """Values for one field that another one follows: what they were settled with is what stands."""
    last = _last_of_each(decided)
    for one in decided:
        if (final := last[one.conflict.field]) is not one:
            one.edit_id = final.edit_id
            if bytes(one.value) != bytes(final.value):
                one.choice, one.value = Choice.VALUE, final.value


def _standing(desk: Desk, decided: list[_Decided]) -> dict[tuple[str, UUID], _Standing]:
    """The records that they are about, each with what is decided on it, the oldest value first."""
    standing: dict[tuple[str, UUID], _Standing] = {}
    for kind in {one.conflict.kind for one in decided}:
        ids = [one.conflict.record_id for one in decided if one.conflict.kind == kind]
        rows = desk.session.execute(queries.STANDING[kind], {"partnership_id": desk.partnership_id, "ids": ids})
        standing |= {(kind, row.id): _Standing(row.version, row.deleted, row.status) for row in rows}
    for one in decided:
        if one.conflict.field == "deleted" and one.choice is Choice.VALUE:
            raise Unprocessable("Whether a record is deleted is `kept` or `other`, nothing else.", field="choice")
        record = standing[one.record]
        if record.deleted and one.conflict.sort != "deleted" and one.conflict.field != "deleted":
            raise RecordDeleted
        record.decided.append(one)
    return standing


def _check_alive(desk: Desk, work_order_id: UUID, standing: dict[tuple[str, UUID], _Standing]) -> None:
    """Nothing is entered on a work order that is deleted, and is not brought back by what is decided."""
    job = standing.get(("work_order", work_order_id))
    comes_back = job is not None and any(one.conflict.field != "deleted" for one in job.decided)
    changed = [
        record for (kind, _), record in standing.items()
        if kind != "work_order" and any(one.conflict.field != "deleted" for one in record.decided)
    ]  # fmt: skip
    if changed and not comes_back:
        desk.expect_alive(work_order_id)


def _steps(current: str, value: msgspec.Raw) -> list[Any]:
    """The statuses to enter one after the other.

    A crew completed what the office had cancelled: no rule leads from one to the other, but the person who decides
    that the work counts may reopen and complete it.
    """
    try:
        wanted = Status(msgspec.json.decode(value, type=str))
    except (ValueError, msgspec.ValidationError):
        return [value]  # The journal says what is wrong with it.
    steps = way("office", Status(current), wanted)
    if steps is None:
        raise refused(
            {"code": "illegal_transition", "detail": f"Nothing leads from {current} to {wanted}.", "field": "value"}
        )
    return list(steps) or [wanted]


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(value))
