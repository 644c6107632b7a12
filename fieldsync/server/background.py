"""FieldSync in the background: start it, end it, say how it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from fieldsync.cluster import Home, Lock, LockedBy
from fieldsync.cluster.home import PROJECT

from .problems import ServerProblem
from .web import is_ready

START_S_MAX = 420
"""The longest that the parts may take each: the cluster's recovery, migrations, the web server."""

STOP_S_MAX = 120


@dataclass(frozen=True, slots=True)
class Status:
    """How the project's server is. ``pid``, ``url``, ``since`` (RFC 3339) are None when it does not run."""

    running: bool
    ready: bool
    pid: int | None
    url: str | None
    since: str | None
    database_url: str | None
    home: str
    logs: str

    def sentences(self) -> str:
        """The same for a person."""
        if not self.running:
            return f"FieldSync is not running for this project (home {self.home})."
        database = self.database_url or "the one that FIELDSYNC_DATABASE_URL named at its start"
        state = "is ready" if self.ready else "is not ready"
        return (
            f"FieldSync {state} at {self.url} (process {self.pid}, since {self.since}).\n"
            f"Database  {database}\n"
            f"Logs      {self.logs}"
        )

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def status(home: Home) -> Status:
    """Ask the lock who runs, and the web server whether it is ready."""
    holder = Lock(home).holder()
    facts = holder or {}
    url = facts.get("url")
    return Status(
        running=holder is not None,
        ready=bool(facts.get("ready") and url and is_ready(url)),
        pid=facts.get("pid"),
        url=url,
        since=facts.get("since"),
        database_url=facts.get("database_url"),
        home=str(home.root),
        logs=str(home.logs),
    )


def start_in_background(home: Home, host: str, port: int) -> Status:
    """Run ``fieldsync up`` in a session of its own and return when it is ready.

    Raises:
        LockedBy: it runs already.
        ServerProblem: it did not get ready; the end of its log is in the sentence.
    """
    with Lock(home):
        pass  # Better said here than in a log.
    log = home.logs / "server.log"
    start_of_ours = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "fieldsync", "up", "--host", host, "--port", str(port)],
            cwd=PROJECT,
            env={**os.environ, "FIELDSYNC_HOME": str(home.root)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        now = status(home)
        if now.ready and now.pid == process.pid:
            return now
        time.sleep(0.1)
    process.terminate()
    said = log.read_bytes()[start_of_ours:].decode(errors="replace").strip().splitlines()[-8:]
    raise ServerProblem("\n".join(["FieldSync did not start.", *said, f"More in {log}"]))


def down(home: Home) -> bool:
    """End the project's server, wherever it was started, and return when it has ended. Whether there was one.

    Raises:
        ServerProblem: it has not ended in ``STOP_S_MAX`` seconds, or may not be ended by this user.
    """
    holder = Lock(home).holder()
    if holder is None:
        return False
    pid = holder.get("pid")
    if not pid:
        raise ServerProblem(f"A process holds {home.root} without saying which one it is.")
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    except PermissionError as error:
        raise ServerProblem(f"Process {pid} belongs to another user, who has to end it.") from error
    deadline = time.monotonic() + STOP_S_MAX
    while time.monotonic() < deadline:
        try:
            with Lock(home):
                return True
        except LockedBy:
            time.sleep(0.1)
    raise ServerProblem(f"Process {pid} has not ended after {STOP_S_MAX} s. Its logs: {home.logs}")


def adopt_running_database(home: Home) -> None:
    """Let this process work on the database of the project's running server, unless one is named."""
    if "FIELDSYNC_DATABASE_URL" not in os.environ:
        holder = Lock(home).holder() or {}
        if url := holder.get("database_url"):
            os.environ["FIELDSYNC_DATABASE_URL"] = url
