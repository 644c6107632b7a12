"""A partnership with two towns, and people and tablets that ask over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from fieldsync.auth import passwords, tokens
from fieldsync.auth.models import Token
from fieldsync.auth.staff import change
from fieldsync.auth.staff.change import Role
from fieldsync.crews.models import Crew
from fieldsync.database import db, new_id, transaction
from fieldsync.partnerships.create import create
from fieldsync.partnerships.head import next_change
from fieldsync.partnerships.models import Jurisdiction

PASSWORD = "correct horse battery staple"

# One hash for all: making one takes as long as it should.
PASSWORD_HASH = passwords.hashed(PASSWORD)


@dataclass
class Caller:
    """Somebody with a token (or None), who asks."""

    app: Flask
    token: str | None = None
    id: UUID | None = None

    def ask(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        client = self.app.test_client()
        if json is not None:
            options["json"] = json
        return client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        return self.ask("POST", path, json, **options)

    def patch(self, path: str, json: Any) -> Any:
        return self.ask("PATCH", path, json)

    def put(self, path: str, json: Any) -> Any:
        return self.ask("PUT", path, json)

    def delete(self, path: str) -> Any:
        return self.ask("DELETE", path)


@dataclass
class Town:
    """A partnership of the towns Alder and Birch, each with a crew."""

    app: Flask
    slug: str = field(default_factory=lambda: f"t{uuid4().hex[:20]}")
    partnership_id: UUID = field(init=False)
    alder: UUID = field(init=False)
    birch: UUID = field(init=False)
    alder_crew: UUID = field(init=False)
    birch_crew: UUID = field(init=False)

    def __post_init__(self) -> None:
        with self.app.app_context(), transaction() as session:
            self.partnership_id = create(session, self.slug, "Two towns")
            session.flush()
            number = next_change(session, self.partnership_id)
            ids = []
            for code in ("A", "B"):
                town = Jurisdiction(
                    partnership_id=self.partnership_id, id=new_id(), code=code, name=code, change=number
                )
                session.add(town)
                session.flush()
                crew = Crew(
                    partnership_id=self.partnership_id, id=new_id(), jurisdiction_id=town.id, code=code, name=code
                )
                session.add(crew)
                ids += [town.id, crew.id]
            self.alder, self.alder_crew, self.birch, self.birch_crew = ids

    def staff(self, *roles: str | tuple[str, UUID], password: bool = False, email: str | None = None) -> Caller:
        """Somebody with these roles (for the partnership, or for the jurisdiction that is given along), logged in."""
        email = email or f"{uuid4().hex[:12]}@example.org"
        wanted = [Role(role, None) if isinstance(role, str) else Role(*role) for role in roles]
        token, token_hash = tokens.make("session", self.partnership_id)
        with self.app.app_context(), transaction() as session:
            password_hash = PASSWORD_HASH if password else None
            staff_id = change.add(session, self.partnership_id, email, "Somebody", password_hash, wanted)
            session.add(
                Token(
                    partnership_id=self.partnership_id, token_hash=token_hash, id=new_id(), staff_id=staff_id,
                    purpose="session",
                )
            )  # fmt: skip
        return Caller(self.app, token, staff_id)

    def nobody(self) -> Caller:
        return Caller(self.app)

    def code(self, crew_id: UUID | None = None, **more: Any) -> Any:
        """The answer to making an enrolment code."""
        wanted = {"crew_id": str(crew_id or self.alder_crew), "device_name": "Truck 7"} | more
        answer = self.staff("dispatcher").post("/v1/enrolments", wanted)
        assert answer.status_code == 201, answer.json
        return answer.json

    def tablet(self, crew_id: UUID | None = None) -> Caller:
        """A tablet that has been enrolled."""
        answer = self.nobody().post("/v1/devices/enrol", {"code": self.code(crew_id)["code"]})
        assert answer.status_code == 201, answer.json
        return Caller(self.app, answer.json["token"], UUID(answer.json["device_id"]))

    def rows(self, sql: str, **bound: Any) -> list[Any]:
        """Rows of a query in which ``:p`` is the partnership."""
        with self.app.app_context():
            return list(db.session.execute(sa.text(sql), {"p": self.partnership_id} | bound).mappings().all())

    def run(self, sql: str, **bound: Any) -> None:
        with self.app.app_context(), transaction() as session:
            session.execute(sa.text(sql), {"p": self.partnership_id} | bound)
