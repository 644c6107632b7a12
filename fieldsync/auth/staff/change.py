"""Changing who works in the offices. Whoever changes roles holds the partnership's lock, so that an admin remains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from fieldsync.auth import queries
from fieldsync.auth.models import Staff, StaffRole
from fieldsync.database import new_id
from fieldsync.problems import LastAdmin, NotFound, UnknownReference

EVERY_PURPOSE = ("session", "api")


class Role(NamedTuple):
    """A role, for one jurisdiction or (None) for the whole partnership."""

    role: str
    jurisdiction_id: UUID | None


def find(session: Session, partnership_id: UUID, staff_id: UUID, lock: bool = False) -> Staff:
    """A person of the partnership.

    Raises:
        NotFound: there is none with this id.
    """
    query = select(Staff).where(Staff.partnership_id == partnership_id, Staff.id == staff_id)
    person = session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if person is None:
        raise NotFound
    return person


def add(
    session: Session, partnership_id: UUID, email: str, name: str, password_hash: str | None, roles: Iterable[Role]
) -> UUID:
    """Add a person. Returns her id.

    Raises:
        UnknownReference: a role names a jurisdiction that does not exist.
        AlreadyThere: somebody has this address (once flushed).
    """
    person = Staff(
        partnership_id=partnership_id, id=new_id(), email=email, name=name, password_hash=password_hash
    )  # fmt: skip
    session.add(person)
    session.flush()
    set_roles(session, person, roles)
    return person.id


def set_roles(session: Session, person: Staff, roles: Iterable[Role]) -> None:
    """Give a person these roles and no others.

    Raises:
        UnknownReference: a role names a jurisdiction that does not exist.
        LastAdmin: nobody would remain who is admin for the whole partnership.
    """
    key = {"partnership_id": person.partnership_id}
    wanted = sorted(set(roles), key=lambda role: (role.role, str(role.jurisdiction_id)))
    named = {role.jurisdiction_id for role in wanted} - {None}
    known = set(session.scalars(queries.KNOWN_JURISDICTIONS, key | {"ids": list(named)}))
    if unknown := named - known:
        raise UnknownReference(f"There is no jurisdiction {min(map(str, unknown))}.", field="roles")
    with _keeping_an_admin(session, person.partnership_id):
        session.execute(
            delete(StaffRole).where(
                StaffRole.partnership_id == person.partnership_id, StaffRole.staff_id == person.id
            )
        )  # fmt: skip
        session.add_all([StaffRole(**key, id=new_id(), staff_id=person.id, **role._asdict()) for role in wanted])


def disable(session: Session, person: Staff, at: datetime) -> None:
    """Let a person in no more: all her tokens end.

    Raises:
        LastAdmin: nobody would remain who is admin for the whole partnership.
    """
    with _keeping_an_admin(session, person.partnership_id):
        person.disabled_at = person.disabled_at or at
    revoke(session, person, at, EVERY_PURPOSE)


def revoke(session: Session, person: Staff, at: datetime, purposes: Sequence[str]) -> None:
    """End all her tokens of these purposes."""
    session.execute(
        queries.REVOKE_TOKENS,
        {"partnership_id": person.partnership_id, "staff_id": person.id, "now": at, "purposes": list(purposes),
         "but": None},
    )  # fmt: skip


@contextmanager
def _keeping_an_admin(session: Session, partnership_id: UUID) -> Iterator[None]:
    """Run the block under the partnership's lock, and refuse what leaves it without an admin for all of it."""
    key = {"partnership_id": partnership_id}
    session.execute(queries.LOCK_STAFF, key)
    before = session.execute(queries.COUNT_ADMINS, key).scalar_one()
    yield
    session.flush()
    if before and not session.execute(queries.COUNT_ADMINS, key).scalar_one():
        raise LastAdmin
