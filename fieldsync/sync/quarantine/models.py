"""Edits of revoked devices that wait for a dispatcher, and what was released of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import Base, ImpliedPartnershipId, RowId, tenant_key

IN_LINE = UUID(int=0)
"""Stands for no other content: the edit is the first that was deposited under its number."""


class QuarantinedEdit(Base):
    """An edit that a revoked device has deposited. It leaves this table for the journal, released or not."""

    __tablename__ = "quarantined_edit"

    partnership_id: Mapped[ImpliedPartnershipId]
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    misfit_id: Mapped[UUID] = mapped_column(primary_key=True, default=IN_LINE)
    """Of other content under a number that was used before: an id made from it. Else ``IN_LINE``."""
    edit_id: Mapped[UUID | None]
    sent_at: Mapped[datetime]
    """By the device's clock, as the deposit left."""
    received_at: Mapped[datetime]
    body: Mapped[str]
    """The edit as it was sent, with the epoch that its deposit named: JSON."""
    bytes: Mapped[int]
    """Of ``body`` in UTF-8."""

    __table_args__ = (tenant_key("device_id", "device"),)


class QuarantineRelease(Base):
    """That somebody released edits of a revoked device, or refused them. Append-only."""

    __tablename__ = "quarantine_release"

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    device_id: Mapped[UUID]
    from_seq: Mapped[int] = mapped_column(sa.BigInteger)
    through_seq: Mapped[int] = mapped_column(sa.BigInteger)
    rejected: Mapped[list[int]] = mapped_column(postgresql.ARRAY(sa.BigInteger))
    """The numbers that were not let into the records."""
    reason: Mapped[str | None]
    released_at: Mapped[datetime]
    released_by: Mapped[UUID]

    __table_args__ = (
        tenant_key("device_id", "device"),
        tenant_key("released_by", "staff"),
        sa.CheckConstraint("through_seq >= from_seq", name="from_before_through"),
        sa.CheckConstraint("cardinality(rejected) = 0 OR reason IS NOT NULL", name="rejected_with_a_reason"),
        sa.Index("quarantine_release_of_device", "partnership_id", "device_id", "released_at", "id"),
    )
