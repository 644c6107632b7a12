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


class _Answer(msgspec.Struct):
    verdicts: list[Verdict]


_ANSWER = msgspec.json.Decoder(_Answer)

Told = dict[str, Any]
"""``verdict, version, conflicts, problem`` of an edit."""


class Witness:
    """Remembers what the server has said about each edit of a tablet, and when it said something else later."""

    def __init__(self) -> None:
        self.first: dict[str, Told] = {}
        """Edit id -> the first verdict that was heard."""
        self.contradictions: list[str] = []
        self.repetitions = 0
        self._lock = threading.Lock()

    def hear(self, reply: Reply) -> None:
        """Take note of an answer to an exchange."""
        if reply.status != 200:
            return
        for said in _ANSWER.decode(reply.body).verdicts:
            told = _told(said)
            with self._lock:
                self.repetitions += said.verdict == "repeated"
                before = self.first.setdefault(said.edit_id, told)
                if before != told:
                    self.contradictions.append(f"edit {said.seq} ({said.edit_id}): first {before}, then {told}")


def _told(said: Verdict) -> Told:
    if said.verdict == "repeated":
        return {name: said.recorded[name] for name in ("verdict", "version", "conflicts", "problem")}
    return {"verdict": said.verdict, "version": said.version, "conflicts": said.conflicts, "problem": said.problem}


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
        reply = self._inner.send(method, path, headers, body)
        self.exchanges += 1
        self.witness.hear(reply)
        return reply
