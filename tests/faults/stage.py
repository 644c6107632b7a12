"""What the faults strike: PostgreSQL on a small disk of its own, gunicorn, and the worker, all ours to kill."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fieldsync.cluster import Cluster, ClusterProblem, Home, Lock
from fieldsync.server.up import run_command
from fieldsync.server.web import WebServer, is_ready, listen, url_of
from fieldsync.server.worker import WorkerProcess
from tests.faults.disk import Disk, NoDisk, mount
from tests.faults.timeshift import NoTimeshift, Timeshift
from tests.setup.processes import family, is_running, wait_until

SETTINGS = {
    # Small, and often written out: so that the disk can be small, and a recovery has little to do and is done often.
    "shared_buffers": "64MB",
    "max_wal_size": "96MB",
    "min_wal_size": "32MB",
    "checkpoint_timeout": "30s",
}

PREFIX = "fieldsync-faults-"


@dataclass
class Stage:
    """Everything that runs, and who is watching that it runs. From the main thread only: see ``Cluster``."""

    cluster: Cluster
    web: WebServer
    worker: WorkerProcess
    listener: socket.socket
    database_url: str
    folder: Path
    disk: Disk | None
    timeshift: Timeshift | None
    missing: dict[str, str]
    """A part of the faults that cannot be had here -> why."""
    moved: set[int]
    """Processes that were ever started with a clock that can be moved."""
    restarts: Counter[str] = field(default_factory=Counter)
    """Part -> how often it was started again because it had ended."""

    @property
    def url(self) -> str:
        """Where the web server answers."""
        return url_of(self.listener)

    @property
    def web_log(self) -> Path:
        """What gunicorn, its workers and the worker print."""
        return self.folder / "server.log"

    @property
    def database_log(self) -> Path:
        """What PostgreSQL prints."""
        return self.cluster.home.logs / "postgresql.log"

    def gunicorn(self) -> int | None:
        """The process of gunicorn's master, while it runs."""
        process = self.web._process
        return process.pid if process is not None and process.poll() is None else None

    def web_workers(self) -> list[int]:
        """Processes of gunicorn's workers."""
        master = self.gunicorn()
        return sorted(family(master) - {master}) if master else []

    def postgres(self) -> list[int]:
        """All processes of PostgreSQL, the postmaster first."""
        postmaster = self.cluster.pid
        return [postmaster, *sorted(family(postmaster) - {postmaster})] if postmaster else []

    def keep(self) -> None:
        """Start again what has ended, as ``fieldsync up`` and a service manager do."""
        if self.cluster.wait(0) is not None:
            try:
                self.cluster.start()
                self.restarts["PostgreSQL"] += 1
            except (ClusterProblem, OSError):
                # Processes of before are still ending, or its disk is full: tried again.
                pass
        if self.web.wait(0) is not None:
            self.web.start()
            self.restarts["gunicorn"] += 1
        self.restarts["worker"] += self.worker.keep()
        self.moved |= {pid for pid in (self.gunicorn(), self.worker.pid) if pid is not None}

    def is_ready(self) -> bool:
        """Whether it answers that it can work, now."""
        self.keep()
        return self.cluster.pid is not None and is_ready(self.url, timeout_s=5)


@contextmanager
def stage(chosen: Path | None = None) -> Iterator[Stage]:
    """All parts, migrated and ready; ``chosen`` keeps what they leave behind (logs), else it goes at the end."""
    with ExitStack() as stack:
        made = chosen or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True))
        )
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o711)  # PostgreSQL runs as another user when we are root.
        missing: dict[str, str] = {}
        root = made / "disk"
        root.mkdir(exist_ok=True)
        root.chmod(0o711)
        try:
            disk: Disk | None = mount(root)
            stack.callback(disk.close)
        except NoDisk as why:
            disk, missing["the cluster's disk fills up"] = None, str(why)
        try:
            timeshift: Timeshift | None = Timeshift(made)
        except NoTimeshift as why:
            timeshift, missing["the server's clock jumps by days"] = None, str(why)
        lock = stack.enter_context(Lock(Home(root / "home")))
        cluster = stack.enter_context(Cluster(lock.home, SETTINGS))
        listener = stack.enter_context(listen("127.0.0.1", 0))
        database_url = cluster.databases.ensure("fieldsync")
        environ = os.environ | {
            "FIELDSYNC_DATABASE_URL": database_url, "FIELDSYNC_WORKERS": "2",
            "PROMETHEUS_MULTIPROC_DIR": str(stack.enter_context(lock.home.counting())),
        }  # fmt: skip
        run_command(["migrate"], environ)
        shifted = environ | (timeshift.environ if timeshift else {})
        moved: set[int] = set()
        if timeshift:
            stack.callback(timeshift.forget, moved)  # Called when they have ended.
        log = made / "server.log"
        web = stack.enter_context(WebServer(listener, shifted, log))
        web.await_readiness()
        worker = stack.enter_context(WorkerProcess(shifted, log))
        yield Stage(cluster, web, worker, listener, database_url, made, disk, timeshift, missing, moved)


def kill(pids: list[int], by: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to processes of ours; those that have ended meanwhile are passed over."""
    for pid in pids:
        try:
            os.kill(pid, by)
        except ProcessLookupError:
            continue


def gone(pids: list[int], seconds: float = 20) -> bool:
    """Whether all of them have ended within so many seconds."""
    return wait_until(lambda: not any(is_running(pid) for pid in pids), seconds)
