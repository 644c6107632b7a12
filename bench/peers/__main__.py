"""``python -m bench.peers``: the same work on FieldSync and, one after the other, on what people pick instead."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CalledProcessError

from fieldsync.cluster import ClusterProblem, Home, Lock

from .accordsync import AccordSync
from .connection import UnexpectedAnswer
from .fieldsync_peer import FieldSync
from .install import PLACE, CannotInstall, place
from .kinto import Kinto
from .measure import Extent, Measured, measure
from .peer import Peer, Surroundings
from .pouchdb import PouchDB
from .server import ServerEnded

PEERS: tuple[type[Peer], ...] = (FieldSync, AccordSync, Kinto, PouchDB)
BUSY = 0.5
"""A load average above this before we begin is other work."""

RESULTS = Path(__file__).resolve().parents[1] / "results" / "peers.json"


def main() -> int:
    """Run and print; 1 when a peer could not be measured, with the reason printed and written."""
    chosen = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    extent = Extent(chosen.rounds, chosen.clients, chosen.batches, chosen.batch, chosen.page)
    kinds = [kind for kind in PEERS if not chosen.only or kind.__name__.lower() in chosen.only]
    missing: dict[str, str] = {}
    busy = os.getloadavg()[0]
    if busy > BUSY:
        _say(f"Other work keeps this machine busy (load average {busy:.1f}): trust the ratios, not the rates.")
    with _home() as home, contextlib.ExitStack() as ends:
        around = Surroundings(home, extent.clients, extent.batch, extent.page, place("logs"))
        started = [peer for kind in kinds if (peer := _started(kind(around), ends, missing))]
        measured, failed = measure(started, extent, _say)
    missing |= failed
    _print(measured, missing, extent)
    if not chosen.only:
        _write(measured, missing, extent, busy)
    return 1 if missing else 0


def _started(peer: Peer, ends: contextlib.ExitStack, missing: dict[str, str]) -> Peer | None:
    """The peer, to be stopped with ``ends``; or None, with the reason in ``missing``."""
    _say(f"starting {peer.name}, {peer.version}")
    ends.callback(peer.stop)
    try:
        peer.install()
        peer.start()
    except (CannotInstall, ServerEnded, UnexpectedAnswer, ClusterProblem, OSError, CalledProcessError) as reason:
        missing[peer.name] = str(reason)
        return None
    return peer


@contextlib.contextmanager
def _home() -> Iterator[Home]:
    """Where the clusters of this run lie: on the disk that FieldSync's own would be on."""
    project = Home.of_project()
    project.make()
    home = Home(project.root / "bench-peers")
    with Lock(home):
        yield home


def _arguments() -> argparse.Namespace:
    names = ", ".join(peer.__name__.lower() for peer in PEERS)
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are counted; medians are of these")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--batches", type=int, default=2, help="pushes of each client in a round")
    parser.add_argument("--batch", type=int, default=500, help="work orders in a push")
    parser.add_argument("--page", type=int, default=1000, help="records in a page of a pull")
    parser.add_argument("--only", nargs="+", default=[], metavar="PEER", help=f"some of {names}; nothing is written")
    return parser.parse_args()


def _print(measured: list[Measured], missing: dict[str, str], extent: Extent) -> None:
    work = f"{extent.clients} clients, pushes of {extent.batch}, pages of {extent.page}"
    total = f"{extent.records:,} work orders in the end"
    _say(f"\nRecords per second, medians of {extent.rounds} rounds; {work}; {total}\n")
    _say(f"{'':<18}{'create':>9}{'update':>9}{'pull':>9}   peak memory: server + PostgreSQL; durability")
    for each in measured:
        memory = " + ".join(f"{peak:,.0f}" for peak in each.peak_memory_mb.values())
        row = "".join(f"{rate.median_per_s:>9,.0f}" for rate in each.rates.values())
        _say(f"{each.name:<18}{row}   {memory} MB; {each.durability}")
    for name, ratios in _ratios(measured).items():
        _say(f"{'':<18}" + "".join(f"{ratio:>8.1f}x" for ratio in ratios.values()) + f"   FieldSync to {name}")
    shares = [rate.client_share for each in measured for rate in each.rates.values()]
    _say(f"\nThe load generator itself took {min(shares):.0%} to {max(shares):.0%} of one core." if shares else "")
    for name, reason in missing.items():
        _say(f"not measured: {name}: {reason}")


def _ratios(measured: list[Measured]) -> dict[str, dict[str, float]]:
    """FieldSync's medians over each peer's."""
    ours = next((each for each in measured if each.name == "FieldSync"), None)
    if ours is None:
        return {}
    return {
        each.name: {
            what: round(ours.rates[what].median_per_s / rate.median_per_s, 2) for what, rate in each.rates.items()
        }
        for each in measured
        if each is not ours
    }


def _write(measured: list[Measured], missing: dict[str, str], extent: Extent, busy: float) -> None:
    facts = {
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "work": {
            "rounds": extent.rounds,
            "clients": extent.clients,
            "pushes_of_a_client_in_a_round": extent.batches,
            "work_orders_in_a_push": extent.batch,
            "records_in_a_page": extent.page,
            "work_orders_in_the_end": extent.records,
        },
        "measured": [each.as_json() for each in measured],
        "not_measured": missing,
        "fieldsync_over": _ratios(measured),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n")
    _say(f"\nWritten to {RESULTS.relative_to(PLACE.parent)}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
