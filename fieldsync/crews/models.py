"""Crews as they are: their dated members, what those may do, when they work, what they drive; and the codes by which a
tablet joins one."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.crews.problems import EquipmentTaken, ExceptionThere, LeadThere
from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere


class Crew(Base):
    """The people who go out together. ``jurisdiction_id`` is the partner that employs them."""

    __tablename__ = "crew"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    jurisdiction_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    skills: Mapped[list[str]] = mapped_column(server_default="{}")
    """What the crew as a whole can do, without an end; what a member brings along stands in ``qualification``."""
    time_zone: Mapped[str | None]
    """IANA name; in it the crew's shifts and days are meant. Null: the partnership's."""
    depot: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    """Where its day begins and ends. Degrees, EPSG:4326."""
    reach_m: Mapped[int | None]
    """How far from its depot it is sent, in metres; null: anywhere."""
    capacity_minutes: Mapped[int | None]
    """Work and travel that fit one of its days, in minutes; null: as long as its shifts are."""
    overtime_minutes: Mapped[int] = mapped_column(server_default="0")
    """How far its day may go beyond that, and beyond the end of its shift."""
    change: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """The partnership's commit that last changed anything about it: members, shifts, absences, equipment, grants."""
    disbanded_at: Mapped[datetime | None]
    disbanded_by: Mapped[UUID | None]
    taken_out_at: Mapped[datetime | None]
    """When the last of its open jobs had been taken from a disbanded crew."""

    __table_args__ = (
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("disbanded_by", "staff"),
        sa.UniqueConstraint("partnership_id", "code", name="one_crew_per_code"),
        sa.CheckConstraint("reach_m > 0 AND capacity_minutes > 0 AND overtime_minutes >= 0", name="limits"),
        sa.Index("crew_changed", "partnership_id", "change", "id"),
        # What housekeeping looks for: none, as a rule.
        sa.Index("crew_to_take_out", "partnership_id", "id",
                 postgresql_where=sa.text("disbanded_at IS NOT NULL AND taken_out_at IS NULL")),
    )  # fmt: skip


class Member(Base):
    """A person who works in the field. ``jurisdiction_id`` is the partner that employs her; null: none of them does."""

    __tablename__ = "member"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    jurisdiction_id: Mapped[UUID | None]
    name: Mapped[str]
    personnel_number: Mapped[str | None]

    __table_args__ = (
        tenant_key("jurisdiction_id", "jurisdiction"),
        sa.UniqueConstraint("partnership_id", "personnel_number", name="one_member_per_personnel_number"),
    )


class CrewMembership(Base):
    """Who belonged to which crew, and from when to when (last day included; open-ended where ``until`` is null)."""

    __tablename__ = "crew_membership"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID]
    member_id: Mapped[UUID]
    since: Mapped[date]
    until: Mapped[date | None]
    is_lead: Mapped[bool] = mapped_column(server_default=sa.false())

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("member_id", "member"),
        sa.CheckConstraint("until IS NULL OR until >= since", name="since_before_until"),
        postgresql.ExcludeConstraint(
            ("partnership_id", "="),
            ("crew_id", "="),
            (sa.text("daterange(since, until, '[]')"), "&&"),
            name="one_lead_at_a_time",
            where=sa.text("is_lead"),
        ),
        # Nobody is in the same crew twice on one day.
        postgresql.ExcludeConstraint(
            ("partnership_id", "="),
            ("crew_id", "="),
            ("member_id", "="),
            (sa.text("daterange(since, until, '[]')"), "&&"),
            name="one_membership_at_a_time",
        ),
    )


class Qualification(Base):
    """A skill or a certificate of a member, for the days on which it holds (both included; null: without an end)."""

    __tablename__ = "qualification"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    member_id: Mapped[UUID]
    sort: Mapped[str]
    code: Mapped[str]
    number: Mapped[str | None]
    """As it stands on the certificate."""
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    __table_args__ = (
        tenant_key("member_id", "member"),
        one_of("sort", "skill", "certificate"),
        sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="from_before_until"),
        sa.Index("qualification_of_member", "partnership_id", "member_id"),
    )


class Equipment(Base):
    """A vehicle or a machine. ``jurisdiction_id`` is the partner that owns it."""

    __tablename__ = "equipment"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    jurisdiction_id: Mapped[UUID]
    sort: Mapped[str]
    code: Mapped[str]
    name: Mapped[str]
    registration: Mapped[str | None]
    retired: Mapped[bool] = mapped_column(server_default=sa.false())

    __table_args__ = (
        tenant_key("jurisdiction_id", "jurisdiction"),
        one_of("sort", "vehicle", "equipment"),
        sa.UniqueConstraint("partnership_id", "code", name="one_equipment_per_code"),
    )


class CrewEquipment(Base):
    """Which crew has a vehicle or a machine, and from when to when (last day included)."""

    __tablename__ = "crew_equipment"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID]
    equipment_id: Mapped[UUID]
    since: Mapped[date]
    until: Mapped[date | None]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("equipment_id", "equipment"),
        sa.CheckConstraint("until IS NULL OR until >= since", name="since_before_until"),
        postgresql.ExcludeConstraint(
            ("partnership_id", "="),
            ("equipment_id", "="),
            (sa.text("daterange(since, until, '[]')"), "&&"),
            name="one_crew_per_equipment",
        ),
        sa.Index("crew_equipment_of_crew", "partnership_id", "crew_id"),
    )


class Shift(Base):
    """A weekly shift of a crew, by the clock of its time zone: from ``starts`` for ``minutes``, past midnight, too."""

    __tablename__ = "shift"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID]
    weekday: Mapped[int] = mapped_column(sa.SmallInteger)
    """1 Monday to 7 Sunday: the day on which it begins."""
    starts: Mapped[time]
    minutes: Mapped[int]
    since: Mapped[date]
    until: Mapped[date | None]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7 AND minutes BETWEEN 1 AND 1440", name="weekly"),
        sa.CheckConstraint("until IS NULL OR until >= since", name="since_before_until"),
        sa.Index("shift_of_crew", "partnership_id", "crew_id"),
    )


class ShiftException(Base):
    """One day on which a crew works otherwise: not at all (``starts`` null), or at these hours instead."""

    __tablename__ = "shift_exception"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID]
    day: Mapped[date]
    starts: Mapped[time | None]
    minutes: Mapped[int | None]
    reason: Mapped[str]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        sa.CheckConstraint("(starts IS NULL) = (minutes IS NULL)", name="both_or_none"),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        sa.UniqueConstraint("partnership_id", "crew_id", "day", name="one_exception_a_day"),
    )


class Absence(Base):
    """A time in which a whole crew, or one member, is not there."""

    __tablename__ = "absence"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("member_id", "member"),
        sa.CheckConstraint("(crew_id IS NULL) <> (member_id IS NULL)", name="one_of_both"),
        sa.CheckConstraint("ends_at > starts_at", name="starts_before_end"),
        sa.Index("absence_of_crew", "partnership_id", "crew_id", "ends_at"),
        sa.Index("absence_of_member", "partnership_id", "member_id", "ends_at"),
    )


class Enrolment(Base):
    """A one-time code that a tablet trades for its token; stored as a hash."""

    __tablename__ = "enrolment"

    partnership_id: Mapped[PartnershipId]
    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    crew_id: Mapped[UUID]
    device_name: Mapped[str]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("created_by", "staff"),
        tenant_key("device_id", "device"),
        sa.UniqueConstraint("partnership_id", "id", name="one_enrolment_per_id"),
    )


CONSTRAINT_PROBLEMS["one_crew_per_code"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_member_per_personnel_number"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_membership_at_a_time"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_lead_at_a_time"] = LeadThere
CONSTRAINT_PROBLEMS["one_equipment_per_code"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_crew_per_equipment"] = EquipmentTaken
CONSTRAINT_PROBLEMS["one_exception_a_day"] = ExceptionThere
