"""Two long texts side by side: what of the one is still in the other. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fieldsync.journal.text import paired, parts

LONG = 80
"""Below so many characters, on one line, two texts are compared at a glance."""

WORDS_MAX = 120
"""Of longer sentences than that only the whole is compared, so that no text takes long."""

Piece = tuple[str, str]
"""``same``, ``removed`` or ``added``, and the text."""

_WORD = re.compile(r"\S+\s*|\s+")


def compare(base: Any, kept: Any, other: Any) -> dict[str, Any] | None:
    """What both sides made of what was there: ``{from, kept, other}``; None where no long text is compared.

    Where nothing was there (``from`` is ``kept``), the one is compared with the other.
    """
    texts = [value for value in (base, kept, other) if isinstance(value, str)]
    if not any(len(text) >= LONG or "\n" in text for text in texts):
        return None
    if isinstance(base, str) and base:
        return {"from": "base", "kept": _told(base, kept), "other": _told(base, other)}
    return {"from": "kept", "kept": None, "other": _told(kept, other)}


def _told(was: Any, now: Any) -> list[dict[str, str]]:
    return [{"op": op, "text": text} for op, text in difference(was or "", now or "")]


def difference(was: str, now: str) -> list[Piece]:
    """The pieces of which ``was`` (same and removed) and ``now`` (same and added) consist, in their order; first by
    sentences and lines, and within those that were changed by words."""
    before = [part.words + part.white for part in parts(was)]
    after = [part.words + part.white for part in parts(now)]
    pieces: list[Piece] = []
    for same, removed, added in _runs(before, after):
        _add(pieces, _by_words("".join(removed), "".join(added)))
        _add(pieces, [("same", same)])
    return pieces


def _by_words(was: str, now: str) -> list[Piece]:
    before, after = _WORD.findall(was), _WORD.findall(now)
    if not before or not after or max(len(before), len(after)) > WORDS_MAX:
        return [("removed", was), ("added", now)]
    pieces: list[Piece] = []
    for same, removed, added in _runs(before, after):
        pieces += [("removed", "".join(removed)), ("added", "".join(added)), ("same", same)]
    return pieces


def _runs(before: list[str], after: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """What was replaced by what, and the item behind it that stayed (empty at the end)."""
    one = two = 0
    for start, begun in [*paired(before, after), (len(before), len(after))]:
        yield (before[start] if start < len(before) else ""), before[one:start], after[two:begun]
        one, two = start + 1, begun + 1


def _add(pieces: list[Piece], more: list[Piece]) -> None:
    """Put pieces behind others; neighbours of one sort become one."""
    for op, text in more:
        if not text:
            continue
        if pieces and pieces[-1][0] == op:
            pieces[-1] = (op, pieces[-1][1] + text)
        else:
            pieces.append((op, text))
