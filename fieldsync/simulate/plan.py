"""What is to be simulated, and the chances of everything. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Faults:
    """How often an exchange meets which fault: shares of all requests."""

    request_lost: float = 0.06
    """It never arrives."""
    answer_lost: float = 0.12
    """It arrives and is carried out; the tablet does not hear of it."""
    answer_cut: float = 0.03
    """Half of the answer arrives."""
    portal: float = 0.02
    """The log-in page of a public network answers in the server's place."""
    duplicated: float = 0.06
    """It arrives twice, one after the other."""
    overlapping: float = 0.06
    """It arrives twice at the same time, and either answer is heard."""
    killed: float = 0.05
    """The app is killed while it waits for the answer, and started again from its file."""

    def draw(self, chance: random.Random) -> str | None:
        """The fault that strikes a request, if any."""
        point = chance.random()
        for name in self.__slots__:
            point -= getattr(self, name)
            if point < 0:
                return name
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulated day."""

    tablets: int = 24
    edits: int = 5_000
    """Entered by crews, on all tablets together."""
    hours_offline: float = 8.0
    seed: int = 7
    faults: Faults = Faults()
    rounds: int = 3
    """How often each tablet works on a little and syncs again, once it is back in coverage."""
    share_offline: float = 0.7
    """Part of the edits entered before the first sync."""
    batch: int = 60
    """Edits in an exchange: small, so that a long queue is several of them and faults strike in the middle."""
    page: int = 120
    reread: int = 300
    """Verdicts read again one by one at the end (all of them are offered again in any case)."""
    pause_s_max: float = 0.02
    """What is left of the waiting times between attempts: days are simulated in seconds."""

    def chance(self, *who: object) -> random.Random:
        """The randomness of one actor: independent of what the others draw."""
        return random.Random("/".join(str(part) for part in (self.seed, *who)))  # noqa: S311  (not a secret)

    def edits_of(self, number: int) -> int:
        """How many edits the tablet with this number (from 0) enters in all."""
        return self.edits // self.tablets + (number < self.edits % self.tablets)

    @property
    def crews(self) -> int:
        """How many crews at most: three tablets each, so that colleagues edit the same jobs."""
        return max(2, -(-self.tablets // 3))

    @property
    def office_operations(self) -> int:
        """What the dispatcher does meanwhile: an operation for every twenty edits, and thirty at least."""
        return max(30, self.edits // 20)

    def skew_of(self, number: int) -> timedelta:
        """How wrong a tablet's clock is: seconds, on every fifth one hours, on every eighth one days."""
        chance = self.chance("clock", number)
        if number % 8 == 7:
            return timedelta(days=chance.uniform(-9, 9))
        if number % 5 == 4:
            return timedelta(hours=chance.uniform(-5, 5))
        return timedelta(seconds=chance.gauss(0, 60))
