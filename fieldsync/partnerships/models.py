"""The partnership (the tenant), its jurisdictions, and the head of its line of commits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId
from fieldsync.problems import AlreadyThere


class Partnership(Base):
    """A group of jurisdictions that share crews."""

    __tablename__ = "partnership"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    """Short name that people type when they log in or enrol a tablet."""
    name: Mapped[str]
    public_work_orders: Mapped[bool] = mapped_column(server_default=sa.false())
    """Whether anybody may read where there is work and how it stands (a few fields of it, at /ogc)."""
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    """IANA name; in it days of agreements are meant, and those of crews without a zone of their own."""
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())

    __table_args__ = (sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,39}$'", name="slug"),)


class Head(Base):
    """The number of the last commit that changed synced records, one row a partnership.

    A transaction takes the next number as its last step, so numbers become visible in their order: whoever sees
    number n sees everything up to n.
    """

    __tablename__ = "head"

    partnership_id: Mapped[PartnershipId]
    change: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    epoch: Mapped[UUID] = mapped_column(server_default=sa.func.gen_random_uuid())
    """Another value after a restore: numbers of an older epoch mean nothing any more."""

    # The row is updated at every commit: leave room on its page so that an update needs no index entry.
    __table_args__ = ({"postgresql_with": {"fillfactor": "10"}},)


class Jurisdiction(Base):
    """One partner: a local government with an area. ``code`` is the code of its area in the boundary layer."""

    __tablename__ = "jurisdiction"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    code: Mapped[str]
    name: Mapped[str]
    retired: Mapped[bool] = mapped_column(server_default=sa.false())
    change: Mapped[int] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.UniqueConstraint("partnership_id", "code", name="one_jurisdiction_per_code"),
        sa.Index("jurisdiction_feed", "partnership_id", "change", "id"),
    )


class FieldPolicy(Base):
    """A partnership's own choice of policy for one field of one kind; the default stands beside the field."""

    __tablename__ = "field_policy"

    partnership_id: Mapped[PartnershipId]
    kind: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    policy: Mapped[str]


CONSTRAINT_PROBLEMS["one_jurisdiction_per_code"] = AlreadyThere
CONSTRAINT_PROBLEMS["uq_partnership_slug"] = AlreadyThere
