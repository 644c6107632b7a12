"""How long to wait before asking again."""

from __future__ import annotations

import random

FIRST_S = 2.0
LONGEST_S = 300.0
"""A crew that drives back into coverage waits no longer than this, and is usually told by the system before."""


class Backoff:
    """Waiting times that double with each failure, with "full jitter": uniform from zero to the doubled time.

    Without it, all tablets of a depot that lost the server at one moment come back at one moment, again and again
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """

    def __init__(self, chance: random.Random, *, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._chance = chance
        self._first_s = first_s
        self._longest_s = longest_s
        self.failures = 0
        """In a row."""

    def failed(self, retry_after_s: float | None = None) -> float:
        """Count a failure; the seconds to wait now. What the server asked for is the least, and jitter comes on top."""
        limit = min(self._longest_s, self._first_s * 2 ** min(self.failures, 30))
        self.failures += 1
        return (retry_after_s or 0.0) + self._chance.uniform(0, limit)

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = 0
