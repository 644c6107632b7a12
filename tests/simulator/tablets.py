"""Tablets: the reference tablet on a file, carried by somebody, and the line that it speaks over."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fieldsync.tablet import Exchanged, Reply, Tablet, Unreachable, conversation
from tests.simulator.virtual import Ids, Time

Deliver = Callable[["Carried", "Request"], Reply | None]
SINCE_2 = {
    "work_order": ("respond_by", "resolve_by"),
    "service_type": ("minutes", "certificates", "required_on_completion"),
}
"""Columns that the second step of the shapes of records has brought."""

SERVER = "http://127.0.0.1:1"


class Request:
    """A request on its way. It may arrive twice, late, or never."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> None:
        self.method = method
        self.path = path
        self.headers = dict(headers)
        self.body = body

    def document(self) -> dict[str, Any]:
        """What it says."""
        body = self.body or b"{}"
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return json.loads(body)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        edits = [edit["seq"] for edit in self.document().get("edits", ())]
        return f"{self.method} {self.path} with edits {edits}"


class Carried:
    """A tablet that somebody carries."""

    def __init__(self, number: int, folder: Path, time: Time, ids: Ids, deliver: Deliver) -> None:
        self.number = number
        self.skew = timedelta(0)
        self.fate: dict[str, Any] = {}
        """What becomes of the next request; empty: it arrives, and so does the answer."""
        self.strays: list[Request] = []
        """Requests that the network still holds."""
        self.entered: dict[str, tuple[str, str, dict[str, Any]]] = {}
        """Edit id -> kind, action and fields, of all that was ever stored here."""
        self.copy: bytes | None = None
        """An old copy of the file."""
        self.edits_max, self.page, self.schema = 500, 500, 2
        self.struck = False
        """The battery has died."""
        self.device_id = ""
        self.crew = 0
        self._path = folder / f"tablet{number}.sqlite3"
        self._time = time
        self._ids = ids
        self._deliver = deliver
        self.tablet = self._open()

    def clock(self) -> datetime:
        """The tablet's own, wrong as it is."""
        return self._time() + self.skew

    def _open(self) -> Tablet:
        return Tablet(
            self._path, SERVER, line=self, clock=self.clock, new_id=self._ids, chance=random.Random(self.number),
            edits_max=self.edits_max, page=self.page,
        )  # fmt: skip

    def reopen(self, edits_max: int | None = None, page: int | None = None) -> None:
        """Start the app again: from what is on the disk."""
        self.struck = False
        self.edits_max, self.page = edits_max or self.edits_max, page or self.page
        self.tablet.close()
        self.tablet = self._open()

    def ask_for(self, edits_max: int, page: int) -> None:
        """From now on so many edits in an exchange, and so many changes in an answer."""
        self.tablet._conversation._edits_max, self.tablet._conversation._page = edits_max, page

    def copy_file(self) -> None:
        """Somebody makes a copy of the file."""
        self.copy = self.tablet._store._connection.serialize()

    def put_back_copy(self) -> None:
        """And puts it back, later."""
        assert self.copy is not None
        self.tablet.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._path.write_bytes(self.copy)
        self.tablet = self._open()

    def dying(self, at: int) -> None:
        """Let the battery die after so many steps of SQLite's machine: whatever is under way then is rolled back, as it
        would be after a power cut."""
        connection = self.tablet._store._connection
        left = at

        def tick() -> int:
            nonlocal left
            left -= 1
            if left > 0:
                return 0
            connection.set_progress_handler(None, 0)
            self.struck = True
            return 1

        connection.set_progress_handler(tick, 5)

    def alive(self) -> None:
        """Nothing dies any more."""
        self.tablet._store._connection.set_progress_handler(None, 0)

    def remember(self) -> None:
        """Note what has been entered and stored."""
        for row in self.tablet._store.read("SELECT edit_id, kind, action, sent FROM edit"):
            if row["edit_id"] not in self.entered:
                self.entered[row["edit_id"]] = (row["kind"], row["action"], json.loads(row["sent"])["fields"])

    def exchange(self) -> Exchanged:
        """One exchange, by an app that knows so many steps of the shapes of records."""
        was, conversation.SCHEMA = conversation.SCHEMA, self.schema
        cursor = self.tablet._store.state()["cursor"]
        try:
            return self.tablet.exchange()
        finally:
            conversation.SCHEMA = was
            # Only where it has stored an answer: before, the server does not know that it went back to an older app.
            if self.schema == 1 and self.tablet._store.state()["cursor"] != cursor:
                self._pass_over_what_is_new()

    def _pass_over_what_is_new(self) -> None:
        """An app of the first step stores none of what the second brought."""
        with self.tablet._store.transaction() as connection:
            connection.execute("DELETE FROM record WHERE kind = 'assignment'")
            for kind, names in SINCE_2.items():
                paths = ", ".join(f"'$.{name}'" for name in names)
                connection.execute(
                    f"UPDATE record SET body = json_remove(body, {paths}) WHERE kind = ?"
                    f" AND json_type(body, '$.{names[0]}') IS NOT NULL", (kind,)
                )  # fmt: skip

    # --- the line -----------------------------------------------------------------------------------------------------

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See ``fieldsync.tablet.Line``."""
        fate, self.fate = self.fate, {}
        request = Request(method, path, headers, body)
        match fate.get("fate"):
            case "is lost":
                raise Unreachable("lost")
            case "is held up":
                self.strays.append(request)
                raise Unreachable("held up")
            case "is refused for now":
                return _problem(503, "come_again", {"Retry-After": "3"})
            case "meets a portal":
                return Reply(200, {"Content-Type": "text/html"}, b"<html>Welcome to the hotel</html>")
        reply = self._deliver(self, request)
        if reply is None or fate.get("fate") == "answer lost":
            raise Unreachable("no answer")
        match fate.get("fate"):
            case "answer cut":
                return Reply(reply.status, reply.headers, reply.body[: len(reply.body) * fate["at"] // 40])
            case "comes twice":
                again = self._deliver(self, request)
                return again if again is not None and fate["at"] % 2 else reply
            case "is overtaken":
                self.exchange()
        return reply


def _problem(status: int, code: str, headers: Mapping[str, str]) -> Reply:
    document = {"type": f"urn:fieldsync:problem:{code}", "title": code, "status": status, "code": code}
    named = {"Content-Type": "application/problem+json", **headers}
    return Reply(status, named, json.dumps(document).encode())


Died = sqlite3.OperationalError
"""What the app sees of its own death."""
