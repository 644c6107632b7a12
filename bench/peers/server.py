"""A peer's server as a process of ours: started, waited for, ended whole; and the memory it takes."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fieldsync.cluster.lifeline import ends_with_parent

START_S_MAX = 60
STOP_S_MAX = 15
SAMPLE_EVERY_S = 0.2


class ServerEnded(Exception):
    """A server ended, or did not answer, where it should have served."""


class Server:
    """One process tree, in a session of its own, with its output in ``log``."""

    def __init__(self, command: Sequence[str | Path], log: Path, cwd: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509  (started from the main thread)
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_it_answers(self, port: int, path: str) -> None:
        """Return at the first answer below 500.

        Raises:
            ServerEnded: with the end of its log.
        """
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", path)
                if connection.getresponse().status < 500:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        self.stop()
        end = self.log.read_text(encoding="utf-8", errors="replace")[-1500:]
        raise ServerEnded(f"{self.log.stem} does not answer at {path}. The end of its log:\n{end}")

    def stop(self) -> None:
        """Ask it to end, and after a while end whatever is left of its session."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S_MAX)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class PeakMemory:
    """Samples process trees while they are ``watched``; ``peak_mb`` has the highest sum of each, in MB of 10⁶ bytes.

    What is summed is the proportional set size: pages that processes share, such as PostgreSQL's buffers or a
    forked worker's code, are counted once.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self.peak_mb = dict.fromkeys(roots, 0.0)
        self._roots = roots

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Sample until the context is left, and once then."""
        ended = threading.Event()
        thread = threading.Thread(target=self._sample_until, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _sample_until(self, ended: threading.Event) -> None:
        last = False
        while not last:
            last = ended.wait(SAMPLE_EVERY_S)
            for name, root in self._roots.items():
                now_mb = sum(_proportional_kb(pid) for pid in _tree(root)) * 1024 / 1e6
                self.peak_mb[name] = max(self.peak_mb[name], now_mb)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in children.read_text().split():
                yield from _tree(int(child))
        except OSError:
            continue  # It ended while we looked.


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
