"""A fault run: the stage, the people in a process of their own, and the blows, one after and over the other."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fieldsync.cluster.binaries import Binaries
from fieldsync.cluster.home import PROJECT
from fieldsync.server import child
from fieldsync.simulate.laws import Law, first_lines
from tests.faults.blows import Blow, possible
from tests.faults.field import Orders
from tests.faults.logs import database_laws, server_laws
from tests.faults.stage import Stage, stage
from tests.setup.processes import wait_until

READY_S_MAX = 60
"""In so long after a fault has ended the server takes work again: PostgreSQL's recovery, gunicorn's start, on a machine
that has other things to do."""

NOTICED_S = 0.3
"""So long after a blow nobody asks whether all is well: a master looks after its workers every now and then only."""

CALM_S = 2.0
"""On average so long between a recovery and the next blow: tablets exchange several times."""

OVER_EACH_OTHER = 0.4
"""So often the next blow does not wait for the recovery from the one before."""

CHECKS_S_MAX = 1_200


@dataclass
class Struck:
    """What the server was done, and how it took it."""

    blows: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def law(self) -> Law:
        """As one of the laws."""
        name = f"After every fault the server works again within {READY_S_MAX} s"
        worst = max(self.recoveries_s, default=0.0)
        return Law(name, f"{self.blows.total():,} faults; {worst:.1f} s at most", self.findings)


@dataclass(frozen=True)
class Outcome:
    """A fault run that is over."""

    seed: int
    tablets: int
    struck: Struck
    laws: list[dict[str, Any]]
    figures: dict[str, Any]
    restarts: dict[str, int]
    missing: dict[str, str]

    @property
    def lawful(self) -> bool:
        """Whether every law holds."""
        return not any(law["findings"] for law in self.laws)


def run(
    seconds: float, chance_seed: int, tablets: int, folder: Path | None, say: Callable[[str], None], like: str = ""
) -> Outcome:
    """Strike for so long, then check everything.

    Args:
        chance_seed: decides who does what, and which faults strike; not how they fall in with each other.
        folder: keeps logs and files there.
        like: only faults with these words in their name.

    Raises:
        ValueError: there are none, or none that can be had here.
    """
    with stage(folder) as here:
        for part, why in here.missing.items():
            say(f"Left out: {part}: {why}")
        people = _People(here, chance_seed, tablets)
        try:
            people.await_ready()
            say(f"{tablets} tablets and the office are at work at {here.url}; {seconds:.0f} s of faults begin")
            struck = strike(here, seconds, random.Random(f"blows/{chance_seed}"), say, like)
            say(f"The faults are over ({struck.blows.total()}); everybody settles, and the laws are checked")
            found = people.end(here)
        finally:
            people.close()
        own = [struck.law(), *server_laws(here.web_log), *database_laws(here)]
        for law in own:
            law.findings = first_lines(law)
        outcome = Outcome(
            chance_seed, tablets, struck, [*(asdict(law) for law in own), *found["laws"]], found["figures"],
            dict(here.restarts), here.missing,
        )  # fmt: skip
        if folder and not outcome.lawful:
            _keep(here, folder / "database.dump")
        return outcome


def _keep(here: Stage, path: Path) -> None:
    """The database as it is, for whoever looks into what is broken: its disk goes with us."""
    command = [str(Binaries.find() / "pg_dump"), "--format=custom", f"--dbname={here.database_url}"]
    with path.open("wb") as file:
        subprocess.run(command, stdout=file)


def strike(here: Stage, seconds: float, chance: random.Random, say: Callable[[str], None], like: str = "") -> Struck:
    """Blow after blow; afterwards everything is whole and ready. For arguments see ``run``."""
    struck = Struck()
    blows = possible(here, like)
    if not blows:
        raise ValueError(f"No fault that can be had here is like {like!r}.")
    under_way: list[tuple[float, Blow, Callable[[], None]]] = []
    began = broken_at = time.monotonic()

    def heal(until: float) -> None:
        nonlocal broken_at
        for one in sorted(under_way, key=lambda each: each[0]):
            if one[0] <= until:
                under_way.remove(one)
                if one[1].lasts_s != (0, 0):
                    broken_at = time.monotonic()
                one[2]()

    def settle(now: float) -> None:
        """Keep the stage going until that moment."""
        while time.monotonic() < now:
            heal(time.monotonic())
            here.keep()
            time.sleep(0.05)

    def recover(after: str) -> None:
        if under_way:
            settle(max(each[0] for each in under_way))
        heal(float("inf"))
        # What was killed just now has to be seen to be gone.
        settle(time.monotonic() + NOTICED_S)
        if not wait_until(here.is_ready, READY_S_MAX):
            struck.findings.append(f"not ready {READY_S_MAX} s after: {after}")
            return
        took_s = time.monotonic() - broken_at
        struck.recoveries_s.append(took_s)
        say(f"           works again after {took_s:.1f} s")

    try:
        while time.monotonic() - began < seconds:
            settle(time.monotonic() + min(20.0, chance.expovariate(1 / CALM_S)))
            (blow,) = chance.choices(blows, [each.share for each in blows])
            if any(each[1] is blow for each in under_way):
                continue
            broken_at = time.monotonic()
            end = blow.strike(here, chance)
            if end is None:
                continue
            struck.blows[blow.name] += 1
            say(f"  {time.monotonic() - began:6.1f} s  {blow.name}")
            under_way.append((time.monotonic() + chance.uniform(*blow.lasts_s), blow, end))
            if chance.random() >= OVER_EACH_OTHER:
                recover(blow.name)
    finally:
        heal(float("inf"))
    recover("the last fault")
    struck.seconds = time.monotonic() - began
    return struck


class _People:
    """The process in which tablets and office are at work."""

    def __init__(self, here: Stage, chance_seed: int, tablets: int) -> None:
        # In a process of its own, too: this one starts and kills processes, and has to stay without threads.
        demo = _seeded(here.database_url)
        folder = here.folder / "tablets"
        folder.mkdir()
        self._report = here.folder / "found.json"
        self._log = (here.folder / "people.log").open("wb")
        orders = Orders(
            here.listener.getsockname()[1], here.database_url, demo["dispatcher_token"], demo["admin_token"],
            chance_seed, tablets, str(folder), str(self._report),
        )  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.field"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True,
        )  # fmt: skip
        self._tell(json.dumps(asdict(orders)))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def await_ready(self) -> None:
        """Return when everybody is at work."""
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"The people did not begin:\n{self._said()}")

    def end(self, here: Stage) -> dict[str, Any]:
        """Let everybody settle and check; what was found."""
        self._tell("end")
        deadline = time.monotonic() + CHECKS_S_MAX
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"The checks did not end in {CHECKS_S_MAX} s:\n{self._said()}")
            here.keep()
            time.sleep(0.1)
        if self._process.returncode != 0:
            raise RuntimeError(f"The people's process failed:\n{self._said()}")
        return dict(json.loads(self._report.read_text(encoding="utf-8")))

    def _said(self) -> str:
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")[-4_000:]

    def close(self) -> None:
        """End the process, wherever it is."""
        child.end(self._process, 5)  # type: ignore[arg-type]  # Of text, not bytes: it is only ended.
        self._log.close()


def _seeded(database_url: str) -> dict[str, Any]:
    code = "import json, sys; from fieldsync.demo.seed import seed; print(json.dumps(seed(sys.argv[1]).document()))"
    done = subprocess.run(
        [sys.executable, "-c", code, database_url], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))
