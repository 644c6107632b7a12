"""Time, ids and secrets of a simulation: nothing in it asks the machine for any of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from fieldsync import clock as asked
from fieldsync import database
from fieldsync.crews.enrolments import codes

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""Monday morning."""


class Time:
    """The true time, which the server's clock shows. It moves when it is told to."""

    def __init__(self) -> None:
        self.moment = BEGIN

    def now(self, zone: tzinfo | None = None) -> datetime:
        """What ``datetime.now`` would say."""
        return self.moment

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.moment += timedelta(seconds=seconds)


class Ids:
    """UUIDs in their order, the same for the same seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0

    def __call__(self) -> UUID:
        self._number += 1
        return UUID(int=(self._number << 80) | (7 << 76) | (2 << 62) | self._chance.getrandbits(60))


@contextmanager
def installed(time: Time, ids: Ids) -> Iterator[None]:
    """The application asks these. Codes of enrolment are hashed in no time: here nobody guesses them."""
    was = asked.datetime, database.uuid7, codes.hashed
    asked.datetime = time  # type: ignore[assignment, misc]
    database.uuid7 = ids
    codes.hashed = _hashed
    try:
        yield
    finally:
        asked.datetime, database.uuid7, codes.hashed = was  # type: ignore[assignment, misc]


def _hashed(partnership_id: UUID, code: codes.Code) -> bytes:
    return hashlib.sha256(partnership_id.bytes + code.letters.encode()).digest()
