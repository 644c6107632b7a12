"""The life of a work order. Pure."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a work order stands. Each value is commented with who can bring it about."""

    OPEN = "open"  # created by anyone; reopened from `completed`, `closed` or `cancelled` by the office
    IN_PROGRESS = "in_progress"  # a crew starts or resumes
    ON_HOLD = "on_hold"  # either side, with the work unfinished
    COMPLETED = "completed"  # the crew says the work is done
    CLOSED = "closed"  # the office has looked at it
    CANCELLED = "cancelled"  # the office: will not be done


_WORK = {
    Status.OPEN: {Status.IN_PROGRESS, Status.ON_HOLD, Status.COMPLETED},
    Status.IN_PROGRESS: {Status.ON_HOLD, Status.COMPLETED, Status.OPEN},
    Status.ON_HOLD: {Status.IN_PROGRESS, Status.COMPLETED, Status.OPEN},
    Status.COMPLETED: {Status.IN_PROGRESS},
    Status.CLOSED: set[Status](),
    Status.CANCELLED: set[Status](),
}

_OFFICE = {
    Status.OPEN: {Status.CANCELLED},
    Status.IN_PROGRESS: {Status.CANCELLED},
    Status.ON_HOLD: {Status.CANCELLED},
    Status.COMPLETED: {Status.CLOSED, Status.OPEN},
    Status.CLOSED: {Status.OPEN},
    Status.CANCELLED: {Status.OPEN},
}

TRANSITIONS: dict[str, dict[Status, frozenset[Status]]] = {
    "crew": {status: frozenset(_WORK[status]) for status in Status},
    "office": {status: frozenset(_WORK[status] | _OFFICE[status]) for status in Status},
}
"""side -> status -> what may follow. The office may do whatever a crew may."""

FIRST = frozenset({Status.OPEN, Status.IN_PROGRESS, Status.COMPLETED})
"""A work order may be created in one of these: a crew often records what it has already begun or done."""

DONE = frozenset({Status.COMPLETED, Status.CLOSED, Status.CANCELLED})
"""No longer open: keeps the jurisdiction that it was done for."""


def may_follow(side: str, current: Status, wanted: Status) -> bool:
    """Whether ``side`` ("crew" or "office") may take a work order from ``current`` to ``wanted``."""
    return wanted is current or wanted in TRANSITIONS[side][current]


def way(side: str, current: Status, wanted: Status) -> list[Status] | None:
    """The fewest steps by which ``side`` may take a work order from ``current`` to ``wanted``; None if there are none.

    ``current`` itself is not among them, so the list is empty where the work order is there already. Of ways of the
    same length it is the one whose statuses are declared first.
    """
    ways: dict[Status, list[Status]] = {current: []}
    reached = [current]
    for status in reached:
        for following in Status:
            if following in TRANSITIONS[side][status] and following not in ways:
                ways[following] = [*ways[status], following]
                reached.append(following)
    return ways.get(wanted)
