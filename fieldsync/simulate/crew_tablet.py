"""One simulated tablet: a real one, the person who carries it, a clock of its own, and a bad line."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fieldsync.demo.places import Places
from fieldsync.simulate.network import BadLine, Killed
from fieldsync.simulate.person import Person
from fieldsync.simulate.plan import Plan
from fieldsync.tablet import HttpLine, Tablet
from fieldsync.tablet.problems import Unreachable

FETCHES_MAX = 500
"""How often a tablet asks for the boundaries while the server is busy with them: ten seconds."""


class Clock:
    """A tablet's clock: off by ``skew``, and in the simulated past while ``offline_at`` is set."""

    def __init__(self, skew: timedelta) -> None:
        self.skew = skew
        self.offline_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.offline_at or datetime.now(UTC)) + self.skew


class CrewTablet:
    """A tablet with its person. Used by one thread at a time."""

    def __init__(
        self, plan: Plan, number: int, crew_code: str, crew_id: str, folder: Path, server: str, places: Places,
        beside: Executor,
    ) -> None:  # fmt: skip
        self.name = f"{crew_code}-{number + 1:02}"
        self.crew_code = crew_code
        self.crew_id = crew_id
        self.path = folder / f"{self.name}.sqlite3"
        self._plan = plan
        self._server = server
        self._http = HttpLine(server, open_network=True)
        self.line = BadLine(self._http, plan.faults, plan.chance("network", number), beside)
        self.clock = Clock(plan.skew_of(number))
        self._chance = plan.chance("tablet", number)
        self._pauses = plan.chance("pauses", number)
        self.person = Person(self.name, plan.chance("person", number), places)
        self.tablet = self._open()
        self.entered = 0
        self.would_have_waited_s = 0.0
        self.restarts = 0

    def _open(self) -> Tablet:
        return Tablet(
            self.path, self._server, line=self.line, clock=self.clock, chance=self._pauses, app_version="simulated",
            edits_max=self._plan.batch, page=self._plan.page,
        )  # fmt: skip

    def enrol(self, code: str) -> None:
        """Join the crew, and download its records and the boundaries."""
        self.tablet.enrol(code)
        self.line.is_bad = False
        self._fetch_boundaries()
        self.sync()
        self.line.is_bad = True

    def _fetch_boundaries(self) -> None:
        """As often as the server asks to come again: many tablets come at once, and the first has the package made."""
        for _ in range(FETCHES_MAX):
            try:
                self.tablet.fetch_boundaries()
                return
            except Unreachable as busy:
                self._wait(busy.retry_after_s or self._plan.pause_s_max)
        self.tablet.fetch_boundaries()

    def work(self, edits: int, offline_for: timedelta | None = None) -> None:
        """Enter ``edits`` edits: spread over the hours without network that end now, or now."""
        start = datetime.now(UTC) - (offline_for or timedelta())

        def tick(left: int) -> datetime:
            if offline_for is not None:
                # Even steps with some unevenness; never beyond the present.
                share = (edits - left + self._chance.random()) / edits
                self.clock.offline_at = start + offline_for * share
            return self.clock()

        self.person.work(self.tablet, edits, tick)
        self.clock.offline_at = None
        self.entered += edits

    def sync(self) -> None:
        """Sync until nothing is left to do, however often the line fails and the app is killed."""
        while True:
            try:
                self.tablet.sync(patience=1_000, wait=self._wait)
            except Killed:
                # The file as it is now is all that a new start has: the old one ends only afterwards.
                killed, self.tablet = self.tablet, self._open()
                killed.close()
                self.restarts += 1
            else:
                self.person.look(self.tablet)
                return

    def _wait(self, pause_s: float) -> None:
        self.would_have_waited_s += pause_s
        time.sleep(min(pause_s, self._plan.pause_s_max))

    def offer_again(self) -> None:
        """Send every edit that was ever entered once more; the witness hears the answers."""
        self.tablet.offer_again()
        self.sync()

    def close(self) -> None:
        """Close file and connections."""
        self.tablet.close()
        self._http.close()
