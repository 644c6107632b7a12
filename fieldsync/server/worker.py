"""The worker for background runs as a child process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from . import child

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
        """From the main thread: see ``child.start``."""
        self._process = child.start([sys.executable, "-m", "fieldsync", "worker"], self._environ, self._log)
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
        if process is not None:
            child.end(process, STOP_S_MAX)
