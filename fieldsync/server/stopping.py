"""Signals that ask us to end, as an exception in the main thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def has_terminal() -> bool:
    """Whether somebody can read what we print; no longer so once their window is closed."""
    return os.isatty(0)


class Stopped(BaseException):
    """We were asked to end. Not an Exception, so that no handler of errors takes it for one."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise ``Stopped`` in the block at the first Ctrl-C, SIGTERM or hang-up; let more of them pass.

    So whatever the block has opened is closed in order, once, and not interrupted in that. A signal that was ignored
    when we started (``nohup``) stays ignored.
    """
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            raise Stopped

    heard = [each for each in STOP_SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
