"""What the board answers: the same types are filled, encoded and documented."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from fieldsync.crews.facts import Point


class BoardPlace(Struct):
    """Degrees, EPSG:4326."""

    lon: float
    lat: float


class BoardSpan(Struct):
    """From ``starts`` up to, and without, ``ends``."""

    starts: datetime
    ends: datetime


class BoardJob(Struct, kw_only=True):
    """A work order in brief."""

    id: UUID
    version: int
    etag: str
    """For If-Match."""
    change: int
    title: str
    status: str
    priority: int
    service_type_id: UUID
    jurisdiction_id: UUID | None
    crew_id: UUID | None
    location: BoardPlace
    minutes: int
    """What it usually takes."""
    due_at: datetime | None
    """As the office entered it."""
    respond_by: datetime | None
    resolve_by: datetime | None
    due: datetime | None
    """The earliest of the three."""


class BoardAssignment(Struct, kw_only=True):
    """A crew's time. What it does for others than you is not shown, only that it is busy: then ``version``,
    ``pinned``, ``grant_id``, ``work_order`` and ``travel_minutes`` are null."""

    id: UUID
    version: int | None
    etag: str | None
    starts_at: datetime
    ends_at: datetime
    minutes: int
    state: str
    """``planned`` or ``done``."""
    pinned: bool | None
    grant_id: UUID | None
    """The agreement's term, or the accepted offer, by which a crew of another partner does it."""
    work_order: BoardJob | None
    travel_minutes: float | None
    """The way there, from the assignment before or else the depot; null: not known, or done already."""
    clashes: list[dict[str, Any]]
    """Why it could not be planned so any more: reasons as eligibility gives them, ``{code, sentence, …}``."""


class BoardLead(Struct):
    """Who leads the crew."""

    id: UUID
    name: str


class BoardAbsence(Struct):
    """A member who is not there, though she belongs to the crew."""

    id: UUID
    name: str
    starts: datetime
    ends: datetime


class BoardDay(Struct, kw_only=True):
    """One of a crew's days, by the calendar of its time zone."""

    day: date
    starts: datetime
    ends: datetime
    shifts: list[BoardSpan]
    """Those that begin on it; exceptions and absences taken out."""
    away: list[BoardSpan]
    """When the whole crew is not there."""
    lead: BoardLead | None
    people: int
    """How many are there at some time of the day."""
    absent: list[BoardAbsence]
    """Only of your own crews: other employers' people are theirs to ask."""
    work_minutes: int
    """Planned for it; done ones do not count, as they do not for eligibility."""
    travel_minutes: int
    load_minutes: int
    """Work and travel."""
    capacity_minutes: int | None
    """What fits without overtime; null: not known."""
    over_minutes: int
    """By how much the load is more than that."""
    done_minutes: int
    """Of assignments that are done."""


class BoardCrew(Struct, kw_only=True):
    """A crew and its days."""

    id: UUID
    code: str
    name: str
    jurisdiction_id: UUID
    """Its employer."""
    own: bool
    """Whether you dispatch for its employer; else you see it because it may work for you."""
    disbanded: bool
    time_zone: str
    skills: list[str]
    depot: BoardPlace | None
    reach_m: int | None
    overtime_minutes: int
    """What its day may take beyond its capacity."""
    has_shifts: bool
    """False: its hours are not known."""
    days: list[BoardDay]
    assignments: list[BoardAssignment]
    """Those that touch the board's time, in the order of time."""


class BoardWaiting(Struct):
    """The open jobs of a jurisdiction (null: of none) for which nothing is planned any more."""

    jurisdiction_id: UUID | None
    jobs: int
    overdue: int
    next_due: datetime | None
    """The earliest time at which one is due, which may have passed."""


class BoardBreaches(Struct):
    """Open jobs whose clocks have run out while they were running."""

    response: int
    resolution: int


class BoardCounts(Struct, kw_only=True):
    """How much waits for somebody, at this moment."""

    unassigned: list[BoardWaiting]
    conflicts: dict[str, int]
    """Open ones, by sort."""
    triage: dict[str, int]
    """By reason."""
    breached: BoardBreaches


class BoardJobs(Struct):
    """Open jobs for which nothing is planned, the soonest due first; those that are due at no time come last."""

    items: list[BoardJob]
    next: str | None
    """For ``GET /v1/board/jobs``."""


class BoardStanding(Struct, kw_only=True):
    """What an answer is complete up to, and for what time."""

    epoch: UUID
    """Another value after the server was restored from a backup: then load the board anew."""
    change: int
    """Everything up to this commit is in the answer: the ``since`` of the next question."""
    at: datetime
    """When it was asked: the ``seen_at`` of the next question."""
    time_zone: str
    """The partnership's: in it ``from`` and ``to`` are meant."""
    starts: datetime
    ends: datetime


class Board(BoardStanding, kw_only=True):
    """A day or some days of all crews that you may give work to, and what waits."""

    crews: list[BoardCrew]
    """By code."""
    unassigned: BoardJobs
    counts: BoardCounts


class BoardJobPage(BoardJobs):
    """A page of them."""


class ChangedBoardJob(BoardJob, kw_only=True):
    """A work order that has changed, or whose plan has."""

    unassigned: bool
    """Whether it is open, and nothing is planned for it: it belongs to the board's list, and else it does not."""


class ChangedBoardAssignment(Struct, kw_only=True):
    """An assignment that has changed, to tell people; the crews have it in its place already."""

    id: UUID
    version: int
    change: int
    work_order_id: UUID
    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    state: str
    """``planned``, ``done`` or ``released``."""
    released_because: str | None


class BoardChanges(BoardStanding, kw_only=True):
    """What has changed since; to be put in the place of what a console has, id by id."""

    reset: bool
    """There is too much, or numbers mean something else now: load the board anew. Then nothing follows."""
    more: bool
    """There is more; ask again at once, with this ``change``."""
    crews: list[BoardCrew]
    """Crews of which anything has changed, whole: instead of what you have of them, or new."""
    crew_ids: list[UUID] | None
    """All crews that you see now, where that may be fewer than before: drop the others. Null: nothing to drop."""
    jobs: list[ChangedBoardJob]
    left_jobs: list[UUID]
    """Work orders that you do not see any more: deleted, or another jurisdiction's."""
    assignments: list[ChangedBoardAssignment]
    counts: BoardCounts


def place(point: Point | None) -> BoardPlace | None:
    """A point as it is sent."""
    return None if point is None else BoardPlace(point[0], point[1])
