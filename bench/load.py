"""The load generator: processes that send exchanges made beforehand and count verdicts without parsing them."""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from bench.world import Tablet


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the load took."""

    seconds: float
    client_cpu_s: float
    """Processor time of the load generator itself, all processes."""
    latencies_ms: list[float]


def send(port: int, shares: Sequence[tuple[Tablet, Sequence[bytes], int]], expected: Sequence[bytes]) -> Load:
    """Send each tablet's exchanges one after another, all tablets at once.

    ``shares`` are (tablet, bodies, edits in all of them); every edit must get one of the verdicts ``expected``.

    Raises:
        RuntimeError: an answer was not 200, or a verdict another.
    """
    context = get_context("fork")
    barrier = context.Barrier(len(shares) + 1)
    results: Any = context.SimpleQueue()
    workers = [
        context.Process(target=_send, args=(port, tablet, bodies, edits, expected, barrier, results))
        for tablet, bodies, edits in shares
    ]
    for worker in workers:
        worker.start()
    barrier.wait()
    began = time.perf_counter()
    answers = [results.get() for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    if failed := [answer for answer in answers if isinstance(answer, str)]:
        raise RuntimeError(failed[0])
    return Load(seconds, sum(cpu for cpu, _ in answers), [ms for _, latencies in answers for ms in latencies])


def _send(
    port: int,
    tablet: Tablet,
    bodies: Sequence[bytes],
    edits: int,
    expected: Sequence[bytes],
    barrier: Any,
    results: Any,
) -> None:
    headers = {"Authorization": f"Bearer {tablet.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.connect()
    barrier.wait()
    cpu = time.process_time()
    seen = 0
    latencies: list[float] = []
    for body in bodies:
        began = time.perf_counter()
        connection.request("POST", "/v1/sync", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        latencies.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            results.put(f"{answer.status}: {text[:500]!r}")
            return
        seen += sum(text.count(b'"verdict":"' + verdict) for verdict in expected)
    if seen != edits:
        results.put(f"{edits} edits sent, {seen} got {expected}: {text[:1000]!r}")
        return
    results.put((time.process_time() - cpu, latencies))
