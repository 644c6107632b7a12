"""Where old entries of the journal lie, and what the feed does not tell any more. Nothing is deleted: it is moved.

The archive inherits from the journal (PostgreSQL's ``INHERITS``): whoever selects from ``journal`` reads both, and
whoever adds a column to it adds it to both. What is written goes into the journal itself, whose indexes stay small. See
docs/decisions, 21.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.orm import Mapped, Session, mapped_column

from fieldsync.database import Base, ImpliedPartnershipId
from fieldsync.journal.models import REFUSED, JournalEntry

_JOURNAL = JournalEntry.__table__
_COLUMNS = ", ".join(column.name for column in _JOURNAL.c)

journal_archive = sa.Table(
    "journal_archive",
    Base.metadata,
    *[sa.Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in _JOURNAL.c],
    sa.Index("one_archived_edit_per_seq", "partnership_id", "author_id", "seq", unique=True,
             postgresql_where=sa.text("seq IS NOT NULL")),
    sa.Index("journal_archive_of_record", "partnership_id", "record_id", "entry"),
    sa.Index("journal_archive_refused", "partnership_id", "entry", postgresql_where=sa.text(REFUSED),
             postgresql_include=["author_id", "edit_id"]),
    sa.Index("journal_archive_refused_of_author", "partnership_id", "author_id", "entry",
             postgresql_where=sa.text(REFUSED), postgresql_include=["edit_id"]),
    postgresql_inherits="journal",
)  # fmt: skip
"""The journal's columns, and its like for each of its indexes but the one by which entries are found that are old."""
journal_archive.add_is_dependent_on(_JOURNAL)  # type: ignore[arg-type]


class ScopeLeft(Base):
    """A work order that a crew once had, and lost so long ago that the feed does not tell it any more.

    What its tablets still send about it is taken as what was entered in its custody.
    """

    __tablename__ = "scope_left"

    partnership_id: Mapped[ImpliedPartnershipId]
    crew_id: Mapped[UUID] = mapped_column(primary_key=True)
    work_order_id: Mapped[UUID] = mapped_column(primary_key=True)


# One statement: whoever reads meanwhile sees each entry once, in the one or in the other; whoever is killed has moved
# all of them or none. Two movers take different ones.
_ARCHIVE = text(f"""
    WITH moved AS (
        DELETE FROM ONLY journal WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ONLY journal WHERE partnership_id = :partnership_id AND received_at < :before
            ORDER BY received_at LIMIT :rows FOR UPDATE SKIP LOCKED
        )) RETURNING {_COLUMNS}
    )
    INSERT INTO journal_archive ({_COLUMNS}) SELECT {_COLUMNS} FROM moved
""")

# Of tasks nothing has to be remembered: whose a task was, its work order says.
_THIN = text("""
    WITH gone AS (
        DELETE FROM scope_exit WHERE ctid = ANY(ARRAY(
            SELECT e.ctid FROM crew c CROSS JOIN LATERAL (
                SELECT ctid FROM scope_exit
                WHERE partnership_id = c.partnership_id AND crew_id = c.id AND change <= :upto
                LIMIT :rows FOR UPDATE SKIP LOCKED
            ) e
            WHERE c.partnership_id = :partnership_id LIMIT :rows
        )) RETURNING crew_id, record_id, kind
    ), kept AS (
        INSERT INTO scope_left (partnership_id, crew_id, work_order_id)
        SELECT :partnership_id, crew_id, record_id FROM gone WHERE kind = 'work_order'
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM gone
""")


def archive(session: Session, partnership_id: UUID, before: datetime, rows: int) -> int:
    """Move entries that were received before a moment into the archive, the oldest first, ``rows`` at most. Returns how
    many they were."""
    bound = {"partnership_id": partnership_id, "before": before, "rows": rows}
    moved: int = session.execute(_ARCHIVE, bound).rowcount  # type: ignore[attr-defined]
    return moved


def thin(session: Session, partnership_id: UUID, upto: int, rows: int) -> int:
    """Take what left scopes up to and with a change out of the feed, ``rows`` at most. Returns how many they were.

    The head must say so (``Head.thinned``) in this transaction, or before it.
    """
    bound = {"partnership_id": partnership_id, "upto": upto, "rows": rows}
    taken: int = session.execute(_THIN, bound).scalar_one()
    return taken
