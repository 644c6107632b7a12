"""A small disk for the cluster, which can be filled and freed: a tmpfs that ends with the processes that see it."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

BYTES = 512 * 1024 * 1024
"""A cluster, a demo and an hour of faults take less than half of it."""

_CLONE_NEWNS = 0x00020000  # <linux/sched.h>
_BALLAST = "ballast"


class NoDisk(Exception):
    """This machine does not let us mount one; the sentence says why."""


def mount(folder: Path) -> Disk:
    """Mount a disk on ``folder``, seen by this process and its children only: it goes with them, whatever ends them.

    Raises:
        NoDisk
    """
    if sys.platform != "linux":
        raise NoDisk("a disk in memory that ends with its processes is made on Linux only")
    if os.geteuid() != 0:
        raise NoDisk("only root may mount a disk")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise NoDisk(f"no mounts of one's own here: {os.strerror(ctypes.get_errno())}")
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=0711", "fieldsync-faults", str(folder)],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise NoDisk(f"{' '.join(command[:3])}: {done.stderr.strip()}")
    return Disk(folder)


class Disk:
    """The mounted disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def free_bytes(self) -> int:
        """What can still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    @property
    def used_bytes(self) -> int:
        """What is written, without the ballast."""
        ballast = self.folder / _BALLAST
        return BYTES - self.free_bytes - (ballast.stat().st_blocks * 512 if ballast.exists() else 0)

    def fill(self, leave_bytes: int) -> None:
        """Take all that is free, but for so much."""
        with (self.folder / _BALLAST).open("wb") as file:
            while (wanted := self.free_bytes - leave_bytes) > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), wanted)
                except OSError as error:
                    # Somebody else has written meanwhile: what is left now is taken.
                    if error.errno != errno.ENOSPC:
                        raise

    def close(self) -> None:
        """Give all of it back, once nothing runs on it any more."""
        subprocess.run(["umount", "--lazy", str(self.folder)], capture_output=True)

    def free(self) -> None:
        """Give it back."""
        (self.folder / _BALLAST).unlink(missing_ok=True)
