"""The load generator: one kept-open connection for each client, and all clients started at the same moment.

Bodies are made beforehand and answers are looked at with ``bytes.count``: the two cores are the server's.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TIMEOUT_S = 300


class UnexpectedAnswer(Exception):
    """A server did not do what it was asked."""


class Connection:
    """HTTP/1.1 to a port on loopback, kept open between requests."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._headers = {"Accept": "application/json", "Content-Type": "application/json", **headers}

    def call(
        self, method: str, path: str, body: bytes | None = None, expect: int = 200
    ) -> tuple[bytes, http.client.HTTPMessage]:
        """Send a request; returns the answer's body and headers.

        Raises:
            UnexpectedAnswer: its status is not ``expect``.
        """
        self._http.request(method, path, body, self._headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status != expect:
            raise UnexpectedAnswer(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content, answer.headers

    def reopen(self) -> None:
        """Connect anew: a server may have closed a connection that rested while others had their turn."""
        self._http.close()
        self._http.connect()


@dataclass(frozen=True, slots=True)
class Timing:
    wall_s: float
    client_cpu_s: float
    """Processor time of this process, the load generator, in the same span."""


def at_once(clients: int, job: Callable[[int], None]) -> Timing:
    """Run ``job(0)`` … ``job(clients - 1)`` in threads that set out together; time until all have ended.

    Raises:
        Exception: the first one that a job raised.
    """
    failures: list[Exception] = []
    start = threading.Barrier(clients + 1)

    def run(client: int) -> None:
        start.wait()
        try:
            job(client)
        except Exception as failure:  # noqa: BLE001  (raised again below, in the thread that asked)
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    wall, own = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    timing = Timing(time.perf_counter() - wall, time.process_time() - own)
    if failures:
        raise failures[0]
    return timing
