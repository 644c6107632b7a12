"""What two people made of one text, put together: written from docs/sync.md, sentence by sentence, with a plain table
where the server has bit vectors, and with places between the sentences where it has ranges of them."""

from __future__ import annotations

from typing import Literal

ENDS = ".!?…"
CLOSERS = "\"'”’)]»"
FULL_STOPS = "。！？"
FULL_CLOSERS = "」』”）"
MOST_SENTENCES = 500
LONGEST = 8_000

Sentence = tuple[str, str]
"""The words, and the white space behind them."""


def sentences(text: str) -> list[Sentence]:
    found: list[Sentence] = []
    words = ""
    place = 0
    while place < len(text):
        if text[place] in FULL_STOPS:
            words += text[place]
            place += 1
            while place < len(text) and text[place] in FULL_CLOSERS:
                words += text[place]
                place += 1
            ends = True
        elif text[place].isspace():
            ends = words.rstrip() == words and words.rstrip(CLOSERS)[-1:] in tuple(ENDS)
        else:
            words += text[place]
            place += 1
            continue
        white = ""
        while place < len(text) and text[place].isspace():
            white += text[place]
            place += 1
        if ends or "\n" in white or "\r" in white:
            found.append((words.rstrip(), words[len(words.rstrip()) :] + white))
            words = ""
        else:
            words += white
    if words:
        found.append((words.rstrip(), words[len(words.rstrip()) :]))
    return found


def _kept(base: list[Sentence], other: list[Sentence]) -> list[tuple[int, int]]:
    """Which sentences of the base are which of the other: as many as possible, in order; and from the front, of two
    ways that keep as many the one that passes over a new sentence first."""
    table = [[0] * (len(other) + 1) for _ in range(len(base) + 1)]
    for i in range(len(base) - 1, -1, -1):
        for j in range(len(other) - 1, -1, -1):
            same = base[i][0] == other[j][0]
            table[i][j] = table[i + 1][j + 1] + 1 if same else max(table[i + 1][j], table[i][j + 1])
    i = j = 0
    kept = []
    while i < len(base) and j < len(other):
        if base[i][0] == other[j][0]:
            kept.append((i, j))
            i, j = i + 1, j + 1
        elif table[i][j + 1] == table[i][j]:
            j += 1
        else:
            i += 1
    return kept


class _Version:
    """What somebody made of a text: of each of its sentences, and at each place between them."""

    def __init__(self, base: list[Sentence], now: list[Sentence]) -> None:
        kept = dict(_kept(base, now))
        self.white = {i: now[j][1] for i, j in kept.items()}
        self.gone = set(range(len(base))) - kept.keys()
        self.runs: list[tuple[int, int, list[Sentence]]] = []
        """From which place to which place, what stands there instead."""
        start = begun = 0
        for i, j in [*sorted(kept.items()), (len(base), len(now))]:
            if i > start or j > begun:
                self.runs.append((start, i, now[begun:j]))
            start, begun = i + 1, j + 1

    def writes_at(self, place: int) -> set[int]:
        """The places (sentence n lies between 2n and 2n + 2, its own is 2n + 1) that the run at an index touches."""
        start, end, _ = self.runs[place]
        return set(range(2 * start + 1, 2 * end, 2)) if end > start else {2 * start}


def put_together(base: str | None, current: str | None, mine: str | None) -> str | Literal[False] | None:
    """The text with both changes in it; False where a person must decide."""
    if current == base:
        return mine
    if mine == base:
        return current
    was = sentences(base or "")
    texts = [sentences(current or ""), sentences(mine or "")]
    if max(len(was), *map(len, texts)) > MOST_SENTENCES:
        return False
    one, two = (_Version(was, text) for text in texts)
    for i, run in enumerate(one.runs):
        for j, other in enumerate(two.runs):
            if run != other and _same_place(one.writes_at(i), two.writes_at(j)):
                return False
    whites = []
    for i, (_, white) in enumerate(was):
        found = {version.white[i] for version in (one, two) if version.white.get(i, white) != white}
        if len(found) > 1 or (found and (i in one.gone or i in two.gone)):
            return False
        whites.append(found.pop() if found else white)
    out, place = "", 0
    runs = one.runs + [run for run in two.runs if run not in one.runs]
    for start, end, instead in sorted(runs, key=lambda run: run[:2]):
        out += "".join(was[i][0] + whites[i] for i in range(place, start))
        out += "".join(words + white for words, white in instead)
        place = end
    out += "".join(was[i][0] + whites[i] for i in range(place, len(was)))
    return out if out.strip() and len(out) <= LONGEST else False


def _same_place(one: set[int], two: set[int]) -> bool:
    """Whether they share a sentence; or one has put something in beside a sentence that the other has changed."""
    between = {place for place in one | two if place % 2 == 0}
    return bool(one & two) or any({p - 1, p + 1} & ((one | two) - between) for p in between)
