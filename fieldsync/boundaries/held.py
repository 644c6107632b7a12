"""Answers that never change, kept in memory: the ones asked for last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

ENTRY_BYTES = 200
"""What an entry takes beside its bytes."""


class Held:
    """Bytes by key, at most `bytes_max` of them in a process. Threads may share it."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._entries: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> bytes | None:
        """What is held under a key, which makes it the last to go."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Hashable, value: bytes) -> None:
        """Hold a value; those that were asked for longest ago go. One that is too large for all of it is not held."""
        size = len(value) + ENTRY_BYTES
        if size > self._bytes_max:
            return
        with self._lock:
            before = self._entries.pop(key, None)
            self._bytes += size - (0 if before is None else len(before) + ENTRY_BYTES)
            self._entries[key] = value
            while self._bytes > self._bytes_max:
                _, gone = self._entries.popitem(last=False)
                self._bytes -= len(gone) + ENTRY_BYTES
