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
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, ImpliedPartnershipId, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere, CrewTaken
from fieldsync.workorders.promises import promise
from fieldsync.workorders.rules import Status

PLACED_BY = ("inside", "border", "overlap", "nearest", "outside", "overlay", "person")
TRIAGE = ("outside", "near_border", "no_jurisdiction", "withdrawn", "accepted")
"""Why a person should look at where a work order was placed, or that she has and left it there."""
ASSIGNMENT_STATES = ("planned", "done", "released")
RELEASED_BECAUSE = (
    "released", "reassigned", "recalled", "unassigned", "deleted", "completed", "cancelled", "agreement_ended",
    "crew_disbanded", "moved",
)  # fmt: skip
"""Why an assignment does not hold any more."""


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
    minutes: Mapped[int | None]
    """What a job of this kind usually takes."""
    certificates: Mapped[list[str]] = mapped_column(server_default="{}")
    """Certificates that somebody of the crew must hold, beside the skill."""
    required_on_completion: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """Without what a work order may not be completed: see ``fieldsync.workorders.completion``."""
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
    respond_by: Mapped[datetime | None]
    """When work must have begun by the service level; null without one, or while its clock is paused."""
    resolve_by: Mapped[datetime | None]
    """The same for completing it."""

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


class Assignment(Recorded, Base):
    """A time in which a work order's crew is to work on it. A job over several days has one for each part."""

    __tablename__ = "assignment"

    crew_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    minutes: Mapped[int]
    pinned: Mapped[bool] = mapped_column(server_default=sa.false())
    """Nobody moves it but a person who says so."""
    state: Mapped[str]
    """``planned``; ``done``: the work order was completed after it had begun; ``released``: it does not hold any
    more."""
    released_because: Mapped[str | None]
    grant_id: Mapped[UUID | None]
    """The agreement's term, or the accepted offer, by which a crew of another partner does it; null: its own."""
    assigned_by: Mapped[UUID | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:
        return (
            *super().__table_args__,
            tenant_key("crew_id", "crew"),
            one_of("state", *ASSIGNMENT_STATES),
            one_of("released_because", *RELEASED_BECAUSE),
            sa.CheckConstraint("(state = 'released') = (released_because IS NOT NULL)", name="released_has_a_reason"),
            sa.CheckConstraint("minutes > 0 AND ends_at = starts_at + minutes * interval '1 minute'", name="span"),
            postgresql.ExcludeConstraint(
                ("partnership_id", "="),
                ("crew_id", "="),
                (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
                name="one_crew_one_place",
                where=sa.text("state = 'planned'"),
                # At the end of each statement: two crews can exchange their jobs in one.
                deferrable=True,
                initially="IMMEDIATE",
            ),
            sa.Index("assignment_changed", "partnership_id", "change", "id"),
            sa.Index("assignment_in_time", "partnership_id", "crew_id", "starts_at"),
            # What a cap still leaves is counted along it.
            sa.Index("assignment_of_grant", "partnership_id", "grant_id", "starts_at",
                     postgresql_where=sa.text("grant_id IS NOT NULL AND state <> 'released'")),
        )  # fmt: skip


class AssignmentEvent(Base):
    """What happened to an assignment: who did it, when and why. Append-only."""

    __tablename__ = "assignment_event"

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    assignment_id: Mapped[UUID]
    work_order_id: Mapped[UUID]
    at: Mapped[datetime]
    action: Mapped[str]
    staff_id: Mapped[UUID | None]
    """Null: nobody decided it; it followed from the work order, or from an agreement's end."""
    reason: Mapped[str | None]
    before: Mapped[Any | None] = mapped_column(postgresql.JSONB(none_as_null=True))
    """``{crew_id, starts_at, ends_at, minutes, pinned}``; null where it is new."""
    after: Mapped[Any | None] = mapped_column(postgresql.JSONB(none_as_null=True))

    __table_args__ = (
        tenant_key("assignment_id", "assignment"),
        one_of("action", "assigned", "moved", "pinned", "unpinned", "released", "recalled", "done"),
        sa.Index("assignment_event_of_work_order", "partnership_id", "work_order_id", "at"),
        sa.Index("assignment_event_of_assignment", "partnership_id", "assignment_id"),
    )


CONSTRAINT_PROBLEMS["one_crew_one_place"] = CrewTaken
CONSTRAINT_PROBLEMS["one_service_type_per_code"] = AlreadyThere
promise(Base.metadata)
