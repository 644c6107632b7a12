"""The life of a work order."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from fieldsync.workorders.rules import FIRST, TRANSITIONS, Status, may_follow, way

S = Status
PAIRS = list(product(Status, Status))
CREW = {
    S.OPEN: {S.IN_PROGRESS, S.ON_HOLD, S.COMPLETED},
    S.IN_PROGRESS: {S.OPEN, S.ON_HOLD, S.COMPLETED},
    S.ON_HOLD: {S.OPEN, S.IN_PROGRESS, S.COMPLETED},
    S.COMPLETED: {S.IN_PROGRESS},
    S.CLOSED: set(),
    S.CANCELLED: set(),
}
OFFICE_TOO = {
    S.OPEN: {S.CANCELLED},
    S.IN_PROGRESS: {S.CANCELLED},
    S.ON_HOLD: {S.CANCELLED},
    S.COMPLETED: {S.CLOSED, S.OPEN},
    S.CLOSED: {S.OPEN},
    S.CANCELLED: {S.OPEN},
}


@pytest.mark.parametrize(("current", "wanted"), PAIRS)
def test_each_side_takes_the_steps_that_are_its_own(current: Status, wanted: Status) -> None:
    stays = current is wanted
    assert may_follow("crew", current, wanted) == (stays or wanted in CREW[current])
    assert may_follow("office", current, wanted) == (stays or wanted in CREW[current] | OFFICE_TOO[current])


def test_a_work_order_begins_as_work_that_is_wanted_begun_or_done() -> None:
    assert {S.OPEN, S.IN_PROGRESS, S.COMPLETED} == FIRST


@pytest.mark.parametrize(("current", "wanted"), PAIRS)
def test_the_office_gets_from_any_status_to_any_other_by_allowed_steps(current: Status, wanted: Status) -> None:
    steps = way("office", current, wanted)
    assert steps is not None
    assert [current, *steps][-1] is wanted
    assert all(step in TRANSITIONS["office"][before] for before, step in pairwise([current, *steps]))
    assert len(steps) <= 3


def test_the_way_is_the_shortest() -> None:
    assert way("office", S.OPEN, S.OPEN) == []
    assert way("office", S.OPEN, S.COMPLETED) == [S.COMPLETED]
    assert way("office", S.CANCELLED, S.COMPLETED) == [S.OPEN, S.COMPLETED]
    assert way("office", S.CANCELLED, S.CLOSED) == [S.OPEN, S.COMPLETED, S.CLOSED]


def test_there_is_no_way_to_what_a_side_may_not_bring_about() -> None:
    assert way("crew", S.OPEN, S.CLOSED) is None
    assert way("crew", S.CANCELLED, S.OPEN) is None
