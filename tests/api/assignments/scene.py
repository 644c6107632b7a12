"""Dispatching in a small partnership: west has the crews alpha and beta, east has gamma."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from werkzeug.test import TestResponse

from fieldsync.auth import tokens
from fieldsync.auth.models import Device, Token
from fieldsync.crews.models import Crew
from fieldsync.database import new_id, transaction
from tests.api.office.world import EAST, WEST, Tablet, World

MONDAY = datetime(2030, 3, 4, tzinfo=UTC)
NOWHERE = {"lon": -70.0, "lat": 40.5}

Document = dict[str, Any]


def at(hour: float, day: int = 0) -> str:
    """A time in the week of ``MONDAY``."""
    return (MONDAY + timedelta(days=day, hours=hour)).isoformat()


@dataclass
class Scene:
    """A partnership, as its dispatchers see it."""

    world: World

    def __post_init__(self) -> None:
        world = self.world
        own = {"partnership_id": world.partnership_id}
        with world.app.app_context(), transaction() as session:
            world.crews["gamma"], device_id = new_id(), new_id()
            session.add(
                Crew(**own, id=world.crews["gamma"], jurisdiction_id=world.towns["east"], code="gamma", name="Gamma")
            )
            session.flush()
            session.add(Device(**own, id=device_id, crew_id=world.crews["gamma"], name="gamma-1"))
            session.flush()
            world.tokens["gamma"], token_hash = tokens.make("device", world.partnership_id)
            session.add(Token(**own, token_hash=token_hash, id=new_id(), device_id=device_id, purpose="device"))

    def crew(self, name: str) -> str:
        return str(self.world.crews[name])

    def agree(self, giver: str = "west", receiver: str = "east", **term: Any) -> UUID:
        """Crews of one town may work for the other; the term's id."""
        return self.world.agree(giver, receiver, **term)

    def job(self, where: Document = WEST, crew: str | None = None, **fields: Any) -> str:
        """A new work order's id."""
        if crew is not None:
            fields["crew_id"] = self.crew(crew)
        return str(self.world.create(location=where, **fields)["id"])

    def item(self, job: str, crew: str = "alpha", hour: float = 9, minutes: int = 60, day: int = 0,
             **more: Any) -> Document:  # fmt: skip
        """An item of a bulk assignment."""
        wanted = {"work_order_id": job, "crew_id": self.crew(crew), "starts_at": at(hour, day), "minutes": minutes}
        return wanted | more

    def ask(self, items: list[Document], by: str = "dispatcher", headers: Document | None = None,
            **more: Any) -> TestResponse:  # fmt: skip
        return self.world.ask("POST", "/assignments", by, headers=headers, json={"items": items} | more)

    def give(self, *items: Document, by: str = "dispatcher", **more: Any) -> list[Document]:
        """The verdicts on a bulk."""
        answer = self.ask(list(items), by, **more)
        assert answer.status_code == 200, answer.json
        verdicts: list[Document] = answer.json["verdicts"]  # type: ignore[index]
        return verdicts

    def assigned(self, job: str, crew: str = "alpha", hour: float = 9, minutes: int = 60, day: int = 0,
                 by: str = "dispatcher", **more: Any) -> Document:  # fmt: skip
        """One assignment that is made."""
        (verdict,) = self.give(self.item(job, crew, hour, minutes, day, **more), by=by)
        assert verdict["verdict"] == "assigned", verdict
        assignment: Document = verdict["assignment"]
        return assignment

    def refused(self, *items: Document, by: str = "dispatcher") -> list[str]:
        """The codes of the problems of items that are all refused."""
        verdicts = self.give(*items, by=by)
        assert {verdict["verdict"] for verdict in verdicts} == {"refused"}, verdicts
        return [verdict["problem"]["code"] for verdict in verdicts]

    def change(self, assignment: Document, by: str = "dispatcher", **fields: Any) -> TestResponse:
        return self.world.ask("PATCH", f"/assignments/{assignment['id']}", by, assignment["etag"], json=fields)

    def changed(self, assignment: Document, by: str = "dispatcher", **fields: Any) -> Document:
        answer = self.change(assignment, by, **fields)
        assert answer.status_code == 200, answer.json
        document: Document = answer.json  # type: ignore[assignment]
        return document

    def moves(self, *items: Document, by: str = "dispatcher", **more: Any) -> list[Document]:
        answer = self.world.ask("POST", "/assignments/moves", by, json={"items": list(items)} | more)
        assert answer.status_code == 200, answer.json
        verdicts: list[Document] = answer.json["verdicts"]  # type: ignore[index]
        return verdicts

    def take(self, how: str, assignment: Document, by: str = "dispatcher", reason: str = "Needed") -> TestResponse:
        """Release or recall it."""
        path = f"/assignments/{assignment['id']}/{how}"
        return self.world.ask("POST", path, by, assignment["etag"], json={"reason": reason})

    def read(self, assignment: Document | str, by: str = "dispatcher") -> Document:
        id_ = assignment if isinstance(assignment, str) else assignment["id"]
        answer = self.world.ask("GET", f"/assignments/{id_}", by)
        assert answer.status_code == 200, answer.json
        document: Document = answer.json  # type: ignore[assignment]
        return document

    def crew_of(self, job: str) -> str | None:
        crew_id = self.world.read(job)["record"]["crew_id"]
        return next((name for name, id_ in self.world.crews.items() if str(id_) == crew_id), None)

    def tablet(self, crew: str) -> Tablet:
        return self.world.tablet(crew)

    def run(self, sql: str, **bound: Any) -> None:
        with self.world.app.app_context(), transaction() as session:
            session.execute(text(sql), {"p": self.world.partnership_id} | bound)

    def check_law(self) -> None:
        """What is planned is planned for the crew that has the work order."""
        wrong = self.world.rows(
            "SELECT a.id FROM assignment a JOIN work_order w ON w.partnership_id = :p AND w.id = a.work_order_id"
            " WHERE a.partnership_id = :p AND a.state = 'planned'"
            " AND (w.crew_id IS DISTINCT FROM a.crew_id OR a.scope_crew_id IS DISTINCT FROM a.crew_id"
            "      OR w.deleted_at IS NOT NULL)"
        )
        assert wrong == []


__all__ = ["EAST", "MONDAY", "NOWHERE", "WEST", "Document", "Scene", "at"]
