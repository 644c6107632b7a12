"""The person at the desk: who writes, in which transaction, and the way of her edits into the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.database import new_id
from fieldsync.dispatch.assignments.untimed import check_given, check_seen
from fieldsync.documents import etag
from fieldsync.journal.edits import Author, Decision, Edit, Outcome
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.office import queries
from fieldsync.office.refused import refused
from fieldsync.problems import NotAllowed, NotFound, PreconditionFailed, RecordDeleted
from fieldsync.workorders.rules import DONE

EMPTY = msgspec.Raw(b"{}")


@dataclass(frozen=True, slots=True)
class Found:
    """A record as the office reads it."""

    id: UUID
    version: int
    deleted: bool
    sent: str
    """JSON: ``{kind, id, version, etag, change, deleted_at, record}``."""

    def raw(self) -> msgspec.Raw:
        """The JSON, to be set into another document."""
        return msgspec.Raw(self.sent.encode())


@dataclass(frozen=True, slots=True)
class Desk:
    """A member of staff in a transaction of hers. ``own``: the jurisdictions she may touch; None means all."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    own: frozenset[UUID] | None
    at: datetime

    @classmethod
    def of(cls, session: Session, actor: StaffActor, own: frozenset[UUID] | None, at: datetime) -> Desk:
        """The desk of the person who asks."""
        return cls(session, actor.partnership_id, actor.staff_id, own, at)

    def ids(self, **more: Any) -> dict[str, Any]:
        """What every statement of the office binds, and ``more``."""
        own = None if self.own is None else list(self.own)
        return {"partnership_id": self.partnership_id, "own": own} | more

    def lock(self, work_order_id: UUID) -> None:
        """Lock a work order with all that is recorded on it; what is read afterwards stays true until the commit."""
        self.session.execute(queries.LOCK, {"partnership_id": self.partnership_id, "id": work_order_id})

    def read(self, kind: str, record_id: UUID, work_order_id: UUID) -> Found:
        """A record of a work order (or the work order itself), as it is now.

        Raises:
            NotFound: there is none that she may see.
        """
        bound = self.ids(id=record_id, work_order_id=work_order_id)
        row = self.session.execute(queries.READ[kind], bound).one_or_none()
        if row is None:
            raise NotFound
        return Found(record_id, row.version, row.deleted, row.sent)

    def read_locked(self, kind: str, record_id: UUID, work_order_id: UUID, wanted: frozenset[int]) -> Found:
        """Lock, then read, then compare: of two people who read the same version, the second to come is told.

        Raises:
            NotFound: there is none that she may see.
            PreconditionFailed: its version is none of ``wanted``; the problem holds it as it is now.
        """
        self.lock(work_order_id)
        found = self.read(kind, record_id, work_order_id)
        if found.version not in wanted:
            raise PreconditionFailed(current=found.raw(), etag=etag(found.version))
        return found

    def expect_alive(self, work_order_id: UUID) -> None:
        """Raises:
        NotFound: there is no such work order that she may see.
        RecordDeleted: it has been deleted.
        """
        if self.read("work_order", work_order_id, work_order_id).deleted:
            raise RecordDeleted("The work order has been deleted; restore it first.")

    def edit(
        self, kind: str, record_id: UUID, action: str, base: int | None, fields: msgspec.Raw = EMPTY,
        edit_id: UUID | None = None,
    ) -> Edit:  # fmt: skip
        """An edit made here and now; ``fields`` is a JSON object.

        Raises:
            EditRefused: already its form is not acceptable.
        """
        edit = prepare("office", edit_id or new_id(), None, kind, record_id, action, base, self.at, self.at, fields)
        if edit.refusal is not None:
            raise refused(edit.refusal.problem())
        return edit

    def enter(self, edits: Sequence[Edit]) -> Outcome:
        """Take the edits into the journal, all or none.

        Raises:
            EditRefused: one of them is refused; the caller's transaction is to be rolled back.
            NotAllowed: one of them would leave a work order outside the jurisdictions that she dispatches for.
            UnknownReference: one of them gives a work order to a crew that she may not see.
            CrewNotEligible: one of them gives a work order to a crew that may not do it, or opens one again whose crew
                may not any more.
        """
        author = Author(self.staff_id, "office", self.partnership_id, None, self.own)
        outcome = enter(self.session, author, edits, self.at)
        for decision in outcome.decisions:
            if decision.problem is not None:
                raise refused(decision.problem)
        given = _given(outcome)
        # First of all: any other refusal would tell that the crew exists, and more.
        check_seen(self.session, self.partnership_id, self.own, set(given.values()), self.at)
        self._check_places(outcome)
        self._check_retired(outcome.decisions)
        check_given(self.session, self.partnership_id, self.own, given | _reopened(outcome), self.at)
        return outcome

    def _check_places(self, outcome: Outcome) -> None:
        # Work is paid for by the jurisdiction that it lies in: nobody makes work for another one.
        if self.own is None:
            return
        for record in outcome.touched.values():
            if record.moved and record.jurisdiction_id not in self.own:
                raise NotAllowed("That point is not in a jurisdiction that you dispatch for.", field="location")

    def _check_retired(self, decisions: Sequence[Decision]) -> None:
        """The office starts nothing new with what is retired; what names it already goes on."""
        named = {
            name: value
            for decision in decisions
            for name, value in decision.edit.values.items()
            if name in ("crew_id", "service_type_id") and value is not None
            and (decision.edit.action == "create" or name in (decision.before or ()))
        }  # fmt: skip
        if not named:
            return
        bound = {"partnership_id": self.partnership_id, "crew_id": None, "service_type_id": None} | named
        for name, detail in self.session.execute(queries.RETIRED, bound):
            raise refused({"code": "unknown_reference", "detail": detail, "field": name})


def _given(outcome: Outcome) -> dict[UUID, UUID]:
    """Work order -> the crew that it is newly given; what a crew has already goes on."""
    changed = {
        decision.edit.record_id for decision in outcome.decisions
        if "crew_id" in decision.edit.values
        and (decision.edit.action == "create" or "crew_id" in (decision.before or ()))
    }  # fmt: skip
    return {
        record.id: record.crew_id for record in outcome.touched.values()
        if not record.kind.is_child and record.id in changed and record.crew_id is not None
    }  # fmt: skip


def _reopened(outcome: Outcome) -> dict[UUID, UUID]:
    """Work order -> its crew, of those that were done, or deleted, and are to be worked on again: an agreement may have
    ended meanwhile, or the crew been disbanded. She gives it to another one, or to nobody, in the same edit."""
    return {
        record.id: record.crew_id for record in outcome.touched.values()
        if not record.kind.is_child and not record.created and record.scope is not None and record.crew_id is not None
        and (record.was_done or record.scope_was is None) and record.values["status"] not in DONE
    }  # fmt: skip
