"""One jurisdiction asks the others for a crew, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import CONSTRAINT_PROBLEMS, Base, PartnershipId, RowId, one_of, tenant_key
from fieldsync.problems import AlreadyThere

REQUEST_STATES = (
    "open",  # asked for; offers may come and be accepted
    "filled",  # as many crews are accepted as were asked for
    "closed",  # the time is over, or who asked needs no more
    "cancelled",  # who asked took it back
)
OFFER_STATES = (
    "offered",  # a helper would send this crew
    "accepted",  # who asked takes it: the crew may work for her in that time
    "declined",  # who asked does not
    "withdrawn",  # the helper took it back before it was accepted
    "released",  # either side ended it: the helper at its sole discretion, who asked when done
)


class ResourceRequest(Base):
    """``jurisdiction_id`` asks for crews with a skill, at a time, in a place."""

    __tablename__ = "resource_request"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    version: Mapped[int]
    jurisdiction_id: Mapped[UUID]
    title: Mapped[str]
    note: Mapped[str | None]
    skill: Mapped[str | None]
    service_type_id: Mapped[UUID | None]
    """Only for jobs of this kind; null: of any."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    crews_wanted: Mapped[int]
    location: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", srid=4326, spatial_index=False))
    address: Mapped[str | None]
    state: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("service_type_id", "service_type"),
        tenant_key("created_by", "staff"),
        one_of("state", *REQUEST_STATES),
        sa.CheckConstraint("ends_at > starts_at", name="starts_before_end"),
        sa.CheckConstraint("crews_wanted BETWEEN 1 AND 100", name="crews_wanted"),
        sa.Index("resource_request_listed", "partnership_id", "starts_at", "id"),
    )


class ResourceOffer(Base):
    """A helper's crew for a request. Accepted, it is a grant like an agreement's term, for this time only."""

    __tablename__ = "resource_offer"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    version: Mapped[int]
    request_id: Mapped[UUID]
    jurisdiction_id: Mapped[UUID]
    """The helper: it employs the crew."""
    crew_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """As offered; brought forward to the moment of its release, and so is its begin where that had not come yet."""
    cents_per_hour: Mapped[int | None]
    note: Mapped[str | None]
    state: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    taken_out_at: Mapped[datetime | None]
    """When the jobs that rested on it were taken out of the crew's scope, after its end."""

    __table_args__ = (
        tenant_key("request_id", "resource_request"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("crew_id", "crew"),
        tenant_key("created_by", "staff"),
        one_of("state", *OFFER_STATES),
        sa.CheckConstraint("ends_at >= starts_at", name="starts_before_end"),
        sa.CheckConstraint("cents_per_hour >= 0", name="amounts"),
        sa.Index("resource_offer_of", "partnership_id", "request_id"),
        sa.Index("one_offer_per_crew", "partnership_id", "request_id", "crew_id", unique=True,
                 postgresql_where=sa.text("state = 'offered'")),
        sa.Index("resource_offer_accepted", "partnership_id", "ends_at",
                 postgresql_where=sa.text("state IN ('accepted', 'released')")),
        sa.Index("resource_offer_to_take_out", "partnership_id", "ends_at",
                 postgresql_where=sa.text("state IN ('accepted', 'released') AND taken_out_at IS NULL")),
    )  # fmt: skip


class ResourceEvent(Base):
    """What somebody did to a request or an offer. Append-only."""

    __tablename__ = "resource_event"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    request_id: Mapped[UUID]
    offer_id: Mapped[UUID | None]
    at: Mapped[datetime]
    action: Mapped[str]
    jurisdiction_id: Mapped[UUID]
    """The side for which it was done."""
    staff_id: Mapped[UUID]
    reason: Mapped[str | None]
    changed: Mapped[dict[str, Any] | None]
    """Field -> its value before and after, where a step changed more than a state: ``{name: {before, after}}``."""

    __table_args__ = (
        tenant_key("request_id", "resource_request"),
        tenant_key("offer_id", "resource_offer"),
        tenant_key("jurisdiction_id", "jurisdiction"),
        tenant_key("staff_id", "staff"),
        one_of(
            "action", "requested", "changed", "offered", "accepted", "declined", "withdrawn", "released", "cancelled",
            "closed",
        ),
        sa.Index("resource_event_of", "partnership_id", "request_id", "id"),
    )  # fmt: skip


CONSTRAINT_PROBLEMS["one_offer_per_crew"] = AlreadyThere
