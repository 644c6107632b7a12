"""What GIS staff handed in, and the runs that read, check, publish and withdraw it in the background."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import Base, PartnershipId, RowId, one_of, tenant_key

SORTS = ("import", "check", "repair", "difference", "outline", "reassign", "withdraw")
STATES = ("waiting", "running", "done", "failed", "cancelled")


class Upload(Base):
    """A boundary file as it was handed in, or the files of a loose shapefile. Kept until its run has ended."""

    __tablename__ = "upload"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    layer_id: Mapped[UUID]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (tenant_key("layer_id", "layer"),)


class UploadPart(Base):
    """Some bytes of a file. In rows of a few megabytes, so that neither writing nor reading holds a whole file."""

    __tablename__ = "upload_part"

    partnership_id: Mapped[PartnershipId]
    upload_id: Mapped[UUID] = mapped_column(primary_key=True)
    file: Mapped[int] = mapped_column(primary_key=True)
    """From 0; the files of a loose shapefile come together."""
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    content: Mapped[bytes]

    __table_args__ = (tenant_key("upload_id", "upload", ondelete="CASCADE"),)


class BoundaryRun(Base):
    """Work on boundaries that takes longer than a request: asked for, carried out by a worker, looked at meanwhile.

    ``waiting`` and ``running`` ones are taken up again after a crash; the others have ended.
    """

    __tablename__ = "boundary_run"

    partnership_id: Mapped[PartnershipId]
    id: Mapped[RowId]
    sort: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    layer_id: Mapped[UUID]
    version_id: Mapped[UUID | None]
    """The version it works on; of an import or a repair, the draft that it made."""
    upload_id: Mapped[UUID | None]
    parameters: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """What was asked for: see the module that carries out this sort."""
    due_at: Mapped[datetime]
    """Not before then: the date from which a version holds."""
    progress: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    """``{stage, done, total}``, and where to go on after a crash (``after``)."""
    result: Mapped[dict[str, Any] | None]
    problem: Mapped[dict[str, Any] | None]
    """Why it failed, as RFC 9457 has it."""
    cancel_asked: Mapped[bool] = mapped_column(server_default=sa.false())
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often a worker took it up: more than once after crashes."""
    asked_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("layer_id", "layer"),
        tenant_key("version_id", "layer_version"),
        one_of("sort", *SORTS),
        one_of("state", *STATES),
        sa.CheckConstraint("(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name="ended_at"),
        sa.Index("boundary_run_of_layer", "partnership_id", "layer_id", "created_at", "id"),
        sa.Index("boundary_run_open", "due_at", postgresql_where=sa.text("state IN ('waiting', 'running')")),
    )


class VersionOutline(Base):
    """A published version's areas in few points and with shared borders, as tablets take them along.

    It follows from the version alone; those of a layer's latest versions stay.
    """

    __tablename__ = "version_outline"

    partnership_id: Mapped[PartnershipId]
    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    recipe: Mapped[int]
    """By which rules it was drawn (``geo.topology.outline.RECIPE``): one of older rules is drawn anew."""
    topology: Mapped[bytes]
    """TopoJSON, compressed by zstd."""
    made_at: Mapped[datetime]

    __table_args__ = (tenant_key("version_id", "layer_version", ondelete="CASCADE"),)
