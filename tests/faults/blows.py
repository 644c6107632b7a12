"""The faults that strike the server: what each does, how it ends, and how likely it is."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from tests.faults.stage import Stage, gone, kill

CLOCK_DAYS = 6
"""How far the server's clock jumps, either way: sessions expire, and agreements of the demo do not."""

Heal = Callable[[], None]
Strike = Callable[[Stage, random.Random], Heal | None]


@dataclass(frozen=True, slots=True)
class Blow:
    """A fault."""

    name: str
    """As it stands in the report."""
    share: int
    strike: Strike
    """Returns what ends it, where it does not end by itself; None where there was nothing to strike."""
    lasts_s: tuple[float, float] = (0, 0)
    """After how many seconds it is ended: from, to."""
    needs: str | None = None
    """The part of ``Stage.missing`` without which it cannot be had."""


def _nothing() -> None:
    """Whoever keeps the stage has started it again already, or will."""


def _web_worker(stage: Stage, chance: random.Random) -> Heal | None:
    workers = stage.web_workers()
    if not workers:
        return None
    kill([chance.choice(workers)])
    return _nothing


def _web_workers(stage: Stage, chance: random.Random) -> Heal | None:
    workers = stage.web_workers()
    kill(workers)
    return _nothing if workers else None


def _gunicorn(stage: Stage, chance: random.Random) -> Heal | None:
    master = stage.gunicorn()
    if master is None:
        return None
    kill([master])
    return _nothing


def _gunicorn_and_workers(stage: Stage, chance: random.Random) -> Heal | None:
    master = stage.gunicorn()
    if master is None:
        return None
    kill([master, *stage.web_workers()])
    return _nothing


def _reload(stage: Stage, chance: random.Random) -> Heal | None:
    master = stage.gunicorn()
    if master is None:
        return None
    kill([master], signal.SIGHUP)
    return _nothing


def _worker(stage: Stage, chance: random.Random) -> Heal | None:
    if stage.worker.pid is None:
        return None
    kill([stage.worker.pid])
    return _nothing


def _immediate(stage: Stage, chance: random.Random) -> Heal | None:
    processes = stage.postgres()
    if not processes:
        return None
    # PostgreSQL's word for "immediate": no checkpoint, so it has to recover from its log.
    kill(processes[:1], signal.SIGQUIT)
    kill(processes, signal.SIGCONT)  # If it was frozen: a frozen process hears of nothing but SIGKILL.
    gone(processes)
    return _nothing


def _postgres(stage: Stage, chance: random.Random) -> Heal | None:
    processes = stage.postgres()
    if not processes:
        return None
    kill(processes)
    gone(processes)
    return _nothing


def _backends(stage: Stage) -> list[int]:
    with psycopg.connect(stage.cluster.databases.admin_url, autocommit=True, connect_timeout=5) as admin:
        found = admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in found.fetchall()]


def _backend(stage: Stage, chance: random.Random) -> Heal | None:
    """One of its processes dies: PostgreSQL ends all others and recovers by itself."""
    try:
        backends = _backends(stage)
    except psycopg.Error:
        return None
    if not backends:
        return None
    kill([chance.choice(backends)])
    return _nothing


def _terminate(stage: Stage, chance: random.Random) -> Heal | None:
    """As an administrator ends sessions: some, or all of them."""
    try:
        backends = _backends(stage)
        if chance.random() < 0.5:
            backends = [pid for pid in backends if chance.random() < 0.5]
        with psycopg.connect(stage.cluster.databases.admin_url, autocommit=True, connect_timeout=5) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [backends])
    except psycopg.Error:
        return None
    return _nothing if backends else None


def _full(stage: Stage, chance: random.Random) -> Heal | None:
    if stage.disk is None or stage.disk.free_bytes == 0:
        return None
    # Nothing at all is left, or a little: it then runs out in the middle of something else.
    stage.disk.fill(chance.choice((0, 0, 8_192, 100_000, 1_000_000, 20_000_000)))
    return stage.disk.free


def _jump(stage: Stage, chance: random.Random) -> Heal | None:
    if stage.timeshift is None:
        return None
    timeshift = stage.timeshift
    timeshift.jump(timedelta(days=chance.uniform(-CLOCK_DAYS, CLOCK_DAYS)))
    return lambda: timeshift.jump(timedelta())


def _frozen(processes: list[int]) -> Heal | None:
    if not processes:
        return None
    kill(processes, signal.SIGSTOP)
    return lambda: kill(processes, signal.SIGCONT)


def _freeze_web(stage: Stage, chance: random.Random) -> Heal | None:
    workers = stage.web_workers()
    return _frozen([chance.choice(workers)]) if workers else None


def _freeze_postgres(stage: Stage, chance: random.Random) -> Heal | None:
    return _frozen(stage.postgres())


BLOWS = (
    Blow("one web worker is killed -9", 12, _web_worker),
    Blow("all web workers are killed -9", 6, _web_workers),
    Blow("gunicorn's master is killed -9 and started again", 6, _gunicorn),
    Blow("gunicorn and all its workers are killed -9 and started again", 6, _gunicorn_and_workers),
    Blow("gunicorn is told to reload (SIGHUP)", 3, _reload),
    Blow("a web worker is frozen for seconds, then goes on", 5, _freeze_web, (0.5, 6)),
    Blow("the worker for background runs is killed -9", 8, _worker),
    Blow("PostgreSQL is stopped immediate and recovers", 8, _immediate),
    Blow("all processes of PostgreSQL are killed -9, and it recovers", 6, _postgres),
    Blow("one PostgreSQL process is killed -9; it recovers by itself", 6, _backend),
    Blow("PostgreSQL is frozen for seconds, then goes on", 4, _freeze_postgres, (0.5, 6)),
    Blow("database sessions are terminated", 10, _terminate),
    Blow("the cluster's disk fills up, and is freed", 10, _full, (0.5, 6), "the cluster's disk fills up"),
    Blow(
        "the server's clock jumps by days, and back", 8, _jump, (3, 12), "the server's clock jumps by days"
    ),
)  # fmt: skip


def possible(stage: Stage, like: str = "") -> list[Blow]:
    """The faults that can be had here, of those that have these words in their name."""
    return [blow for blow in BLOWS if blow.needs not in stage.missing and like in blow.name]
