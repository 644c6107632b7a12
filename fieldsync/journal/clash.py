"""Two values for one field: which one stands. Pure."""

from __future__ import annotations

from typing import Any

from fieldsync.journal.edits import Author, Clash, Edit, Record, Touch
from fieldsync.journal.text import merged
from fieldsync.workorders.kinds import TEXT_MAX, Policy
from fieldsync.workorders.rules import may_follow


def settle(
    author: Author, edit: Edit, record: Record, name: str, policy: Policy, base: Any, current: Any, last: Touch
) -> tuple[Any, Clash]:
    """The value that stands for field ``name``, and the clash to record.

    ``base`` is the value that the edit's author saw, ``current`` the one that ``last``, somebody else's edit, left.
    """
    mine = edit.values[name]
    wins = _wins(policy, author, edit, mine, current, last)
    kept, other = (mine, current) if wins else (current, mine)
    clash = Clash("field", record, name, policy, base, kept, other, bool(wins), last, wins is not None)
    return kept, clash


def _wins(policy: Policy, author: Author, edit: Edit, mine: Any, current: Any, last: Touch) -> bool | None:
    """Whether the edit's value stands; None where a person must decide (and the current one stays meanwhile)."""
    if policy is Policy.REVIEW:
        return None
    if policy is Policy.LIFECYCLE:
        return True if may_follow(author.side, current, mine) else None
    if policy is not Policy.LATEST and author.side != last.side:
        return author.side == policy.value
    # At the same moment the first one received stays: any rule will do, as long as it is always the same.
    return edit.happened_at > last.happened_at


def together(
    record: Record, name: str, base: str | None, current: str | None, mine: str | None, last: Touch | None
) -> tuple[str | None, Clash | None]:
    """The text that stands for field ``name``, and the clash where the two cannot be put together.

    ``base`` is what the author of ``mine`` saw, ``last`` the edit of somebody else that she did not see.
    """
    if current == base:
        return mine, None
    if mine in (base, current):
        return current, None
    both = merged(base or "", current or "", mine or "", TEXT_MAX)
    if both is not None:
        return both, None
    return current, Clash("field", record, name, Policy.TEXT, base, current, mine, False, last, False)


def union(base: Any, current: Any, mine: Any) -> list[Any]:
    """Three-way union of lists whose order means little: current, plus what was added, less what was removed.

    ``base`` is what the author of ``mine`` saw. Where it is all there is, her list stands as she left it.
    """
    had = base or []
    if had == current:
        return list(mine)
    removed = {item for item in had if item not in mine}
    kept = [item for item in current if item not in removed]
    return kept + [item for item in mine if item not in had and item not in kept]
