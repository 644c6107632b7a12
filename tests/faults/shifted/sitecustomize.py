"""Loaded by every Python process under libfaketime, before anything else.

libfaketime 0.9.10, told to leave the monotonic clock alone, refuses clock_nanosleep (EINVAL), by which Python sleeps.
"""

import select
import time


def _sleep(seconds: float) -> None:
    """time.sleep by another call of the system."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        select.select((), (), (), left)


time.sleep = _sleep
