"""The gate before exchanges, without a server."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

import pytest

from fieldsync.problems import ExchangeUnderWay, Overloaded
from fieldsync.sync.gate import (
    EXCHANGE_S_WANTED,
    FEW_EDITS,
    LEVEL_DOWN_S,
    LEVEL_MAX,
    LEVEL_UP_S,
    MANY_EDITS,
    OTHERS_S,
    Gate,
)
from tests.setup.processes import wait_until

ONE, OTHER, THIRD = (UUID(int=n) for n in (1, 2, 3))


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Entrance:
    """Enters and leaves a gate in threads of its own; tells who was let in, in what order."""

    def __init__(self, at_once: int, waiting: int, patience_s: float = 20.0) -> None:
        self.clock = Clock()
        self.gate = Gate(at_once, waiting, clock=self.clock, chance=random.Random(1), patience_s=patience_s)
        self.order: list[str] = []
        self._pool = ThreadPoolExecutor(32)
        self._lock = threading.Lock()

    def enter(self, partnership: UUID, device: str) -> Future[float]:
        def run() -> float:
            waited = self.gate.enter(partnership, device.encode())
            with self._lock:
                self.order.append(device)
            return waited

        future = self._pool.submit(run)
        assert wait_until(lambda: future.done() or self.gate._devices[device.encode()])
        return future

    def fill(self, *devices: str, partnership: UUID = ONE) -> None:
        for device in devices:
            assert self.enter(partnership, device).result(20) == 0

    def send_all_away(self) -> None:
        for line in list(self.gate._lines.values()):
            for waiter in list(line):
                waiter.turn.set()
        self._pool.shutdown()

    def leave(self, partnership: UUID, device: str) -> None:
        """Leave, and wait for whoever is let in then."""
        entered, waiting = len(self.order), self.gate.waiting
        self.gate.leave(partnership, device.encode(), 0.1)
        assert not waiting or wait_until(lambda: len(self.order) == entered + 1)


@pytest.fixture
def entrance() -> Iterator[Callable[..., Entrance]]:
    made: list[Entrance] = []

    def make(*args: int, **more: float) -> Entrance:
        made.append(Entrance(*args, **more))
        return made[-1]

    yield make
    for at in made:
        at.send_all_away()


def test_so_many_at_once_and_no_more(entrance: Callable[..., Entrance]) -> None:
    at = entrance(3, 4)
    at.fill("a", "b", "c")
    later = at.enter(ONE, "d")
    assert (at.gate.under_way, at.gate.waiting) == (3, 1)
    at.leave(ONE, "b")
    later.result(20)
    assert (at.gate.under_way, at.gate.waiting) == (3, 0)
    for device in "acd":
        at.leave(ONE, device)
    assert (at.gate.under_way, at.gate.waiting) == (0, 0)


def test_within_a_partnership_who_waits_longest_is_next(entrance: Callable[..., Entrance]) -> None:
    at = entrance(1, 8)
    at.fill("a")
    for device in "bcd":
        at.enter(ONE, device)
    for device in "abc":
        at.leave(ONE, device)
    assert at.order == ["a", "b", "c", "d"]


def test_partnerships_take_turns(entrance: Callable[..., Entrance]) -> None:
    at = entrance(1, 16)
    at.fill("a")
    for device in ("a1", "a2", "a3"):
        at.enter(ONE, device)
    at.enter(OTHER, "b1")
    at.enter(OTHER, "b2")
    at.enter(THIRD, "c1")
    for partnership, device in [(ONE, "a"), (ONE, "a1"), (OTHER, "b1"), (THIRD, "c1"), (ONE, "a2"), (OTHER, "b2")]:
        at.leave(partnership, device)
    assert at.order == ["a", "a1", "b1", "c1", "a2", "b2", "a3"]


def test_one_partnership_never_has_all_places(entrance: Callable[..., Entrance]) -> None:
    at = entrance(5, 8)
    at.fill("a", "b", "c", "d")
    fifth = at.enter(ONE, "e")
    assert at.gate.waiting == 1
    at.fill("x", partnership=OTHER)
    at.gate.leave(OTHER, b"x", 0.1)  # The place is not theirs now, either.
    assert not fifth.done()
    at.leave(ONE, "a")
    fifth.result(20)


def test_a_full_line_sends_away_and_says_for_how_long(entrance: Callable[..., Entrance]) -> None:
    at = entrance(1, 2)
    at.fill("a")
    at.enter(ONE, "b")
    at.enter(ONE, "c")
    pauses = set()
    for number in range(30):
        with pytest.raises(Overloaded) as refused:
            at.gate.enter(ONE, b"d%d" % number)
        pauses.add(int(refused.value.headers()["Retry-After"]))
    assert min(pauses) >= 1
    assert len(pauses) > 1
    assert at.gate.waiting == 2


def test_those_sent_away_wait_longer_where_exchanges_take_longer(entrance: Callable[..., Entrance]) -> None:
    def least(seconds: float) -> int:
        at = entrance(1, 1)
        for _ in range(100):
            at.gate.enter(ONE, b"a")
            at.gate.leave(ONE, b"a", seconds)
        at.fill("a")
        at.enter(ONE, "b")
        pauses = []
        for _ in range(30):
            with pytest.raises(Overloaded) as refused:
                at.gate.enter(ONE, b"c")
            pauses.append(refused.value.facts["retry_after_s"])
        return min(pauses)

    assert least(5.0) >= 9 > least(0.05)


def test_a_full_line_has_room_for_a_partnership_that_has_least_in_it(entrance: Callable[..., Entrance]) -> None:
    at = entrance(1, 3)
    at.fill("a")
    first, _, newest = (at.enter(ONE, device) for device in ("b", "c", "d"))
    small = at.enter(OTHER, "x")
    with pytest.raises(Overloaded):
        newest.result(20)
    with pytest.raises(Overloaded):  # Now nobody has two more than they.
        at.gate.enter(OTHER, b"y")
    at.leave(ONE, "a")
    first.result(20)
    at.leave(ONE, "b")
    small.result(20)


def test_a_device_has_one_at_a_time(entrance: Callable[..., Entrance]) -> None:
    at = entrance(2, 4)
    at.fill("a", "b")
    waits = at.enter(ONE, "c")
    for device in (b"a", b"c"):
        with pytest.raises(ExchangeUnderWay) as refused:
            at.gate.enter(ONE, device)
        assert int(refused.value.headers()["Retry-After"]) >= 1
    at.leave(ONE, "a")
    waits.result(20)
    at.leave(ONE, "c")
    at.fill("a")


def test_who_waits_too_long_is_sent_away_and_leaves_nothing_behind(entrance: Callable[..., Entrance]) -> None:
    at = entrance(1, 4, patience_s=0.05)
    at.fill("a")
    with pytest.raises(Overloaded):
        at.enter(ONE, "b").result(20)
    assert (at.gate.under_way, at.gate.waiting) == (1, 0)
    at.gate.leave(ONE, b"a", 0.1)
    at.fill("b")


def test_many_threads_never_are_more_than_there_are_places() -> None:
    gate = Gate(3, 100, clock=lambda: 0.0, patience_s=30)
    most, now, lock = [0], [0], threading.Lock()

    def visit(number: int) -> None:
        partnership, device = UUID(int=number % 4), b"%d" % number
        gate.enter(partnership, device)
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        with lock:
            now[0] -= 1
        gate.leave(partnership, device, 0.001)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(visit, range(2_000)))
    assert most[0] <= 3
    assert (gate.under_way, gate.waiting) == (0, 0)


class TestLevel:
    def test_rises_while_exchanges_are_sent_away_and_falls_again(self, entrance: Callable[..., Entrance]) -> None:
        at = entrance(1, 1)
        at.fill("a")
        at.enter(ONE, "b")
        levels = []
        for _ in range(4):
            at.clock.at += LEVEL_UP_S
            with pytest.raises(Overloaded):
                at.gate.enter(ONE, b"c")
            levels.append(at.gate.level())
        assert levels == [1, 2, 2, 2]
        assert LEVEL_MAX == 2
        for level in (1, 0, 0):
            at.clock.at += LEVEL_DOWN_S
            assert at.gate.level() == level

    def test_does_not_rise_with_every_refusal_of_one_moment(self, entrance: Callable[..., Entrance]) -> None:
        at = entrance(1, 1)
        at.fill("a")
        at.enter(ONE, "b")
        for _ in range(20):
            with pytest.raises(Overloaded):
                at.gate.enter(ONE, b"c")
        assert at.gate.level() == 1

    def test_rises_after_a_long_wait(self, entrance: Callable[..., Entrance]) -> None:
        at = entrance(1, 4)
        at.fill("a")
        waits = at.enter(ONE, "b")
        at.clock.at += 2
        at.leave(ONE, "a")
        assert waits.result(20) == 2
        assert at.gate.level() == 1

    def test_stays_where_waits_are_short(self, entrance: Callable[..., Entrance]) -> None:
        at = entrance(1, 4)
        at.fill("a")
        waits = at.enter(ONE, "b")
        at.clock.at += 0.1
        at.leave(ONE, "a")
        assert waits.result(20) == pytest.approx(0.1)
        assert at.gate.level() == 0


class TestEditsWanted:
    """Of a tablet with a long queue, while others have little to send."""

    @staticmethod
    def gate() -> tuple[Gate, Clock]:
        clock = Clock()
        return Gate(4, 4, clock=clock), clock

    def test_as_many_as_it_likes_while_there_is_nobody_else(self) -> None:
        gate, _ = self.gate()
        for _ in range(20):
            gate.carried(500, 2.0)
        assert gate.edits_wanted() == math.inf

    def test_as_many_as_fit_the_time_while_there_are_others(self) -> None:
        gate, clock = self.gate()
        for _ in range(40):
            gate.carried(500, 2 * EXCHANGE_S_WANTED)
        gate.carried(3, 0.01)
        assert gate.edits_wanted() == pytest.approx(250, rel=0.01)
        for _ in range(40):
            gate.carried(250, EXCHANGE_S_WANTED / 8)
        assert gate.edits_wanted() == pytest.approx(2_000, rel=0.01)
        clock.at += OTHERS_S + 1
        assert gate.edits_wanted() == math.inf

    def test_never_so_few_that_it_counts_as_one_of_the_others(self) -> None:
        gate, clock = self.gate()
        gate.carried(0, 0.01)
        for _ in range(40):
            gate.carried(500, 30.0)
        assert gate.edits_wanted() == MANY_EDITS > FEW_EDITS
        for _ in range(10):
            clock.at += 1
            gate.carried(MANY_EDITS, 30.0)
        assert gate.edits_wanted() == math.inf
