"""One work order's clocks: reading them, and pausing them from the office."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.partnerships.head import next_change
from fieldsync.problems import NotFound, RecordDeleted
from fieldsync.servicelevels import keep
from fieldsync.servicelevels.answers import ClockRead, PausedBy, PauseRead, TargetRead, WorkOrderClocks
from fieldsync.servicelevels.clocks import Clock, Event, Job, Pause, advance
from fieldsync.servicelevels.problems import ClockNotPaused, ClockPaused, NoClockRuns
from fieldsync.servicelevels.targets import Terms
from fieldsync.servicelevels.work_order_clocks import queries

PAUSES_MAX = 100
"""Pauses that are read along with the clocks, the newest."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A member of staff in a transaction of hers. ``own``: the jurisdictions she may touch; None means all."""

    session: Session
    partnership_id: UUID
    staff_id: UUID
    own: frozenset[UUID] | None
    at: datetime

    def bound(self, **more: Any) -> dict[str, Any]:
        """What every statement binds, and ``more``."""
        return {"partnership_id": self.partnership_id} | more

    def see(self, work_order_id: UUID) -> None:
        """Raises:
        NotFound: there is no such work order that she may see.
        """
        own = None if self.own is None else list(self.own)
        if self.session.execute(queries.SEEN, self.bound(id=work_order_id, own=own)).one_or_none() is None:
            raise NotFound


def read_clocks(acting: Acting, work_order_id: UUID) -> WorkOrderClocks:
    """The clocks of a work order as of now.

    Raises:
        NotFound: there is no such work order that she may see.
    """
    acting.see(work_order_id)
    job = keep.load_jobs(acting.session, acting.partnership_id, [work_order_id])[work_order_id]
    rows = acting.session.execute(queries.PAUSES, acting.bound(id=work_order_id, rows=PAUSES_MAX + 1)).all()
    pauses = [
        PauseRead(
            cause=row.cause, reason=row.reason, starts_at=row.starts_at, ends_at=row.ends_at,
            paused_by=_person(row.staff_id, row.staff_name), resume_reason=row.resume_reason,
            resumed_by=_person(row.resumed_by, row.resumed_name),
        )
        for row in rows[:PAUSES_MAX]
    ]  # fmt: skip
    return WorkOrderClocks(
        work_order_id=work_order_id, clocks=_clocks(acting, job), pauses=pauses, more_pauses=len(rows) > PAUSES_MAX
    )


def pause(acting: Acting, work_order_id: UUID, reason: str) -> None:
    """Have the clocks stand still until they are resumed, or the work is done.

    Raises:
        NotFound, RecordDeleted, NoClockRuns, ClockPaused
    """
    job = _lock(acting, work_order_id)
    if all(clock.stopped_at is not None for clock in job.clocks()):
        raise NoClockRuns
    if job.open_pause("office") is not None:
        raise ClockPaused
    _fold(acting, job, Event(acting.at, paused=Pause("office", acting.at, reason=reason, staff_id=acting.staff_id)))


def resume(acting: Acting, work_order_id: UUID, reason: str) -> None:
    """End the office's pause. The clocks run unless the work order is on hold.

    Raises:
        NotFound, RecordDeleted, ClockNotPaused
    """
    job = _lock(acting, work_order_id)
    if job.open_pause("office") is None:
        raise ClockNotPaused
    ended = Pause("office", acting.at, resume_reason=reason, resumed_by=acting.staff_id)
    _fold(acting, job, Event(acting.at, resumed=ended))


def _lock(acting: Acting, work_order_id: UUID) -> Job:
    acting.session.execute(queries.LOCK, acting.bound(id=work_order_id))
    acting.see(work_order_id)
    job = keep.load_jobs(acting.session, acting.partnership_id, [work_order_id])[work_order_id]
    if job.deleted:
        raise RecordDeleted
    return job


def _fold(acting: Acting, job: Job, event: Event) -> None:
    promises = keep.look(acting.session, acting.partnership_id)
    assert promises is not None  # A clock has a policy, and one that has begun is never removed.
    policy_ids = {clock.policy_id for clock in job.clocks()}
    terms = keep.load_terms(acting.session, acting.partnership_id, promises, policy_ids)
    advance(job, event, terms)
    keep.keep(acting.session, acting.partnership_id, [job])
    if job.changed():
        keep.stamp(acting.session, acting.partnership_id, [job], next_change(acting.session, acting.partnership_id))


def _clocks(acting: Acting, job: Job) -> list[ClockRead]:
    clocks = job.clocks()
    if not clocks:
        return []
    promises = keep.look(acting.session, acting.partnership_id, hold=False)
    assert promises is not None
    ids = {clock.policy_id for clock in clocks}
    terms = keep.load_terms(acting.session, acting.partnership_id, promises, ids)
    rows = acting.session.execute(queries.NUMBERS, acting.bound(ids=list(ids)))
    numbers = {row.id: row.number for row in rows}
    return [_clock(clock, terms, numbers[clock.policy_id], acting.at) for clock in clocks]


def _clock(clock: Clock, terms: Terms, number: int, at: datetime) -> ClockRead:
    target = terms.policies[clock.policy_id].by_id(clock.target_id)
    spent, breached_at = clock.spent_minutes, clock.breached_at
    if clock.running_since is not None:
        spent += terms.calendars[clock.calendar_id].worked(clock.running_since, at)
        if breached_at is None and clock.due_at is not None and clock.due_at < at:
            breached_at = clock.due_at
    state = "running" if clock.running_since is not None else "paused" if clock.stopped_at is None else "stopped"
    return ClockRead(
        sort=clock.sort, state=state, policy_id=clock.policy_id, policy_number=number,
        target=TargetRead(**{name: getattr(target, name) for name in TargetRead.__struct_fields__}),
        target_minutes=clock.target_minutes, spent_minutes=round(spent, 3), started_at=clock.started_at,
        running_since=clock.running_since, due_at=clock.due_at, stopped_at=clock.stopped_at,
        stopped_because=clock.stopped_because, breached=breached_at is not None, breached_at=breached_at,
    )  # fmt: skip


def _person(staff_id: UUID | None, name: str | None) -> PausedBy | None:
    return None if staff_id is None or name is None else PausedBy(staff_id, name)
