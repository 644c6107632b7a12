"""Crews, their dated members, and the codes by which a tablet joins one."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, tenant_key
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
    disbanded_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("jurisdiction_id", "jurisdiction"),
        sa.UniqueConstraint("partnership_id", "code", name="one_crew_per_code"),
    )


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

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("member_id", "member"),
        sa.CheckConstraint("until IS NULL OR until >= since", name="since_before_until"),
        # Nobody is in the same crew twice on one day.
        postgresql.ExcludeConstraint(
            ("partnership_id", "="),
            ("crew_id", "="),
            ("member_id", "="),
            (sa.text("daterange(since, until, '[]')"), "&&"),
            name="one_membership_at_a_time",
        ),
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
