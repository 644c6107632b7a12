"""Saying what is wrong with a document: msgspec's message as a sentence and the field it is about. Pure."""

from __future__ import annotations

import msgspec

EXPLAINED_MAX = 300
"""Characters of a sentence, or of a field's name, in a problem."""


def explained(error: msgspec.DecodeError) -> tuple[str, str | None]:
    """A sentence, and the field it is about (dotted, without the leading ``$``), from msgspec's message."""
    # The message repeats a name that was sent.
    sentence, _, path = holdable(str(error)).partition(" - at ")
    field = path.strip("`").removeprefix("$").removeprefix(".") or None
    if field is None and "`" in sentence and "field" in sentence:
        field = sentence.rsplit("`", 2)[-2]
    return sentence[:EXPLAINED_MAX] + ".", field and field[:EXPLAINED_MAX]


def holdable(text: str) -> str:
    """What was sent, without the character that the journal cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
