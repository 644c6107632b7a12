"""What waits in quarantine, as a dispatcher reads it before she decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.orm import Session

from fieldsync.auth.models import Device
from fieldsync.journal.kept import kept
from fieldsync.pages import decode, encode
from fieldsync.sync.exchange import QueuedEdit, Unreadable
from fieldsync.sync.quarantine import queries
from fieldsync.sync.quarantine.deposit import closes_at
from fieldsync.sync.quarantine.held import fields_of, read_back
from fieldsync.sync.quarantine.models import IN_LINE

PAGE_BYTES = 4 * 1024 * 1024
"""Of the edits on one page: they may have a quarter of a megabyte each."""

RELEASES_SHOWN = 100
"""The latest; one call decides on a thousand edits."""


class WaitingEdit(Struct):
    """An edit that a revoked tablet has deposited. What cannot be read of it is null."""

    seq: int
    other_content: bool
    """Under a number that was used before, with other content: it will be refused, and kept."""
    edit_id: UUID | None
    kind: str | None
    record_id: UUID | None
    action: str | None
    base_version: int | None
    observed_at: datetime | None
    """By the tablet's clock."""
    sent_at: datetime
    """When it was deposited, by the tablet's clock."""
    received_at: datetime
    """When it was deposited."""
    fields: msgspec.Raw


class ReleaseMade(Struct):
    """What was decided before."""

    from_seq: int
    through_seq: int
    rejected: list[int]
    reason: str | None
    released_at: datetime
    staff_id: UUID
    name: str


class Quarantine(Struct):
    """What waits, a page of it in the order of the numbers, and what was decided."""

    device_id: UUID
    open: bool
    """Whether the tablet may still deposit."""
    closes_at: datetime | None
    """Until when; null for a tablet that was not revoked."""
    edits: int
    """How many wait."""
    bytes: int
    deposited_seq: int | None
    """The highest number that was deposited."""
    releases: list[ReleaseMade]
    """The latest first, at most 100."""
    items: list[WaitingEdit]
    next: str | None


def read_quarantine(session: Session, device: Device, limit: int, cursor: str | None, at: datetime) -> Quarantine:
    """A page of what a device has deposited; the caller has seen that she may.

    Raises:
        Unprocessable: ``cursor`` is not one that we gave.
    """
    seq, misfit_id = decode(cursor, [int, UUID]) if cursor is not None else (0, IN_LINE)
    bound = {"partnership_id": device.partnership_id, "device_id": device.id}
    place = {"seq": seq, "misfit_id": misfit_id, "rows": limit + 1, "bytes": PAGE_BYTES}
    held = session.execute(queries.HELD, bound).one()
    rows = session.execute(queries.PAGE, bound | place).all()
    releases = session.execute(queries.RELEASES, bound | {"rows": RELEASES_SHOWN})
    items = [_item(row) for row in rows[:limit]]
    following = None
    if items and (len(rows) > limit or _has_more(session, bound, rows[-1])):
        last = rows[len(items) - 1]
        following = encode([last.seq, last.misfit_id])
    until = None if device.revoked_at is None else closes_at(device.revoked_at)
    is_open = device.quarantined and until is not None and at <= until
    return Quarantine(
        device.id, is_open, until, held.edits, held.bytes, device.deposited_seq,
        [ReleaseMade(**row._asdict()) for row in releases], items, following,
    )  # fmt: skip


def _has_more(session: Session, bound: dict[str, Any], last: Any) -> bool:
    """Whether a page that was cut at its bytes is not the last one."""
    place = {"seq": last.seq, "misfit_id": last.misfit_id, "rows": 1, "bytes": 1}
    return bool(session.execute(queries.PAGE, bound | place).all())


def _item(row: Any) -> WaitingEdit:
    sent = read_back(row.seq, row.edit_id, row.body)
    said = sent.envelope if isinstance(sent, Unreadable) else sent
    fields = kept(fields_of(sent))
    times = {"sent_at": row.sent_at, "received_at": row.received_at, "fields": fields}
    other = row.misfit_id != IN_LINE
    if not isinstance(said, QueuedEdit):
        return WaitingEdit(row.seq, other, sent.edit_id, None, None, None, None, None, **times)
    return WaitingEdit(
        row.seq, other, said.edit_id, said.kind, said.record_id, said.action, said.base_version, said.observed_at,
        **times,
    )  # fmt: skip
