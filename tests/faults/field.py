"""The people's side of a fault run, as a process of its own: ``stage`` and the faults are in the one that starts it.

Reads its orders as a line of JSON, says ``ready``, works until the next line comes, settles, checks the laws, and
writes what it found as JSON into a file.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldsync.simulate.database import check_database
from fieldsync.simulate.drive import OVERLAPPING_MAX, Day, Nobody, begin, enrol, settle
from fieldsync.simulate.laws import Law, check, first_lines
from fieldsync.simulate.office import Office
from fieldsync.simulate.plan import Faults, Plan
from tests.faults.laws import Outside
from tests.faults.people import Crews, Gis, Notes, dispatch
from tests.faults.proxy import Proxy, Weather

FAULTS = Faults(request_lost=0.02, answer_lost=0.04, answer_cut=0.02, portal=0.01, duplicated=0.04, overlapping=0.04,
                killed=0.04)  # fmt: skip
"""What happens above the line, on top of what the proxy does to it: most of all the app that is killed."""

DESK_WEATHER = Weather(dribbled=0.02, delayed=0.05)
"""The office's line is better than the tablets', and is cut as well."""

PAUSE_S_MAX = 0.5
"""What is left of the tablets' waiting times: so that some hundred attempts outlast a recovery."""

END_S_MAX = 180
"""In so long every tablet has sent what it has, once the faults are over."""


@dataclass(frozen=True)
class Orders:
    """What the process is told at its start."""

    port: int
    database_url: str
    dispatcher_token: str
    admin_token: str
    seed: int
    tablets: int
    folder: str
    report: str


class Field:
    """Everybody at work, with what lies between them and the server."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        server = f"http://127.0.0.1:{orders.port}"
        plan = Plan(tablets=orders.tablets, seed=orders.seed, faults=FAULTS, pause_s_max=PAUSE_S_MAX, reread=200)
        self.air = Proxy(orders.port, Weather(), plan.chance("air"))
        self.wire = Proxy(orders.port, DESK_WEATHER, plan.chance("wire"))
        self._still(True)
        office = Office(self.wire.url, orders.dispatcher_token)
        self.day: Day = begin(plan, server, office, Path(orders.folder), self.air.url)
        self.notes = Notes()
        self.stop = threading.Event()
        self.beside = ThreadPoolExecutor(OVERLAPPING_MAX)
        with ThreadPoolExecutor(plan.tablets) as pool:
            enrol(self.day, pool, self.beside, Nobody())
        self.outside = Outside(self.day, orders.database_url)
        gis_office = Office(self.wire.url, orders.admin_token)
        self.gis = Gis(gis_office, self.wire.url, orders.admin_token, self.notes, self.stop)
        self.threads = [
            *Crews(self.day, self.notes, self.stop).threads,
            threading.Thread(target=dispatch, args=(self.day, self.notes, self.stop), daemon=True, name="dispatcher"),
            threading.Thread(target=self.gis.work, daemon=True, name="GIS staff"),
        ]

    def _still(self, calm: bool) -> None:
        self.air.calm = self.wire.calm = calm

    def begin(self) -> None:
        """Let the weather and everybody go."""
        self._still(False)
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        """The faults are over: everybody finishes what she is at."""
        self._still(True)
        self.stop.set()
        deadline = time.monotonic() + END_S_MAX
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.notes.findings.append(f"{thread.name} was not done {END_S_MAX} s after the last fault")

    def check(self) -> list[Law]:
        """All laws, from outside."""
        outside = self.outside
        laws = [Law("Nobody is left stuck", f"{len(self.threads)} people at work", self.notes.findings)]
        if self.notes.findings:
            # Whoever is stuck may still hold her tablet: the rest would only say the same again.
            return [*laws, outside.answers()]
        with ThreadPoolExecutor(len(self.day.tablets)) as pool:
            settle(self.day, pool, Nobody())
        laws += [outside.answers(), outside.acknowledged(), outside.office_is_kept()]
        laws += check(self.day).laws
        laws.append(check_database(self.day, self.orders.database_url))
        laws += [outside.scope(), *outside.journal_laws(), outside.runs(self.gis.runs)]
        return laws

    def figures(self) -> dict[str, Any]:
        """What was done, and what the people's side met with."""
        tablets = self.day.tablets
        met: Counter[str] = Counter()
        for tablet in tablets:
            met += tablet.line.struck
        problems: Counter[str] = Counter()
        for tablet in tablets:
            problems += tablet.line.witness.problems
        unheard: Counter[str] = Counter()
        for tablet in tablets:
            unheard += tablet.line.unheard
        verdicts = Counter(
            edit.verdict.verdict for tablet in tablets for edit in tablet.tablet.journal() if edit.verdict
        )
        return {
            "edits": sum(tablet.entered for tablet in tablets),
            "verdicts": dict(verdicts.most_common()),
            "exchanges": sum(tablet.line.exchanges for tablet in tablets),
            "repetitions": sum(tablet.line.witness.repetitions for tablet in tablets),
            "restarts": sum(tablet.restarts for tablet in tablets),
            "office": sum(self.day.dispatcher.done.values()),
            "office_unheard": self.outside.unheard,
            "runs": len(self.gis.runs),
            "air": dict(self.air.struck), "wire": dict(self.wire.struck),
            "connections": self.air.connections + self.wire.connections,
            "line": dict(met), "problems": dict(problems), "unheard": dict(unheard),
            "counts": dict(self.notes.counts), "longest_sync_s": round(self.notes.longest_sync_s, 1),
        }  # fmt: skip


def main() -> None:
    """See the module."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    orders = Orders(**json.loads(sys.stdin.readline()))
    field = Field(orders)
    field.begin()
    print("ready", flush=True)
    if not sys.stdin.readline():
        return  # Whoever started us has gone.
    field.end()
    laws = field.check()
    for law in laws:
        law.findings = first_lines(law)
    found = {"laws": [asdict(law) for law in laws], "figures": field.figures()}
    Path(orders.report).write_text(json.dumps(found, indent=2), encoding="utf-8")
    # Threads that hang are not waited for.
    sys.stdout.flush()


if __name__ == "__main__":
    main()
