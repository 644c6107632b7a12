"""Service levels: business calendars, dated policies with their targets, and the clocks of work orders."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, ImpliedPartnershipId, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere
from fieldsync.servicelevels.clocks import Sort, Stop
from fieldsync.servicelevels.promises import promise


class BusinessCalendar(Base):
    """When time counts: weekly hours in a time zone, less holidays."""

    __tablename__ = "business_calendar"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    version: Mapped[int] = mapped_column(server_default="1")
    """Counts the changes of the calendar and of its holidays."""
    name: Mapped[str]
    time_zone: Mapped[str]
    """IANA name."""
    hours: Mapped[Any] = mapped_column(postgresql.JSONB)
    """``[{weekday: 1..7, from: "08:00", until: "17:00"}]``; ``until`` "24:00" at most."""

    __table_args__ = (sa.UniqueConstraint("partnership_id", "name", name="one_calendar_per_name"),)


class Holiday(Base):
    """A day of a calendar on which no time counts."""

    __tablename__ = "holiday"

    partnership_id: Mapped[PartnershipId]
    calendar_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]

    __table_args__ = (tenant_key("calendar_id", "business_calendar"),)


class ServicePolicy(Base):
    """One dated version of all targets of a partnership. Once it has begun it is never edited."""

    __tablename__ = "service_policy"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    number: Mapped[int]
    starts_at: Mapped[datetime]
    note: Mapped[str | None]
    published_at: Mapped[datetime]
    published_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("published_by", "staff"),
        sa.UniqueConstraint("partnership_id", "number", name="one_policy_per_number"),
        sa.UniqueConstraint("partnership_id", "starts_at", name="one_policy_per_start"),
    )


class ServiceTarget(Base):
    """How soon, for which work. Null in ``service_type_id``, ``priority`` or ``jurisdiction_id`` means any; of several
    that fit, the one that names most holds (service type before priority before jurisdiction)."""

    __tablename__ = "service_target"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    policy_id: Mapped[UUID]
    service_type_id: Mapped[UUID | None]
    priority: Mapped[int | None]
    jurisdiction_id: Mapped[UUID | None]
    calendar_id: Mapped[UUID]
    response_minutes: Mapped[int | None]
    resolution_minutes: Mapped[int | None]
    """Minutes of the calendar."""
    pauses_on_hold: Mapped[bool] = mapped_column(server_default=sa.true())
    """Whether the clocks stand still while a work order is on hold."""

    __table_args__ = (
        tenant_key("policy_id", "service_policy"),
        tenant_key("service_type_id", "service_type"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("calendar_id", "business_calendar"),
        sa.CheckConstraint("response_minutes > 0 AND resolution_minutes > 0", name="minutes"),
        sa.CheckConstraint("response_minutes IS NOT NULL OR resolution_minutes IS NOT NULL", name="aims_at_something"),
        sa.Index(
            "one_target_per_case", "partnership_id", "policy_id", "service_type_id", "priority", "jurisdiction_id",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip


class ServiceClock(Base):
    """A running, paused or stopped clock of a work order. Keeps the policy under which it began. That its work order
    exists is kept by a trigger: see ``promises``."""

    __tablename__ = "service_clock"

    partnership_id: Mapped[ImpliedPartnershipId]
    work_order_id: Mapped[UUID] = mapped_column(primary_key=True)
    sort: Mapped[str] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID]
    target_id: Mapped[UUID]
    calendar_id: Mapped[UUID]
    target_minutes: Mapped[int]
    started_at: Mapped[datetime]
    spent_minutes: Mapped[float]
    """Minutes of the calendar that counted before ``running_since``."""
    running_since: Mapped[datetime | None]
    """Null while it is paused, and once it has stopped."""
    due_at: Mapped[datetime | None]
    """When it will have run out if it is not paused again; null while paused."""
    stopped_at: Mapped[datetime | None]
    stopped_because: Mapped[str | None]
    breached_at: Mapped[datetime | None]
    """When it ran out, known once it was stopped or paused later than that. A running one with ``due_at`` in the past
    is breached, too."""

    __table_args__ = (
        one_of("sort", *Sort),
        one_of("stopped_because", *Stop),
        sa.CheckConstraint("(stopped_at IS NULL) = (stopped_because IS NULL)", name="stopped_has_a_reason"),
        sa.CheckConstraint("running_since IS NULL OR stopped_at IS NULL", name="runs_or_has_stopped"),
        sa.Index("service_clock_due", "partnership_id", "due_at",
                 postgresql_include=["sort"],
                 postgresql_where=sa.text("stopped_at IS NULL AND due_at IS NOT NULL")),
    )  # fmt: skip


class ServicePause(Base):
    """A time in which a work order's clocks stood still, and why."""

    __tablename__ = "service_pause"

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    work_order_id: Mapped[UUID]
    cause: Mapped[str]
    """``on_hold``: the work order's status; ``office``: a person paused the clock."""
    reason: Mapped[str | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    staff_id: Mapped[UUID | None]
    resume_reason: Mapped[str | None]
    resumed_by: Mapped[UUID | None]
    """Null where it ended with the status, or with the work."""

    __table_args__ = (
        tenant_key("work_order_id", "work_order"),
        tenant_key("staff_id", "staff"),
        tenant_key("resumed_by", "staff"),
        one_of("cause", "on_hold", "office"),
        sa.Index("one_open_pause", "partnership_id", "work_order_id", "cause", unique=True,
                 postgresql_where=sa.text("ends_at IS NULL")),
        sa.Index("service_pause_of", "partnership_id", "work_order_id", "starts_at"),
    )  # fmt: skip


CONSTRAINT_PROBLEMS["one_calendar_per_name"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_policy_per_start"] = AlreadyThere
promise(Base.metadata)
