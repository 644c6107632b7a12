"""Making a scenario that fails as short as it can be: delta debugging (Zeller and Hildebrandt, "Simplifying and
Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

TRIES_MAX = 2_000
"""A scenario has some fifty steps: this is never reached, and ends what would take a night."""


def shrunk(items: Sequence[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """The fewest of the items, of which none can be left out, with which it still fails; ddmin.

    ``fails`` is true for all of them.
    """
    kept, parts, tries = list(items), 2, 0
    while len(kept) >= 2 and tries < TRIES_MAX:
        size = -(-len(kept) // parts)
        chunks = [kept[begin : begin + size] for begin in range(0, len(kept), size)]
        for chunk in chunks:
            rest = [item for item in kept if item not in chunk]
            tries += 1
            if fails(rest):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), 2 * parts)
    return kept
