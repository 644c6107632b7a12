"""Asking a router how long ways take: OSRM's table service, or one that speaks as it does.

    GET {url}/table/v1/driving/{lon},{lat};…?annotations=duration&sources=0;1&destinations=2;3
    {"code": "Ok", "durations": [[seconds or null, …], …]}

(https://project-osrm.org/docs/v5.24.0/api/#table-service). Whatever goes wrong, the straight line is there: nobody
waits for a router that does not answer, and the answer says which of the two was used.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from threading import Lock

import msgspec
import structlog
import urllib3
from msgspec import Struct

from fieldsync.config import ROUTER_CALLS_MAX, ROUTER_POINTS_MAX, Settings
from fieldsync.crews.facts import Point
from fieldsync.dispatch.travel import Matrix, StraightLine, Travel

log = structlog.get_logger()

BLOCK = ROUTER_POINTS_MAX // 2
"""Sources, and destinations, in one of several questions."""

POINTS_MAX = BLOCK * math.isqrt(ROUTER_CALLS_MAX)
"""Places in one matrix."""

ANSWER_BYTES_MAX = 1 << 20
"""10,000 durations are about 80 kB."""

REST_S = 30
"""How long a router that failed is left alone: else everybody would wait for it anew."""

DAY_S = 86_400.0


class RouterFailed(Exception):
    """The router did not answer, or not so that it could be understood."""


class Ways(Struct, frozen=True):
    """A way of reckoning ways, and what it rests on."""

    travel: Travel
    by: str
    """``router`` or ``straight_line``."""
    because: str | None = None
    """Why not by the router: ``not_configured``, ``unavailable``, ``too_many_places``; null where it was asked."""
    unrouted: int = 0
    """Pairs of places between which the router knows no way: they are reckoned in a straight line."""


class _Answer(Struct):
    code: str
    durations: list[list[float | None]] | None = None


_DECODER = msgspec.json.Decoder(_Answer)


class Router:
    """One router, as a deployment has it. Threads share it."""

    def __init__(self, settings: Settings) -> None:
        self.straight = StraightLine.of(settings)
        self._url = settings.travel_url.rstrip("/")
        self._patience_s = settings.travel_timeout_ms / 1000
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=settings.pool_size, retries=False)
        self._lock = Lock()
        self._rests_until = 0.0

    @property
    def configured(self) -> bool:
        """Whether there is one to ask."""
        return bool(self._url)

    def ways(self, places: Iterable[Point]) -> Ways:
        """How long the way from each of the places to each other takes, by the router if it can be had.

        Asks at most ``ROUTER_CALLS_MAX`` times, and begins to read nothing more once the time that the deployment
        allows is over.
        """
        points = sorted(set(places))
        if not self.configured:
            return Ways(self.straight, "straight_line", "not_configured")
        if len(points) > POINTS_MAX:
            return Ways(self.straight, "straight_line", "too_many_places")
        if len(points) < 2:
            return Ways(self.straight, "router")
        if time.monotonic() < self._rests_until:
            return Ways(self.straight, "straight_line", "unavailable")
        try:
            found = self._table(points, time.monotonic() + self._patience_s)
        except RouterFailed as failure:
            with self._lock:
                self._rests_until = time.monotonic() + REST_S
            log.warning("the router failed", reason=str(failure))
            return Ways(self.straight, "straight_line", "unavailable")
        known = {pair: minutes for pair, minutes in found.items() if minutes is not None}
        return Ways(Matrix(known, self.straight), "router", None, len(found) - len(known))

    def _table(self, points: Sequence[Point], deadline: float) -> dict[tuple[Point, Point], float | None]:
        """Minutes from each point to each, null where there is no way.

        Raises:
            RouterFailed: one of the questions was not answered as it should be.
        """
        size = len(points) if len(points) <= ROUTER_POINTS_MAX else BLOCK
        blocks = [points[at : at + size] for at in range(0, len(points), size)]
        found: dict[tuple[Point, Point], float | None] = {}
        for sources, targets in product(blocks, blocks):
            for source, row in zip(sources, self._ask(sources, targets, deadline), strict=True):
                for target, seconds in zip(targets, row, strict=True):
                    found[source, target] = None if seconds is None else seconds / 60
        return found

    def _ask(self, sources: Sequence[Point], targets: Sequence[Point], deadline: float) -> list[list[float | None]]:
        places = list(dict.fromkeys([*sources, *targets]))
        number = {place: at for at, place in enumerate(places)}
        path = ";".join(f"{place.lon:.6f},{place.lat:.6f}" for place in places)
        query = "annotations=duration&sources={}&destinations={}".format(
            ";".join(str(number[one]) for one in sources), ";".join(str(number[one]) for one in targets)
        )
        try:
            answer = _DECODER.decode(self._fetch(f"{self._url}/table/v1/driving/{path}?{query}", deadline))
        except msgspec.DecodeError as error:
            raise RouterFailed("the answer is no table") from error
        rows = answer.durations
        if answer.code != "Ok" or rows is None:
            raise RouterFailed(f"the router says {answer.code[:60]!r}")
        if len(rows) != len(sources) or any(len(row) != len(targets) for row in rows):
            raise RouterFailed("the table has another size than was asked for")
        if any(not 0 <= seconds <= DAY_S for row in rows for seconds in row if seconds is not None):
            raise RouterFailed("a duration is below zero or above a day")
        return rows

    def _fetch(self, url: str, deadline: float) -> bytes:
        """The body, which must be whole by the deadline, however slowly it drips."""
        body = b""
        try:
            patience = urllib3.Timeout(connect=_left(deadline), read=_left(deadline))
            answer = self._pool.request("GET", url, timeout=patience, redirect=False, preload_content=False)
            try:
                if answer.status != 200:
                    raise RouterFailed(f"status {answer.status}")
                while chunk := answer.read1(65_536):
                    body += chunk
                    _left(deadline)
                    if len(body) > ANSWER_BYTES_MAX:
                        raise RouterFailed("the answer is too long")
            finally:
                answer.close()  # A body that was read to its end has given its connection back already.
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RouterFailed(type(error).__name__) from error
        return body


@lru_cache(maxsize=8)
def router_of(settings: Settings) -> Router:
    """The router of a deployment: one for all threads of a process."""
    return Router(settings)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise RouterFailed("no answer in time")
    return left
