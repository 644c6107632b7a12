"""Policies and their targets: which promise holds for a work order. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from fieldsync.servicelevels.calendar import Hours


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What decides which target holds for a work order."""

    service_type_id: UUID
    priority: int
    jurisdiction_id: UUID | None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """How soon, in minutes of a calendar. None in the first three means any."""

    id: UUID
    service_type_id: UUID | None = None
    priority: int | None = None
    jurisdiction_id: UUID | None = None
    calendar_id: UUID
    response_minutes: int | None = None
    resolution_minutes: int | None = None
    pauses_on_hold: bool = True

    @property
    def case(self) -> tuple[UUID | None, int | None, UUID | None]:
        """What it names."""
        return self.service_type_id, self.priority, self.jurisdiction_id


class Policy:
    """One version of all targets. Immutable; remembers what it was asked."""

    __slots__ = ("_by_case", "_by_id", "_found", "id")

    FOUND_MAX = 10_000
    """Answers that it remembers."""

    def __init__(self, policy_id: UUID, targets: Iterable[Target]) -> None:
        self.id = policy_id
        self._by_id = {target.id: target for target in targets}
        self._by_case = {target.case: target for target in self._by_id.values()}
        self._found: dict[Facts, Target | None] = {}

    def target(self, facts: Facts) -> Target | None:
        """The target for this work: of those that fit, the one that names most; of those that name as much, the one
        with the service type, then the one with the priority. None where none fits."""
        try:
            return self._found[facts]
        except KeyError:
            service_type, priority, jurisdiction = facts.service_type_id, facts.priority, facts.jurisdiction_id
            cases = (
                (service_type, priority, jurisdiction),
                (service_type, priority, None), (service_type, None, jurisdiction), (None, priority, jurisdiction),
                (service_type, None, None), (None, priority, None), (None, None, jurisdiction),
                (None, None, None),
            )  # fmt: skip
            found = next((self._by_case[case] for case in cases if case in self._by_case), None)
            if len(self._found) < self.FOUND_MAX:
                self._found[facts] = found
            return found

    def by_id(self, target_id: UUID) -> Target:
        """One of its own targets."""
        return self._by_id[target_id]


class Terms:
    """A partnership's policies, in the order in which they begin, and the calendars that they count in."""

    def __init__(
        self, begun: Sequence[tuple[datetime, UUID]], policies: Mapping[UUID, Policy], calendars: Mapping[UUID, Hours]
    ) -> None:
        self._starts = [starts_at for starts_at, _ in begun]
        self._ids = [policy_id for _, policy_id in begun]
        self.policies = policies
        self.calendars = calendars

    def in_force(self, at: datetime) -> Policy | None:
        """The policy that had begun last by then; None before the first one."""
        place = bisect_right(self._starts, at)
        return self.policies[self._ids[place - 1]] if place else None
