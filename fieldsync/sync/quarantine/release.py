"""Releasing what a revoked device has deposited: into the journal, as the device's own edits, in their order.

What a dispatcher does not let in is entered as refused. So every edit reaches a verdict that never changes, and the
numbers stay whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Row
from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.config import EDITS_PER_EXCHANGE_MAX
from fieldsync.database import new_id
from fieldsync.journal.edits import Author, Decision, Edit, Refusal
from fieldsync.journal.enter import enter
from fieldsync.problems import ReleasedAlready, Unprocessable
from fieldsync.sync import epochs, repeats
from fieldsync.sync import queries as sync_queries
from fieldsync.sync.exchange import PROTOCOL, Exchange, QueuedEdit
from fieldsync.sync.let_go import let_go
from fieldsync.sync.quarantine import queries
from fieldsync.sync.quarantine.held import read_back
from fieldsync.sync.quarantine.models import IN_LINE
from fieldsync.sync.receive import Batch
from fieldsync.sync.repeats import Sent

RELEASED_MAX = EDITS_PER_EXCHANGE_MAX
"""Edits of one call, as of one exchange: it holds the same locks for as long."""

_NOT_LET_IN = ("not_released", "edit_reused")
"""What a rejected edit is refused for: of two with one id the second is refused for that, whatever she says."""


class ReleasedEdit(Struct, frozen=True):
    """What became of one edit."""

    seq: int
    edit_id: UUID
    verdict: str
    kind: str
    record_id: UUID
    version: int | None
    conflicts: int
    """How many fields met another value."""
    problem: dict[str, Any] | None


class Released(Struct, frozen=True):
    """What a release has done."""

    through_seq: int
    """Up to which everything was decided on; where more was asked for than one call does, it is lower."""
    waiting: int
    """How many still wait."""
    verdicts: list[ReleasedEdit]


def release(
    session: Session, by: StaffActor, device_id: UUID, through_seq: int, reject: Collection[int], reason: str | None,
    at: datetime,
) -> Released:  # fmt: skip
    """Enter what the device has deposited, up to a number, within the caller's transaction. The caller has seen that
    she may. ``reject``: numbers that are refused (``not_released``), for ``reason``.

    Where nothing waits up to that number (somebody has released it meanwhile), nothing is done.

    Raises:
        Unprocessable: ``through_seq`` or one of ``reject`` was not deposited, or is above ``through_seq``.
        ReleasedAlready: one of ``reject`` was let in before.
    """
    ids = {"partnership_id": by.partnership_id, "author_id": device_id}
    device = session.execute(sync_queries.LOCK_DEVICE, ids).one()
    deposited_seq = max(device.deposited_seq or 0, device.next_seq - 1)
    if through_seq > deposited_seq:
        raise Unprocessable(f"Nothing above {deposited_seq} was deposited.", field="through_seq")
    if strange := [seq for seq in reject if not 0 < seq <= through_seq]:
        raise Unprocessable(f"{min(strange)} is not among what is released.", field="reject")
    _check_undecided(session, ids, [seq for seq in reject if seq < device.next_seq])
    bound = {"partnership_id": by.partnership_id, "device_id": device_id, "now": at}
    rows = session.execute(queries.TO_RELEASE, bound | {"through_seq": through_seq, "rows": RELEASED_MAX + 1}).all()
    rows, left = rows[:RELEASED_MAX], rows[RELEASED_MAX:]
    if not rows:
        return Released(device.next_seq - 1, deposited_seq - device.next_seq + 1, [])
    in_line = [row.seq for row in rows if row.misfit_id == IN_LINE]
    next_seq = in_line[-1] + 1 if in_line else device.next_seq
    refusal = Refusal("not_released", reason or "")
    edits = _edits(session, ids, device, rows, frozenset(reject), refusal)
    session.execute(queries.RELEASED, bound | {"next_seq": next_seq})
    former = frozenset(device.former_crew_ids)
    author = Author(device_id, "crew", by.partnership_id, device.crew_id, former_crew_ids=former)
    outcome = enter(session, author, edits, at)
    let_go(session, author, device, outcome, at)
    session.execute(queries.DELETE, bound | {"seq": rows[-1].seq, "misfit_id": rows[-1].misfit_id})
    rejected = sorted(set(reject) & set(in_line))
    session.execute(
        queries.NOTE_RELEASE,
        bound | {"id": new_id(), "from_seq": rows[0].seq, "through_seq": rows[-1].seq, "rejected": rejected,
                 "reason": reason if rejected else None, "staff_id": by.staff_id},
    )  # fmt: skip
    verdicts = [_verdict(row.seq, decision) for row, decision in zip(rows, outcome.decisions, strict=True)]
    # What is left may be other content under the last number, or under an earlier one.
    decided = left[0].seq - 1 if left else next_seq - 1
    return Released(decided, deposited_seq - next_seq + 1, verdicts)


def _check_undecided(session: Session, ids: dict[str, Any], seqs: list[int]) -> None:
    if not seqs:
        return
    for past in repeats.find(session, ids, seqs, []):
        if past.problem is None or past.problem["code"] not in _NOT_LET_IN:
            raise ReleasedAlready(f"Edit {past.seq} has its verdict already.", field="reject", seq=past.seq)


def _edits(
    session: Session, ids: dict[str, Any], device: Row[Any], rows: Sequence[Row[Any]], reject: frozenset[int],
    refusal: Refusal,
) -> list[Edit]:  # fmt: skip
    sent: list[Sent] = [read_back(row.seq, row.edit_id, row.body) for row in rows]
    edit_ids = [queued.edit_id for queued in sent if queued.edit_id is not None]
    earlier = repeats.find(session, ids, [], edit_ids)
    # As though one exchange had brought all of it; each edit's own times are set below.
    readable = [queued for queued in sent if isinstance(queued, QueuedEdit)]
    exchange = Exchange(PROTOCOL, rows[0].sent_at, edits=readable)
    older = epochs.read(session, ids["partnership_id"], device.epoch, exchange)
    batch = Batch(ids["author_id"], exchange, rows[0].received_at, earlier, older)
    if device.archived:
        archived = session.execute(sync_queries.ARCHIVED_IDS, ids | {"edit_ids": edit_ids})
        batch.used_ids.update(archived.scalars())
    edits = []
    for row, queued in zip(rows, sent, strict=True):
        batch.came(row.sent_at, row.received_at)
        if row.misfit_id == IN_LINE:
            edits.append(batch.ready(queued, refusal if row.seq in reject else None))
        else:
            edits.append(batch.misfit(queued, row.misfit_id))
    return edits


def _verdict(seq: int, decision: Decision) -> ReleasedEdit:
    edit = decision.edit
    return ReleasedEdit(
        seq, edit.edit_id, decision.verdict, edit.kind, edit.record_id, decision.version, len(decision.clashes),
        decision.problem,
    )  # fmt: skip
