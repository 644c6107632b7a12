"""All peers at the same work, by turns: whatever else the machine does meanwhile meets each of them alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from .connection import Timing, UnexpectedAnswer, at_once
from .peer import Peer
from .server import PeakMemory
from .work import changes_of, new_work_orders

Say = Callable[[str], None]


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
        """Work orders in the end; one round more than is counted warms the servers up."""
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
    def of(cls, records: int, timings: Sequence[Timing]) -> Rate:
        wall_s = sum(timing.wall_s for timing in timings)
        own_s = sum(timing.client_cpu_s for timing in timings)
        return cls([round(records / timing.wall_s, 1) for timing in timings], round(own_s / wall_s, 3))


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out for one peer."""

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

    @property
    def rates(self) -> dict[str, Rate]:
        return {"create": self.create, "update": self.update, "pull": self.pull}

    def as_json(self) -> dict[str, Any]:
        medians = {name: round(rate.median_per_s) for name, rate in self.rates.items()}
        return {"name": self.name, "median_per_s": medians} | asdict(self)


@dataclass(slots=True)
class Contestant:
    """A started peer and its timings so far."""

    peer: Peer
    extent: Extent
    memory: PeakMemory
    creates: list[Timing] = field(default_factory=list)
    updates: list[Timing] = field(default_factory=list)
    pulls: dict[str, list[Timing]] = field(default_factory=dict)

    def push_round(self, number: int) -> None:
        """Each client's creates, all clients at once; then its updates of them."""
        peer, extent = self.peer, self.extent
        queues = [
            [
                new_work_orders(extent.batch, f"{number}/{client}/{batch}", peer.service_type_id)
                for batch in range(extent.batches)
            ]
            for client in range(extent.clients)
        ]
        bodies = [[peer.create_body(client, each) for each in queue] for client, queue in enumerate(queues)]
        self.creates.append(self._push(peer.create, bodies))
        changes = [[changes_of(orders) for orders in queue] for queue in queues]
        bodies = [[peer.update_body(client, each) for each in queue] for client, queue in enumerate(changes)]
        self.updates.append(self._push(peer.update, bodies))

    def pull_round(self) -> None:
        """Every client gets everything, all at once; in each of the peer's ways."""
        for way in self.peer.ways_to_pull:
            self._reconnect()
            timing = at_once(self.extent.clients, lambda client, way=way: self._pull_all(client, way))  # type: ignore[misc]
            self.pulls.setdefault(way, []).append(timing)

    def result(self) -> Measured:
        pushed, pulled = self.extent.records_per_round, self.extent.records * self.extent.clients
        return Measured(
            self.peer.name,
            self.peer.version,
            self.peer.durability,
            self.peer.settings,
            Rate.of(pushed, self.creates[1:]),
            Rate.of(pushed, self.updates[1:]),
            {way: Rate.of(pulled, timings) for way, timings in self.pulls.items()},
            {name: round(peak, 1) for name, peak in self.memory.peak_mb.items()},
        )

    def _push(self, push: Callable[[int, bytes], None], bodies: list[list[bytes]]) -> Timing:
        def send_all(client: int) -> None:
            for body in bodies[client]:
                push(client, body)

        self._reconnect()
        return at_once(len(bodies), send_all)

    def _reconnect(self) -> None:
        for connection in self.peer.connections:
            connection.reopen()

    def _pull_all(self, client: int, way: str) -> None:
        if (records := self.peer.pull(client, way)) != self.extent.records:
            raise UnexpectedAnswer(f"{self.peer.name} has {records} work orders of {self.extent.records}")


def measure(peers: Sequence[Peer], extent: Extent, say: Say) -> tuple[list[Measured], dict[str, str]]:
    """Run the whole work on peers that are started; returns what came out, and by name why a peer dropped out."""
    failed: dict[str, str] = {}
    running = [Contestant(peer, extent, PeakMemory(peer.processes())) for peer in peers]
    for number in range(extent.rounds + 1):
        say(f"push, {f'round {number} of {extent.rounds}' if number else 'warming up'}")
        for contestant in _by_turns(running, number):
            with _dropping_out(contestant, running, failed), contestant.memory.watched():
                contestant.push_round(number)
    for contestant in list(running):
        with _dropping_out(contestant, running, failed):
            contestant.peer.prepare_pull()
    for number in range(1, extent.rounds + 1):
        say(f"pull, round {number} of {extent.rounds}")
        for contestant in _by_turns(running, number):
            with _dropping_out(contestant, running, failed), contestant.memory.watched():
                contestant.pull_round()
    return [contestant.result() for contestant in running], failed


def _by_turns(running: list[Contestant], number: int) -> list[Contestant]:
    """Another one first each time, so that none always follows the same one's aftermath."""
    first = number % max(1, len(running))
    return running[first:] + running[:first]


@contextmanager
def _dropping_out(contestant: Contestant, running: list[Contestant], failed: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except (UnexpectedAnswer, OSError) as reason:
        failed[contestant.peer.name] = str(reason)
        running.remove(contestant)
