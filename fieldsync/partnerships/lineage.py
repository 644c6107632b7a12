"""Which histories a partnership has had: each restore of the database from a backup ends one and begins another.

An epoch is the name of a history. Record versions, journal entries and feed changes mean something only in the history
in which they were seen: after a restore the same numbers are given again, to other things. Two histories share
their journals up to some entry; of an edit that was made on a version seen in another history, that entry says what its
author can have seen. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NOTHING_SHARED = 0
"""Entries are numbered from 1."""


class Shared(NamedTuple):
    """Up to where a past history and the present one are the same."""

    entry: int
    """The last entry of the journal."""
    change: int
    """The last change of the feed."""


Lineage = Mapping[str, Shared]
"""Past epoch -> what it shares with the present history."""


def begin(
    restored: str, lineage: Lineage, end: Shared, replaced: str | None = None, replaced_lineage: Lineage | None = None
) -> dict[str, Shared]:
    """The lineage of the history that begins when a backup is restored.

    Args:
        restored: the epoch in which the backup was made.
        lineage: the past epochs that the backup knows.
        end: how far the backup goes.
        replaced: the epoch of the database that is replaced, where that can be read.
        replaced_lineage: the past epochs that it knows; the backup may not, as it was made before they began.

    Histories form a tree, so of any three the two smallest of "shared by a and b" are equal. Hence what two of them
    share is at least the smaller of what each shares with a third one. Taking that is never too much, and too little
    only where a restore in between has lowered a lineage: then more is called a conflict than need be.
    """
    own: dict[str, Shared | None] = {restored: None, **lineage}
    begun = {epoch: end if shared is None else _smaller(shared, end) for epoch, shared in own.items()}
    if replaced is None:
        return begun
    other: dict[str, Shared | None] = {replaced: None, **(replaced_lineage or {})}
    # How much the replaced history shares with that of the backup: by way of those that both know.
    ways = [_both(own[epoch], other[epoch], end) for epoch in own.keys() & other.keys()]
    between = max(ways, default=Shared(NOTHING_SHARED, 0))
    for epoch, shared in other.items():
        if epoch not in begun:
            begun[epoch] = _both(shared, between, end)
    return begun


def base_entry(lineage: Lineage, epoch: str) -> int:
    """The last entry of the journal that somebody who saw the history ``epoch`` can have seen of the present one.

    Of a history that nobody knows, nothing is taken for shared: then more is called a conflict than need be, and
    nothing is replaced unseen.
    """
    shared = lineage.get(epoch)
    return NOTHING_SHARED if shared is None else shared.entry


def _both(one: Shared | None, other: Shared | None, end: Shared) -> Shared:
    """The smaller of the two; None stands for all of a history."""
    return _smaller(end if one is None else one, end if other is None else other)


def _smaller(one: Shared, other: Shared) -> Shared:
    return Shared(min(one.entry, other.entry), min(one.change, other.change))
