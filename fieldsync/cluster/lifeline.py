"""Children that end when we do, even when we are killed outright."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Found before any fork: between fork and exec no library may be loaded.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def ends_with_parent(by: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn`` that asks the kernel to send the child ``by`` when this process ends, in whatever way.

    It has to run after the child has changed its user, which clears the request; ``subprocess`` keeps that
    order. The kernel takes the *thread* that started the child for its parent: start such children from the
    main thread. Elsewhere than on Linux nothing is asked: there a kill -9 of the parent leaves the child
    running.
    """
    parent = os.getpid()

    def ask() -> None:
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)
        # The parent may have gone before the kernel knew of our wish.
        if os.getppid() != parent:
            os._exit(1)

    return ask


def end_with_parent(by: signal.Signals) -> None:
    """Ask the same for this process: its end follows its parent's."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(by), 0, 0, 0)
