"""Shrinking finds the steps that matter."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.shrink import shrunk


@given(st.sets(st.integers(0, 49), min_size=1, max_size=5))
def test_what_is_needed_is_kept_and_nothing_else(needed: set[int]) -> None:
    def fails(kept: Sequence[int]) -> bool:
        return needed <= set(kept)

    assert shrunk(range(50), fails) == sorted(needed)


def test_the_order_stays() -> None:
    assert shrunk([5, 3, 9], lambda kept: 3 in kept and 9 in kept) == [3, 9]
