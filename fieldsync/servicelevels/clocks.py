"""A work order's clocks: what starts, pauses, stops and retargets them. Pure.

Two clocks at most: *response*, until work begins, and *resolution*, until the work is done. What happens to the work
order is folded into them event by event; the same events give the same clocks, however they were batched. Events come
in the order in which they were received, with the times at which they happened; one that happened before what is
known already counts as of then, so that time never runs backwards.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from fieldsync.servicelevels.calendar import Hours
from fieldsync.servicelevels.targets import Facts, Policy, Target, Terms
from fieldsync.workorders.rules import DONE, Status


class Sort(StrEnum):
    """What a clock waits for."""

    RESPONSE = "response"  # until work begins
    RESOLUTION = "resolution"  # until the work is completed


class Stop(StrEnum):
    """Why a clock stands still for good, or until the work order is open again."""

    DONE = "done"  # what it waited for has happened
    CANCELLED = "cancelled"  # the work will not be done: neither met nor, unless it had run out, breached
    DELETED = "deleted"  # the same
    NO_TARGET = "no_target"  # the work order became one for which the policy promises nothing


_BEGUN = frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.CLOSED})
_WAITED_FOR = {Sort.RESPONSE: _BEGUN, Sort.RESOLUTION: frozenset({Status.COMPLETED, Status.CLOSED})}


class Clock(msgspec.Struct, gc=False, omit_defaults=True):
    """One clock. ``spent_minutes`` are minutes of its calendar that counted before ``running_since``."""

    work_order_id: UUID
    sort: Sort
    policy_id: UUID
    target_id: UUID
    calendar_id: UUID
    target_minutes: int
    started_at: datetime
    spent_minutes: float = 0.0
    running_since: datetime | None = None
    due_at: datetime | None = None
    """While it runs: when it runs out, or ran out."""
    stopped_at: datetime | None = None
    stopped_because: Stop | None = None
    breached_at: datetime | None = None
    """Stays, whatever happens afterwards."""


class Pause(msgspec.Struct, gc=False):
    """A time in which the clocks stand still. ``cause``: ``on_hold`` or ``office``."""

    cause: str
    starts_at: datetime
    ends_at: datetime | None = None
    id: UUID | None = None
    """None where it is not written yet."""
    reason: str | None = None
    staff_id: UUID | None = None
    resume_reason: str | None = None
    resumed_by: UUID | None = None


class Job(msgspec.Struct, gc=False):
    """What the clocks of a work order go by, and the clocks. A batch makes hundreds, so it holds no containers that
    the garbage collector would have to go through."""

    id: UUID
    status: Status
    facts: Facts
    deleted: bool = False
    response: Clock | None = None
    resolution: Clock | None = None
    pauses: tuple[Pause, ...] = ()
    """The open ones, and those that began or ended while events were folded."""
    paused_until: datetime | None = None
    """When the last of the pauses ended that are not among these."""
    were: tuple[Clock | None, Clock | None] = (None, None)
    """The clocks as they were before any event was folded."""

    def clocks(self) -> list[Clock]:
        """Those that it has."""
        return [clock for clock in (self.response, self.resolution) if clock is not None]

    def changed(self) -> list[Clock]:
        """The clocks that are other than they were."""
        pairs = ((self.response, self.were[0]), (self.resolution, self.were[1]))
        return [clock for clock, was in pairs if clock is not None and clock != was]

    def known_until(self) -> datetime | None:
        """Nothing earlier than this can happen any more. Found from what is kept of the clocks alone, so that it is the
        same for the next event of this batch and for one of another."""
        known = [clock.running_since or clock.stopped_at or clock.started_at for clock in self.clocks()]
        known += [pause.ends_at or pause.starts_at for pause in self.pauses]
        if self.paused_until is not None:
            known.append(self.paused_until)
        return max(known, default=None)

    def open_pause(self, cause: str) -> Pause | None:
        """The pause of this cause that has not ended."""
        return next((pause for pause in self.pauses if pause.cause == cause and pause.ends_at is None), None)

    @property
    def respond_by(self) -> datetime | None:
        """When the response clock runs out; None without one, or while it does not run."""
        return None if self.response is None else self.response.due_at

    @property
    def resolve_by(self) -> datetime | None:
        """The same of the resolution clock."""
        return None if self.resolution is None else self.resolution.due_at


class Event(msgspec.Struct, gc=False):
    """What happened to a work order. Fields that are None stayed as they were."""

    at: datetime
    status: Status | None = None
    facts: Facts | None = None
    deleted: bool | None = None
    paused: Pause | None = None
    """By the office; its ``starts_at`` is set when it is folded."""
    resumed: Pause | None = None
    """By the office: who and why, in ``resumed_by`` and ``resume_reason``."""


def start(job: Job, at: datetime, terms: Terms) -> None:
    """Start the clocks of a work order that was created then, in one of the statuses in which it can be."""
    policy = terms.in_force(at)
    target = None if policy is None else policy.target(job.facts)
    if policy is None or target is None:
        return
    hours = terms.calendars[target.calendar_id]
    if (minutes := target.response_minutes) is not None and _waits(Sort.RESPONSE, job.status):
        job.response = Clock(
            job.id, Sort.RESPONSE, policy.id, target.id, target.calendar_id, minutes, at, 0.0, at,
            hours.after(at, minutes),
        )  # fmt: skip
    if (minutes := target.resolution_minutes) is not None and _waits(Sort.RESOLUTION, job.status):
        job.resolution = Clock(
            job.id, Sort.RESOLUTION, policy.id, target.id, target.calendar_id, minutes, at, 0.0, at,
            hours.after(at, minutes),
        )  # fmt: skip


def advance(job: Job, event: Event, terms: Terms) -> None:
    """Fold one event into the work order's clocks."""
    known_until = job.known_until()
    at = event.at if known_until is None else max(event.at, known_until)
    was_done = job.status in DONE
    job.status = event.status or job.status
    job.deleted = job.deleted if event.deleted is None else event.deleted
    retargeted = event.facts is not None and event.facts != job.facts
    job.facts = event.facts or job.facts
    reopened = was_done and job.status not in DONE
    if retargeted or reopened:
        _aim(job, at, terms, reopened=reopened)
    # What is done or deleted has no clock to pause: that leaves no trace, so that tidings of before it still count.
    if event.paused is not None and job.status not in DONE and not job.deleted:
        event.paused.starts_at = at
        job.pauses = (*job.pauses, event.paused)
    if event.resumed is not None and (pause := job.open_pause("office")) is not None:
        pause.ends_at = at
        pause.resumed_by, pause.resume_reason = event.resumed.resumed_by, event.resumed.resume_reason
    _settle(job, at, terms)


def reckon(clock: Clock, hours: Hours) -> None:
    """Say anew when a clock that runs will have run out, where its calendar's days to come have changed."""
    if clock.running_since is not None and clock.breached_at is None:
        clock.due_at = hours.after(clock.running_since, clock.target_minutes - clock.spent_minutes)


def _aim(job: Job, at: datetime, terms: Terms, *, reopened: bool) -> None:
    """Give the clocks the target that holds for the work order now, by the policy under which they began; start those
    that are wanted and not there. What a clock waited for and got, it got by the target of that time."""
    policy = _policy(job, at, terms)
    if policy is None:
        return
    target = policy.target(job.facts)
    if job.response is not None or not reopened:  # Work on what is reopened has begun before.
        job.response = _aimed(job, Sort.RESPONSE, job.response, policy, target, at, terms)
    job.resolution = _aimed(job, Sort.RESOLUTION, job.resolution, policy, target, at, terms)


def _aimed(
    job: Job, sort: Sort, clock: Clock | None, policy: Policy, target: Target | None, at: datetime, terms: Terms
) -> Clock | None:
    minutes = None if target is None else minutes_of(target, sort)
    if clock is None:
        if target is None or minutes is None or job.deleted or not _waits(sort, job.status):
            return None
        return Clock(job.id, sort, policy.id, target.id, target.calendar_id, minutes, at)
    if clock.stopped_because is Stop.DONE and _stopped_by(job, clock) is Stop.DONE:
        return clock
    if target is None or minutes is None:
        _stop(clock, at, Stop.NO_TARGET, terms)
    elif clock.target_id != target.id or clock.stopped_because is Stop.NO_TARGET:
        # What has counted by the old calendar stays; from here on the new one is asked.
        _halt(clock, at, terms)
        clock.target_id, clock.calendar_id, clock.target_minutes = target.id, target.calendar_id, minutes
        if clock.stopped_because is Stop.NO_TARGET:
            clock.stopped_at = clock.stopped_because = None
    return clock


def _policy(job: Job, at: datetime, terms: Terms) -> Policy | None:
    clock = job.response or job.resolution
    return terms.in_force(at) if clock is None else terms.policies[clock.policy_id]


def minutes_of(target: Target, sort: Sort) -> int | None:
    """What a target aims at for this clock."""
    return target.response_minutes if sort is Sort.RESPONSE else target.resolution_minutes


def _waits(sort: Sort, status: Status) -> bool:
    return status not in DONE and status not in _WAITED_FOR[sort]


def _settle(job: Job, at: datetime, terms: Terms) -> None:
    """Have each clock run, stand still or stop as the work order now is."""
    live: list[Clock] = []
    for clock in job.clocks():
        because = _stopped_by(job, clock)
        if because is not None:
            _stop(clock, at, because, terms)
        elif clock.stopped_because is not Stop.NO_TARGET:
            clock.stopped_at = clock.stopped_because = None
            live.append(clock)
    on_hold = job.status is Status.ON_HOLD
    held = [clock for clock in live if on_hold and _target(clock, terms).pauses_on_hold]
    by_office = bool(held or job.pauses) and _settle_pauses(job, at, live, held)
    for clock in live:
        if by_office or clock in held:
            _halt(clock, at, terms)
        elif clock.running_since is None:
            _run(clock, at, terms)


def _settle_pauses(job: Job, at: datetime, live: list[Clock], held: list[Clock]) -> bool:
    """Begin and end the pauses that follow from how the work order is; whether the office's holds."""
    on_hold, office = job.open_pause("on_hold"), job.open_pause("office")
    if held and on_hold is None:
        job.pauses = (*job.pauses, Pause("on_hold", at))
    elif not held and on_hold is not None:
        on_hold.ends_at = at
    if office is not None and not live:
        office.ends_at = at
    return office is not None and bool(live)


def _target(clock: Clock, terms: Terms) -> Target:
    return terms.policies[clock.policy_id].by_id(clock.target_id)


def _stopped_by(job: Job, clock: Clock) -> Stop | None:
    if clock.sort is Sort.RESPONSE and clock.stopped_because is Stop.DONE:
        return Stop.DONE  # Work first began then, whatever became of it.
    if job.status in _WAITED_FOR[clock.sort]:
        return Stop.DONE
    if job.deleted:
        return Stop.DELETED
    return Stop.CANCELLED if job.status is Status.CANCELLED else None


def _run(clock: Clock, at: datetime, terms: Terms) -> None:
    clock.running_since = at
    clock.due_at = clock.breached_at
    if clock.breached_at is None:
        reckon(clock, terms.calendars[clock.calendar_id])


def _halt(clock: Clock, at: datetime, terms: Terms) -> None:
    if clock.running_since is None:
        return
    clock.spent_minutes += terms.calendars[clock.calendar_id].worked(clock.running_since, at)
    if clock.due_at is not None and clock.due_at < at and clock.breached_at is None:
        clock.breached_at = clock.due_at
    clock.running_since = clock.due_at = None


def _stop(clock: Clock, at: datetime, because: Stop, terms: Terms) -> None:
    _halt(clock, at, terms)
    if clock.stopped_at is None:
        clock.stopped_at, clock.stopped_because = at, because
    elif because is Stop.NO_TARGET:
        clock.stopped_because = because
