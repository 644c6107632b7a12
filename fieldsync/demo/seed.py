"""Filling a database with the demo's partnership, and what somebody needs to look around in it."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import fieldsync.models  # noqa: F401  (all tables, so that foreign keys between them can be followed)
from fieldsync import create_app
from fieldsync.auth import passwords, tokens
from fieldsync.auth.models import Staff, Token
from fieldsync.boundaries.packages import outlines
from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.crews.enrolments import codes
from fieldsync.crews.models import Crew, Enrolment
from fieldsync.database import db, new_id, transaction
from fieldsync.demo.content import SLUG, STAFF
from fieldsync.demo.jobs import make_jobs
from fieldsync.demo.people import make_partnership, staff_id_of
from fieldsync.demo.plans import make_plan
from fieldsync.partnerships.models import Partnership
from fieldsync.workorders.models import WorkOrder
from geo.assign import in_force

WORK_ORDERS = 480
"""Sixty a crew: a week's worth."""

SEED = 7
CODES = 3
CODES_LAST = timedelta(days=7)
TOKEN_LABEL = "demo"  # noqa: S105  (a label)
DISPATCHER = "dispatcher@demo.example"
ADMIN = "admin@demo.example"


_WAITING = select(WorkOrder.id).where(WorkOrder.crew_id.is_(None), WorkOrder.status == "open").order_by(WorkOrder.id)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo prints. Password, tokens and codes are seen here and never again."""

    partnership: str
    """Its short name."""
    is_new: bool
    """Whether the rows were made by this call."""
    work_orders: int
    waiting: str
    """A work order that no crew has."""
    password: str
    """Of everybody in ``staff``."""
    staff: dict[str, str]
    """E-mail address -> role."""
    dispatcher_token: str
    admin_token: str
    enrolment_codes: list[str]

    def document(self) -> dict[str, Any]:
        """All of it, for a program to read."""
        return asdict(self)

    def sentences(self, url: str) -> str:
        """What to open and to try, for a server at ``url``."""
        bearer = f"-H 'Authorization: Bearer {self.dispatcher_token}'"
        today, soon = now().date(), now().date() + timedelta(days=4)
        people = "\n".join(f"  {email:28} {role}" for email, role in self.staff.items())
        return f"""\
Open
  {url}/docs               the API reference (works without internet)
  {url}/openapi.json       the same for programs

Look around, as the dispatcher of the partnership "{self.partnership}"
  curl -s {bearer} '{url}/v1/work-orders?limit=3'
  curl -s {bearer} '{url}/v1/conflicts?limit=3'
  curl -s {bearer} '{url}/v1/crews'
  curl -s {bearer} '{url}/v1/agreements'

Dispatch: the board of the next days, and who could take a job (docs/board.md, docs/eligibility.md)
  curl -s {bearer} '{url}/v1/board?from={today}&to={soon}&limit=3'
  curl -s {bearer} '{url}/v1/work-orders/{self.waiting}/suggestions?limit=3'
  curl -sN {bearer} '{url}/v1/board/events'

Be a tablet: trade a code for a token, then exchange (docs/sync.md explains the answer)
  curl -s {url}/v1/devices/enrol -H 'Content-Type: application/json' -d '{{"code": "{self.enrolment_codes[0]}"}}'
  curl -s {url}/v1/sync -H 'Authorization: Bearer TOKEN-FROM-ABOVE' -H 'Content-Type: application/json' \\
    -d '{{"protocol": 1, "sent_at": "{now():%Y-%m-%dT%H:%M:%SZ}", "cursor": null, "limit": 5, "edits": []}}'
  Other codes: {", ".join(self.enrolment_codes[1:])}

Log in (POST /v1/sessions) with the password {self.password} as
{people}
Admin's token: {self.admin_token}
"""


def seed(database_url: str, *, work_orders: int = WORK_ORDERS, chance_seed: int = SEED) -> DemoResult:
    """Make the demo's partnership, unless it is there; and in any case a new password, new tokens and new codes.

    Args:
        database_url: a migrated database.
        work_orders: how many jobs to make.
        chance_seed: decides where and what they are.
    """
    with _database(database_url):
        with transaction() as session:
            found = session.scalars(select(Partnership.id).where(Partnership.slug == SLUG)).one_or_none()
            partnership_id = found or make_partnership(session)
        with transaction() as session:
            lines = in_force(session, partnership_id).base
        if lines is not None:
            outlines.make(partnership_id, lines.version_id)
        with transaction() as session:
            dispatcher_id = staff_id_of(session, partnership_id, DISPATCHER)
            if found is None:
                chance = random.Random(chance_seed)  # noqa: S311  (not a secret)
                make_jobs(session, partnership_id, dispatcher_id, work_orders, chance, now())
                make_plan(session, partnership_id, dispatcher_id, now())
        with transaction() as session:
            return _open_doors(session, partnership_id, dispatcher_id, found is None, work_orders)


@contextmanager
def _database(database_url: str) -> Iterator[None]:
    """The application's database handle on this database, for the time of the block."""
    with create_app(Settings(database_url=database_url)).app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()


def _open_doors(
    session: Session, partnership_id: UUID, dispatcher_id: UUID, is_new: bool, work_orders: int
) -> DemoResult:
    password, at = secrets.token_urlsafe(12), now()
    in_demo = Staff.partnership_id == partnership_id
    password_hash = passwords.hashed(password)
    session.execute(update(Staff).where(in_demo, Staff.email.in_([k.email for k in STAFF])).values(
        password_hash=password_hash))  # fmt: skip
    admin_id = staff_id_of(session, partnership_id, ADMIN)
    return DemoResult(
        partnership=SLUG,
        is_new=is_new,
        work_orders=work_orders if is_new else 0,
        waiting=str(session.scalars(_WAITING.where(WorkOrder.partnership_id == partnership_id)).first()),
        password=password,
        staff={kind.email: f"{kind.role}, of one county" if kind.county else kind.role for kind in STAFF},
        dispatcher_token=make_token(session, partnership_id, dispatcher_id, TOKEN_LABEL, at),
        admin_token=make_token(session, partnership_id, admin_id, TOKEN_LABEL, at),
        enrolment_codes=_make_codes(session, partnership_id, dispatcher_id, at),
    )


def make_token(
    session: Session, partnership_id: UUID, staff_id: UUID, label: str, at: datetime, lasts: timedelta | None = None
) -> str:
    """A new API token; the ones before it with the same label end. Returns its text."""
    session.execute(
        update(Token)
        .where(Token.partnership_id == partnership_id, Token.staff_id == staff_id, Token.label == label,
               Token.revoked_at.is_(None))
        .values(revoked_at=at)
    )  # fmt: skip
    text, token_hash = tokens.make("api", partnership_id)
    session.add(
        Token(
            partnership_id=partnership_id, token_hash=token_hash, id=new_id(), staff_id=staff_id, purpose="api",
            label=label, created_at=at, expires_at=at + lasts if lasts else None,
        )
    )  # fmt: skip
    return text


def dispatcher_token(database_url: str, label: str, lasts: timedelta) -> str:
    """A token of the demo's dispatcher, made in the database itself: for a program on the server's own machine.

    Raises:
        sqlalchemy.exc.NoResultFound: the database has no demo.
    """
    with _database(database_url), transaction() as session:
        partnership_id = session.scalars(select(Partnership.id).where(Partnership.slug == SLUG)).one()
        dispatcher_id = staff_id_of(session, partnership_id, DISPATCHER)
        return make_token(session, partnership_id, dispatcher_id, label, now(), lasts)


def _make_codes(session: Session, partnership_id: UUID, dispatcher_id: UUID, at: datetime) -> list[str]:
    made = []
    crews = session.scalars(select(Crew).where(Crew.partnership_id == partnership_id).order_by(Crew.code).limit(CODES))
    for crew in crews.all():
        code = codes.make(SLUG)
        session.add(
            Enrolment(
                partnership_id=partnership_id, code_hash=codes.hashed(partnership_id, code), id=new_id(),
                crew_id=crew.id, device_name=f"Try-out, {crew.name}", created_by=dispatcher_id, created_at=at,
                expires_at=at + CODES_LAST,
            )
        )  # fmt: skip
        made.append(code.text())
    return made
