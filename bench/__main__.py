"""``make bench``: what FieldSync takes, as ratios to a floor measured in the same run.

Everything that is compared is measured in turn, round by round, and the medians are compared, so that a noisy machine
troubles both sides alike. Writes ``bench/results/latest.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from bench import edits, floor, placement, pull, server, world
from bench.push import CLIENTS, Pusher
from fieldsync.cluster import Cluster, Home, Lock
from fieldsync.server.migrate import migrate

RESULTS = Path(__file__).parent / "results" / "latest.json"
BATCH = 500
SMALL_BATCH = 50
FLOOR_CONNECTIONS = (1, 2, 4)
RECORDS_TO_PULL = 200_000
FEW_RECORDS = 2_000
DELTA = 20

console = Console(width=110)


@contextmanager
def database() -> Iterator[str]:
    """A database of its own, in FIELDSYNC_BENCH_DATABASE_URL's server or in a private cluster; removed afterwards."""
    if url := os.environ.get("FIELDSYNC_BENCH_DATABASE_URL"):
        os.environ["FIELDSYNC_DATABASE_URL"] = url
        migrate()
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="fieldsync-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with Lock(Home(Path(folder) / "home")) as lock, Cluster(lock.home) as cluster:
            url = cluster.databases.ensure("bench")
            os.environ["FIELDSYNC_DATABASE_URL"] = url
            migrate()
            yield url


class Run:
    """The measurements of one run, by name; rates in edits or records a second, times in milliseconds."""

    def __init__(self) -> None:
        self.samples: dict[str, list[float]] = defaultdict(list)

    def add(self, name: str, value: float) -> None:
        """One more sample."""
        self.samples[name].append(value)

    def median(self, name: str) -> float:
        """The median of the samples."""
        return statistics.median(self.samples[name])

    def best(self, prefix: str) -> float:
        """The best median among the names that begin so: the floor at its best number of connections."""
        return max(self.median(name) for name in self.samples if name.startswith(prefix))


def measure_push(run: Run, url: str, port: int, rounds: int, count: int) -> None:
    """Floor and push in turn: creates, updates, updates of which a tenth conflict; one partnership and four."""
    chance = random.Random(1)
    with psycopg.connect(url, autocommit=True) as connection:
        worlds = [world.make(connection, 2 * CLIENTS) for _ in range(4)]
        with_levels = world.make(connection, 2 * CLIENTS)
        world.promise(connection, with_levels)
    numbers: dict[str, int] = {}
    one, four, promised = (Pusher(port, some, chance, numbers) for some in (worlds[:1], worlds, [with_levels]))
    for turn in range(rounds + 1):
        taken = run if turn else Run()  # the first round warms up: caches, prepared statements, indexes
        for connections in FLOOR_CONNECTIONS:
            made = edits.creates(worlds[0], chance, count)
            changed = edits.updates(worlds[0], chance, [edit["record_id"] for edit in made], 1)
            for name, work, version in (("creates", made, 1), ("updates", changed, 2)):
                shares = list(edits.split(work, connections))
                rate = floor.measure(url, worlds[:1], shares, version, BATCH)
                taken.add(f"floor, {name}, {connections} connections", rate)
        for where, pusher in (("one partnership", one), ("four partnerships", four)):
            for batch in (BATCH, SMALL_BATCH):
                total = count if batch == BATCH else count // 4
                shares = pusher.creates(total)
                tested = [
                    ("creates", shares, [b"applied"]),
                    ("updates", pusher.updates(shares, 1), [b"applied"]),
                    ("updates, 10% in conflict", pusher.conflicting(total, BATCH), [b"applied", b"conflicted"]),
                ]
                for name, work, verdicts in tested:
                    took = pusher.send(work, batch, verdicts)
                    label = f"push, {name}, batches of {batch}, {where}"
                    taken.add(label, total / took.seconds)
                    taken.add(f"client's share of two cores, {name}, batches of {batch}, {where}",
                              took.client_cpu_s / took.seconds / 2)  # fmt: skip
        took = promised.send(promised.creates(count), BATCH, [b"applied"])
        taken.add(f"push, creates, batches of {BATCH}, with service levels", count / took.seconds)
        console.print(f"round {turn} of {rounds} done", style="dim")


def measure_pull(run: Run, url: str, port: int, rounds: int) -> None:
    """Everything and a small delta out of many records; the same delta out of few."""
    with psycopg.connect(url, autocommit=True) as connection:
        many, few = world.make(connection, CLIENTS), world.make(connection, 1)
        pull.fill(connection, many, RECORDS_TO_PULL)
        pull.fill(connection, few, FEW_RECORDS)
        places = [(name, which, pull.cursor_at_end(port, which.tablets[0]))
                  for name, which in ((f"{RECORDS_TO_PULL:,}", many), (f"{FEW_RECORDS:,}", few))]  # fmt: skip
        for _, which, _ in places:
            pull.touch(connection, which, DELTA)
    for turn in range(rounds + 1):
        taken = run if turn else Run()
        for clients in (1, CLIENTS):
            records, seconds = pull.everything(port, many.tablets[:clients])
            taken.add(f"pull of everything, {clients} tablets", records / seconds)
        for name, which, cursor in places:
            for took in pull.delta_ms(port, which.tablets[0], cursor, DELTA, 20):
                taken.add(f"delta of {DELTA} out of {name}, ms", took)


def ratios(run: Run) -> dict[str, float]:
    """What the figures come to."""
    push = "push, {}, batches of 500, {}"
    creates, updates = run.best("floor, creates"), run.best("floor, updates")
    one = {name: run.median(push.format(name, "one partnership"))
           for name in ("creates", "updates", "updates, 10% in conflict")}  # fmt: skip
    return {
        "creates / floor": one["creates"] / creates,
        "updates / floor": one["updates"] / updates,
        "10% conflicts / clean updates": one["updates, 10% in conflict"] / one["updates"],
        "creates with service levels / floor": run.median(push.format("creates", "with service levels")) / creates,
        "creates: four partnerships / one": run.median(push.format("creates", "four partnerships")) / one["creates"],
        "updates: four partnerships / one": run.median(push.format("updates", "four partnerships")) / one["updates"],
        "delta out of many / out of few": run.median(f"delta of {DELTA} out of {RECORDS_TO_PULL:,}, ms")
        / run.median(f"delta of {DELTA} out of {FEW_RECORDS:,}, ms"),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each figure (at least 5 for a record)")
    parser.add_argument("--edits", type=int, default=8_000, help="edits a measurement")
    chosen = parser.parse_args()
    run = Run()
    with database() as url, server.gunicorn(url) as (port, pid):
        measure_push(run, url, port, chosen.rounds, chosen.edits)
        measure_pull(run, url, port, chosen.rounds)
        memory = {f"gunicorn process {n}": peak for n, peak in enumerate(server.peak_mib(pid).values())}
        placed = placement.run(url)
    report(run, memory, placed)


def report(run: Run, memory: dict[str, float], placed: dict[str, object]) -> None:
    """Print tables, and write all samples."""
    table = Table("measured", "median", "samples", title="Edits or records a second; milliseconds where it says so")
    for name, samples in run.samples.items():
        value = f"{run.median(name):.0%}" if name.startswith("client") else f"{run.median(name):,.1f}"
        table.add_row(name, value, str(len(samples)))
    console.print(table)
    compared = Table("ratio", "value")
    for name, ratio in ratios(run).items():
        compared.add_row(name, f"{ratio:.2f}")
    console.print(compared)
    console.print("peak memory, MiB:", {name: round(mib) for name, mib in memory.items()})
    console.print("placement:", placed)
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "ratios": {name: round(value, 3) for name, value in ratios(run).items()},
        "medians": {name: round(run.median(name), 3) for name in run.samples},
        "samples": {name: [round(value, 3) for value in samples] for name, samples in run.samples.items()},
        "peak_memory_mib": {name: round(mib, 1) for name, mib in memory.items()},
        "placement": placed,
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
