"""What deciding about assignments needs: lock, then read; a fixed number of statements however many items."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.agreements.grants import load_grants
from fieldsync.crews.facts import Span
from fieldsync.dispatch import situation
from fieldsync.dispatch.assignments import queries
from fieldsync.dispatch.assignments.plan import Part, Plan
from fieldsync.dispatch.facts import JobFacts
from fieldsync.dispatch.travel import Travel
from fieldsync.journal.anew import lock as lock_work_orders
from fieldsync.journal.edits import Record
from fieldsync.problems import ComeAgain, Unprocessable

HORIZON = timedelta(days=35)
"""Between the first start and the last end of one request: a month is planned at once. All of its days are read."""

_AN_INSTANT = timedelta(microseconds=1)
_PARTS = msgspec.json.Decoder(list[Part])


class Made(msgspec.Struct):
    """How an assignment was made: what a repeated request is compared with."""

    id: UUID
    work_order_id: UUID
    staff_id: UUID | None
    reason: str | None
    after: dict[str, Any]


_MADE = msgspec.json.Decoder(list[Made])


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """A member of staff in a transaction of hers. ``own``: the jurisdictions she dispatches for; None means all."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    own: frozenset[UUID] | None
    at: datetime
    travel: Travel

    def ids(self, **more: Any) -> dict[str, Any]:
        """What every statement binds, and ``more``."""
        return {"partnership_id": self.partnership_id} | more

    def reads(self, **more: Any) -> dict[str, Any]:
        """The same for reading what she may see."""
        return self.ids(own=None if self.own is None else list(self.own), **more)

    def may(self, jurisdiction_id: UUID | None) -> bool:
        """Whether she dispatches for it; None, triage, is for those who dispatch for all."""
        return self.own is None or jurisdiction_id in self.own


@dataclass(slots=True)
class Known:
    """Everything that a decision may know; work orders and crews are locked."""

    records: dict[UUID, Record]
    """Work orders by id."""
    jobs: dict[UUID, JobFacts]
    plan: Plan
    seen: set[UUID]
    """The crews to whom she may give work."""
    parts: dict[UUID, Part] = field(default_factory=dict)
    """The planned assignments of the work orders, and those that were asked for whatever their state."""

    def planned(self, work_order_id: UUID) -> list[Part]:
        """The parts of a work order that are planned."""
        return [one for one in self.parts.values() if one.work_order_id == work_order_id and one.state == "planned"]


def load(
    dispatcher: Dispatcher, work_order_ids: Collection[UUID], crew_ids: Collection[UUID], spans: Sequence[Span],
    assignment_ids: Sequence[UUID] = (),
) -> Known:  # fmt: skip
    """Lock work orders, crews and the terms with a cap between them, in this order, each by id; then read.

    Raises:
        Unprocessable: the times of the request are too far from each other.
    """
    session, partnership_id = dispatcher.session, dispatcher.partnership_id
    first, last = _horizon(spans, dispatcher.at)
    records = lock_work_orders(session, partnership_id, set(work_order_ids))
    crews = session.execute(queries.LOCK_CREWS, dispatcher.ids(ids=list(crew_ids))).all()
    receivers = {record.jurisdiction_id for record in records.values() if record.jurisdiction_id is not None}
    givers = {crew.jurisdiction_id for crew in crews}
    pairs = dispatcher.ids(givers=list(givers), receivers=list(receivers))
    locked = set(session.execute(queries.LOCK_CAPS, pairs).scalars())
    now = situation.load(session, partnership_id, [crew.id for crew in crews], first, last, None, receivers)
    seen = situation.serving(now, dispatcher.own, first, last)
    # Of a crew that is hers to send at this moment she is told why it cannot come later.
    at, until = dispatcher.at, dispatcher.at + _AN_INSTANT
    present = situation.Situation(now.crews, {}, load_grants(session, partnership_id, at, until), now.usage)
    seen |= situation.serving(present, dispatcher.own, at, until)
    grants = list({grant.id: grant for grant in (*now.grants, *present.grants)}.values())
    for grant in grants:
        between = grant.giver_id in givers and grant.receiver_id in receivers
        if between and grant.cap_period is not None and grant.id not in locked:
            raise ComeAgain  # It was accepted in between, and somebody else may be counting on it.
    known = Known(
        records, situation.load_jobs(session, partnership_id, list(records)),
        Plan(now.crews, now.booked, grants, now.usage, dispatcher.travel, dispatcher.own), seen,
    )  # fmt: skip
    known.parts = read_parts(dispatcher, list(records), assignment_ids)
    return known


def read_parts(dispatcher: Dispatcher, work_order_ids: Sequence[UUID], ids: Sequence[UUID]) -> dict[UUID, Part]:
    """What is planned for work orders, and their assignments with these ids whatever their state; one statement."""
    bound = dispatcher.ids(work_order_ids=list(work_order_ids), ids=list(ids))
    parts = _PARTS.decode(dispatcher.session.execute(queries.PARTS, bound).scalar_one())
    for part in parts:
        part.starts_at, part.ends_at = part.starts_at.astimezone(UTC), part.ends_at.astimezone(UTC)
    return {part.id: part for part in parts}


def made_before(dispatcher: Dispatcher, ids: Iterable[UUID]) -> dict[UUID, Made]:
    """How the assignments with these ids were made; one statement."""
    made = dispatcher.session.execute(queries.MADE, dispatcher.ids(ids=list(ids))).scalar_one()
    return {one.id: one for one in _MADE.decode(made)}


def _horizon(spans: Sequence[Span], at: datetime) -> tuple[datetime, datetime]:
    if not spans:
        return at, at + _AN_INSTANT
    first, last = min(span.starts for span in spans), max(span.ends for span in spans)
    if last - first > HORIZON:
        raise Unprocessable(f"One request plans at most {HORIZON.days} days.", field="items")
    return first, last
