"""Taking what a revoked tablet still holds: nothing is decided, nothing is told but its own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from flask import current_app
from msgspec import Struct
from psycopg.types.json import Json
from sqlalchemy import Row
from sqlalchemy.orm import Session

from fieldsync.auth.actor import RevokedDeviceActor
from fieldsync.config import Settings
from fieldsync.problems import NotAuthenticated, QuarantineFull
from fieldsync.sync import queries as sync_queries
from fieldsync.sync import repeats
from fieldsync.sync.exchange import EARLIEST, LATEST, Exchange, Unreadable
from fieldsync.sync.quarantine import queries
from fieldsync.sync.quarantine.held import read_back, written
from fieldsync.sync.quarantine.models import IN_LINE
from fieldsync.sync.receive import split
from fieldsync.sync.repeats import Sent

EDITS_MAX = 20_000
"""Of one device: a season of a busy crew. Whoever stole it cannot fill the disk."""

BYTES_MAX = 64 * 1024 * 1024
"""Of one device, as JSON: the same edits with every one of them ten times as long as usual."""


class Deposited(Struct, frozen=True):
    """What the tablet is told."""

    deposited_seq: int
    """The highest number that is here: what is below and with it need not be sent again. 0: none."""
    waiting: int
    """How many of them nobody has decided on yet."""


class _Deposit(Struct):
    seq: int
    misfit_id: UUID
    edit_id: UUID | None
    body: str


def deposit(
    session: Session, actor: RevokedDeviceActor, exchange: Exchange, apart: Sequence[Unreadable], received_at: datetime
) -> Deposited:
    """Keep a revoked device's edits within the caller's transaction: each once, by its number and content.

    ``apart``: those that cannot be read; they are kept, too. The exchange's cursor and limit mean nothing here.

    Raises:
        NotAuthenticated: it may not deposit any more.
        SequenceGap: they begin above the number that is expected, or have a hole; nothing was kept.
        QuarantineFull: too many are kept already, or it was revoked too long ago; nothing was kept.
    """
    ids = {"partnership_id": actor.partnership_id, "author_id": actor.device_id}
    # In line with other deposits of the device, and with whoever releases them.
    device = session.execute(sync_queries.LOCK_DEVICE, ids).one()
    if device.revoked_at is None or not device.quarantined:
        raise NotAuthenticated("This device has been revoked.")
    _check_time(device.revoked_at, received_at)
    expected = max(device.next_seq, (device.deposited_seq or 0) + 1)
    sent: list[Sent] = sorted([*exchange.edits, *apart], key=lambda queued: queued.seq)
    new, old = split(sent, expected)
    misfits = _misfits(session, ids, device, new, old)
    rows = [_Deposit(queued.seq, IN_LINE, queued.edit_id, written(queued, exchange)) for queued in new]
    rows += [
        _Deposit(queued.seq, misfit_id, queued.edit_id, written(queued, exchange))
        for misfit_id, queued in misfits.items()
    ]
    bound = {"partnership_id": actor.partnership_id, "device_id": actor.device_id, "now": received_at}
    if rows:
        _check_room(session, bound, rows)
        encoded = Json(rows, dumps=msgspec.json.encode)
        # A clock may show a moment that the database can hold, and nobody could read back.
        sent_at = min(max(exchange.sent_at, EARLIEST), LATEST)
        session.execute(queries.DEPOSIT, bound | {"sent_at": sent_at, "rows": encoded})
    deposited_seq = expected - 1 + len(new)
    skew_ms = (received_at - exchange.sent_at) // timedelta(milliseconds=1)
    session.execute(
        queries.DEPOSITED,
        bound | {"deposited_seq": deposited_seq, "skew_ms": skew_ms, "app_version": exchange.app_version},
    )
    return Deposited(deposited_seq, deposited_seq - device.next_seq + 1)


def closes_at(revoked_at: datetime) -> datetime:
    """Until when a device that was revoked then may deposit: so long a tablet may be offline at all."""
    settings: Settings = current_app.config["FIELDSYNC"]
    return revoked_at + timedelta(days=settings.offline_days)


def _check_time(revoked_at: datetime, at: datetime) -> None:
    if at > (until := closes_at(revoked_at)):
        raise QuarantineFull("This device was revoked too long ago.", closed_at=until.isoformat())


def _check_room(session: Session, bound: dict[str, Any], rows: Sequence[_Deposit]) -> None:
    held = session.execute(queries.HELD, bound).one()
    if held.edits + len(rows) > EDITS_MAX:
        raise QuarantineFull(f"It holds {held.edits:,} edits of at most {EDITS_MAX:,}.", most=EDITS_MAX)
    if held.bytes + sum(len(row.body.encode()) for row in rows) > BYTES_MAX:
        raise QuarantineFull(f"It holds {held.bytes:,} bytes of at most {BYTES_MAX:,}.", most_bytes=BYTES_MAX)


def _misfits(
    session: Session, ids: dict[str, Any], device: Row[Any], new: Sequence[Sent], old: Sequence[Sent]
) -> dict[UUID, Sent]:
    """Other content under numbers that were used before, by an id made from it: the first one of each number stands,
    and this is kept beside it. What is here already is left out."""
    if not old:
        return {}
    device_id: UUID = ids["author_id"]
    earlier = repeats.find(session, ids, [queued.seq for queued in old if queued.seq < device.next_seq], [])
    journalled = {past.seq: past for past in earlier if past.seq is not None}
    bound = {"partnership_id": ids["partnership_id"], "device_id": device_id, "in_line": IN_LINE}
    waiting = session.execute(queries.WAITING_UNDER, bound | {"seqs": [queued.seq for queued in old]})
    first: dict[int, Sent] = {row.seq: read_back(*row) for row in waiting} | {one.seq: one for one in new}
    misfits: dict[UUID, Sent] = {}
    for queued in old:
        if (past := journalled.get(queued.seq)) is not None:
            fits = repeats.same(device_id, queued, past)
        else:
            there = first[queued.seq]
            fits = there.edit_id == queued.edit_id and repeats.content(there) == repeats.content(queued)
        if not fits:
            misfits[repeats.spare_id(device_id, queued)] = queued
    if misfits:
        for past in repeats.find(session, ids, [], list(misfits)):
            del misfits[past.edit_id]
    return misfits
