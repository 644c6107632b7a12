"""Clocks to and from the database: what was promised, where the clocks stand, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import date, datetime
from threading import Lock
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import structs
from psycopg.types.json import Json
from sqlalchemy.orm import Session

from fieldsync.database import new_id
from fieldsync.servicelevels import queries
from fieldsync.servicelevels.calendar import Hours
from fieldsync.servicelevels.clocks import Clock, Job, Pause, Sort
from fieldsync.servicelevels.targets import Facts, Policy, Target, Terms
from fieldsync.wallclock import StoredWindow
from fieldsync.workorders.rules import Status

HELD_MAX = 1_000
"""Policies, and calendars, that a process keeps ready: a calendar's years take a few hundred kB at most."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Held(Generic[Key, Value]):
    """What never changes, kept ready; the oldest goes first."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        return self._values.get(key)

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            while len(self._values) > HELD_MAX:
                del self._values[next(iter(self._values))]


_POLICIES: _Held[UUID, Policy] = _Held()
_CALENDARS: _Held[tuple[UUID, int], Hours] = _Held()


class Promises(msgspec.Struct):
    """Which policies and calendars a partnership has; their contents are loaded when they are needed."""

    begun: list[tuple[datetime, UUID]]
    """When each policy begins, in order."""
    calendars: dict[UUID, int]
    """Calendar -> its version."""

    def in_force(self, at: datetime) -> UUID | None:
        """The policy that had begun last by then."""
        return next((policy_id for starts_at, policy_id in reversed(self.begun) if starts_at <= at), None)


class _TargetRow(Target, frozen=True, kw_only=True):
    policy_id: UUID


class _CalendarRow(msgspec.Struct):
    id: UUID
    version: int
    time_zone: str
    hours: list[StoredWindow]
    holidays: list[date]


class _Clocks(msgspec.Struct):
    response: Clock | None = None
    resolution: Clock | None = None


class _JobRow(msgspec.Struct):
    id: UUID
    status: Status
    service_type_id: UUID
    priority: int
    jurisdiction_id: UUID | None
    deleted: bool
    clocks: _Clocks | None
    pauses: tuple[Pause, ...] | None
    paused_until: datetime | None


_BEGUN = msgspec.json.Decoder(list[tuple[datetime, UUID]])
_VERSIONS = msgspec.json.Decoder(dict[UUID, int])
_TARGETS = msgspec.json.Decoder(list[_TargetRow])
_CALENDAR_ROWS = msgspec.json.Decoder(list[_CalendarRow])
_JOBS = msgspec.json.Decoder(list[_JobRow])
_ENCODER = msgspec.json.Encoder()


def look(session: Session, partnership_id: UUID, *, hold: bool = True) -> Promises | None:
    """What a partnership promises; None where it has no policy. One statement.

    With ``hold`` its calendars stay as they are until the commit: for whoever writes clocks.
    """
    row = session.execute(queries.LOOK if hold else queries.GLANCE, {"partnership_id": partnership_id}).one()
    begun = _BEGUN.decode(row.policies)
    return Promises(begun, _VERSIONS.decode(row.calendars)) if begun else None


def load_terms(session: Session, partnership_id: UUID, promises: Promises, policy_ids: Iterable[UUID]) -> Terms:
    """The policies with these ids, and the calendars. One statement, and none where this process has them ready."""
    wanted = set(policy_ids)
    missing = [policy_id for policy_id in wanted if _POLICIES.get(policy_id) is None]
    unknown = [key for key in promises.calendars.items() if _CALENDARS.get(key) is None]
    policies = {policy_id: policy for policy_id in wanted if (policy := _POLICIES.get(policy_id)) is not None}
    calendars = {key[0]: hours for key in promises.calendars.items() if (hours := _CALENDARS.get(key)) is not None}
    if missing or unknown:
        bound = {"policy_ids": missing, "calendar_ids": [calendar_id for calendar_id, _ in unknown]}
        row = session.execute(queries.TERMS, {"partnership_id": partnership_id} | bound).one()
        targets = _TARGETS.decode(row.targets)
        for policy_id in missing:
            policies[policy_id] = Policy(policy_id, [target for target in targets if target.policy_id == policy_id])
            _POLICIES.put(policy_id, policies[policy_id])
        for calendar in _CALENDAR_ROWS.decode(row.calendars):
            windows = [window.window() for window in calendar.hours]
            calendars[calendar.id] = Hours(calendar.time_zone, windows, calendar.holidays)
            _CALENDARS.put((calendar.id, calendar.version), calendars[calendar.id])
    return Terms(promises.begun, policies, calendars)


def load_jobs(session: Session, partnership_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Job]:
    """Work orders (locked by the caller) with their clocks, as they stand. One statement."""
    bound = {"partnership_id": partnership_id, "ids": ids}
    rows = _JOBS.decode(session.execute(queries.JOBS, bound).scalar_one())
    return {row.id: _job(row) for row in rows}


def _job(row: _JobRow) -> Job:
    clocks, pauses = row.clocks or _Clocks(), row.pauses or ()
    return Job(
        row.id, row.status, Facts(row.service_type_id, row.priority, row.jurisdiction_id), row.deleted,
        clocks.response, clocks.resolution, pauses, row.paused_until,
        (copy(clocks.response), copy(clocks.resolution)),
    )  # fmt: skip


def keep(session: Session, partnership_id: UUID, jobs: Iterable[Job]) -> None:
    """Write the clocks and pauses that have changed: clocks that have just started, others, and pauses, a statement
    each at most."""
    started = _Started()
    changed: list[Clock] = []
    pauses: list[dict[str, Any]] = []
    for job in jobs:
        for clock in job.changed():
            # Most are as they were started: for them there is a quicker way.
            if clock.running_since == clock.started_at and not clock.spent_minutes and job.were == (None, None):
                started.add(clock)
            else:
                changed.append(clock)
        pauses += [
            structs.asdict(pause) | {"work_order_id": job.id, "id": pause.id or new_id()}
            for pause in job.pauses if pause.id is None or pause.ends_at is not None
        ]  # fmt: skip
    ids = {"partnership_id": partnership_id}
    if started.rows:
        bound = {"rows": as_json(started.rows), "promised": as_json(started.promised)}
        session.execute(queries.START_CLOCKS, ids | bound)
    if changed:
        session.execute(queries.KEEP_CLOCKS, ids | {"rows": as_json(changed)})
    if pauses:
        session.execute(queries.KEEP_PAUSES, ids | {"rows": as_json(pauses)})


class _StartedRow(msgspec.Struct, gc=False):
    """A clock that runs since it started. ``n`` is what was promised."""

    w: UUID
    n: int
    s: datetime
    d: datetime | None


class _Started:
    """Clocks that have just started; what is the same for many of them is sent once."""

    def __init__(self) -> None:
        self.rows: list[_StartedRow] = []
        self.promised: list[dict[str, Any]] = []
        self._numbers: dict[tuple[Sort, UUID], int] = {}

    def add(self, clock: Clock) -> None:
        key = (clock.sort, clock.target_id)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.promised)
            self.promised.append(
                {"n": number, "sort": clock.sort, "policy_id": clock.policy_id, "target_id": clock.target_id,
                 "calendar_id": clock.calendar_id, "target_minutes": clock.target_minutes}
            )  # fmt: skip
        self.rows.append(_StartedRow(clock.work_order_id, number, clock.started_at, clock.due_at))


def stamp(session: Session, partnership_id: UUID, jobs: Iterable[Job], change: int) -> None:
    """Have the work orders say when their clocks run out, as of this change of the partnership's feed."""
    rows = [{"id": job.id, "respond_by": job.respond_by, "resolve_by": job.resolve_by} for job in jobs]
    session.execute(queries.STAMP, {"partnership_id": partnership_id, "change": change, "rows": as_json(rows)})


def as_json(rows: list[Any]) -> Json:
    """Rows as a parameter for ``json_to_recordset``."""
    dumps: Callable[[Any], bytes] = _ENCODER.encode
    return Json(rows, dumps=dumps)
