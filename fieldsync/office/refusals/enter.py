"""Entering at the desk what a crew's refused edit was to enter, with corrections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.journal.edits import Edit
from fieldsync.journal.prepare import ACTIONS
from fieldsync.office.desk import Desk, Found
from fieldsync.office.refusals import queries
from fieldsync.office.refused import refused as refused_problem
from fieldsync.problems import NotFound, PreconditionFailed, RecordDeleted, RefusedEditNotApplicable
from fieldsync.workorders.kinds import KINDS
from fieldsync.workorders.rules import Status, way

Entered = dict[str, msgspec.Raw]
"""Field -> its value as it was sent."""

_FIELDS = msgspec.json.Decoder(Entered)
_NULL = msgspec.Raw(b"null")


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused edit as the journal has it."""

    device_id: UUID
    entry: int
    """Its place in the journal."""
    kind: str
    record_id: UUID
    action: str
    verdict: str
    crew_id: UUID | None
    fields: str
    """JSON, as it was sent."""
    refused_fields: list[dict[str, Any]]

    @property
    def is_whole(self) -> bool:
        """Nothing of it was taken."""
        return self.verdict == "refused"


@dataclass(frozen=True, slots=True)
class Correction:
    """What the person at the desk enters otherwise than the crew did."""

    fields: Entered = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    """Fields of the crew's that are left out."""
    record_version: int | None = None
    """The version of the record that she saw; 0: there was none."""
    reason: str | None = None


def enter(desk: Desk, refused: Refused, correction: Correction) -> UUID:
    """Enter it as one or more edits of the person at the desk; the id of the last of them.

    A refused creation makes the record under the id that the tablet gave it, so that what depended on it can be applied
    after it. Of an edit that was taken in part, the refused fields are entered as an update. An update is made on the
    record as it is now: what the person saw of it (``record_version``) is compared, where she says so.

    Raises:
        RefusedEditNotApplicable: it does not say what it was to do, in words that mean something here.
        EditRefused: it is not acceptable with the corrections, either; or its record is not there, or there already.
        RecordDeleted: its record, or its work order, has been deleted.
        PreconditionFailed: the record has changed since she saw it.
        NotAllowed, UnknownReference, CrewNotEligible: as for every edit at the desk.
    """
    if refused.kind not in KINDS or refused.action not in ACTIONS:
        raise RefusedEditNotApplicable
    fields = _corrected(refused, correction)
    if refused.is_whole and refused.action == "create":
        edits = _creation(desk, refused, fields, correction)
    else:
        edits = _changes(desk, refused, fields, correction)
    desk.enter(edits)
    return edits[-1].edit_id


def _corrected(refused: Refused, correction: Correction) -> Entered:
    """The fields to enter: the crew's without what is left out, and over them the corrections."""
    try:
        sent = _FIELDS.decode(refused.fields)
    except msgspec.DecodeError:
        sent = {}  # A list, or a text.
    if not refused.is_whole:
        names = {problem["field"] for problem in refused.refused_fields}
        sent = {name: value for name, value in sent.items() if name in names}
    elif sent.keys() == {"unreadable"}:
        sent = {}  # Nobody can read them: they are the correction's to say.
    return {name: value for name, value in sent.items() if name not in correction.without} | correction.fields


def _creation(desk: Desk, refused: Refused, fields: Entered, correction: Correction) -> list[Edit]:
    kind = KINDS[refused.kind]
    if not kind.is_child and "crew_id" not in fields.keys() | correction.without and refused.crew_id is not None:
        # A crew's new work order is that crew's, as it would have been.
        fields = fields | {"crew_id": _raw(refused.crew_id)}
    edit = desk.edit(kind.name, refused.record_id, "create", None, _raw(fields))
    _check_seen(correction, None)
    if (parent := edit.values.get("work_order_id")) is not None:
        desk.lock(parent)
        try:
            desk.expect_alive(parent)
        except NotFound:
            raise _not_there(desk, refused, "work_order", parent, "work_order_id") from None
    return [edit]


def _changes(desk: Desk, refused: Refused, fields: Entered, correction: Correction) -> list[Edit]:
    kind, record_id = refused.kind, refused.record_id
    action = refused.action if refused.is_whole else "update"
    # What cannot be right on any version is said first.
    desk.edit(kind, record_id, action, 0, _raw(fields))
    found, work_order_id = _found(desk, refused)
    _check_seen(correction, found)
    if found.deleted and action != "restore":
        raise RecordDeleted
    if KINDS[kind].is_child:
        desk.expect_alive(work_order_id)
    steps = [{"status": _raw(step)} for step in _steps(found, fields)] if kind == "work_order" else []
    # Each edit is made on what the one before it left.
    return [
        desk.edit(kind, record_id, action, found.version + number, _raw(entered))
        for number, entered in enumerate([*steps, fields])
    ]


def _found(desk: Desk, refused: Refused) -> tuple[Found, UUID]:
    """The record as it is now, locked, and its work order's id."""
    kind, record_id = refused.kind, refused.record_id
    work_order_id: UUID | None = record_id
    if KINDS[kind].is_child:
        bound = {"partnership_id": desk.partnership_id, "id": record_id}
        work_order_id = desk.session.execute(queries.WORK_ORDER_OF[kind], bound).scalar_one_or_none()
    if work_order_id is None:
        raise _not_there(desk, refused, kind, record_id, "record_id")
    desk.lock(work_order_id)
    try:
        return desk.read(kind, record_id, work_order_id), work_order_id
    except NotFound:
        raise _not_there(desk, refused, kind, record_id, "record_id") from None


def _not_there(desk: Desk, refused: Refused, kind: str, record_id: UUID, name: str) -> Exception:
    """Why a record is not there: its creation was refused, too, and waits; or there is none that she may see."""
    bound = {"partnership_id": desk.partnership_id, "sender_id": refused.device_id, "id": record_id}
    if (edit_id := desk.session.execute(queries.REFUSED_CREATION, bound).scalar_one_or_none()) is None:
        detail = f"There is no {kind} {record_id} that you may see."
        return refused_problem({"code": "unknown_record", "detail": detail, "field": name})
    detail = "The record's creation was refused, too: apply that first."
    return refused_problem({"code": "depends_on", "detail": detail, "field": name, "edit_id": str(edit_id)})


def _check_seen(correction: Correction, found: Found | None) -> None:
    seen = correction.record_version
    if seen is not None and seen != (0 if found is None else found.version):
        current = _NULL if found is None else found.raw()
        raise PreconditionFailed("The record has changed since you saw it.", field="record_version", current=current)


def _steps(found: Found, fields: Entered) -> list[Status]:
    """The statuses that lie on the way to the one that is wanted. The crew saw another one than stands now, and whoever
    decides that its work counts may reopen and complete the job."""
    current = msgspec.json.decode(found.sent)["record"]["status"]
    try:
        wanted = Status(msgspec.json.decode(fields.get("status", _NULL), type=str))
    except (ValueError, msgspec.DecodeError):
        return []  # There is none.
    return (way("office", Status(current), wanted) or [])[:-1]


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
