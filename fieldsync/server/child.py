"""A process of ours: it ends with us, and in order when we say so."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fieldsync.cluster.home import PROJECT
from fieldsync.cluster.lifeline import ends_with_parent


def start(
    command: Sequence[str], environ: Mapping[str, str], log: Path | None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process in the project's folder; its output goes to ``log``, or to our terminal.

    From the main thread, so that it ends with this process and not with a thread of it.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
            # A session of its own: Ctrl-C in the terminal is for us, who then stop the parts in order.
            start_new_session=True,
            preexec_fn=ends_with_parent(signal.SIGTERM),  # noqa: PLW1509  (no threads here)
        )
    finally:
        if output:
            output.close()


def end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask it to end, and kill it if it has not after ``patience_s`` seconds."""
    for by, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 10)):
        if process.poll() is None:
            process.send_signal(by)
        try:
            process.wait(wait_s)
            return
        except subprocess.TimeoutExpired:
            continue
