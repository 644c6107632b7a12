"""The worker for background runs as a child process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from fieldsync.cluster.home import PROJECT
from fieldsync.cluster.lifeline import ends_with_parent

STOP_S_MAX = 30
"""What it may take to put its runs back. One that needs longer is killed, and its run taken up as after any kill."""

RESTART_AFTER_S = 5
"""A worker that ends by itself is started again after so long: it cannot live without the database, which may itself
be starting again."""


class WorkerProcess:
    """One worker. ``environ`` names the database; its output goes to ``log``, or to our terminal."""

    def __init__(self, environ: Mapping[str, str], log: Path | None = None) -> None:
        self._environ = environ
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    def __enter__(self) -> WorkerProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """From the main thread, so that it ends with this process and not with a thread of it."""
        output = self._log.open("ab") if self._log else None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fieldsync", "worker"],
                cwd=PROJECT,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A session of its own: Ctrl-C in the terminal is for us, who then stop the parts in order.
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509  (no threads here)
            )
        finally:
            if output:
                output.close()
        self._started_at = time.monotonic()

    def keep(self) -> bool:
        """Start it again if it has ended; whether it had to be. Called every now and then."""
        if self.pid is not None or time.monotonic() - self._started_at < RESTART_AFTER_S:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """End it: what it carries out is put back first."""
        process, self._process = self._process, None
        if process is None:
            return
        for by, patience_s in ((signal.SIGTERM, STOP_S_MAX), (signal.SIGKILL, 10)):
            if process.poll() is None:
                process.send_signal(by)
            try:
                process.wait(patience_s)
                return
            except subprocess.TimeoutExpired:
                continue
