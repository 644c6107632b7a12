"""``python -m tests.simulator``: thousands of scenarios, and a short history of each that fails."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from tests.simulator.run import Failure, simulate
from tests.simulator.servers import MemoryServer, PostgresServer, Server, surfacing
from tests.simulator.shrink import shrunk

CHUNK = 50
"""Seeds that a process takes at once."""

FAILURES_MAX = 5
"""So many are shrunk and told; more are counted."""


def main() -> int:
    """Play the scenarios that were asked for. 1 if a law was broken."""
    asked = _asked()
    with _server(asked.on) as make_server:
        if asked.seed is not None:
            keep = None if asked.keep is None else [int(number) for number in asked.keep.split(",")]
            return _one(asked.seed, keep, make_server, shrink=asked.shrink)
        seeds = range(asked.first, asked.first + asked.seeds)
        began = time.monotonic()
        failures = list(_played(seeds, asked.processes if asked.on == "memory" else 1, make_server))
        seconds = time.monotonic() - began
        for failure in failures[:FAILURES_MAX]:
            print(shortest(failure, make_server).text() if asked.shrink else failure.text(), end="\n\n")
    print(f"{len(seeds)} seeds from {seeds.start} on {asked.on} in {seconds:.0f} s: {len(failures)} failed")
    if failures:
        print("failed:", *(failure.seed for failure in failures[:50]))
    return 1 if failures else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--on", choices=("memory", "postgres"), default="memory")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="on memory")
    parser.add_argument("--shrink", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, help="this one alone, with its history")
    parser.add_argument("--keep", help="only these steps of it: 3,7,9")
    return parser.parse_args()


def _one(seed: int, keep: Collection[int] | None, make_server: Callable[[], Server], *, shrink: bool) -> int:
    history: list[str] = []
    failure = simulate(seed, keep, make_server, observe=lambda play: history.extend(play.told))
    if failure is None:
        print("\n".join(history), f"seed {seed}: all laws hold", sep="\n")
        return 0
    print((shortest(failure, make_server) if shrink else failure).text())
    return 1


def shortest(failure: Failure, make_server: Callable[[], Server]) -> Failure:
    def fails(keep: Collection[int]) -> bool:
        found = simulate(failure.seed, keep, make_server)
        return found is not None and found.law == failure.law

    kept = shrunk(failure.kept, fails)
    return simulate(failure.seed, kept, make_server) or failure


def _played(seeds: range, processes: int, make_server: Callable[[], Server]) -> Iterator[Failure]:
    if processes == 1:
        for seed in seeds:
            if (failure := simulate(seed, None, make_server)) is not None:
                yield failure
        return
    chunks = [range(begin, min(begin + CHUNK, seeds.stop)) for begin in range(seeds.start, seeds.stop, CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for number, failures in enumerate(pool.map(_play_chunk, chunks), 1):
            if sys.stderr.isatty():
                print(f"\r{min(number * CHUNK, len(seeds))} of {len(seeds)}", end="", file=sys.stderr)
            yield from failures


def _play_chunk(seeds: range) -> list[Failure]:
    return [failure for seed in seeds if (failure := simulate(seed)) is not None]


def _server(on: str) -> AbstractContextManager[Callable[[], Server]]:
    return nullcontext(MemoryServer) if on == "memory" else _postgres()


@contextmanager
def _postgres() -> Iterator[Callable[[], Server]]:
    from tests.simulator.cluster import own_database
    from tests.sync_model.world import end_app, make_app

    with own_database() as url:
        app = surfacing(make_app(url))
        try:
            yield partial(PostgresServer, app)
        finally:
            end_app(app)


if __name__ == "__main__":
    sys.exit(main())
