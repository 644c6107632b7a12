"""Beginning a partnership."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.database import new_id
from fieldsync.partnerships.models import Head, Partnership

_FIND = text("SELECT id FROM partnership WHERE slug = :slug")


def create(session: Session, slug: str, name: str) -> UUID:
    """Add a partnership, with the head of its line of commits. Returns its id.

    Raises:
        AlreadyThere: another one has this short name (once flushed).
    """
    partnership_id = new_id()
    session.add(Partnership(id=partnership_id, slug=slug, name=name))
    session.flush()
    session.add(Head(partnership_id=partnership_id))
    return partnership_id


def find(session: Session, slug: str) -> UUID | None:
    """The id of the partnership with this short name."""
    found: UUID | None = session.execute(_FIND, {"slug": slug}).scalar_one_or_none()
    return found
