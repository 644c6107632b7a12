"""Who is at work while everything fails: crews with tablets, a dispatcher, and GIS staff."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import urllib3

from fieldsync.demo.places import COUNTIES
from fieldsync.simulate.crew_tablet import CrewTablet
from fieldsync.simulate.drive import Day
from fieldsync.simulate.office import Office, OfficeRefused
from fieldsync.simulate.plan import Plan

CLOCK_DAYS = 6
"""How far a tablet's clock jumps, either way: both together stay within the two weeks for which a tablet keeps what was
acknowledged."""

JUMP_SHARE = 0.08
"""So often a crew finds its tablet with another date than before."""

RUN_STATES_OPEN = ("waiting", "running")


@dataclass
class Notes:
    """What the people met with. Threads share it."""

    findings: list[str] = field(default_factory=list)
    """What should not have happened to them."""
    counts: Counter[str] = field(default_factory=Counter)
    longest_sync_s: float = 0.0


class Crews:
    """All tablets, each in a thread of its own: work out of coverage, come back, send, receive, and again."""

    def __init__(self, day: Day, notes: Notes, stop: threading.Event) -> None:
        self._notes = notes
        self._stop = stop
        self.threads = [
            threading.Thread(target=self._live, args=(tablet, day.plan, number), daemon=True, name=tablet.name)
            for number, tablet in enumerate(day.tablets)
        ]

    def _live(self, tablet: CrewTablet, plan: Plan, number: int) -> None:
        chance = plan.chance("life", number)
        try:
            while not self._stop.is_set():
                if chance.random() < JUMP_SHARE:
                    tablet.clock.skew = timedelta(days=chance.uniform(-CLOCK_DAYS, CLOCK_DAYS))
                    self._notes.counts["a tablet's clock jumps by days"] += 1
                # Most often a few edits; now and then a long queue, of several batches.
                edits = chance.choice((1, 3, 5, 8, 12)) if chance.random() < 0.95 else 150
                tablet.work(edits, timedelta(hours=chance.uniform(0.1, 10)))
                began = time.monotonic()
                tablet.sync()
                self._notes.longest_sync_s = max(self._notes.longest_sync_s, time.monotonic() - began)
                self._stop.wait(chance.uniform(0, 4))
        except BaseException as error:  # noqa: BLE001  (whatever ends a crew's work is a finding)
            self._notes.findings.append(f"{tablet.name} could not go on: {type(error).__name__}: {error}")


def dispatch(day: Day, notes: Notes, stop: threading.Event) -> None:
    """The dispatcher at her desk. A request that is not answered in five attempts she leaves."""
    pause = day.plan.chance("pauses of the dispatcher")
    while not stop.is_set():
        day.dispatcher.work(1, stop, pause.uniform(0, 0.3))
        error, day.dispatcher.error = day.dispatcher.error, None
        if isinstance(error, OfficeRefused):
            notes.counts["the dispatcher gave up on a request"] += 1
        elif error is not None:
            notes.findings.append(f"the dispatcher could not go on: {type(error).__name__}: {error}")
            return


class _NoAnswer(Exception):
    """What came was no whole answer."""


class Gis:
    """GIS staff: hand in the counties' file once more, have it read and checked, publish it, and again."""

    def __init__(self, office: Office, server: str, token: str, notes: Notes, stop: threading.Event) -> None:
        """``office``: with the same token; ``server``: for what is no JSON."""
        self._office = office
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False, timeout=urllib3.Timeout(5, 60))
        self._notes = notes
        self._stop = stop
        self.runs: list[str] = []
        """Runs that were promised: the answer said 202."""

    def work(self) -> None:
        """Until she is told to stop."""
        try:
            (layer, *_) = self._office.every("/v1/boundaries/layers")
        except OfficeRefused as refused:
            self._notes.findings.append(f"GIS staff could not begin: {refused}")
            return
        while not self._stop.is_set():
            try:
                self._publish_anew(str(layer["id"]))
            except (OfficeRefused, urllib3.exceptions.HTTPError, OSError, _NoAnswer):
                self._notes.counts["GIS staff gave up on a request"] += 1
            self._stop.wait(1)

    def _publish_anew(self, layer_id: str) -> None:
        fields: dict[str, Any] = {
            "code_field": "code", "name_field": "name",
            "file": (Path(COUNTIES).name, COUNTIES.read_bytes(), "application/geo+json"),
        }  # fmt: skip
        path = f"{self._server}/v1/boundaries/layers/{layer_id}/uploads"
        answer = self._pool.request("POST", path, fields=fields, headers=self._headers)
        if not answer.data:
            raise _NoAnswer  # It was cut within its head.
        if answer.status != 202:
            self._notes.counts[f"uploads answered with {answer.status}"] += 1
            return
        run = self._ended(answer.json()["id"])
        if run is None or run["state"] != "done":
            return
        version = f"/v1/boundaries/versions/{run['version_id']}"
        kinds = {row["kind"] for row in self._office.every(f"{version}/findings")}
        told = self._office.ask("POST", f"{version}/publication", {"acknowledge": sorted(kinds)})
        if told.status != 202:
            self._notes.counts[f"publications answered with {told.document.get('code')}"] += 1
        elif told.document["run_id"] is not None:
            self._ended(told.document["run_id"])

    def _ended(self, run_id: str) -> dict[str, Any] | None:
        """The run once it has ended; None if she is told to stop before."""
        self.runs.append(run_id)
        while not self._stop.wait(0.5):
            run = self._office.need("GET", f"/v1/boundaries/runs/{run_id}")
            if run["state"] not in RUN_STATES_OPEN:
                return run
        return None
