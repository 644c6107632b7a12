"""What hangs on a crew or on a member, in lists of its own: shifts, absences, qualifications, equipment.

They are alike over HTTP: listed, read, added, changed and removed one at a time, each change stamped on the crews whose
roster it alters. What is different about each is a ``Belonging``. Locks, in this order: what the request names beside
(``prepare``), the member, crews by id, the partnership's head.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from marshmallow import Schema
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from fieldsync.auth.actor import STAFF, Blueprint, own_jurisdictions, require_jurisdiction, staff_actor
from fieldsync.clock import now
from fieldsync.crews.changed import crews_of_member, stamp
from fieldsync.crews.find import find_crew, find_member, in_crew_of
from fieldsync.crews.models import Member
from fieldsync.crews.problems import TooManyThere
from fieldsync.database import db, new_id, transaction
from fieldsync.pages import Page, read_page
from fieldsync.problems import CrewDisbanded, NotAllowed, NotFound, Problem, Unprocessable
from fieldsync.shapes import refuses

PLANNERS = ("dispatcher", "admin")
"""Who enters what comes up from day to day."""


class Owner(Protocol):
    """What something hangs on."""

    @property
    def key(self) -> str:
        """Its name in addresses, and the column that refers to it."""

    def find(self, session: Session, owner_id: UUID) -> None:
        """Raises:
        NotFound: there is none that the asking person may see.
        """

    def lock(self, session: Session, owner_id: UUID, *, adds: bool) -> Collection[UUID]:
        """Lock it for a change, or for an addition; the crews that are to be stamped.

        Raises:
            NotFound: there is none that she may see.
            NotAllowed: she may see it, but not change it.
            CrewDisbanded: nothing is added to a crew that does not work any more.
        """


class OfCrew:
    """Hangs on a crew: whoever has an accepted role for its jurisdiction changes it."""

    key = "crew_id"

    def find(self, session: Session, owner_id: UUID) -> None:
        find_crew(session, staff_actor().partnership_id, own_jurisdictions(), owner_id)

    def lock(self, session: Session, owner_id: UUID, *, adds: bool) -> Collection[UUID]:
        crew = find_crew(session, staff_actor().partnership_id, own_jurisdictions(), owner_id, lock=True)
        if adds and crew.disbanded_at is not None:
            raise CrewDisbanded
        return (owner_id,)


@dataclass(frozen=True)
class OfMember:
    """Hangs on a member: whoever has an accepted role for her employer changes it, and, ``where_she_works``, for a
    crew's jurisdiction while she is in the crew or is going to be."""

    where_she_works: bool
    key: str = "member_id"

    def find(self, session: Session, owner_id: UUID) -> None:
        find_member(session, staff_actor().partnership_id, own_jurisdictions(), owner_id)

    def lock(self, session: Session, owner_id: UUID, *, adds: bool) -> Collection[UUID]:
        partnership_id, own = staff_actor().partnership_id, own_jurisdictions()
        member = find_member(session, partnership_id, own, owner_id, lock=True)
        try:
            require_jurisdiction(member.jurisdiction_id)
        except NotAllowed:
            if own is None or not self.where_she_works:
                raise
            # Her last day may not be over yet where the crew is.
            yesterday = (now() - timedelta(days=1)).date()
            works = select(Member.id).where(
                Member.partnership_id == partnership_id, Member.id == owner_id, in_crew_of(own, yesterday)
            )
            if session.scalars(works).one_or_none() is None:
                raise
        return crews_of_member(session, partnership_id, owner_id)


def _all(query: Select[Any], args: dict[str, Any]) -> Select[Any]:
    return query


def _nothing(session: Session, given: Any) -> None:
    pass


def on_day(since: InstrumentedAttribute[Any], until: InstrumentedAttribute[Any]) -> Callable[..., Select[Any]]:
    """Narrows a list to what holds on the day ``on``, where one is asked for."""

    def narrow(query: Select[Any], args: dict[str, Any]) -> Select[Any]:
        if "on" not in args:
            return query
        return query.where(since <= args["on"], or_(until.is_(None), until >= args["on"]))

    return narrow


def expect_in_order(row: Any, first: str = "since", last: str = "until") -> None:
    """Raises:
    Unprocessable: a row's last day is before its first.
    """
    if getattr(row, last) is not None and getattr(row, last) < getattr(row, first):
        raise Unprocessable("The last day is before the first.", field=last)


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """One sort of what hangs on a crew or a member, and all that is its own."""

    model: Any
    owner: Owner
    one: str
    """Its name in addresses: ``shift`` is at ``/<shift_id>``."""
    noun: str
    """What people call it, with its article."""
    listed: str
    """What the list holds and in which order: the summary of its route."""
    most: int
    """How many of them one owner may have."""
    keys: Sequence[InstrumentedAttribute[Any]]
    """The order of the list."""
    writers: tuple[str, ...]
    """The roles that change it."""
    item: type[Schema]
    page: type[Schema]
    new: type[Schema]
    patch: type[Schema]
    args: type[Schema]
    narrow: Callable[[Select[Any], dict[str, Any]], Select[Any]] = _all
    """What a list's arguments leave of it."""
    prepare: Callable[[Session, dict[str, Any]], None] = _nothing
    """Looks at, and locks, what a new one names beside its owner."""
    check: Callable[[Session, Any], None] = _nothing
    """Raises what is wrong with a row, its owner being locked; the row is not in the database yet as it stands."""
    refuses: tuple[type[Problem], ...] = ()
    """What ``prepare``, ``check`` and its constraints raise."""
    about_adding: str = ""
    """What a reader of the API should know before she adds one."""

    def rows(self, owner_id: UUID) -> Select[Any]:
        """All that one owner has."""
        model = self.model
        return select(model).where(
            model.partnership_id == staff_actor().partnership_id, getattr(model, self.owner.key) == owner_id
        )

    def read(self, session: Session, owner_id: UUID, row_id: UUID) -> Any:
        """Raises:
        NotFound: the owner has none with this id.
        """
        found = session.scalars(self.rows(owner_id).where(self.model.id == row_id)).one_or_none()
        if found is None:
            raise NotFound
        return found

    def add(self, owner_id: UUID, wanted: dict[str, Any]) -> Any:
        """A new one, checked and stamped."""
        partnership_id, row_id = staff_actor().partnership_id, new_id()
        with transaction() as session:
            self.owner.find(session, owner_id)
            self.prepare(session, wanted)
            crews = self.owner.lock(session, owner_id, adds=True)
            count = session.scalars(select(func.count()).select_from(self.rows(owner_id).subquery())).one()
            if count >= self.most:
                raise TooManyThere(f"There may be {self.most} at most; remove some that are over.", most=self.most)
            row = self.model(partnership_id=partnership_id, id=row_id, **{self.owner.key: owner_id}, **wanted)
            self.check(session, row)
            session.add(row)
            stamp(session, partnership_id, crews)
        return self.read(db.session(), owner_id, row_id)

    def change(self, owner_id: UUID, row_id: UUID, wanted: dict[str, Any]) -> Any:
        """Change one; where nothing is different, no crew gets a number."""
        with transaction() as session:
            crews = self.owner.lock(session, owner_id, adds=False)
            row = self.read(session, owner_id, row_id)
            changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
            if changed:
                with session.no_autoflush:
                    for name, value in changed.items():
                        setattr(row, name, value)
                    self.check(session, row)
                stamp(session, staff_actor().partnership_id, crews)
        return self.read(db.session(), owner_id, row_id)

    def remove(self, owner_id: UUID, row_id: UUID) -> None:
        """Take one away."""
        with transaction() as session:
            crews = self.owner.lock(session, owner_id, adds=False)
            session.delete(self.read(session, owner_id, row_id))
            stamp(session, staff_actor().partnership_id, crews)


def blueprint(name: str, url_prefix: str, what: Belonging, description: str) -> Blueprint:
    """The addresses of one sort: its list under ``url_prefix``, which names the owner, and each one below it."""
    blp = Blueprint(name, __name__, url_prefix=url_prefix, actors=STAFF, description=description)
    owner, own, a = what.owner.key, f"{what.one}_id", what.noun
    at = f"/<uuid:{own}>"
    limit = f"{'A crew' if owner == 'crew_id' else 'A member'} has {what.most:,} at most: beyond that `too_many_there`."

    @blp.get("", endpoint=f"list_{name}")
    @blp.doc(summary=what.listed)
    @blp.arguments(what.args, location="query")
    @blp.response(200, what.page)
    def list_(args: dict[str, Any], **path: UUID) -> Page:
        session = db.session()
        what.owner.find(session, path[owner])
        query = what.narrow(what.rows(path[owner]), args)
        return read_page(session, query, what.keys, args["limit"], args["cursor"])

    @blp.post("", endpoint=f"create_{what.one}", actors=what.writers)
    @blp.doc(summary=f"Add {a}", description=f"{what.about_adding}\n\n{limit}".strip())
    @blp.arguments(what.new)
    @blp.response(201, what.item)
    @refuses(TooManyThere, *([CrewDisbanded] if owner == "crew_id" else []), *what.refuses)
    def create(wanted: dict[str, Any], **path: UUID) -> Any:
        return what.add(path[owner], wanted)

    @blp.get(at, endpoint=f"read_{what.one}")
    @blp.doc(summary=f"Read {a}")
    @blp.response(200, what.item)
    def read(**path: UUID) -> Any:
        session = db.session()
        what.owner.find(session, path[owner])
        return what.read(session, path[owner], path[own])

    @blp.patch(at, endpoint=f"update_{what.one}", actors=what.writers)
    @blp.doc(summary=f"Change {a}")
    @blp.arguments(what.patch)
    @blp.response(200, what.item)
    @refuses(*what.refuses)
    def update(wanted: dict[str, Any], **path: UUID) -> Any:
        return what.change(path[owner], path[own], wanted)

    @blp.delete(at, endpoint=f"delete_{what.one}", actors=what.writers)
    @blp.doc(summary=f"Remove {a}")
    @blp.response(204)
    def delete(**path: UUID) -> None:
        what.remove(path[owner], path[own])

    return blp
