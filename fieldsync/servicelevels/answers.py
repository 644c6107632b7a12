"""What the routes of service levels answer."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct


class CalendarHours(Struct, rename={"starts": "from"}):
    """Hours of one weekday in which time counts, by the calendar's clock; 1 is Monday."""

    weekday: int
    starts: str
    until: str


class HolidayRead(Struct):
    """A day on which no time counts."""

    day: date
    name: str


class CalendarRead(Struct):
    """When time counts."""

    id: UUID
    version: int
    etag: str
    """For If-Match."""
    name: str
    time_zone: str
    hours: list[CalendarHours]
    holidays: list[HolidayRead]
    in_use: bool
    """A policy that has begun counts by it: its zone, its hours and the days up to today stay as they are."""


class CalendarPage(Struct):
    """Calendars, by name."""

    items: list[CalendarRead]
    next: str | None
    """Cursor of the next page; null at the end."""


class TargetRead(Struct, kw_only=True):
    """How soon, in minutes of a calendar. Null in the first three means any."""

    id: UUID
    service_type_id: UUID | None
    priority: int | None
    jurisdiction_id: UUID | None
    calendar_id: UUID
    response_minutes: int | None
    resolution_minutes: int | None
    pauses_on_hold: bool


class PolicyBrief(Struct, kw_only=True):
    """One dated version of all targets."""

    id: UUID
    number: int
    state: str
    """``coming``, ``in_force`` or ``past``."""
    starts_at: datetime
    ends_at: datetime | None
    """When the next one begins; null if none is published."""
    note: str | None
    published_at: datetime
    published_by: UUID | None
    target_count: int


class PolicyRead(PolicyBrief, kw_only=True):
    """A policy with its targets."""

    targets: list[TargetRead]


class PolicyPage(Struct):
    """Policies, in the order in which they begin."""

    items: list[PolicyBrief]
    next: str | None


class ClockRead(Struct, kw_only=True):
    """A clock of a work order, as it stands now."""

    sort: str
    """``response``: until work begins. ``resolution``: until the work is completed."""
    state: str
    """``running``, ``paused`` or ``stopped``."""
    policy_id: UUID
    policy_number: int
    """The policy under which it began."""
    target: TargetRead
    target_minutes: int
    spent_minutes: float
    """Minutes of the calendar that have counted up to now."""
    started_at: datetime
    running_since: datetime | None
    due_at: datetime | None
    """When it runs out, or ran out; null while it does not run, and where that would be more than ten years away."""
    stopped_at: datetime | None
    stopped_because: str | None
    """``done``, ``cancelled``, ``deleted`` or ``no_target``."""
    breached: bool
    breached_at: datetime | None


class PausedBy(Struct):
    """A member of staff."""

    id: UUID
    name: str


class PauseRead(Struct, kw_only=True):
    """A time in which the clocks stood still."""

    cause: str
    """``on_hold`` or ``office``."""
    reason: str | None
    starts_at: datetime
    ends_at: datetime | None
    paused_by: PausedBy | None
    resume_reason: str | None
    resumed_by: PausedBy | None


class WorkOrderClocks(Struct, kw_only=True):
    """The clocks of a work order."""

    work_order_id: UUID
    clocks: list[ClockRead]
    pauses: list[PauseRead]
    """The last hundred, the newest first."""
    more_pauses: bool


class Counted(Struct):
    """Clocks by what became of them."""

    met: int
    breached: int
    """Ran out, whether they run still or not."""
    running: int
    """Run or are paused, and have not run out."""
    not_counted: int
    """Stopped before they ran out, because the work was cancelled or became one without a target."""
    percent: float | None
    """Met, of those that are met or breached; null if none is."""


class ReportPart(Struct, kw_only=True):
    """Both clocks of some of the work."""

    response: Counted
    resolution: Counted


class ReportServiceType(ReportPart, kw_only=True):
    """Work of one kind."""

    service_type_id: UUID
    code: str
    name: str


class ReportPriority(ReportPart, kw_only=True):
    """Work of one priority."""

    priority: int


class ReportJurisdiction(ReportPart, kw_only=True):
    """Work in one jurisdiction; null: in none."""

    jurisdiction_id: UUID | None
    code: str | None
    name: str | None


class ServiceReport(Struct, rename={"from_": "from"}, kw_only=True):
    """How many promises were kept, of the clocks that started in a time."""

    from_: datetime
    to: datetime
    at: datetime
    """The moment as of which it is."""
    jurisdiction_id: UUID | None
    all: ReportPart
    by_service_type: list[ReportServiceType]
    by_priority: list[ReportPriority]
    by_jurisdiction: list[ReportJurisdiction]
