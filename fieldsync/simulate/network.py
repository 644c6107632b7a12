"""A bad network between a tablet and the server, and a witness who hears every answer, also those that are lost."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import msgspec

from fieldsync.simulate.plan import Faults
from fieldsync.tablet import HttpLine, Reply, Unreachable

_PORTAL = Reply(200, {"Content-Type": "text/html"}, b"<html>Welcome to Depot Guest WiFi. Please log in.</html>")


class Killed(BaseException):
    """The app is killed at this moment. Not an Exception: nothing in the app can catch it."""


class Verdict(msgspec.Struct):
    """A verdict as it stands in an answer."""

    seq: int
    edit_id: str
    verdict: str
    version: int | None
    conflicts: list[Any]
    problem: Any
    recorded: Any


class _Change(msgspec.Struct):
    kind: str
    id: str


class _Answer(msgspec.Struct):
    epoch: str
    expected_seq: int
    verdicts: list[Verdict]
    changes: list[_Change]


class _Problem(msgspec.Struct):
    code: str = "unknown"


_ANSWER = msgspec.json.Decoder(_Answer)
_PROBLEM = msgspec.json.Decoder(_Problem)

CUT = "cut within its head"

Told = dict[str, Any]
"""``verdict, version, conflicts, problem`` of an edit."""


class Witness:
    """Remembers what the server has said about each edit of a tablet, and when it said something else later."""

    def __init__(self) -> None:
        self.first: dict[str, Told] = {}
        """Edit id -> the first verdict that was heard."""
        self.contradictions: list[str] = []
        self.repetitions = 0
        self.sent: set[tuple[str, str]] = set()
        """(kind, id) of every record that the server has ever sent, or told the departure of."""
        self.problems: Counter[str] = Counter()
        """Status and code of every answer that was no 200."""
        self._acknowledged: dict[str, int] = {}
        """Epoch -> the number below which the server has said that it has all edits."""
        self._lock = threading.Lock()

    @property
    def acknowledged(self) -> Mapping[str, int]:
        """What has been acknowledged by now, for ``hear`` of an answer to a request that is made after this."""
        with self._lock:
            return dict(self._acknowledged)

    def hear(self, reply: Reply, acknowledged: Mapping[str, int] | None = None) -> None:
        """Take note of an answer to an exchange. ``acknowledged``: as it was before the request was made."""
        if reply.status != 200:
            with self._lock:
                self.problems[f"{reply.status} {_code(reply)}"] += 1
            return
        try:
            answer = _ANSWER.decode(reply.body)
        except msgspec.DecodeError:
            return  # Cut on the way, where the line itself could not know: the tablet cannot use it either.
        floor = (acknowledged or {}).get(answer.epoch, 1)
        with self._lock:
            self.sent |= {(change.kind, change.id) for change in answer.changes}
            self._acknowledged[answer.epoch] = max(self._acknowledged.get(answer.epoch, 1), answer.expected_seq)
            if answer.expected_seq < floor:
                self.contradictions.append(
                    f"edit {answer.expected_seq} is expected, and all below {floor} had been taken"
                )
            for said in answer.verdicts:
                self._take(said, floor)

    def _take(self, said: Verdict, floor: int) -> None:
        told = _told(said)
        self.repetitions += said.verdict == "repeated"
        before = self.first.setdefault(said.edit_id, told)
        if before != told:
            self.contradictions.append(f"edit {said.seq} ({said.edit_id}): first {before}, then {told}")
        if said.seq < floor and said.verdict not in ("repeated", "refused"):
            self.contradictions.append(f"edit {said.seq} ({said.edit_id}) had been taken, and is {said.verdict} anew")


def _told(said: Verdict) -> Told:
    if said.verdict == "repeated":
        return {name: said.recorded[name] for name in ("verdict", "version", "conflicts", "problem")}
    return {"verdict": said.verdict, "version": said.version, "conflicts": said.conflicts, "problem": said.problem}


def _code(reply: Reply) -> str:
    """The code of a problem, and whether it fails to say when to come again; the type of what is no problem of ours."""
    if not reply.body:
        return CUT
    try:
        code = _PROBLEM.decode(reply.body).code
    except msgspec.DecodeError:
        return reply.headers.get("Content-Type", "without a type")
    return code if reply.status not in (429, 503) or "Retry-After" in reply.headers else f"{code} without Retry-After"


class BadLine:
    """A line that does to exchanges what ``faults`` says. Everything else passes."""

    def __init__(self, inner: HttpLine, faults: Faults, chance: random.Random, beside: Executor) -> None:
        """``beside``: carries the second of two overlapping requests."""
        self._inner = inner
        self._faults = faults
        self._chance = chance
        self._beside = beside
        self.witness = Witness()
        self.struck: Counter[str] = Counter()
        """Fault -> how often."""
        self.unheard: Counter[str] = Counter()
        """What the line itself said when no whole answer came -> how often."""
        self.exchanges = 0
        """Requests that arrived at the server."""
        self.is_bad = True

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """See ``fieldsync.tablet.Line``.

        Raises:
            Unreachable, Killed
        """
        if (method, path) != ("POST", "/v1/sync"):
            return self._inner.send(method, path, headers, body)
        fault = self._faults.draw(self._chance) if self.is_bad else None
        if fault is None:
            return self._carry(method, path, headers, body)
        self.struck[fault] += 1
        if fault == "request_lost":
            raise Unreachable("The request was lost.")
        if fault == "portal":
            return _PORTAL
        if fault == "overlapping":
            other = self._beside.submit(self._carry, method, path, headers, body)
            mine = self._carry(method, path, headers, body)
            theirs = other.result()
            return mine if self._chance.random() < 0.5 else theirs
        reply = self._carry(method, path, headers, body)
        if fault == "duplicated":
            return self._carry(method, path, headers, body)
        if fault == "killed":
            raise Killed
        if fault == "answer_cut":
            return reply._replace(body=reply.body[: len(reply.body) // 2])
        raise Unreachable("The answer was lost.")

    def _carry(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        acknowledged = self.witness.acknowledged
        try:
            reply = self._inner.send(method, path, headers, body)
        except Unreachable as problem:
            self.unheard[str(problem)] += 1
            raise
        self.exchanges += 1
        self.witness.hear(reply, acknowledged)
        return reply
