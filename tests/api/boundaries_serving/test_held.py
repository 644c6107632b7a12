"""What a process keeps at hand has a limit, and the ones asked for last stay."""

from __future__ import annotations

from fieldsync.boundaries.held import ENTRY_BYTES, Held

SIZE = 1_000


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    held = Held(3 * (SIZE + ENTRY_BYTES))
    for key in "abc":
        held.put(key, key.encode() * SIZE)
    assert held.get("a") == b"a" * SIZE
    held.put("d", b"d" * SIZE)
    assert [key for key in "abcd" if held.get(key) is not None] == ["a", "c", "d"]


def test_putting_again_takes_no_more_room() -> None:
    held = Held(2 * (SIZE + ENTRY_BYTES))
    held.put("a", b"a" * SIZE)
    for _ in range(10):
        held.put("b", b"b" * SIZE)
    assert held.get("a") is not None
    assert held.get("b") is not None


def test_small_entries_count_too_and_too_large_ones_are_not_held() -> None:
    held = Held(10 * ENTRY_BYTES)
    for key in range(100):
        held.put(key, b"")
    assert sum(held.get(key) is not None for key in range(100)) == 10
    held.put("large", b"x" * 10 * ENTRY_BYTES)
    assert held.get("large") is None
    assert sum(held.get(key) is not None for key in range(100)) == 10
