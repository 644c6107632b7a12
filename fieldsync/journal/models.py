"""The journal of edits, the conflicts they left, what was placed anew, and what has left a crew's scope."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from fieldsync.database import Base, ImpliedPartnershipId, RowId, one_of, tenant_key

EXIT_REASONS = (
    "reassigned", "unassigned", "recalled", "deleted", "agreement_ended", "crew_disbanded", "moved",
)  # fmt: skip
"""Why a record left a crew: another crew has it; nobody has; its home jurisdiction recalled the crew; it was deleted;
the agreement that allowed it ended; the crew was disbanded; a publication of boundaries moved it to a jurisdiction for
which the crew may not work."""


REFUSED = "side = 'crew' AND (verdict = 'refused' OR refused_fields IS NOT NULL)"
"""Condition on the journal: edits of crews that were not taken, or not whole. Word for word the indexes'."""


class JournalEntry(Base):
    """One edit as it was received, and what became of it. Append-only; refused edits included.

    No foreign keys: the journal keeps what was said, also of records that do not exist.
    """

    __tablename__ = "journal"

    partnership_id: Mapped[UUID] = mapped_column(primary_key=True)
    edit_id: Mapped[UUID] = mapped_column(primary_key=True)
    author_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The device, the member of staff, the boundary version whose publication (side ``boundaries``), or the agreement's
    version or offer whose end (side ``agreements``) did it. Edit ids are an author's own: nobody else's can be probed
    with them."""
    entry: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity())
    """Order of receipt. Edits of one record are in line by the lock on it."""
    side: Mapped[str]
    seq: Mapped[int | None] = mapped_column(sa.BigInteger)
    """The device's number; null for the office, and for an edit refused because its number was taken."""
    crew_id: Mapped[UUID | None]
    kind: Mapped[str]
    record_id: Mapped[UUID]
    action: Mapped[str]
    base_version: Mapped[int | None]
    base_entry: Mapped[int | None] = mapped_column(sa.BigInteger)
    """Where ``base_version`` was seen before a restore: the last entry that the author can have seen. Null else."""
    observed_at: Mapped[datetime]
    """By the author's clock."""
    happened_at: Mapped[datetime]
    """``observed_at`` corrected for the clock's skew, never later than receipt."""
    received_at: Mapped[datetime]
    fields: Mapped[Any] = mapped_column(postgresql.JSON)
    """What was entered, as it was sent (json, not jsonb: every character that JSON can spell is kept)."""
    verdict: Mapped[str]
    version: Mapped[int | None]
    """The record's version once this edit was done."""
    before: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    """The fields that this edit changed, with the values they had; null for a create or where nothing changed."""
    after: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    """Values that came out other than they were entered (a union), by field."""
    problem: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    refused_fields: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    """Of an edit that was taken: the fields that we did not know, a problem each. ``fields`` has them all the same."""

    __table_args__ = (
        one_of("side", "crew", "office", "boundaries", "agreements"),
        one_of("verdict", "refused", "conflicted", "merged", "applied"),
        sa.Index("one_edit_per_seq", "partnership_id", "author_id", "seq", unique=True,
                 postgresql_where=sa.text("seq IS NOT NULL")),
        sa.Index("journal_of_record", "partnership_id", "record_id", "entry"),
        # By it the oldest are found, to be moved to the archive.
        sa.Index("journal_received", "partnership_id", "received_at"),
        # What a person has to look at: a small part of the whole, by the order of receipt, also of one device. It lies
        # far apart in the table: what is needed to pass over what was decided on is in the index.
        sa.Index("journal_refused", "partnership_id", "entry", postgresql_where=sa.text(REFUSED),
                 postgresql_include=["author_id", "edit_id"]),
        sa.Index("journal_refused_of_author", "partnership_id", "author_id", "entry",
                 postgresql_where=sa.text(REFUSED), postgresql_include=["edit_id"]),
    )  # fmt: skip


class RefusedEditDecision(Base):
    """What a dispatcher decided on a crew's refused edit. An edit without one waits; of several the last one holds.

    Append-only. No foreign key to the journal, which moves old entries to its archive.
    """

    __tablename__ = "refused_edit_decision"

    partnership_id: Mapped[ImpliedPartnershipId]
    author_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The device that made the edit."""
    edit_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    """1 for the first decision on an edit."""
    entry: Mapped[int] = mapped_column(sa.BigInteger)
    """The edit's place in the journal: those that wait are told from the others by two indexes in the same order."""
    number: Mapped[int] = mapped_column(sa.BigInteger)
    """Counts the decisions on edits of this device: what its tablet has not heard of yet are the later ones."""
    state: Mapped[str]
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime]
    reason: Mapped[str | None]
    applied_edit_id: Mapped[UUID | None]
    """The edit of ``decided_by`` with which it was entered."""

    __table_args__ = (
        tenant_key("author_id", "device"),
        tenant_key("decided_by", "staff"),
        one_of("state", "applied", "sent_back", "dismissed"),
        sa.CheckConstraint("(state = 'applied') = (applied_edit_id IS NOT NULL)", name="applied_by_an_edit"),
        sa.CheckConstraint("state = 'applied' OR reason IS NOT NULL", name="says_why"),
        sa.Index("refused_edit_decision_of_entry", "partnership_id", "entry"),
        sa.Index("refused_edit_decision_in_turn", "partnership_id", "author_id", "number", unique=True),
    )


class EditConflict(Base):
    """Two values for one field that cannot both stand. Both are kept, and how it was settled."""

    __tablename__ = "conflict"

    partnership_id: Mapped[ImpliedPartnershipId]
    id: Mapped[RowId]
    """Made from the edit and the field, so that a replay makes the same."""
    version: Mapped[int] = mapped_column(server_default="1")
    sort: Mapped[str]
    """``field``: two values; ``deleted``: an edit met a deletion; ``custody``: the record had left the crew."""
    kind: Mapped[str]
    record_id: Mapped[UUID]
    work_order_id: Mapped[UUID]
    field: Mapped[str]
    policy: Mapped[str]
    base_value: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    kept_value: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    kept_by: Mapped[UUID | None]
    kept_side: Mapped[str | None]
    kept_at: Mapped[datetime | None]
    other_value: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    other_by: Mapped[UUID | None]
    other_side: Mapped[str | None]
    other_at: Mapped[datetime | None]
    edit_id: Mapped[UUID]
    author_id: Mapped[UUID]
    """``(edit_id, author_id)``: the edit that ran into it."""
    created_at: Mapped[datetime]
    state: Mapped[str]
    settled_as: Mapped[str | None]
    settled_value: Mapped[Any | None] = mapped_column(postgresql.JSON(none_as_null=True))
    settled_by: Mapped[UUID | None]
    settled_at: Mapped[datetime | None]
    settling_edit_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    """Why the person decided so, in her words."""

    __table_args__ = (
        tenant_key("work_order_id", "work_order"),
        tenant_key("settled_by", "staff"),
        one_of("sort", "field", "deleted", "custody"),
        one_of("state", "open", "settled"),
        one_of("settled_as", "policy", "kept", "other", "value"),
        sa.CheckConstraint("(state = 'settled') = (settled_as IS NOT NULL)", name="settled_has_a_way"),
        sa.Index("conflict_open", "partnership_id", "created_at", "id", postgresql_where=sa.text("state = 'open'")),
        sa.Index("conflict_listed", "partnership_id", "created_at", "id"),
        sa.Index("conflict_of_work_order", "partnership_id", "work_order_id"),
        sa.Index("conflict_of_edit", "partnership_id", "edit_id"),
    )


class PlacementChange(Base):
    """A work order placed anew: by an edit of its point, a publication, a withdrawal or a person.

    With the placement that stands on the work order's own row, these tell the whole story of whose it was, and why.
    No foreign key: the work order is locked, and written by the same transaction (see docs/decisions, 10).
    """

    __tablename__ = "placement_change"

    partnership_id: Mapped[ImpliedPartnershipId]
    work_order_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    """The work order's version once it was placed so."""
    cause: Mapped[str]
    cause_id: Mapped[UUID]
    """``edit``: the author of the edit; ``publication``, ``withdrawal``: the boundary version; ``person``: the member
    of staff."""
    changed_at: Mapped[datetime]
    from_placement: Mapped[Any] = mapped_column(postgresql.JSONB)
    to_placement: Mapped[Any] = mapped_column(postgresql.JSONB)
    """``{jurisdiction_id, area_id, placed_version_id, placed_by, triage, placed_at}``, as on the work order."""
    released_crew_id: Mapped[UUID | None]
    """The crew from which the same publication took the work order."""
    reversed_at: Mapped[datetime | None]
    """When a withdrawal looked at it, and either reversed it or left it as it was, because somebody had changed it."""

    __table_args__ = (
        one_of("cause", "edit", "publication", "withdrawal", "person"),
        sa.Index("placement_change_of_version", "partnership_id", "cause_id", "work_order_id", "version",
                 postgresql_where=sa.text("cause IN ('publication', 'withdrawal')")),
    )  # fmt: skip


class ScopeExit(Base):
    """A record that has left a crew's scope: what tells its tablets to drop it. What hangs on it goes with it."""

    __tablename__ = "scope_exit"

    partnership_id: Mapped[ImpliedPartnershipId]
    crew_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    change: Mapped[int] = mapped_column(sa.BigInteger)
    reason: Mapped[str]

    __table_args__ = (
        tenant_key("crew_id", "crew"),
        one_of("reason", *EXIT_REASONS),
        sa.Index("scope_exit_feed", "partnership_id", "crew_id", "change", "record_id"),
    )
