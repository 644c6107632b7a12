"""Three towns that help each other: West asks, East and South have crews to offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from fieldsync.auth import tokens
from fieldsync.auth.models import Staff, StaffRole, Token
from fieldsync.crews.models import Crew
from fieldsync.database import new_id, transaction
from fieldsync.partnerships.models import Jurisdiction
from tests.api.office.world import World, make_world, now

PATH = "/resource-requests"
DAY = timedelta(days=1)


def at(days: float) -> str:
    """So many days from now, to the whole second."""
    return (now().replace(microsecond=0) + timedelta(days=days)).isoformat()


@dataclass
class Mutual(World):
    """Crews ``alpha`` and ``beta`` are West's, ``gamma`` and ``delta`` East's, ``sigma`` is South's.

    Dispatchers: ``of west``, ``of east``, ``of south``; ``of both`` (West and East); ``dispatcher`` of all.
    """

    def new(self, by: str = "of west", **more: Any) -> dict[str, Any]:
        """A request of West's for one crew, from tomorrow on for four days."""
        body = {"jurisdiction_id": str(self.towns["west"]), "title": "Storm", "starts_at": at(1), "ends_at": at(5)}
        return said(self.ask("POST", PATH, by, json=body | more), 201)

    def try_offer(
        self, request: dict[str, Any], crew: str = "gamma", by: str = "of east", tag: str | None = None, **more: Any
    ) -> TestResponse:
        body = {"crew_id": str(self.crews[crew])} | more
        tag = tag or self.get(request["id"])["etag"]
        return self.ask("POST", f"{PATH}/{request['id']}/offers", by, tag, json=body)

    def offer(self, request: dict[str, Any], crew: str = "gamma", by: str = "of east", **more: Any) -> dict[str, Any]:
        return said(self.try_offer(request, crew, by, **more), 201)

    def get(self, request_id: str) -> dict[str, Any]:
        return said(self.ask("GET", f"{PATH}/{request_id}"))

    def step(self, name: str, offer: dict[str, Any], by: str, tag: str | None = None, **body: Any) -> TestResponse:
        """A step on an offer: ``accept``, ``decline``, ``withdraw`` or ``release``."""
        path = f"{PATH}/{offer['request_id']}/offers/{offer['id']}/{name}"
        return self.ask("POST", path, by, None if name == "release" else tag or offer["etag"], json=body)

    def end(self, name: str, request: dict[str, Any], by: str = "of west", tag: str | None = None) -> TestResponse:
        """``cancel`` or ``close``."""
        tag = tag or self.get(request["id"])["etag"]
        return self.ask("POST", f"{PATH}/{request['id']}/{name}", by, tag, json={"reason": "The storm turned"})

    def edit(self, request: dict[str, Any], by: str = "of west", tag: str | None = None, **body: Any) -> TestResponse:
        tag = tag or self.get(request["id"])["etag"]
        return self.ask("PATCH", f"{PATH}/{request['id']}", by, tag, json=body)

    def accepted(self, crew: str = "gamma", **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A request with one crew of East's accepted, and the offer."""
        request = self.new(**more)
        offer = self.offer(request, crew)
        return self.get(request["id"]), said(self.step("accept", offer, "of west"))

    def steps(self, request_id: str) -> list[str]:
        """What the history tells, in its order."""
        return [event["action"] for event in self.get(request_id)["history"]]

    def run(self, sql: str, **bound: Any) -> None:
        with self.app.app_context(), transaction() as session:
            session.execute(text(sql), {"p": self.partnership_id} | bound)

    def shift(self, request_id: str, by: timedelta) -> None:
        """Let time pass: the request and its offers lie that much further back."""
        for table, column in (("resource_request", "id"), ("resource_offer", "request_id")):
            self.run(
                f"UPDATE {table} SET starts_at = starts_at - CAST(:by AS interval),"
                f" ends_at = ends_at - CAST(:by AS interval) WHERE partnership_id = :p AND {column} = :id",
                by=by, id=request_id,
            )  # fmt: skip

    def change_of(self, crew: str) -> int:
        """The partnership's commit that last changed the crew."""
        ((change,),) = self.rows("SELECT change FROM crew WHERE partnership_id = :p AND id = :id", id=self.crews[crew])
        return int(change)

    def head(self) -> int:
        ((change,),) = self.rows("SELECT change FROM head WHERE partnership_id = :p")
        return int(change)


def said(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    """The answer's document, if it has this status."""
    assert answer.status_code == status, answer.json
    return answer.json  # type: ignore[return-value]


def refusal(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json["code"]  # type: ignore[index]


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def make_mutual(app: Flask) -> Mutual:
    """A new partnership in the app's database."""
    small = make_world(app)
    world = Mutual(**{name: getattr(small, name) for name in World.__dataclass_fields__})
    own = {"partnership_id": world.partnership_id}
    with app.app_context(), transaction() as session:
        world.towns["south"] = new_id()
        session.add(Jurisdiction(**own, id=world.towns["south"], code="south", name="South", change=1))
        session.flush()
        for name, town in (("gamma", "east"), ("delta", "east"), ("sigma", "south")):
            world.crews[name] = new_id()
            session.add(
                Crew(
                    **own, id=world.crews[name], jurisdiction_id=world.towns[town], code=name, name=name.title(),
                    skills=["saw", name],
                )
            )  # fmt: skip
        for name, role, towns in (
            ("of south", "dispatcher", ("south",)), ("of both", "dispatcher", ("west", "east")),
            ("west admin", "admin", ("west",)),
        ):  # fmt: skip
            world.staff[name] = new_id()
            session.add(
                Staff(**own, id=world.staff[name], email=name.replace(" ", "-") + "@example.org", name=name.title())
            )
            session.flush()
            for town in towns:
                session.add(
                    StaffRole(
                        **own, id=new_id(), staff_id=world.staff[name], role=role, jurisdiction_id=world.towns[town]
                    )
                )
            world.tokens[name], token_hash = tokens.make("api", world.partnership_id)
            session.add(Token(**own, token_hash=token_hash, id=new_id(), staff_id=world.staff[name], purpose="api"))
    return world
