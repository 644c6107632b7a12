"""The server's clock, jumping by days: libfaketime under its processes, told by a file. The real clock stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")
SHARED = Path("/dev/shm")
LIBRARY = "faketime/libfaketimeMT.so.1"


class NoTimeshift(Exception):
    """The server's clock cannot be moved here; the sentence says why."""


class Timeshift:
    """``environ`` is for the processes whose clock is to follow ``jump``."""

    def __init__(self, folder: Path) -> None:
        """Find the library and try it.

        Raises:
            NoTimeshift
        """
        library = next((path for name in FOLDERS for path in Path(name).glob(f"**/{LIBRARY}")), None)
        if library is None:
            raise NoTimeshift("libfaketime is not installed (Debian and Ubuntu: apt-get install faketime)")
        self._file = folder / "clock"
        self.environ = {
            "LD_PRELOAD": str(library),
            # Against a fault of the library: see there.
            "PYTHONPATH": str(Path(__file__).with_name("shifted")),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Otherwise a jump would be seen ten seconds later.
            "FAKETIME_CACHE_DURATION": "1",
            # As when an administrator sets the clock: what measures durations goes on undisturbed.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.jump(timedelta(days=30))
        try:
            trial = [sys.executable, "-c", "import time; time.sleep(0.01); print(time.time())"]
            environ = os.environ | self.environ
            shown = subprocess.run(trial, env=environ, capture_output=True, text=True, timeout=20, check=True).stdout
            moved_s = float(shown) - datetime.now(UTC).timestamp()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise NoTimeshift(f"{library} does not work here: {error}") from error
        if moved_s < timedelta(days=29).total_seconds():
            raise NoTimeshift(f"{library} does not move Python's clock")
        self.jump(timedelta())

    def forget(self, pids: Iterable[int]) -> None:
        """Remove what processes of ours have shared with their children in memory, and left behind when they were
        killed."""
        for pid in pids:
            for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
                (SHARED / name).unlink(missing_ok=True)

    def jump(self, by: timedelta) -> None:
        """Let the processes' clock differ from the real one by so much, within a second or two."""
        # At once, or not yet: a process that reads half a line would fall back to the real time.
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{by.total_seconds():+.0f}\n", encoding="ascii")
        fresh.replace(self._file)
