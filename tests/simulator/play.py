"""Playing a scenario: each step in turn, every answer held against what is promised."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from fieldsync.crews.enrolments import codes
from fieldsync.crews.models import Enrolment
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from fieldsync.tablet import Reply
from tests.simulator.histories import Path as HistoryPath
from tests.simulator.ledger import Broken, Document, Ledger, Line, hold
from tests.simulator.oracle import Base, Ruling, Who
from tests.simulator.scenario import TABLETS, Step
from tests.simulator.servers import Server
from tests.simulator.tablets import Carried, Request
from tests.simulator.town import Town, found
from tests.simulator.virtual import Ids, Time

Stepping = Callable[["Play", Step], None]
STEPS: dict[str, Stepping] = {}
VOLATILE = ("request_id", "token", "partnership")
"""What an answer has that is another each time."""

OFFLINE = timedelta(days=180)
"""So long a tablet may be away."""

REVOKED = {"ended": "not_authenticated", "quarantined": "device_revoked"}


def step(*names: str) -> Callable[[Stepping], Stepping]:
    """Says that the function plays the steps of these names."""

    def register(function: Stepping) -> Stepping:
        STEPS.update(dict.fromkeys(names, function))
        return function

    return register


class Play:
    """A scenario while it is played."""

    def __init__(self, server: Server, time: Time, ids: Ids) -> None:
        self.server = server
        self.time = time
        self.ids = ids
        self.told: list[str] = []
        """What has happened, for whoever reads the history of a scenario that failed."""
        self._step = 0
        with server.transaction() as session:
            self.town: Town = found(session, server.partnership_id, ids)
        self.crews = [str(crew_id) for crew_id in self.town.crew_ids]
        types = [str(name) for name in self.town.service_type_ids]
        self.ledger = Ledger({*types, str(self.town.member_id), *self.crews}, str(self.town.epoch))
        self.folder = Path(tempfile.mkdtemp(prefix="fieldsync-simulated-", dir=_memory()))
        self.jobs: list[str] = []
        self.tasks: list[str] = []
        """All that were ever made, for edits of what is not on the tablet."""
        self.backups: list[tuple[Any, Ledger, Any]] = []
        """What the server kept, what it must know, and when that was."""
        self.ended: dict[str, HistoryPath] = {}
        """Epoch that a restore has ended -> how far its history went."""
        self.answers: list[tuple[str, int, Document]] = []
        """What the server has answered, but for what is another each time."""
        self.devices: dict[str, str] = {}
        """Token -> device."""
        self.tablets = [Carried(number, self.folder, time, ids, self.deliver) for number in range(TABLETS)]
        for carried in self.tablets:
            self.join(carried, carried.number % 2)

    def close(self) -> None:
        """Let go of the tablets' files."""
        for carried in self.tablets:
            carried.tablet.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self, text: str) -> None:
        """A line of the history."""
        self.told.append(f"{self._step:>4}  {text}")

    def play(self, steps: Sequence[tuple[int, Step]]) -> None:
        """Play the steps, which bear numbers.

        Raises:
            Broken: a law did not hold.
        """
        for number, one in steps:
            self._step = number
            self.time.pass_by(7)
            STEPS[one.what](self, one)

    # --- devices ------------------------------------------------------------------------------------------------------

    def join(self, carried: Carried, crew: int) -> None:
        """A tablet joins a crew by a code of the office: a new device."""
        at, key = self.time(), {"partnership_id": self.town.partnership_id}
        code = codes.Code(self.town.slug, _letters(self.ids()))
        with self.server.transaction() as session:
            session.add(
                Enrolment(**key, code_hash=codes.hashed(self.town.partnership_id, code), id=self.ids(),
                          crew_id=self.town.crew_ids[crew], device_name=f"Tablet {carried.number}",
                          created_by=self.town.staff_ids[0], created_at=at, expires_at=at + timedelta(days=1))
            )  # fmt: skip
        carried.crew = crew
        carried.tablet.enrol(code.text())

    def another_tablet(self, crew: int) -> Carried:
        """A new tablet of a crew, for whoever wants to see what it would be sent."""
        carried = Carried(len(self.devices) + TABLETS, self.folder, self.time, self.ids, self.deliver)
        self.join(carried, crew)
        return carried

    def line(self, carried: Carried) -> Line:
        """The line of the device that a tablet is."""
        return self.ledger.lines[carried.device_id]

    # --- the wire -----------------------------------------------------------------------------------------------------

    def deliver(self, carried: Carried, request: Request) -> Reply | None:
        """Let a request arrive, and hold its answer against what is promised. None: the server's process is gone."""
        reply = self.server.send(request.method, request.path, request.headers, request.body)
        if reply is not None:
            told = json.loads(reply.body)
            self.answers.append((request.path, reply.status, {n: v for n, v in told.items() if n not in VOLATILE}))
        if request.path == "/v1/devices/enrol":
            assert reply is not None
            self._joined(carried, request.document(), reply)
            return reply
        device_id = self.devices[bearer(request.headers)]
        if reply is None:
            self._unheard(device_id, request)
        elif reply.status >= 400:
            self._refused(device_id, request, reply)
        elif request.path == "/v1/sync":
            self.ledger.exchanged(device_id, request.document(), json.loads(reply.body), self.time())
        elif request.path == "/v1/sync/deposit":
            self.ledger.deposited(device_id, request.document(), json.loads(reply.body), self.time())
        return reply

    def _joined(self, carried: Carried, asked: Document, reply: Reply) -> None:
        hold("a good code lets a tablet in", 201, reply.status, reply.body)
        answer, former = json.loads(reply.body), None
        was = self.ledger.lines.get(self.devices.get(asked.get("former_token", ""), ""))
        if was is not None:
            deposited = len(was.settled) + len(was.waiting) if was.state != "works" and was.deposited else None
            former = {"expected_seq": was.expected_seq, "deposited_seq": deposited}
            was.state = "ended"
        told = answer["former"] and {name: answer["former"][name] for name in ("expected_seq", "deposited_seq")}
        hold("what the server has of the former device", former, told, carried.number)
        crew = self.crews[carried.crew]
        before = was.former | {was.crew} if was is not None else frozenset()
        self.ledger.lines[answer["device_id"]] = Line(crew, before - {crew})
        self.devices[answer["token"]] = carried.device_id = answer["device_id"]

    def _unheard(self, device_id: str, request: Request) -> None:
        """Nobody heard the answer of an exchange: what has become of its edits is read from the journal. Either all of
        it was committed, or nothing."""
        if request.path != "/v1/sync":
            return
        asked, line = request.document(), self.ledger.lines.get(device_id)
        (next_seq,) = [row["next_seq"] for row in self.server.rows("device") if row["id"] == device_id] or [0]
        apart = sum(row["author_id"] == device_id and row["seq"] is None for row in self.server.rows("journal"))
        if line is not None and (next_seq > line.expected_seq or apart > len(line.misfits)):
            self.tell("  the server had committed it, and nobody heard of it")
            # It may have taken the first edits alone; what is above its number is as if it had not been sent.
            taken = [edit for edit in asked["edits"] if edit["seq"] < next_seq]
            asked = asked | {"edits": taken}
            self.ledger.committed(device_id, asked, self.time(), lambda edit: self.kept_verdict(device_id, edit))
            hold("a number is used for each edit that was taken", line.expected_seq, next_seq, asked)

    def _refused(self, device_id: str, request: Request, reply: Reply) -> None:
        """The server will not do it.

        Raises:
            Broken: it has no reason.
        """
        asked, code = request.document(), json.loads(reply.body)["code"]
        line = self.ledger.lines.get(device_id)
        state = "ended" if line is None else line.state  # A restored server does not know who joined since the backup.
        if reply.status == 401 and state != "works":
            hold("who was revoked is told so", REVOKED[state], code, asked)
        elif code == "quarantine_full" and line is not None and line.revoked_at is not None:
            hold("a quarantine closes", True, self.time() - line.revoked_at > OFFLINE, asked)
        elif reply.status == 409 and line is not None:
            hold("a gap is told as such", "sequence_gap", code, asked)
            expected = line.expected_seq + len(line.waiting)
            hold("expected_seq of a gap", expected, json.loads(reply.body)["expected_seq"])
            if not _has_gap([edit["seq"] for edit in asked["edits"]], expected):
                raise Broken(f"a batch without a gap was refused: {asked}")
        else:
            raise Broken(f"{reply.status} {reply.body.decode()}\n  about: {request}")

    def kept_verdict(self, device_id: str, edit: Document) -> Document:
        """The verdict that the journal has of an edit, in the form in which it is told."""
        (row,) = [
            row for row in self.server.rows("journal")
            if row["author_id"] == device_id and row["edit_id"] == edit["edit_id"]
        ] or [None]  # fmt: skip
        if row is None:
            raise Broken(f"law 3, a batch is taken whole or not at all: {edit}")
        conflicts = [
            {"id": one["id"], "sort": one["sort"], "field": one["field"], "policy": one["policy"],
             "state": "settled" if one["settled_as"] == "policy" else "open",
             "base": one["base_value"], "kept": one["kept_value"], "other": one["other_value"]}
            for one in self.server.rows("conflict")
            if (one["author_id"], one["edit_id"]) == (device_id, edit["edit_id"])
        ]  # fmt: skip
        conflicts.sort(key=lambda one: str(one["id"]))
        verdict = {name: row[name] for name in ("verdict", "version", "problem")}
        return verdict | {"conflicts": conflicts, "refused_fields": row["refused_fields"] or []}

    # --- the office ---------------------------------------------------------------------------------------------------

    def desk(self, number: int) -> Who:
        """A person at a desk."""
        own = self.town.own(number)
        named = None if own is None else frozenset(map(str, own))
        return Who(str(self.town.staff_ids[number]), "office", None, named)

    def at_desk(self, desk: int, edit: Document) -> Ruling:
        """An edit of the office: what becomes of it, which is what had to."""
        who, at = self.desk(desk), self.time()
        raw = msgspec.Raw(json.dumps(edit["fields"]).encode())
        base = edit["base_version"]
        ready = prepare("office", self.ids(), None, edit["kind"], UUID(edit["record_id"]), edit["action"], base, at, at,
                        raw)  # fmt: skip
        author = Author(self.town.staff_ids[desk], "office", self.town.partnership_id, None, self.town.own(desk))
        with self.server.transaction() as session:
            (decision,) = enter(session, author, [ready], at).decisions
        ruling = self.ledger.oracle.rule(who, edit, at, Base(base or 0))
        self.ledger.conflicts += len(ruling.conflicts)
        self.ledger.office_edits += 1
        code = decision.problem and decision.problem["code"]
        expected = (ruling.verdict, ruling.version, ruling.code, len(ruling.conflicts))
        hold("the office's verdict", expected, (decision.verdict, decision.version, code, len(decision.clashes)), edit)
        return ruling


def _memory() -> str | None:
    """Where files cost nothing, if there is such a place."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _letters(seed: UUID) -> str:
    """The letters of a code, made from an id."""
    return "".join(codes.ALPHABET[seed.int >> 5 * place & 31] for place in range(codes.LETTERS))


def _has_gap(seqs: list[int], expected: int) -> bool:
    for seq in sorted(seqs):
        if seq > expected:
            return True
        expected = max(expected, seq + 1)
    return False


def bearer(headers: Mapping[str, str]) -> str:
    """The token of a request."""
    return headers["Authorization"].removeprefix("Bearer ")
