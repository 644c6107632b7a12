"""The differences of two long texts, as a dispatcher is shown them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fieldsync.office.conflicts.compare import LONG, WORDS_MAX, compare, difference

TEXTS = st.lists(st.sampled_from(["deep ", "wet ", "Call first. ", "\n", "- dig\n", ".", " "]), max_size=12).map(
    "".join
)


@given(TEXTS, TEXTS)
def test_the_pieces_are_both_texts(was: str, now: str) -> None:
    pieces = difference(was, now)
    assert "".join(text for op, text in pieces if op != "added") == was
    assert "".join(text for op, text in pieces if op != "removed") == now
    assert all(text for _, text in pieces)
    assert all(one[0] != two[0] for one, two in pairwise(pieces)), "neighbours differ in sort"


@given(TEXTS)
def test_of_one_text_nothing_differs(text: str) -> None:
    assert difference(text, text) == ([("same", text)] if text else [])


def test_within_a_sentence_words_are_compared() -> None:
    assert difference("The hole is deep. Wet.", "The hole is very deep. Wet.") == [
        ("same", "The hole is "), ("added", "very "), ("same", "deep. Wet."),
    ]  # fmt: skip


def test_a_sentence_without_end_is_compared_as_a_whole() -> None:
    was, now = "a " * WORDS_MAX, "a " * (WORDS_MAX + 1)
    assert difference(was, now) == [("removed", was), ("added", now)]


def test_only_long_text_is_compared() -> None:
    short = "x" * (LONG - 1)
    assert compare(short, short, None) is None
    assert compare(3, 4, 5) is None
    assert compare(None, None, None) is None
    long = compare(short, None, "x" * LONG)
    assert long is not None
    assert long["kept"] == [{"op": "removed", "text": short}]
    lines = compare(None, "a", "a\nb")
    assert lines == {"from": "kept", "kept": None, "other": [
        {"op": "removed", "text": "a"}, {"op": "added", "text": "a\nb"},
    ]}  # fmt: skip
