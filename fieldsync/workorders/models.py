"""The work order and what is recorded on it.

Every synced table has ``version`` (counts the edits that changed the record) and ``change`` (the partnership's head at
the commit that last wrote it: the record's place in the feed). Whose tablet sees a row stands on the row itself:
``work_order.crew_id``, and ``scope_crew_id`` on what belongs to a work order, so that a feed is one index range a kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, ImpliedPartnershipId, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere
from fieldsync.workorders.promises import promise
from fieldsync.workorders.rules import Status

PLACED_BY = ("inside", "border", "overlap", "nearest", "outside", "overlay", "person")
TRIAGE = ("outside", "near_border", "no_jurisdiction", "withdrawn", "accepted")
"""Why a person should look at where a work order was placed, or that she has and left it there."""


class ServiceType(Base):
    """What kind of work."""

    __tablename__ = "service_type"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    code: Mapped[str]
    name: Mapped[str]
    skill: Mapped[str | None]
    priority: Mapped[int] = mapped_column(server_default="3")
    target_hours: Mapped[int | None]
    retired: Mapped[bool] = mapped_column(server_default=sa.false())
    change: Mapped[int] = mapped_column(sa.BigInteger)

    __table_args__ = (
        sa.UniqueConstraint("partnership_id", "code", name="one_service_type_per_code"),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
        sa.Index("service_type_feed", "partnership_id", "change", "id"),
    )


class WorkOrder(Base):
    """One job at one place. That what it names exists is kept by triggers: see ``promises``."""

    __tablename__ = "work_order"

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    version: Mapped[int]
    change: Mapped[int] = mapped_column(sa.BigInteger)

    title: Mapped[str]
    description: Mapped[str | None]
    service_type_id: Mapped[UUID]
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(sa.SmallInteger)
    location: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    address: Mapped[str | None]
    due_at: Mapped[datetime | None]
    crew_id: Mapped[UUID | None]
    tags: Mapped[list[str]]
    resolution: Mapped[str | None]
    asset: Mapped[str | None]
    requester: Mapped[str | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    jurisdiction_id: Mapped[UUID | None]
    area_id: Mapped[UUID | None]
    placed_version_id: Mapped[UUID | None]
    placed_by: Mapped[str]
    """The rule that placed it: see docs/boundaries.md."""
    placed_at: Mapped[datetime]
    """When, by the database's clock: before or after a boundary version came into force."""
    triage: Mapped[str | None]
    """Null where there is no reason to look at where it was placed."""

    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("status", *Status),
        one_of("placed_by", *PLACED_BY),
        one_of("triage", *TRIAGE),
        sa.Index("work_order_feed", "partnership_id", "crew_id", "change", "id",
                 postgresql_where=sa.text("deleted_at IS NULL")),
        sa.Index("work_order_changed", "partnership_id", "change", "id"),
        sa.Index("work_order_place", "location", postgresql_using="gist"),
        # Triage: few among many, and without an index found only by reading all.
        sa.Index("work_order_triage", "partnership_id", "change", "id",
                 postgresql_where=sa.text("jurisdiction_id IS NULL AND deleted_at IS NULL")),
        sa.Index("work_order_flagged", "partnership_id", "placed_at", "id",
                 postgresql_where=sa.text("triage <> 'accepted' AND deleted_at IS NULL")),
        # Open ones: what a publication goes through.
        sa.Index("work_order_open", "partnership_id", "id",
                 postgresql_where=sa.text("status IN ('open', 'in_progress', 'on_hold') AND deleted_at IS NULL")),
    )  # fmt: skip


class Recorded:
    """What the kinds that belong to a work order have in common."""

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    version: Mapped[int]
    change: Mapped[int] = mapped_column(sa.BigInteger)
    scope_crew_id: Mapped[UUID | None]
    work_order_id: Mapped[UUID]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        name = cls.__tablename__  # type: ignore[attr-defined]
        return (
            tenant_key("work_order_id", "work_order"),
            sa.Index(f"{name}_feed", "partnership_id", "scope_crew_id", "change", "id"),
            sa.Index(f"{name}_of_work_order", "partnership_id", "work_order_id"),
        )


class Task(Recorded, Base):
    """One step of a work order. A deleted one stays as a row that no scope holds."""

    __tablename__ = "task"

    title: Mapped[str]
    position: Mapped[int]
    done: Mapped[bool]
    result: Mapped[str | None]
    deleted_at: Mapped[datetime | None]


class Note(Recorded, Base):
    """What somebody wants remembered."""

    __tablename__ = "note"

    body: Mapped[str]


class LaborEntry(Recorded, Base):
    """Time that a person worked."""

    __tablename__ = "labor_entry"

    member_id: Mapped[UUID | None]
    worker: Mapped[str | None]
    activity: Mapped[str | None]
    started_at: Mapped[datetime | None]
    minutes: Mapped[int]


class EquipmentEntry(Recorded, Base):
    """Time that a machine was used."""

    __tablename__ = "equipment_entry"

    equipment: Mapped[str]
    started_at: Mapped[datetime | None]
    minutes: Mapped[int]


class MaterialEntry(Recorded, Base):
    """Material that was used up."""

    __tablename__ = "material_entry"

    material: Mapped[str]
    quantity: Mapped[float]
    unit: Mapped[str]


CONSTRAINT_PROBLEMS["one_service_type_per_code"] = AlreadyThere
promise(Base.metadata)
