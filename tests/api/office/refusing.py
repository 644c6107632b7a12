"""Refused edits to decide on: tablets that enter them, and the office that looks at them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.api.office.world import WEST, Tablet, World, now

Document = dict[str, Any]


class Refusing:
    """A world with a crew's tablet, and its refused edits as the office has them."""

    def __init__(self, world: World, crew: str = "alpha") -> None:
        self.world = world
        self.crew = crew
        self.tablet: Tablet = world.tablet(crew)
        rows = world.rows("SELECT id FROM device WHERE partnership_id = :p AND crew_id = :c", c=world.crews[crew])
        self.device_id = str(rows[0].id)

    def job(self, **fields: Any) -> Document:
        """A work order of the crew's."""
        made: Document = self.world.create(crew_id=str(self.world.crews[self.crew]), **fields)
        return made

    def job_fields(self, **fields: Any) -> Document:
        return {"title": "Hole", "service_type_id": str(self.world.pothole), "location": WEST} | fields

    def enter(self, kind: str, record_id: Any, action: str, base: int | None = None, **fields: Any) -> Document:
        """An edit that is refused, whole or in part; as the office reads it."""
        return self.send({"kind": kind, "record_id": str(record_id), "action": action, "base_version": base,
                          "fields": fields})  # fmt: skip

    def due(self, **fields: Any) -> Document:
        """An edit that is refused as only the office enters one of its fields."""
        return self.enter("work_order", self.job()["id"], "update", 1, due_at="2030-01-01T00:00:00Z", **fields)

    def send(self, edit: Document) -> Document:
        edit = {"seq": next(self.tablet.numbers), "edit_id": str(uuid4()), "observed_at": now().isoformat()} | edit
        verdict = self.tablet.exchange([edit])["verdicts"][0]
        assert verdict["verdict"] == "refused" or verdict["refused_fields"], verdict
        return self.read(edit["edit_id"])

    def path(self, edit_id: str) -> str:
        return f"/refused-edits/{self.device_id}/{edit_id}"

    def read(self, edit_id: str, by: str = "dispatcher") -> Document:
        answer = self.world.ask("GET", self.path(edit_id), by)
        assert answer.status_code == 200, answer.json
        assert answer.headers["ETag"] == answer.json["etag"]
        return answer.json  # type: ignore[no-any-return]

    def decide(self, refused: Document, how: str, by: str = "dispatcher", **body: Any) -> Any:
        """The response to ``apply``, ``send-back`` or ``dismiss`` on the version that ``refused`` shows."""
        return self.world.ask("POST", f"{self.path(refused['edit_id'])}/{how}", by, refused["etag"], json=body)

    def apply(self, refused: Document, by: str = "dispatcher", **body: Any) -> Document:
        answer = self.decide(refused, "apply", by, **body)
        assert answer.status_code == 200, answer.json
        assert answer.json["state"] == "applied"
        return answer.json  # type: ignore[no-any-return]

    def refuse(self, refused: Document, by: str = "dispatcher", **body: Any) -> tuple[int, str]:
        """Status and code of an application that is not taken; nothing has been decided by it."""
        answer = self.decide(refused, "apply", by, **body)
        assert self.read(refused["edit_id"])["state"] == refused["state"]
        return answer.status_code, answer.json["code"]

    def list(self, by: str = "dispatcher", **query: Any) -> Document:
        answer = self.world.ask("GET", "/refused-edits", by, query_string=query)
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def ids(self, by: str = "dispatcher", **query: Any) -> list[str]:
        return [item["edit_id"] for item in self.list(by, **query)["items"]]

    def told(self, **query: Any) -> Document:
        """The tablet's own list."""
        answer = self.world.ask("GET", "/sync/refused", self.crew, query_string=query)
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]
