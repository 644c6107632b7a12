"""Long text as its parts, and two people's changes of one text put together. Pure.

A part is a sentence or a line with the white space behind it; the parts joined are the text. What a person changed is
found by pairing the parts that she kept, so two people who wrote in different sentences both have their say.

Which of several equally long pairings is taken is said here and nowhere else: a journal that is replayed with a later
version of any library must come to the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

PARTS_MAX = 500
"""Of a text of 8,000 characters: sentences of sixteen letters. What has more of them is no prose, and is not merged; so
a merge takes three milliseconds at most, and a batch of a thousand three seconds, whatever anybody sends."""

# Begins with one set of characters, for which the engine looks quickly; then what must follow each of them.
_END = re.compile(r"""[.!?…\n\r。！？](?:(?<=[.!?…])["'”’)\]»]*\s+|(?<=[\n\r])\s*|(?<=[。！？])[」』”）]*\s*)""")


class Part(NamedTuple):
    """A sentence or a line."""

    words: str
    white: str
    """The white space behind it."""


class Change(NamedTuple):
    """Parts ``start`` to ``end`` of the text that was there were replaced by ``parts``; either may be none."""

    start: int
    end: int
    parts: list[Part]


def parts(text: str) -> list[Part]:
    """The sentences and lines of a text. A part ends behind the white space that follows ``.``, ``!``, ``?`` or ``…``
    (and closing quotes or brackets), behind white space with a line break in it, and behind ``。``, ``！`` or ``？``.
    Behind ``PARTS_MAX`` of them the rest is one."""
    cuts = [0]
    for found in _END.finditer(text):
        cuts.append(found.end())
        if len(cuts) > PARTS_MAX:
            break
    if cuts[-1] < len(text):
        cuts.append(len(text))
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    return [Part(words := piece.rstrip(), piece[len(words) :]) for piece in pieces]


def paired(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """The items that both sequences have, in their order: pairs of indexes, as many as can be (a longest common
    subsequence).

    From the front: two that are equal are a pair; else one of ``other`` is passed over if that loses nothing, else one
    of ``base``. Takes the bit-vector method of H. Hyyrö, "Bit-parallel LCS-length computation revisited" (2004):
    in each row, a bit is 0 where one item more of ``other`` makes the subsequence longer.
    """
    count = len(other)
    full = (1 << count) - 1
    where: dict[str, int] = {}
    for place, item in enumerate(reversed(other)):
        where[item] = where.get(item, 0) | 1 << place
    rows, row = [], full
    for item in reversed(base):
        same = row & where.get(item, 0)
        row = ((row + same) | (row - same)) & full
        rows.append(row)
    rows.reverse()
    pairs = []
    one, two = 0, 0
    while one < len(base) and two < count:
        if base[one] == other[two]:
            pairs.append((one, two))
            one, two = one + 1, two + 1
        elif rows[one] >> (count - 1 - two) & 1:
            two += 1
        else:
            one += 1
    return pairs


def merged(base: str, current: str, mine: str, longest: int) -> str | None:
    """``current`` with what the author of ``mine`` changed of ``base``; None where a person must decide.

    She must where both changed the same part, or wrote something at the same place; where nothing would be left; and
    where more than ``longest`` characters would. Adjoining parts are two places: one may change the one, another the
    other. The same change, made by both, is made once.
    """
    was, theirs, ours = parts(base), parts(current), parts(mine)
    if max(len(was), len(theirs), len(ours)) > PARTS_MAX:
        return None
    one, two = _Changed(was, theirs), _Changed(was, ours)
    changes = _together(one.changes, two.changes)
    if changes is None or not one.leaves(two.white) or not two.leaves(one.white):
        return None
    whites = {**one.white, **two.white}
    if any(one.white[index] != two.white[index] for index in one.white.keys() & two.white.keys()):
        return None
    out: list[str] = []
    done = 0
    for change in changes:
        out += _kept(was, done, change.start, whites)
        out += [part.words + part.white for part in change.parts]
        done = change.end
    out += _kept(was, done, len(was), whites)
    text = "".join(out)
    return text if text.strip() and len(text) <= longest else None


def _kept(was: list[Part], start: int, end: int, whites: dict[int, str]) -> list[str]:
    return [was[index].words + whites.get(index, was[index].white) for index in range(start, end)]


class _Changed:
    """What one person made of the parts that were there."""

    def __init__(self, was: list[Part], now: list[Part]) -> None:
        self.changes: list[Change] = []
        self.white: dict[int, str] = {}
        """Of parts that were kept, where only the white space behind them was changed."""
        start = begun = 0
        for one, two in [*paired([part.words for part in was], [part.words for part in now]), (len(was), len(now))]:
            if one > start or two > begun:
                self.changes.append(Change(start, one, now[begun:two]))
            if one < len(was) and was[one].white != now[two].white:
                self.white[one] = now[two].white
            start, begun = one + 1, two + 1

    def leaves(self, indexes: dict[int, str]) -> bool:
        """Whether none of these parts was replaced."""
        gone = {index for change in self.changes for index in range(change.start, change.end)}
        return gone.isdisjoint(indexes)


def _together(one: list[Change], two: list[Change]) -> list[Change] | None:
    """The changes of both in their order; None where two of them are about the same place."""
    out: list[Change] = []
    first, second = 0, 0
    while first < len(one) and second < len(two):
        mine, yours = one[first], two[second]
        if mine == yours:
            out.append(mine)
            first, second = first + 1, second + 1
        elif _meet(mine, yours):
            return None
        elif mine.end < yours.end:
            out.append(mine)
            first += 1
        else:
            out.append(yours)
            second += 1
    return out + one[first:] + two[second:]


def _meet(one: Change, two: Change) -> bool:
    if one.start == one.end or two.start == two.end:
        # Something was put in: between its neighbours, so that whoever changed one of them wrote at the same place.
        return one.start <= two.end and two.start <= one.end
    return one.start < two.end and two.start < one.end
