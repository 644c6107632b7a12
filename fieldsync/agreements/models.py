"""Interlocal agreements: whose crews may serve whom, for what, when, how much, and on what cost terms.

An agreement is a line of versions. A version is proposed by one party, accepted by each, and holds on the days of
``during``; an amendment is the next version, and cuts the one before. What was accepted is never edited.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere

CAP_PERIODS = ("day", "week", "month", "year", "agreement")
VERSION_STATES = (
    "proposed",  # a party wrote it; the others have not all answered
    "accepted",  # every party accepted it: holds on the days of ``during``
    "declined",  # a party said no
    "withdrawn",  # who proposed it took it back before all had answered
)


class Agreement(Base):
    """What the parties call it. ``ended_on``: the last day on which any version of it holds."""

    __tablename__ = "agreement"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    code: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[datetime]
    ended_on: Mapped[date | None]
    """Null: nobody has ended it."""

    __table_args__ = (sa.UniqueConstraint("partnership_id", "code", name="one_agreement_per_code"),)


class AgreementVersion(Base):
    """One version of an agreement. Days are meant in the partnership's time zone."""

    __tablename__ = "agreement_version"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    agreement_id: Mapped[UUID]
    number: Mapped[int]
    state: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """Last day, as it was agreed; null: until somebody ends it."""
    notice_days: Mapped[int]
    """How many days before its end a party must say that it ends."""
    note: Mapped[str | None]
    proposer_id: Mapped[UUID]
    """The jurisdiction that proposed it."""
    proposed_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When it was accepted by all, declined or withdrawn."""
    during: Mapped[Any | None] = mapped_column(postgresql.DATERANGE)
    """The days on which it holds, once accepted: less than agreed where a later version or an end cuts it."""
    taken_out_at: Mapped[datetime | None]
    """When the jobs that rested on it were taken out of their crews' scopes, after its last day."""

    __table_args__ = (
        tenant_key("agreement_id", "agreement"),
        tenant_key("proposer_id", "jurisdiction"),
        one_of("state", *VERSION_STATES),
        sa.UniqueConstraint("partnership_id", "agreement_id", "number", name="one_version_per_number"),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="starts_before_end"),
        sa.CheckConstraint("notice_days BETWEEN 0 AND 3650", name="notice_days"),
        sa.CheckConstraint("(state = 'accepted') = (during IS NOT NULL)", name="accepted_holds"),
        postgresql.ExcludeConstraint(
            ("partnership_id", "="),
            ("agreement_id", "="),
            ("during", "&&"),
            name="one_agreement_version_at_a_time",
            where=sa.text("state = 'accepted'"),
        ),
        # One amendment at a time: of two that wait, accepting one would change what the other amends.
        sa.Index("one_open_proposal", "partnership_id", "agreement_id", unique=True,
                 postgresql_where=sa.text("state = 'proposed'")),
        sa.Index("agreement_version_accepted", "partnership_id", "id",
                 postgresql_where=sa.text("state = 'accepted'")),
        # Those that may have ended, in all partnerships: looked at with every sweep of the worker.
        sa.Index("agreement_version_to_take_out", "partnership_id", "id",
                 postgresql_where=sa.text("state = 'accepted' AND taken_out_at IS NULL")),
    )  # fmt: skip


class AgreementParty(Base):
    """A jurisdiction that gives or receives by a version, and what it said to it."""

    __tablename__ = "agreement_party"

    partnership_id: Mapped[PartnershipId]
    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    jurisdiction_id: Mapped[UUID] = mapped_column(primary_key=True)
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("version_id", "agreement_version"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("accepted_by", "staff"),
        sa.Index("agreement_party_of", "partnership_id", "jurisdiction_id"),
    )


class AgreementTerm(Base):
    """One direction of a version: crews of ``giver_id`` may work for ``receiver_id``. An empty list means: any."""

    __tablename__ = "agreement_term"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    version_id: Mapped[UUID]
    position: Mapped[int]
    giver_id: Mapped[UUID]
    receiver_id: Mapped[UUID]
    crew_ids: Mapped[list[UUID]] = mapped_column(postgresql.ARRAY(sa.Uuid), server_default="{}")
    skills: Mapped[list[str]] = mapped_column(server_default="{}")
    """Only jobs that need one of these skills."""
    service_type_ids: Mapped[list[UUID]] = mapped_column(postgresql.ARRAY(sa.Uuid), server_default="{}")
    hours: Mapped[Any] = mapped_column(postgresql.JSONB, server_default="[]")
    """``[{weekday: 1..7, from: "07:00", until: "17:00"}]``, by the partnership's time zone; ``until`` up to "24:00"."""
    cap_minutes: Mapped[int | None]
    cap_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    cap_period: Mapped[str | None]
    """In which the caps are counted, for all crews together; ``agreement``: as long as the version holds."""
    home_priority: Mapped[bool] = mapped_column(server_default=sa.false())
    """The giver may recall its crew at any time."""
    cents_per_hour: Mapped[int | None]
    """What an hour of a crew costs the receiver."""
    cost: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Further cost terms, as agreed; for the ledger."""

    __table_args__ = (
        tenant_key("version_id", "agreement_version"),
        tenant_key("giver_id", "jurisdiction"),
        tenant_key("receiver_id", "jurisdiction"),
        one_of("cap_period", *CAP_PERIODS),
        sa.CheckConstraint("giver_id <> receiver_id", name="two_sides"),
        sa.CheckConstraint("cap_minutes > 0 AND cap_cents > 0 AND cents_per_hour >= 0", name="amounts"),
        sa.CheckConstraint(
            "(cap_minutes IS NULL AND cap_cents IS NULL) = (cap_period IS NULL)", name="cap_has_a_period"
        ),
        sa.CheckConstraint("cap_cents IS NULL OR cents_per_hour IS NOT NULL", name="cap_has_a_price"),
        sa.UniqueConstraint("partnership_id", "version_id", "position", name="one_term_per_position"),
    )


class AgreementEvent(Base):
    """What somebody did to an agreement. Append-only."""

    __tablename__ = "agreement_event"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    agreement_id: Mapped[UUID]
    version_id: Mapped[UUID | None]
    at: Mapped[datetime]
    action: Mapped[str]
    jurisdiction_id: Mapped[UUID | None]
    """The party for which it was done."""
    staff_id: Mapped[UUID | None]
    reason: Mapped[str | None]

    __table_args__ = (
        tenant_key("agreement_id", "agreement"),
        tenant_key("version_id", "agreement_version"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("staff_id", "staff"),
        one_of("action", "proposed", "accepted", "declined", "withdrawn", "came_into_force", "ended", "taken_out"),
        sa.Index("agreement_event_of", "partnership_id", "agreement_id", "id"),
    )


CONSTRAINT_PROBLEMS["one_agreement_per_code"] = AlreadyThere
