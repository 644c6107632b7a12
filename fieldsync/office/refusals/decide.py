"""Deciding on a refused edit: it is applied by the office, sent back to its crew, or dismissed.

Compare-and-set on what was decided on it before. Of two who decide at once the second waits for the first, by the lock
on the device's row, and is told what she did.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from fieldsync.documents import etag
from fieldsync.office.desk import Desk
from fieldsync.office.refusals import queries
from fieldsync.office.refusals.enter import Correction, Refused, enter
from fieldsync.office.refusals.read import read_refused
from fieldsync.problems import NotFound, PreconditionFailed, RefusedEditApplied


def apply(desk: Desk, sender_id: UUID, edit_id: UUID, correction: Correction, wanted: frozenset[int]) -> None:
    """Enter what was refused, with corrections, as an edit of the person at the desk.

    Raises:
        NotFound, PreconditionFailed, RefusedEditApplied: see ``_hold``.
        RefusedEditNotApplicable, EditRefused, RecordDeleted, NotAllowed, CrewNotEligible: see ``enter``.
    """
    refused = _find(desk, sender_id, edit_id)
    held = _hold(desk, sender_id, edit_id, wanted)
    applied_id = enter(desk, refused, correction)
    _write(desk, refused, edit_id, held, "applied", correction.reason, applied_id)


def put(desk: Desk, sender_id: UUID, edit_id: UUID, state: str, reason: str, wanted: frozenset[int]) -> None:
    """Send a refused edit back to its crew (``sent_back``), or dismiss it (``dismissed``). The tablet is told why.

    Raises:
        NotFound, PreconditionFailed, RefusedEditApplied: see ``_hold``.
    """
    refused = _find(desk, sender_id, edit_id)
    _write(desk, refused, edit_id, _hold(desk, sender_id, edit_id, wanted), state, reason, None)


def _find(desk: Desk, sender_id: UUID, edit_id: UUID) -> Refused:
    row = desk.session.execute(queries.FIND, desk.ids(sender_id=sender_id, edit_id=edit_id)).one_or_none()
    if row is None:
        raise NotFound
    return Refused(
        sender_id, row.entry, row.kind, row.record_id, row.action, row.verdict, row.crew_id, row.fields,
        row.refused_fields or [],
    )  # fmt: skip


def _hold(desk: Desk, sender_id: UUID, edit_id: UUID, wanted: frozenset[int]) -> tuple[int, int]:
    """Lock the device's line; the version of what was decided on the edit, and the device's number of decisions.

    Raises:
        PreconditionFailed: somebody decided on it after she read it; the problem holds it as it is.
        RefusedEditApplied: it stands already, and nothing takes it back.
    """
    ids = {"partnership_id": desk.partnership_id, "sender_id": sender_id}
    number = desk.session.execute(queries.LOCK, ids).scalar_one()
    standing = desk.session.execute(queries.STANDING, ids | {"edit_id": edit_id}).one_or_none()
    version = 0 if standing is None else standing.version
    if version not in wanted:
        _, current = read_refused(desk, sender_id, edit_id)
        raise PreconditionFailed(
            "Somebody has decided on this edit since you read it.", current=msgspec.Raw(current.encode()),
            etag=etag(version),
        )  # fmt: skip
    if standing is not None and standing.state == "applied":
        raise RefusedEditApplied
    return version, number


def _write(
    desk: Desk, refused: Refused, edit_id: UUID, held: tuple[int, int], state: str, reason: str | None,
    applied_id: UUID | None,
) -> None:  # fmt: skip
    version, number = held
    ids = {"partnership_id": desk.partnership_id, "sender_id": refused.device_id, "number": number + 1}
    decided = {"version": version + 1, "state": state, "staff_id": desk.staff_id, "now": desk.at, "reason": reason}
    named = {"edit_id": edit_id, "entry": refused.entry, "applied_id": applied_id}
    desk.session.execute(queries.DECIDE, ids | decided | named)
    desk.session.execute(queries.TELL, ids)
