"""Which histories the server has had: each restore ends one, and begins another that shares its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field

Path = list[tuple[str, int]]
"""The epochs of a history in their order, each with the order of its last edit."""


@dataclass
class Past:
    """The past of one history, as its own tables can know it."""

    path: Path
    """The present epoch last; how far that goes is not known yet (0)."""
    known: set[str] = field(default_factory=set)
    """The past epochs that the server knows of."""

    @property
    def epoch(self) -> str:
        """The present one."""
        return self.path[-1][0]

    def reaching(self, order: int) -> Path:
        """The path of the history that ends with this order."""
        return [*self.path[:-1], (self.epoch, order)]


def shared(one: Path, other: Path) -> int:
    """The order up to which two histories are the same."""
    until = 0
    for (epoch, end), (other_epoch, other_end) in zip(one, other, strict=False):
        if epoch != other_epoch:
            break
        until = min(end, other_end)
        if end != other_end:
            break
    return until
