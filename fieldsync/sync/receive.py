"""Receiving a tablet's batch: its numbers, its repetitions, and the edits that go into the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.auth.actor import DeviceActor
from fieldsync.journal.edits import Author, Decision, Edit, Refusal, Verdict
from fieldsync.journal.enter import enter
from fieldsync.journal.kept import unreadable
from fieldsync.journal.prepare import prepare
from fieldsync.journal.write import conflict_id
from fieldsync.problems import DeviceRevoked, NotAuthenticated, SequenceGap
from fieldsync.sync import epochs, queries, repeats
from fieldsync.sync.epochs import Epochs
from fieldsync.sync.exchange import (
    EARLIEST,
    LATEST,
    EditVerdict,
    Exchange,
    QueuedEdit,
    Recorded,
    Unreadable,
    VerdictConflict,
)
from fieldsync.sync.let_go import let_go
from fieldsync.sync.repeats import EditRead, Sent

NO_RECORD = UUID(int=0)
"""Stands for the record of an edit that does not say which."""


class Received(NamedTuple):
    """What became of a batch."""

    expected_seq: int
    verdicts: list[EditVerdict]
    epoch: UUID
    refusals_decided: int = 0
    """How often the office has decided on a refused edit of the device."""


def receive(
    session: Session, actor: DeviceActor, exchange: Exchange, unreadable: Sequence[Unreadable], received_at: datetime,
    *, ids_may_be_taken: bool,
) -> Received:  # fmt: skip
    """Take a batch into the journal, within the caller's transaction.

    Ids are random, so nearly every batch is written without looking whether one is taken; where one is, the database
    refuses, and the caller comes again with ``ids_may_be_taken`` to have just that edit refused.

    Raises:
        SequenceGap: it begins above the number that is expected, or has a hole; nothing is written.
        NotAuthenticated: the device was revoked meanwhile.
        IdTaken: see above.
    """
    ids = {"partnership_id": actor.partnership_id, "author_id": actor.device_id}
    # The device's own line: a second batch of the same device waits here until this one is committed.
    device = session.execute(queries.LOCK_DEVICE, ids).one()
    if device.revoked_at is not None:
        raise DeviceRevoked if device.quarantined else NotAuthenticated("This device has been revoked.")
    sent: list[Sent] = sorted([*exchange.edits, *unreadable], key=lambda queued: queued.seq)
    new, old = split(sent, device.next_seq)
    earlier: list[EditRead] = []
    if old or ids_may_be_taken:
        edit_ids = [queued.edit_id for queued in sent if queued.edit_id is not None]
        earlier = repeats.find(session, ids, [queued.seq for queued in old], edit_ids)
    older = epochs.read(session, actor.partnership_id, device.epoch, exchange)
    batch = Batch(actor.device_id, exchange, received_at, earlier, older)
    if device.archived and new:
        edit_ids = [queued.edit_id for queued in new if queued.edit_id is not None]
        batch.used_ids.update(session.execute(queries.ARCHIVED_IDS, ids | {"edit_ids": edit_ids}).scalars())
    edits = [batch.ready(queued) for queued in new]
    misfits = batch.misfits(session, ids, old, new)
    expected_seq = device.next_seq + len(new)
    session.execute(
        queries.TOUCH_DEVICE,
        ids | {"next_seq": expected_seq, "now": received_at, "skew_ms": batch.skew_ms(),
               "app_version": exchange.app_version},
    )  # fmt: skip
    former = frozenset(device.former_crew_ids)
    author = Author(actor.device_id, "crew", actor.partnership_id, device.crew_id, former_crew_ids=former)
    outcome = enter(session, author, [*edits, *misfits], received_at, ids_may_be_taken=ids_may_be_taken)
    let_go(session, author, device, outcome, received_at)
    fresh = {
        queued.seq: _fresh(author, queued, decision) for queued, decision in zip(new, outcome.decisions, strict=False)
    }
    again = [batch.again(queued, fresh.get(queued.seq)) for queued in old]
    verdicts = sorted([*again, *fresh.values()], key=lambda verdict: verdict.seq)
    return Received(expected_seq, verdicts, device.epoch, device.refusals_decided)


def split(sent: Iterable[Sent], next_seq: int) -> tuple[list[Sent], list[Sent]]:
    """The edits that are due, and those whose number has been here before (in this very batch, too)."""
    new: list[Sent] = []
    old: list[Sent] = []
    expected = next_seq
    for queued in sent:
        if queued.seq > expected:
            raise SequenceGap(
                f"Edit {expected} is expected next, not {queued.seq}.", field="edits", expected_seq=next_seq
            )
        if queued.seq == expected:
            new.append(queued)
            expected += 1
        else:
            old.append(queued)
    return new, old


class Batch:
    """One batch of one device, on its way to becoming edits."""

    def __init__(
        self, device_id: UUID, exchange: Exchange, received_at: datetime, earlier: Sequence[EditRead],
        older: Epochs | None = None,
    ) -> None:  # fmt: skip
        self.device_id = device_id
        self.received_at = received_at
        self.skew = received_at - exchange.sent_at
        self.by_seq = {past.seq: past for past in earlier if past.seq is not None}
        self.used_ids = {past.edit_id for past in earlier}
        self.older = older
        """What the epochs mean that its edits name, where one is of another than the present one."""
        self.first: dict[int, Sent] = {}
        """Number -> the first edit of this batch that bears it."""

    def skew_ms(self) -> int:
        return self.skew // timedelta(milliseconds=1)

    def came(self, sent_at: datetime, received_at: datetime) -> None:
        """The edits that follow came by another request than the one before."""
        self.received_at, self.skew = received_at, received_at - sent_at

    def ready(self, queued: Sent, refusal: Refusal | None = None) -> Edit:
        """The edit that is entered under the number that is due; with a ``refusal``, refused for that."""
        self.first[queued.seq] = queued
        if queued.edit_id is None:
            return self._refused(queued, repeats.spare_id(self.device_id, queued), queued.seq, refusal)
        used = len(self.used_ids)
        self.used_ids.add(queued.edit_id)
        if len(self.used_ids) == used:
            return self._refused(queued, repeats.spare_id(self.device_id, queued), queued.seq, _reused())
        if isinstance(queued, Unreadable):
            return self._refused(queued, queued.edit_id, queued.seq, refusal)
        return self._entered(queued, queued.edit_id, queued.seq, refusal)

    def misfit(self, queued: Sent, edit_id: UUID) -> Edit:
        """An edit with other content under a used number: refused, and kept without a number, by an id made from it."""
        return self._refused(queued, edit_id, None, _reused())

    def misfits(self, session: Session, ids: dict[str, UUID], old: Sequence[Sent], new: Sequence[Sent]) -> list[Edit]:
        """Edits with other content under a used number: refused, but kept, once each, without a number."""
        spare = {repeats.spare_id(self.device_id, queued): queued for queued in old if not self._is_repeated(queued)}
        if not spare:
            return []
        kept = {past.edit_id for past in repeats.find(session, ids, [], list(spare))}
        return [self.misfit(queued, edit_id) for edit_id, queued in spare.items() if edit_id not in kept]

    def again(self, queued: Sent, fresh: EditVerdict | None) -> EditVerdict:
        """The verdict on an edit under a used number; ``fresh`` is that of the number's first edit in this batch."""
        if not self._is_repeated(queued):
            return EditVerdict(queued.seq, queued.edit_id, Verdict.REFUSED, problem=_reused().problem())
        if fresh is not None:
            first = Recorded(fresh.verdict, fresh.version, fresh.conflicts, fresh.problem, fresh.refused_fields)
        else:
            past = self.by_seq[queued.seq]
            first = Recorded(past.verdict, past.version, past.conflicts, past.problem, past.refused_fields)
        return EditVerdict(queued.seq, queued.edit_id, Verdict.REPEATED, first.version, recorded=first)

    def _is_repeated(self, queued: Sent) -> bool:
        if (past := self.by_seq.get(queued.seq)) is not None:
            return repeats.same(self.device_id, queued, past)
        first = self.first[queued.seq]
        return first.edit_id == queued.edit_id and repeats.content(first) == repeats.content(queued)

    def _refused(self, queued: Sent, edit_id: UUID, seq: int | None, refusal: Refusal | None = None) -> Edit:
        if isinstance(queued, QueuedEdit):
            return self._entered(queued, edit_id, seq, refusal)
        if queued.envelope is not None:
            # The record that it would have made is known, and what depends on it can be told so.
            cannot = Refusal("invalid_value", queued.reason, "fields")
            return self._entered(queued.envelope, edit_id, seq, refusal or cannot)
        whole = unreadable(queued.raw.decode())
        refusal = refusal or Refusal("malformed_edit", queued.reason, queued.field)
        at = self.received_at
        return prepare("crew", edit_id, seq, "unknown", NO_RECORD, "unknown", None, at, at, whole, refusal)

    def _entered(self, queued: QueuedEdit, edit_id: UUID, seq: int | None, refusal: Refusal | None) -> Edit:
        observed_at = min(max(queued.observed_at, EARLIEST), LATEST)
        if observed_at != queued.observed_at:
            told = queued.observed_at.isoformat()
            refusal = refusal or Refusal("malformed_edit", f"{told} is no plausible time of an edit.", "observed_at")
        edit = prepare(
            "crew", edit_id, seq, queued.kind, queued.record_id, queued.action, queued.base_version,
            observed_at, self._corrected(observed_at), queued.fields, refusal,
        )  # fmt: skip
        if self.older is not None:
            edit.base_entry = self.older.base_entry(queued)
        return edit

    def _corrected(self, observed_at: datetime) -> datetime:
        """The device's time corrected for its skew, and never later than receipt."""
        try:
            return min(max(observed_at + self.skew, EARLIEST), self.received_at)
        except OverflowError:
            return self.received_at


def _reused() -> Refusal:
    return Refusal("edit_reused", "This number or id was used before with other content; the first one stands.")


def _fresh(author: Author, queued: Sent, decision: Decision) -> EditVerdict:
    edit = decision.edit
    verdict = EditVerdict(
        queued.seq, queued.edit_id, decision.verdict, decision.version, problem=decision.problem,
        refused_fields=decision.refused_fields,
    )  # fmt: skip
    if not decision.clashes:
        return verdict
    conflicts = [
        VerdictConflict(
            conflict_id(author.id, edit.edit_id, clash), clash.sort, clash.field, clash.policy,
            "settled" if clash.settled else "open", clash.base, clash.kept, clash.other,
        )
        for clash in decision.clashes
    ]  # fmt: skip
    conflicts.sort(key=lambda conflict: str(conflict.id))
    verdict.conflicts = conflicts
    return verdict
