"""The gate before exchanges: so many at once, a short line that is fair between partnerships, and no more.

Knows no HTTP and no database. One for each worker process.
"""

from __future__ import annotations

import math
import random
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from fieldsync.problems import ExchangeUnderWay, Overloaded

PATIENCE_S = 5.0
"""How long an exchange waits for its turn: well below a tablet's own time-out, and the office's patience."""

EXCHANGE_S = 0.1
"""What an exchange is taken to last when nothing is known yet."""

RETRY_S_MAX = 60
"""The longest that anybody is sent away for, before lots are drawn."""

EXCHANGE_S_WANTED = 0.05
"""What an exchange with many edits may take while there are others with few: so long these wait behind it."""

FEW_EDITS = 50
"""An ordinary tablet's exchange has no more: an hour's work, or nothing."""

MANY_EDITS = 100
"""A long queue is never told to send fewer: below that an exchange costs more than its edits."""

OTHERS_S = 5.0
"""How long after an ordinary exchange there are others."""

LEVEL_MAX = 2
"""How often the limits are halved at most. Exchanges of a quarter carry nearly as many edits a second."""

LEVEL_UP_S = 1.0
"""How often they are halved while exchanges wait too long."""

LEVEL_DOWN_S = 10.0
"""How soon they are doubled again when none does."""

FEW = 3
"""With so few places, one partnership may have all of them: most servers have only one."""

LONG_S = 0.5
"""A wait that shows that there is more work than is done."""


@dataclass(eq=False)
class _Waiter:
    partnership_id: UUID
    device: bytes
    turn: threading.Event = field(default_factory=threading.Event)
    is_admitted: bool = False


class Gate:
    """Who enters has to leave. All methods may be called by any thread."""

    def __init__(
        self, at_once: int, waiting: int, *, clock: Callable[[], float], chance: random.Random | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:  # fmt: skip
        """``at_once``: exchanges under way at most; ``waiting``: exchanges that wait at most; ``clock``: monotonic."""
        self.at_once = at_once
        self.waiting_max = waiting
        self.per_device = 1
        """Exchanges of one device at once. A second one could only wait for the first, with a connection in hand."""
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311  (waiting times are no secret)
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._under_way: Counter[UUID] = Counter()
        self._devices: Counter[bytes] = Counter()
        self._lines: OrderedDict[UUID, deque[_Waiter]] = OrderedDict()
        """Who waits, by partnership; the one whose turn is next is the first."""
        self._mean_s = EXCHANGE_S
        self._edit_s = EXCHANGE_S_WANTED / 1_000
        """What an edit among many takes at present."""
        self._others_at = -math.inf
        self._level = 0
        self._level_at = -math.inf

    @property
    def under_way(self) -> int:
        """Exchanges that are being carried out."""
        return self._under_way.total()

    @property
    def waiting(self) -> int:
        """Exchanges that wait."""
        return sum(map(len, self._lines.values()))

    def enter(self, partnership_id: UUID, device: bytes) -> float:
        """Wait for a place; the seconds that it took. Of one partnership there are never so many that none is left
        for others: what blocks one of them (its head is locked) does not block all.

        Raises:
            ExchangeUnderWay: another exchange of this device is under way or waits.
            Overloaded: too many wait, or the place did not come in time.
        """
        waiter = _Waiter(partnership_id, device)
        began = self._clock()
        with self._lock:
            if self._devices[device] >= self.per_device:
                raise ExchangeUnderWay(retry_after_s=self._drawn(1))
            if self._may_enter(partnership_id):
                self._devices[device] += 1
                self._admit(waiter)
                return 0.0
            self._make_room(partnership_id)
            self._devices[device] += 1
            self._lines.setdefault(partnership_id, deque()).append(waiter)
        waiter.turn.wait(self._patience_s)
        with self._lock:
            waited = self._clock() - began
            if waited > LONG_S or not waiter.is_admitted:
                self._raise_level()
            if waiter.is_admitted:
                return waited
            self._forget(waiter)
            raise self._overloaded()

    def leave(self, partnership_id: UUID, device: bytes, seconds: float) -> None:
        """Give the place back, which was had for so long."""
        with self._lock:
            self._mean_s += (min(seconds, 30.0) - self._mean_s) / 16
            self._under_way[partnership_id] -= 1
            if not self._under_way[partnership_id]:
                del self._under_way[partnership_id]
            self._release(device)
            self._call_next()

    def carried(self, edits: int, seconds: float) -> None:
        """Take note that so many edits of an exchange took so long."""
        with self._lock:
            if edits <= FEW_EDITS:
                self._others_at = self._clock()
            elif edits >= MANY_EDITS:
                self._edit_s += (min(seconds, 30.0) / edits - self._edit_s) / 4

    def edits_wanted(self) -> float:
        """How many edits a tablet with a long queue should send at once; infinite where nobody minds."""
        with self._lock:
            if self._clock() - self._others_at > OTHERS_S:
                return math.inf
            return max(MANY_EDITS, EXCHANGE_S_WANTED / max(self._edit_s, 1e-6))

    def level(self) -> int:
        """How often the limits are to be halved at present."""
        with self._lock:
            return self._level_now()

    # --- within the lock --------------------------------------------------------------------------------------------

    def _may_enter(self, partnership_id: UUID) -> bool:
        own_max = self.at_once - 1 if self.at_once > FEW else self.at_once
        return self.under_way < self.at_once and self._under_way[partnership_id] < own_max

    def _admit(self, waiter: _Waiter) -> None:
        self._under_way[waiter.partnership_id] += 1
        waiter.is_admitted = True
        waiter.turn.set()

    def _call_next(self) -> None:
        """The places that are free go to the partnerships in turn, within one to whoever waits longest."""
        for partnership_id in list(self._lines):
            if not self._may_enter(partnership_id):
                continue
            line = self._lines[partnership_id]
            self._admit(line.popleft())
            if line:
                self._lines.move_to_end(partnership_id)
            else:
                del self._lines[partnership_id]

    def _make_room(self, partnership_id: UUID) -> None:
        """Where the line is full, the newest of the partnership with most in it goes; who has most gets no room."""
        if self.waiting < self.waiting_max:
            return
        self._raise_level()
        longest = max(self._lines, key=lambda each: len(self._lines[each]), default=partnership_id)
        if len(self._lines.get(longest, ())) <= len(self._lines.get(partnership_id, ())) + 1:
            raise self._overloaded()
        self._lines[longest].pop().turn.set()

    def _forget(self, waiter: _Waiter) -> None:
        self._release(waiter.device)
        line = self._lines.get(waiter.partnership_id)
        if line and waiter in line:
            line.remove(waiter)
            if not line:
                del self._lines[waiter.partnership_id]

    def _release(self, device: bytes) -> None:
        self._devices[device] -= 1
        if not self._devices[device]:
            del self._devices[device]

    def _overloaded(self) -> Overloaded:
        return Overloaded(retry_after_s=self._drawn(self._mean_s * (self.waiting + self.under_way) / self.at_once))

    def _drawn(self, seconds: float) -> int:
        """A whole number of seconds from ``seconds`` to three times as many and two: never all at one moment."""
        least = min(seconds, RETRY_S_MAX)
        return max(1, math.ceil(self._chance.uniform(least, 3 * least + 2)))

    def _level_now(self) -> int:
        return max(0, self._level - max(0, int((self._clock() - self._level_at) / LEVEL_DOWN_S)) if self._level else 0)

    def _raise_level(self) -> None:
        if self._clock() - self._level_at >= LEVEL_UP_S:
            self._level = min(LEVEL_MAX, self._level_now() + 1)
            self._level_at = self._clock()
