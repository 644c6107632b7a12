"""A tablet that is lost: what it holds, what it deposits, and what a dispatcher makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from fieldsync.database import new_id
from tests.api.custody.losing import device_of
from tests.api.office.world import WEST, World, now

Document = dict[str, Any]


@dataclass
class Lost:
    """Alpha's tablet. ``edits``: its queue, from number 1 on."""

    world: World
    edits: list[Document] = field(default_factory=list)
    skew: timedelta = timedelta(0)

    @property
    def path(self) -> str:
        return f"/devices/{device_of(self.world)}"

    def enter(
        self,
        kind: str,
        record_id: Any,
        action: str,
        base: int | None = None,
        at: datetime | None = None,
        /,
        **fields: Any,
    ) -> Document:
        edit = {
            "seq": len(self.edits) + 1, "edit_id": str(uuid4()), "kind": kind, "record_id": str(record_id),
            "action": action, "base_version": base, "observed_at": ((at or now()) + self.skew).isoformat(),
            "fields": fields,
        }  # fmt: skip
        self.edits.append(edit)
        return edit

    def find(self, **fields: Any) -> str:
        """Enter a new job; its id."""
        record_id = str(new_id())
        made = {"title": "Hole", "service_type_id": str(self.world.pothole), "location": WEST} | fields
        self.enter("work_order", record_id, "create", None, **made)
        return record_id

    def note(self, job: str, body: str = "Deep") -> Document:
        return self.enter("note", uuid4(), "create", None, work_order_id=job, body=body)

    def send(self, path: str, edits: list[Document] | None = None, **more: Any) -> Any:
        body = {
            "protocol": 1, "sent_at": (now() + self.skew).isoformat(), "edits": self.edits if edits is None else edits,
        }  # fmt: skip
        return self.world.ask("POST", path, by="alpha", json=body | more)

    def exchange(self, edits: list[Document] | None = None, **more: Any) -> Any:
        return self.send("/sync", edits, **more)

    def deposit(self, edits: list[Document] | None = None, **more: Any) -> Any:
        return self.send("/sync/deposit", edits, **more)

    def deposited(self, edits: list[Document] | None = None, **more: Any) -> tuple[int, int]:
        """``(deposited_seq, waiting)``: all that it is told."""
        answer = self.deposit(edits, **more)
        assert answer.status_code == 202, answer.json
        assert set(answer.json) == {"deposited_seq", "waiting"}
        return answer.json["deposited_seq"], answer.json["waiting"]

    def revoke(self, **body: Any) -> Document:
        options = {"json": body} if body else {}
        answer = self.world.ask("POST", f"{self.path}/revoke", **options)
        assert answer.status_code == 200, answer.json
        return answer.json  # type: ignore[no-any-return]

    def quarantine(self, by: str = "dispatcher", **query: Any) -> Any:
        return self.world.ask("GET", f"{self.path}/quarantine", by, query_string=query)

    def release(self, through_seq: int, by: str = "dispatcher", **more: Any) -> Any:
        return self.world.ask("POST", f"{self.path}/quarantine/release", by, json={"through_seq": through_seq} | more)

    def released(self, through_seq: int, **more: Any) -> list[str]:
        """The verdicts."""
        answer = self.release(through_seq, **more)
        assert answer.status_code == 200, answer.json
        return [one["verdict"] for one in answer.json["verdicts"]]

    def journal(self) -> list[Any]:
        return self.world.rows(
            "SELECT j.* FROM journal j JOIN device d ON d.partnership_id = j.partnership_id AND d.id = j.author_id"
            " WHERE j.partnership_id = :p ORDER BY j.entry"
        )
