"""``python -m bench.soak --minutes 10``: does a worker's memory stay flat under hours of exchanges?

Four tablets push creates and updates and pull what changed, without pause; every 15 seconds the resident memory of
each process of the server is read. Writes ``bench/results/soak.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from pathlib import Path

import psycopg

from bench import pull, server, world
from bench.__main__ import console, database
from bench.push import Pusher

RESULTS = Path(__file__).parent / "results" / "soak.json"
SAMPLE_S = 15
EDITS = 2_000
BATCH = 100


def resident_mib(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} is gone")


def main() -> None:
    """Run, sample, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    minutes: float = parser.parse_args().minutes
    with database() as url, server.gunicorn(url) as (port, pid):
        with psycopg.connect(url, autocommit=True) as connection:
            made = world.make(connection, 8)
        workers = server.family(pid)[1:]
        pusher = Pusher(port, [made], random.Random(7), {})
        samples: list[dict[str, float]] = []
        began = time.monotonic()
        sampled, edits = 0.0, 0
        while (elapsed := time.monotonic() - began) < minutes * 60:
            shares = pusher.creates(EDITS)
            pusher.send(shares, BATCH, [b"applied"])
            pusher.send(pusher.updates(shares, 1), BATCH, [b"applied"])
            edits += 2 * EDITS
            if elapsed - sampled >= SAMPLE_S or not samples:
                pull.everything(port, made.tablets[:1])
                sampled = elapsed
                samples.append(
                    {"s": round(elapsed)} | {str(worker): round(resident_mib(worker), 1) for worker in workers}
                )
    report(samples, [str(worker) for worker in workers], edits)


def report(samples: list[dict[str, float]], workers: list[str], edits: int) -> None:
    """First third against last third, worker by worker."""
    third = max(1, len(samples) // 3)
    growth = {}
    for worker in workers:
        first = statistics.median(sample[worker] for sample in samples[:third])
        last = statistics.median(sample[worker] for sample in samples[-third:])
        growth[worker] = last / first
        console.print(
            f"worker {worker}: {first:.0f} MiB in the first third, {last:.0f} MiB in the last ({last / first:.2f})"
        )
    console.print(f"{edits:,} edits in {samples[-1]['s']:.0f} s")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"edits": edits, "last_over_first_third": growth, "samples": samples}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
