"""Two people's changes of one long text: what stands, and when a person must decide."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.journal.text import PARTS_MAX, merged, paired, parts
from fieldsync.workorders.kinds import TEXT_MAX
from tests.sync_model.prose import put_together, sentences

PIECES = ["One. ", "Two! ", "Three\n", "Four, ", "Five?) ", "\n\n", "Six", "七。", " ", "\r\n", "e.g. ", "…”\u2028"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """What somebody makes of a text: a few of its parts taken out, replaced, or put in."""
    pieces = [part.words + part.white for part in parts(text)]
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(pieces)))
        new = draw(st.sampled_from(PIECES))
        match draw(st.sampled_from(["put in", "take out", "replace"])):
            case "take out":
                del pieces[place : place + 1]
            case "replace":
                pieces[place : place + 1] = [new]
            case _:
                pieces.insert(place, new)
    return "".join(pieces)


THREE = TEXTS.flatmap(lambda base: st.tuples(st.just(base), changed(base), changed(base)))


@pytest.mark.parametrize(("base", "one", "other", "stands"), [
    # Different sentences.
    ("Deep. Wet.", "Very deep. Wet.", "Deep. Very wet.", "Very deep. Very wet."),
    ("Deep. Wet.", "Very deep. Wet.", "Deep. Wet. Fenced off.", "Very deep. Wet. Fenced off."),
    ("Deep.", "By the school. Deep.", "Deep. Wet.", "By the school. Deep. Wet."),
    ("Deep. Wet. Dark.", "Deep. Dark.", "Deep. Wet. Dark. Far.", "Deep. Dark. Far."),
    # Different lines, also without a full stop.
    ("dig\nfill\nclean", "dig deep\nfill\nclean", "dig\nfill\nclean up\n", "dig deep\nfill\nclean up\n"),
    # The same change.
    ("Deep. Wet.", "Deep. Wet. Fenced off.", "Very deep. Wet. Fenced off.", "Very deep. Wet. Fenced off."),
    # Nothing but white space.
    ("Deep. Wet.", "Deep.\nWet.", "Very deep. Very wet.", None),
    ("Deep. Wet. Dark.", "Deep.\nWet. Dark.", "Deep. Wet. Very dark.", "Deep.\nWet. Very dark."),
    # The same sentence.
    ("Deep. Wet.", "Very deep. Wet.", "Not deep. Wet.", None),
    ("Deep. Wet.", "Wet.", "Very deep. Wet.", None),
    # The same place.
    ("Deep.", "Deep. Wet.", "Deep. Dark.", None),
    ("Deep. Wet.", "Deep. Dark. Wet.", "Very deep. Wet.", None),
    ("Deep. Wet.", "Deep. Dark. Wet.", "Deep. Very wet.", None),
    # From nothing.
    ("", "Deep.", "Wet.", None),
    # Nothing would be left.
    ("Deep.\nWet.\n", "Wet.\n", "Deep.\n", None),
])  # fmt: skip
def test_what_stands(base: str, one: str, other: str, stands: str | None) -> None:
    assert merged(base, one, other, TEXT_MAX) == stands
    assert merged(base, other, one, TEXT_MAX) == stands, "it does not matter who came first"


@given(TEXTS)
def test_the_parts_joined_are_the_text(text: str) -> None:
    found = parts(text)
    assert "".join(part.words + part.white for part in found) == text
    assert all(part.words == part.words.rstrip() and not part.white.strip() for part in found)
    assert [tuple(part) for part in found] == sentences(text)


@given(THREE)
def test_it_is_what_another_way_of_putting_texts_together_comes_to(three: tuple[str, str, str]) -> None:
    base, one, other = three
    if one == other or base in (one, other):
        return
    assert merged(base, one, other, TEXT_MAX) == (put_together(base, one, other) or None)


@given(THREE)
def test_nothing_is_lost_and_nothing_is_made_up(three: tuple[str, str, str]) -> None:
    """Counted, so that a sentence that stands twice is not lost once."""
    base, one, other = three
    both = merged(base, one, other, TEXT_MAX)
    if both is None:
        return
    assert merged(base, other, one, TEXT_MAX) == both
    had, has = count(base), count(both)
    first, second = count(one), count(other)
    for words in {*had, *has, *first, *second}:
        by_first = first.get(words, 0) - had.get(words, 0)
        by_second = second.get(words, 0) - had.get(words, 0)
        change = has.get(words, 0) - had.get(words, 0)
        # Each change is in it, once; the same change by both may be made once.
        assert change in (by_first + by_second, by_first, by_second)


def count(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for piece in text.replace("\n", " ").replace("\r", " ").replace("\u2028", " ").replace("。", "。 ").split():
        found[piece] = found.get(piece, 0) + 1
    return found


@given(TEXTS, st.data())
def test_where_one_changed_nothing_the_other_s_text_stands(base: str, data: st.DataObject) -> None:
    one = data.draw(changed(base))
    if one.strip():
        assert merged(base, base, one, TEXT_MAX) == one
        assert merged(base, one, base, TEXT_MAX) == one
        assert merged(base, one, one, TEXT_MAX) == one


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_as_many_are_paired_as_can_be(one: list[str], other: list[str]) -> None:
    pairs = paired(one, other)
    assert all(one[i] == other[j] for i, j in pairs)
    assert pairs == sorted(pairs)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    longest: dict[tuple[int, int], int] = {}
    for i in range(len(one) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            skip = max(longest.get((i + 1, j), 0), longest.get((i, j + 1), 0))
            longest[i, j] = longest.get((i + 1, j + 1), 0) + 1 if one[i] == other[j] else skip
    assert len(pairs) == longest.get((0, 0), 0)


def test_a_text_that_would_be_too_long_is_not_put_together() -> None:
    base = "Deep. Wet."
    one, other = "x" * 5_000 + ". Wet.", "Deep. " + "y" * 2_990 + "."
    assert merged(base, one, other, TEXT_MAX) == one[:5_002] + other[6:]
    assert merged(base, one, other + "y" * 20, TEXT_MAX) is None


@pytest.mark.parametrize("piece", ["a\n", "。", "a. ", "\n", ".", ")", ".)", " ", "a b\r\n", "?!' "])
def test_what_is_no_prose_is_left_to_a_person_and_takes_no_long(piece: str) -> None:
    """However often a piece is repeated in 8,000 characters: no more parts are looked at than the bound says."""
    text = (piece * TEXT_MAX)[:TEXT_MAX]
    found = parts(text)
    assert len(found) <= PARTS_MAX + 1
    assert "".join(part.words + part.white for part in found) == text
    both = merged(text, "x" + text[1:], text[:-1] + "y", TEXT_MAX)
    assert both is None or both == "x" + text[1:-1] + "y"


def test_the_pairing_of_many_is_bounded_in_its_steps() -> None:
    """A row for each part of the one text, and a step for each part of both: nothing is looked at twice."""
    seen = 0

    class Counted(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal seen
            seen += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    one = [Counted(number * 7 % 499) for number in range(PARTS_MAX)]
    other = [Counted(number * 11 % 499) for number in range(PARTS_MAX)]
    paired(one, other)
    assert seen <= 8 * PARTS_MAX
