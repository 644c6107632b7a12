"""A partnership to test in, and the simplest tablet that can speak the protocol.

Every test gets a partnership of its own: tenants know nothing of each other, so nothing has to be cleaned up between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fieldsync import create_app
from fieldsync.auth import tokens
from fieldsync.auth.models import Device, Staff, Token
from fieldsync.config import Settings
from fieldsync.crews.models import Crew, Member
from fieldsync.database import db, new_id, transaction
from fieldsync.journal.edits import Author, Outcome
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.partnerships.create import create
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Jurisdiction
from fieldsync.sync.admission import gate_of
from fieldsync.workorders.models import ServiceType

Document = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


def make_app(database_url: str, **chosen: Any) -> Flask:
    app = create_app(Settings(database_url=database_url, log_level="CRITICAL", **chosen))
    # What is safe must not hang on a gate that knows one process only: a device may come to several at once.
    gate_of(app).per_device = 100
    return app


def end_app(app: Flask) -> None:
    """Close the connections of an application that is not needed any more."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@dataclass
class World:
    """A partnership: crews, their tablets, an office."""

    app: Flask
    partnership_id: UUID
    jurisdiction_id: UUID
    service_type_id: UUID
    member_id: UUID
    staff_id: UUID
    crew_ids: list[UUID]
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    def rows(self, sql: str, **bound: Any) -> list[Any]:
        """Rows of a query in which ``:p`` is the partnership."""
        with self.session() as session:
            return list(session.execute(sa.text(sql), {"p": self.partnership_id} | bound).mappings().all())

    def value(self, sql: str, **bound: Any) -> Any:
        """The one value of a query in which ``:p`` is the partnership."""
        with self.session() as session:
            return session.execute(sa.text(sql), {"p": self.partnership_id} | bound).scalar_one()

    def run(self, sql: str, **bound: Any) -> None:
        with self.session() as session:
            session.execute(sa.text(sql), {"p": self.partnership_id} | bound)

    def tablet(self, crew: int = 0, skew_s: float = 0) -> Tablet:
        """A new tablet of the crew with this index."""
        device_id = new_id()
        token, token_hash = tokens.make("device", self.partnership_id)
        with self.session() as session:
            session.add(
                Device(partnership_id=self.partnership_id, id=device_id, crew_id=self.crew_ids[crew], name="tablet")
            )
            session.flush()
            session.add(
                Token(partnership_id=self.partnership_id, token_hash=token_hash, id=new_id(), device_id=device_id,
                      purpose="device", last_used_at=now())
            )  # fmt: skip
        return Tablet(self, device_id, token, timedelta(seconds=skew_s))

    def office(
        self, kind: str, record_id: UUID, action: str, base: int | None, fields: Document | None = None,
        *, at: datetime | None = None, own: frozenset[UUID] | None = None,
    ) -> Outcome:  # fmt: skip
        """One edit of the office, through the same door as the application's."""
        at = at or now()
        raw = msgspec.Raw(json.dumps(fields or {}).encode())
        edit = prepare("office", uuid4(), None, kind, record_id, action, base, at, at, raw)
        author = Author(self.staff_id, "office", self.partnership_id, None, own)
        with self.session() as session:
            return enter(session, author, [edit], at)

    def assign(self, work_order_id: UUID, crew: int | None) -> None:
        version = self.value("SELECT version FROM work_order WHERE partnership_id = :p AND id = :id", id=work_order_id)
        crew_id = None if crew is None else str(self.crew_ids[crew])
        self.office("work_order", work_order_id, "update", version, {"crew_id": crew_id})

    def job(self, **more: Any) -> Document:
        """The fields of a new work order."""
        where = {"lon": -80.0, "lat": 40.44}
        return {"title": "Pothole", "service_type_id": str(self.service_type_id), "location": where} | more


@dataclass
class Tablet:
    """A device that keeps no queue: the test says what it sends."""

    world: World
    device_id: UUID
    token: str
    skew: timedelta
    seq: int = 0
    cursor: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def now(self) -> datetime:
        """By the tablet's own clock."""
        return now() + self.skew

    def edit(
        self, kind: str, record_id: UUID | str, action: str, fields: Any = None, base: int | None = None,
        *, seq: int | None = None, edit_id: UUID | str | None = None, at: datetime | str | None = None,
    ) -> Document:  # fmt: skip
        """An edit in the shape that is sent, with the next number unless one is given."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        when = at if isinstance(at, str) else (at or self.now()).isoformat()
        edit = {"seq": seq, "edit_id": str(edit_id or uuid4()), "kind": kind, "record_id": str(record_id)}
        edit |= {"action": action, "base_version": base, "observed_at": when}
        return edit if fields is None else edit | {"fields": fields}

    def document(self, edits: Sequence[Document] = (), *, limit: int = 0, **more: Any) -> Document:
        sent_at = self.now().isoformat()
        return {"protocol": 1, "sent_at": sent_at, "cursor": self.cursor, "limit": limit, "edits": list(edits)} | more

    def post(self, body: bytes | str, headers: Document | None = None) -> Any:
        """Send a body as it is; returns the response."""
        headers = {"Content-Type": "application/json"} | self.headers | (headers or {})
        return self.world.app.test_client().post("/v1/sync", data=body, headers=headers)

    def exchange(self, edits: Sequence[Document] = (), *, limit: int = 0, **more: Any) -> Document:
        """The answer to a good exchange."""
        response = self.post(json.dumps(self.document(edits, limit=limit, **more)))
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: Document = response.json
        return answer

    def push(self, *edits: Document) -> list[Document]:
        """The verdicts on a batch."""
        verdicts: list[Document] = self.exchange(edits)["verdicts"]
        return verdicts

    def pull(self, limit: int = 500) -> list[Document]:
        """All changes up to now; the tablet's cursor moves on."""
        changes: list[Document] = []
        more = True
        while more:
            answer = self.exchange(limit=limit)
            changes += answer["changes"]
            self.cursor, more = answer["cursor"], answer["more"]
        return changes

    def verdict(self, edit_id: str) -> Any:
        """The response to asking for a verdict again."""
        return self.world.client.get(f"/v1/sync/edits/{edit_id}", headers=self.headers)

    def new_job(self, **more: Any) -> UUID:
        """Create a work order; returns its id."""
        record_id = new_id()
        (verdict,) = self.push(self.edit("work_order", record_id, "create", self.world.job(**more)))
        assert verdict["verdict"] == "applied", verdict
        return record_id


def make_world(app: Flask, crews: int = 2) -> World:
    """A new partnership with one jurisdiction, one service type, one member and so many crews."""
    with app.app_context(), transaction() as session:
        partnership_id = create(session, f"t{uuid4().hex[:20]}", "A partnership of a test's own")
        session.flush()
        change = next_change(session, partnership_id)
        ids = {"partnership_id": partnership_id}
        jurisdiction = Jurisdiction(**ids, id=new_id(), code="A", name="Alder", change=change)
        session.add(jurisdiction)
        session.flush()
        service_type = ServiceType(**ids, id=new_id(), code="pothole", name="Pothole", change=change)
        member = Member(**ids, id=new_id(), jurisdiction_id=jurisdiction.id, name="Mary Member")
        staff = Staff(**ids, id=new_id(), email="olga@example.org", name="Olga Office")
        teams = [
            Crew(**ids, id=new_id(), jurisdiction_id=jurisdiction.id, code=f"C{number}", name=f"Crew {number}")
            for number in range(crews)
        ]
        session.add_all([service_type, member, staff, *teams])
        session.flush()
        return World(
            app, partnership_id, jurisdiction.id, service_type.id, member.id, staff.id, [crew.id for crew in teams]
        )
