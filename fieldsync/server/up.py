"""Run the whole: the cluster unless a database is named, migrations, web server and worker; until asked to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fieldsync.cluster import Cluster, ClusterProblem, Home, Lock
from fieldsync.cluster.home import PROJECT
from fieldsync.cluster.lifeline import ends_with_parent

from .problems import ServerProblem
from .stopping import Stopped, stoppable
from .web import WebServer, listen, url_of
from .worker import WorkerProcess

RESTARTS_MAX = 5
"""A database that ends so often within an hour has a trouble that starting it again does not cure."""

RESTART_ATTEMPTS = 20
"""After a kill -9 its other processes need a moment to notice; until then a new server refuses to start. So it does
while its disk is full, on which its configuration is written as well."""


@dataclass(frozen=True, slots=True)
class Running:
    """What runs: the web server's address, and the environment that names the database to commands."""

    url: str
    environ: Mapping[str, str]
    web: WebServer
    worker: WorkerProcess
    cluster: Cluster | None


def up(home: Home, host: str, port: int) -> None:
    """Serve in the foreground until Ctrl-C or SIGTERM; then end the worker, the web server, and the database.

    Raises:
        Stopped: everything has ended in order.
        ServerProblem, ClusterProblem: it cannot start, or a part of it ended for good.
    """
    with stoppable(), running(home, host, port) as parts:
        say(f"FieldSync is ready at {parts.url}  (Ctrl-C ends it)")
        keep(parts)


@contextmanager
def running(
    home: Home,
    host: str,
    port: int,
    *,
    database: str = "fieldsync",
    afresh: bool = False,
    log: Path | None = None,
) -> Iterator[Running]:
    """Everything that ``up`` runs, ready to answer, for the time of the block.

    ``afresh`` first removes the private cluster's database of that name. ``log`` takes what the web server and the
    worker print.
    """
    with Lock(home) as lock, listen(host, port) as listener:
        url = url_of(listener)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        lock.tell(url=url, since=since, ready=False)
        with home.counting() as metrics, _database(home, database, afresh=afresh) as (database_url, cluster):
            environ = {
                **os.environ,
                "FIELDSYNC_DATABASE_URL": database_url,
                "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            }
            say("Bringing the tables up to date")
            run_command(["migrate"], environ)
            say(f"Starting the web server at {url}")
            with WebServer(listener, environ, log) as web:
                web.await_readiness()
                with WorkerProcess(environ, log) as worker:
                    # A database that was named from outside may carry a password: it is not written down.
                    lock.tell(url=url, since=since, ready=True, database_url=database_url if cluster else None)
                    yield Running(url, environ, web, worker, cluster)


def keep(parts: Running, until: Callable[[], bool] = lambda: False) -> None:
    """Watch the parts until a signal comes or ``until`` says so. A database that ended is started again: it recovers.
    So is a worker: its runs go on.

    Raises:
        Stopped: ``until`` said so.
        ServerProblem: the web server ended, or the database ends again and again.
    """
    restarts: list[float] = []
    while (code := parts.web.wait(0.5)) is None:
        if until():
            raise Stopped
        if parts.worker.keep():
            say("The worker has ended unasked; it is started again")
        if parts.cluster is None or parts.cluster.wait(0) is None:
            continue
        restarts = [moment for moment in restarts if time.monotonic() - moment < 3600] + [time.monotonic()]
        if len(restarts) > RESTARTS_MAX:
            raise ServerProblem(f"PostgreSQL ended {RESTARTS_MAX} times within an hour. See {parts.cluster.home.logs}")
        say("PostgreSQL has ended unasked; starting it again")
        _restart(parts.cluster)
    raise ServerProblem(f"The web server has ended unasked (exit code {code}).")


def run_command(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Run a ``fieldsync`` command as a process of its own: what it loads into memory goes with it.

    Raises:
        ServerProblem: it failed; it has said why in our terminal.
    """
    _run(arguments, environ, output=None)


def read_command(arguments: list[str], environ: Mapping[str, str]) -> str:
    """The same, for what the command prints."""
    return _run(arguments, environ, output=subprocess.PIPE)


def _run(arguments: list[str], environ: Mapping[str, str], output: int | None) -> str:
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldsync", *arguments],
        cwd=PROJECT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        text=True,
        # A session of its own: Ctrl-C is for us, who end it and whatever it has started.
        start_new_session=True,
        preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509  (no threads here)
    )
    try:
        printed, _ = process.communicate()
    except BaseException:
        _end_group(process)
        raise
    if process.returncode != 0:
        raise ServerProblem(f"fieldsync {arguments[0]} failed (exit code {process.returncode}).")
    return printed or ""


def _end_group(process: subprocess.Popen[str]) -> None:
    for by in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, by)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


@contextmanager
def _database(home: Home, name: str, *, afresh: bool) -> Iterator[tuple[str, Cluster | None]]:
    if chosen := os.environ.get("FIELDSYNC_DATABASE_URL"):
        yield chosen, None
        return
    say(f"Starting PostgreSQL in {home.root}")
    with Cluster(home) as cluster:
        if afresh:
            cluster.databases.drop(name)
        yield cluster.databases.ensure(name), cluster


def _restart(cluster: Cluster) -> None:
    for attempt in range(RESTART_ATTEMPTS):
        try:
            cluster.start()
            return
        except (ClusterProblem, OSError):
            if attempt == RESTART_ATTEMPTS - 1:
                raise
            time.sleep(0.5)


def say(sentence: str) -> None:
    """Tell whoever watches the terminal."""
    print(sentence, flush=True)
