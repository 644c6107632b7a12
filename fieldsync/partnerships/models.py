"""The partnership (the tenant), its jurisdictions, and the head of its line of commits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, one_of, tenant_key
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
    thinned: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """Up to this change the feed no longer tells what has left a scope: whoever was here last before it starts anew."""

    # The row is updated at every commit: leave room on its page so that an update needs no index entry.
    __table_args__ = ({"postgresql_with": {"fillfactor": "10"}},)


class PastEpoch(Base):
    """A history of the partnership that ended when the database was restored from a backup: see ``lineage``.

    One that was never restored has none; the present epoch is the head's.
    """

    __tablename__ = "past_epoch"

    partnership_id: Mapped[PartnershipId]
    epoch: Mapped[UUID] = mapped_column(primary_key=True)
    entry: Mapped[int] = mapped_column(sa.BigInteger)
    """The last entry of the journal that it shares with the present history; 0: none."""
    change: Mapped[int] = mapped_column(sa.BigInteger)
    """The last change of the feed that it shares with the present history."""
    ended_at: Mapped[datetime]
    """When it was replaced by another."""


class FeedMark(Base):
    """Where the head was at some time, once a day: tells how old a change is."""

    __tablename__ = "feed_mark"

    partnership_id: Mapped[PartnershipId]
    noted_at: Mapped[datetime] = mapped_column(primary_key=True)
    change: Mapped[int] = mapped_column(sa.BigInteger)


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
    """A partnership's own choice of policy for one field of one kind; the default stands beside the field.

    A row stays when the choice is taken back, so that its version never means two things.
    """

    __tablename__ = "field_policy"

    partnership_id: Mapped[PartnershipId]
    kind: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    policy: Mapped[str | None]
    """None: the default."""
    custody: Mapped[str] = mapped_column(server_default="review")
    """What becomes of an edit of a record that has left the crew: a person decides, or it is merged as any other."""
    version: Mapped[int] = mapped_column(server_default="1")
    changed_by: Mapped[UUID | None]
    changed_at: Mapped[datetime | None]

    __table_args__ = (tenant_key("changed_by", "staff"), one_of("custody", "review", "merge"))


class FieldPolicyChange(Base):
    """Which policy held when: edits of the journal above ``entry`` were decided by the new one. Append-only."""

    __tablename__ = "field_policy_change"

    partnership_id: Mapped[PartnershipId]
    entry: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    policy: Mapped[str]
    policy_before: Mapped[str]
    custody: Mapped[str]
    custody_before: Mapped[str]
    changed_by: Mapped[UUID | None]
    """None: a new version of the server brought another default."""
    changed_at: Mapped[datetime]
    reason: Mapped[str | None]

    __table_args__ = (
        tenant_key("changed_by", "staff"),
        one_of("custody", "review", "merge"),
        one_of("custody_before", "review", "merge"),
    )


CONSTRAINT_PROBLEMS["one_jurisdiction_per_code"] = AlreadyThere
CONSTRAINT_PROBLEMS["uq_partnership_slug"] = AlreadyThere
