"""Refusals that are about service levels."""

from __future__ import annotations

from fieldsync.problems import Conflict


class CalendarInUse(Conflict):
    """A policy counts by this calendar: what has begun to count stays as it is."""

    code = "calendar_in_use"


class PolicyBegun(Conflict):
    """The policy has begun: clocks may run by it."""

    code = "policy_begun"


class NoClockRuns(Conflict):
    """The work order has no clock that could be paused: there is none, or all have stopped."""

    code = "no_clock_runs"


class ClockPaused(Conflict):
    """The office has paused the clocks already."""

    code = "clock_paused"


class ClockNotPaused(Conflict):
    """The office has not paused the clocks."""

    code = "clock_not_paused"
