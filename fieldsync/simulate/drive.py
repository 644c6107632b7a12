"""Driving a simulated day: enrol, work offline, come back on a bad network, settle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from fieldsync.demo.places import Places
from fieldsync.simulate.crew_tablet import CrewTablet
from fieldsync.simulate.dispatcher import Dispatcher
from fieldsync.simulate.office import Office
from fieldsync.simulate.plan import Plan

DISPATCHED_OFFLINE = 0.6
"""Part of the dispatcher's operations that happens while all crews are out of coverage; the rest as they come back."""

DISPATCHER_PAUSE_S = 0.01

OVERLAPPING_MAX = 8
"""Requests at a time that run beside the one they repeat."""


class Watcher(Protocol):
    """Whoever watches the progress."""

    def phase(self, name: str, steps: int) -> None:
        """A phase of so many steps begins."""

    def step(self, steps: int = 1) -> None:
        """So many steps of it are done. Called from many threads."""


class Nobody:
    """A watcher that looks away."""

    def phase(self, name: str, steps: int) -> None:
        """See ``Watcher``."""

    def step(self, steps: int = 1) -> None:
        """See ``Watcher``."""


@dataclass(frozen=True, slots=True)
class Crew:
    """A crew of the partnership."""

    code: str
    id: str


@dataclass(slots=True)
class Day:
    """A simulated day, and all who took part in it."""

    plan: Plan
    server: str
    office: Office
    places: Places
    folder: Path
    crews: list[Crew]
    dispatcher: Dispatcher
    tablets: list[CrewTablet] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Phase -> how long it took."""
    exchanges: int = 0
    """Requests that arrived while the tablets came back."""
    way: str | None = None
    """The address that the tablets use, where something lies between them and the server."""

    def enrolment_code(self, crew: Crew, device: str) -> str:
        """A new code for a tablet of a crew.

        Raises:
            OfficeRefused
        """
        made = self.office.need("POST", "/v1/enrolments", {"crew_id": crew.id, "device_name": device})
        return str(made["code"])

    def close(self) -> None:
        """Close all files and connections."""
        for tablet in self.tablets:
            tablet.close()


def drive(plan: Plan, server: str, token: str, folder: Path, watcher: Watcher | None = None) -> Day:
    """Simulate the day against a running server. Afterwards all tablets have sent and received everything.

    Args:
        token: of a dispatcher of the whole partnership. Nobody else should be at work in it meanwhile.
        folder: for the tablets' files.

    Raises:
        OfficeRefused: the server cannot be reached, or does not let the dispatcher do what she has to.
    """
    watcher = watcher or Nobody()
    day = begin(plan, server, Office(server, token), folder)
    with ThreadPoolExecutor(plan.tablets) as pool, ThreadPoolExecutor(OVERLAPPING_MAX) as beside:
        enrol(day, pool, beside, watcher)
        _work_offline(day, pool, watcher)
        _come_back(day, pool, watcher)
        settle(day, pool, watcher)
    return day


def begin(plan: Plan, server: str, office: Office, folder: Path, way: str | None = None) -> Day:
    """A day on which nobody has done anything yet. ``way``: see ``Day``.

    Raises:
        OfficeRefused
    """
    crews = [
        Crew(crew["code"], crew["id"])
        for crew in office.every("/v1/crews")
        if crew["disbanded_at"] is None
    ]  # fmt: skip
    places = Places()
    dispatcher = Dispatcher(office, plan.chance("dispatcher"), places)
    return Day(plan, server, office, places, folder, crews[: plan.crews], dispatcher, way=way)


def enrol(day: Day, pool: Executor, beside: Executor, watcher: Watcher) -> None:
    """Give each crew its tablets, and let the dispatcher look at the jobs. ``beside``: see ``BadLine``."""
    plan, way = day.plan, day.way or day.server
    watcher.phase("Enrolling tablets", plan.tablets)
    for number in range(plan.tablets):
        crew = day.crews[number % len(day.crews)]
        day.tablets.append(CrewTablet(plan, number, crew.code, crew.id, day.folder, way, day.places, beside))

    def join(tablet: CrewTablet) -> None:
        tablet.enrol(day.enrolment_code(Crew(tablet.crew_code, tablet.crew_id), tablet.name))
        watcher.step()

    _each(day, "enrol", pool, join)
    day.dispatcher.look([crew.id for crew in day.crews])


def _work_offline(day: Day, pool: Executor, watcher: Watcher) -> None:
    plan = day.plan
    watcher.phase(f"{plan.hours_offline:g} hours out of coverage", sum(map(_offline_edits(plan), range(plan.tablets))))
    desk = _at_the_desk(day, round(plan.office_operations * DISPATCHED_OFFLINE))

    def work(number: int, tablet: CrewTablet) -> None:
        edits = _offline_edits(plan)(number)
        tablet.work(edits, timedelta(hours=plan.hours_offline))
        watcher.step(edits)

    _each(day, "offline", pool, lambda tablet: work(day.tablets.index(tablet), tablet))
    desk.finish()


def _come_back(day: Day, pool: Executor, watcher: Watcher) -> None:
    plan = day.plan
    watcher.phase("Back in coverage", plan.edits)
    before = sum(tablet.line.exchanges for tablet in day.tablets)
    desk = _at_the_desk(day, round(plan.office_operations * (1 - DISPATCHED_OFFLINE)), DISPATCHER_PAUSE_S)

    def come_back(number: int, tablet: CrewTablet) -> None:
        tablet.sync()
        watcher.step(tablet.entered)
        left = plan.edits_of(number) - tablet.entered
        for turn in range(plan.rounds, 0, -1):
            share = left // turn
            left -= share
            tablet.work(share)
            tablet.sync()
            watcher.step(share)

    _each(day, "back", pool, lambda tablet: come_back(day.tablets.index(tablet), tablet))
    desk.finish()
    day.exchanges = sum(tablet.line.exchanges for tablet in day.tablets) - before


def settle(day: Day, pool: Executor, watcher: Watcher) -> None:
    """On a good line: all tablets send and receive everything."""
    watcher.phase("Settling", 2 * len(day.tablets))
    for tablet in day.tablets:
        tablet.line.is_bad = False

    def sync(tablet: CrewTablet) -> None:
        tablet.sync()
        watcher.step()

    # Twice: after the first time no queue holds anything more, so the second time brings everyone everything.
    for _ in range(2):
        _each(day, "settle", pool, sync)


def _each(day: Day, phase: str, pool: Executor, act: Callable[[CrewTablet], None]) -> None:
    began = time.perf_counter()
    for done in [pool.submit(act, tablet) for tablet in day.tablets]:
        done.result()
    day.seconds[phase] = day.seconds.get(phase, 0.0) + time.perf_counter() - began


def _offline_edits(plan: Plan) -> Callable[[int], int]:
    return lambda number: round(plan.edits_of(number) * plan.share_offline)


class _Desk:
    """The dispatcher at work, in a thread of her own."""

    def __init__(self, dispatcher: Dispatcher, operations: int, pause_s: float) -> None:
        self._dispatcher = dispatcher
        self._stop = threading.Event()
        self._thread = threading.Thread(target=dispatcher.work, args=(operations, self._stop, pause_s), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until she is done.

        Raises:
            OfficeRefused, or whatever went wrong at her desk.
        """
        self._thread.join()
        if self._dispatcher.error is not None:
            raise self._dispatcher.error


def _at_the_desk(day: Day, operations: int, pause_s: float = 0.0) -> _Desk:
    return _Desk(day.dispatcher, operations, pause_s)


def by_crew(tablets: Iterable[CrewTablet]) -> dict[str, Sequence[CrewTablet]]:
    """The tablets of each crew, by its code."""
    crews: dict[str, list[CrewTablet]] = {}
    for tablet in tablets:
        crews.setdefault(tablet.crew_code, []).append(tablet)
    return dict(crews)
