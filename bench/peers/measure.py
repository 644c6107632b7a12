"""One peer's run: rounds of creates and updates, then pulls; what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from .connection import Timing, UnexpectedAnswer, at_once
from .peer import Peer
from .server import PeakMemory
from .work import changes_of, new_work_orders


@dataclass(frozen=True, slots=True)
class Extent:
    """How much work: the same for every peer."""

    rounds: int
    clients: int
    batches: int
    """Pushes of each client in a round."""
    batch: int
    """Work orders in a push."""
    page: int

    @property
    def records_per_round(self) -> int:
        return self.clients * self.batches * self.batch

    @property
    def records(self) -> int:
        """Work orders in the end; one round more than is counted warms the server up."""
        return self.records_per_round * (self.rounds + 1)


@dataclass(frozen=True, slots=True)
class Rate:
    """Records per second of wall time, one figure for each round."""

    rounds_per_s: list[float]
    client_share: float
    """Processor time of the load generator over wall time: 1.0 would be one whole core."""

    @property
    def median_per_s(self) -> float:
        return median(self.rounds_per_s)

    @classmethod
    def of(cls, records: int, timings: list[Timing]) -> Rate:
        wall_s = sum(timing.wall_s for timing in timings)
        own_s = sum(timing.client_cpu_s for timing in timings)
        return cls([round(records / timing.wall_s, 1) for timing in timings], round(own_s / wall_s, 3))


@dataclass(frozen=True, slots=True)
class Measured:
    name: str
    version: str
    durability: str
    settings: tuple[str, ...]
    create: Rate
    update: Rate
    pulls: dict[str, Rate]
    """By way to pull."""
    peak_memory_mb: dict[str, float]

    @property
    def pull(self) -> Rate:
        """The fastest way."""
        return max(self.pulls.values(), key=lambda rate: rate.median_per_s)

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self)
        rates = {"create": self.create, "update": self.update, "pull": self.pull}
        return facts | {"median_per_s": {name: round(rate.median_per_s) for name, rate in rates.items()}}


def measure(peer: Peer, extent: Extent, say: Callable[[str], None]) -> Measured:
    """Run the whole work on ``peer``, which is started and ended here.

    Raises:
        UnexpectedAnswer: something was not carried out whole.
        ServerEnded: the server did not start.
    """
    peer.start()
    try:
        roots = {"server": peer.server.pid}
        if peer.uses_postgres and (postgres := peer.around.cluster.pid) is not None:
            roots["postgresql"] = postgres
        with PeakMemory(roots) as memory:
            create, update = _push_rounds(peer, extent, say)
            pulls = {way: _pull_rounds(peer, extent, way, say) for way in peer.ways_to_pull}
    finally:
        peer.stop()
    peaks = {name: round(peak, 1) for name, peak in memory.peak_mb.items()}
    return Measured(peer.name, peer.version, peer.durability, peer.settings, create, update, pulls, peaks)


def _push_rounds(peer: Peer, extent: Extent, say: Callable[[str], None]) -> tuple[Rate, Rate]:
    creates: list[Timing] = []
    updates: list[Timing] = []
    for number in range(extent.rounds + 1):
        queues = [
            [
                new_work_orders(extent.batch, f"{number}/{client}/{batch}", peer.service_type_id)
                for batch in range(extent.batches)
            ]
            for client in range(extent.clients)
        ]
        bodies = [[peer.create_body(client, orders) for orders in queue] for client, queue in enumerate(queues)]
        creates.append(_push(peer.create, bodies))
        bodies = [
            [peer.update_body(client, changes_of(orders)) for orders in queue] for client, queue in enumerate(queues)
        ]
        updates.append(_push(peer.update, bodies))
    rates = Rate.of(extent.records_per_round, creates[1:]), Rate.of(extent.records_per_round, updates[1:])
    say(f"  create {rates[0].median_per_s:,.0f}/s, update {rates[1].median_per_s:,.0f}/s")
    return rates


def _push(push: Callable[[int, bytes], None], bodies: list[list[bytes]]) -> Timing:
    def send_all(client: int) -> None:
        for body in bodies[client]:
            push(client, body)

    return at_once(len(bodies), send_all)


def _pull_rounds(peer: Peer, extent: Extent, way: str, say: Callable[[str], None]) -> Rate:
    def pull_all(client: int) -> None:
        if (records := peer.pull(client, way)) != extent.records:
            raise UnexpectedAnswer(f"{peer.name} has {records} work orders, {extent.records} were pushed")

    peer.prepare_pull(way)
    timings = [at_once(extent.clients, pull_all) for _ in range(extent.rounds)]
    rate = Rate.of(extent.records * extent.clients, timings)
    say(f"  pull, {way}: {rate.median_per_s:,.0f}/s")
    return rate
