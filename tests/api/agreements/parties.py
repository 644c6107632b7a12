"""Three towns that agree on things, and the people who do it for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from tests.api.town import Caller, Town

PATH = "/v1/agreements"


def today() -> date:
    """In the partnership's time zone."""
    return datetime.now(UTC).date()


def day(after: int) -> str:
    """A day from today, as it is sent."""
    return (today() + timedelta(days=after)).isoformat()


@dataclass
class Parties:
    """Alder and Birch have a crew each, Cedar has none. ``alder``, ``birch`` and ``cedar`` are their admins."""

    app: Flask
    town: Town = field(init=False)
    ids: dict[str, UUID] = field(init=False)
    service_type_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.town = Town(self.app)
        self.everybody = self.town.staff("admin")
        cedar = self.everybody.post("/v1/jurisdictions", {"code": "C", "name": "C"}).json["id"]
        self.ids = {"alder": self.town.alder, "birch": self.town.birch, "cedar": UUID(cedar)}
        self.admins = {name: self.town.staff(("admin", id_)) for name, id_ in self.ids.items()}
        answer = self.everybody.post("/v1/service-types", {"code": "pothole", "name": "Pothole"})
        self.service_type_id = UUID(answer.json["id"])

    def term(self, giver: str = "alder", receiver: str = "birch", **more: Any) -> dict[str, Any]:
        return {"giver_id": str(self.ids[giver]), "receiver_id": str(self.ids[receiver])} | more

    def wanted(self, *terms: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A proposal; without terms: Alder's crews may work for Birch."""
        given = {"starts_on": day(0), "terms": list(terms) or [self.term()]}
        return given | more

    def propose(self, *terms: dict[str, Any], by: str = "alder", **more: Any) -> dict[str, Any]:
        """An agreement that waits for its other parties."""
        body = {"code": f"A-{uuid4().hex[:10]}", "title": "Sharing crews"} | self.wanted(*terms, **more)
        answer = self.admins[by].post(PATH, body)
        assert answer.status_code == 201, answer.json
        return answer.json  # type: ignore[no-any-return]

    def amend(
        self, agreement: dict[str, Any], *terms: dict[str, Any], by: str = "alder", **more: Any
    ) -> dict[str, Any]:
        """The version that is proposed."""
        answer = self.admins[by].post(f"{PATH}/{agreement['id']}/versions", self.wanted(*terms, **more))
        assert answer.status_code == 201, answer.json
        return answer.json  # type: ignore[no-any-return]

    def step(self, version: dict[str, Any], verb: str, by: str | Caller, **body: Any) -> Any:
        """The answer to accepting, declining or withdrawing a version."""
        caller = self.admins[by] if isinstance(by, str) else by
        return caller.post(f"{PATH}/{version['agreement_id']}/versions/{version['id']}/{verb}", body)

    def agreed(self, *terms: dict[str, Any], by: str = "alder", **more: Any) -> dict[str, Any]:
        """An agreement that all of its parties have accepted."""
        agreement = self.propose(*terms, by=by, **more)
        return self.accepted_by_all(agreement["versions"][0])

    def accepted_by_all(self, version: dict[str, Any]) -> dict[str, Any]:
        """The agreement after everybody has accepted this version of it."""
        for party in version["parties"]:
            if party["accepted_at"] is None:
                by = next(name for name, id_ in self.ids.items() if str(id_) == party["jurisdiction_id"])
                answer = self.step(version, "accept", by)
                assert answer.status_code == 200, answer.json
        return self.read(version["agreement_id"])

    def read(self, agreement_id: str) -> dict[str, Any]:
        answer = self.everybody.get(f"{PATH}/{agreement_id}")
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def end(self, agreement: dict[str, Any], on: str, by: str = "birch", reason: str = "Enough") -> Any:
        return self.admins[by].post(f"{PATH}/{agreement['id']}/end", {"on": on, "reason": reason})

    def grants(self, by: Caller | None = None, **asked: Any) -> list[dict[str, Any]]:
        answer = (by or self.everybody).get(f"{PATH}/grants", query_string=asked)
        assert answer.status_code == 200, answer.json
        return answer.json["items"]  # type: ignore[no-any-return]

    def code(self, answer: Any) -> tuple[int, str, str | None]:
        """Status, code and field of a refusal."""
        return answer.status_code, answer.json["code"], answer.json.get("field")
