"""Who may ask: staff with their roles, devices, and the hashes of their tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere

ROLES = ("dispatcher", "gis", "admin", "finance")


class Staff(Base):
    """A person in an office. Without a password she can only use API tokens that an admin made for her."""

    __tablename__ = "staff"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())

    __table_args__ = (
        sa.UniqueConstraint("partnership_id", "email", name="one_staff_per_email"),
        sa.CheckConstraint("email = lower(email)", name="email_is_lower"),
    )


class StaffRole(Base):
    """What a member of staff may do; for the whole partnership, or for one jurisdiction only."""

    __tablename__ = "staff_role"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    staff_id: Mapped[UUID]
    role: Mapped[str]
    jurisdiction_id: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("staff_id", "staff"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        one_of("role", *ROLES),
        sa.Index(
            "one_role_once", "partnership_id", "staff_id", "role", "jurisdiction_id", unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )  # fmt: skip


class LoginAttempts(Base):
    """How often somebody tried to log in with an address, known to us or not, since it last succeeded."""

    __tablename__ = "login_attempts"

    partnership_id: Mapped[PartnershipId]
    email_hash: Mapped[bytes] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    forgotten_at: Mapped[datetime]
    """Counting begins anew then; until then, more than ``LOGIN_ATTEMPTS_MAX`` are not let in."""


class Device(Base):
    """A tablet of a crew. ``next_seq`` is the number that its next edit must bear."""

    __tablename__ = "device"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    crew_id: Mapped[UUID]
    name: Mapped[str]
    next_seq: Mapped[int] = mapped_column(sa.BigInteger, server_default="1")
    app_version: Mapped[str | None]
    skew_ms: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Our clock minus the tablet's at its last exchange."""
    last_seen_at: Mapped[datetime | None]
    enrolled_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    former_crew_ids: Mapped[list[UUID]] = mapped_column(postgresql.ARRAY(sa.Uuid(as_uuid=True)), server_default="{}")
    """The crews that it was a tablet of before, each once: what it still holds for their records is taken, too. No
    longer than the partnership has crews."""
    quarantined: Mapped[bool] = mapped_column(server_default=sa.false())
    """Revoked, but what it holds may still be deposited, and waits for a dispatcher."""
    deposited_seq: Mapped[int | None] = mapped_column(sa.BigInteger)
    """The highest number that was deposited; null: none was."""
    refusals_decided: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    """How often the office has decided on a refused edit of it."""

    @property
    def waiting(self) -> int:
        """How many of its edits were deposited, and wait for a dispatcher."""
        return max(0, (self.deposited_seq or 0) - self.next_seq + 1)

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        tenant_key("revoked_by", "staff"),
        sa.CheckConstraint("revoked_at IS NOT NULL OR NOT quarantined", name="quarantined_is_revoked"),
        {"postgresql_with": {"fillfactor": "50"}},
    )


class Token(Base):
    """A bearer token, by its SHA-256. 256 random bits need no slow hash."""

    __tablename__ = "token"

    partnership_id: Mapped[PartnershipId]
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    staff_id: Mapped[UUID | None]
    purpose: Mapped[str]
    label: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("device_id", "device"),
        tenant_key("staff_id", "staff"),
        sa.CheckConstraint("(device_id IS NULL) <> (staff_id IS NULL)", name="one_owner"),
        one_of("purpose", "device", "session", "api"),
        sa.UniqueConstraint("partnership_id", "id", name="one_token_per_id"),
        sa.Index("token_of_device", "partnership_id", "device_id"),
        sa.Index("token_of_staff", "partnership_id", "staff_id"),
    )


CONSTRAINT_PROBLEMS["one_staff_per_email"] = AlreadyThere
CONSTRAINT_PROBLEMS["one_role_once"] = AlreadyThere
