"""In which encodings bytes read as names."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# Those that municipal files are met in, the commonest first; of two that give the same texts, the first is
# suggested.
_CANDIDATES = (
    "utf-8",
    "cp1252",
    "iso-8859-15",
    "cp850",
    "cp437",
    "mac-roman",
    "cp1250",
    "iso-8859-2",
    "cp852",
    "cp1257",
    "cp1254",
    "cp1253",
    "cp1251",
    "cp866",
)
SUGGESTIONS_MAX = 5
"""More are not looked through."""

TEXTS_MAX = 5_000
"""Texts that are tried: those of a layer repeat the same few letters."""

_SAMPLE_CHARS = 80

_WESTERN = set("áàâãäåæçéèêëíìîïñóòôõöøœúùûüýÿßð")
# What stands in names, addresses and remarks beside letters, marks and digits; ASCII is usual in any case.
_USUAL = set("’‘‚“”„«»‹›–—…·•°ºª№§®™©½¼¾´¡¿€£\u00a0")
_WITHIN_WORDS = set("’‘–—·´ºª°…\u00a0")
_NO_LETTERS = set("ƒˆⁿ")  # By their category they are.


def suggestions(texts: Sequence[bytes]) -> list[dict[str, str]]:
    """The encodings in which all texts consist of letters, marks and usual punctuation, as {"encoding": the
    codec's name, "sample": the first text in it}, the likeliest first."""
    foreign = [text for text in texts[:TEXTS_MAX] if not text.isascii()]
    if not foreign:
        return []
    found: dict[tuple[str, ...], tuple[int, str]] = {}
    for codec in _CANDIDATES:
        try:
            read = tuple(text.decode(codec) for text in foreign)
        except UnicodeDecodeError:
            continue
        if read not in found and not any(unusual(text) for text in read):
            # Nothing but UTF-8 is valid UTF-8.
            found[read] = (-1 if codec == "utf-8" else sum(_oddity(text) for text in read), codec)
    ranked = sorted(found.items(), key=lambda item: item[1][0])
    return [{"encoding": codec, "sample": read[0][:_SAMPLE_CHARS]} for read, (_, codec) in ranked[:SUGGESTIONS_MAX]]


def unusual(text: str) -> bool:
    """Whether it has what a name has not: a control, a currency or mathematical sign, a piece of a frame, or
    a sign within a word, as in "K”ln"."""
    for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if character.isascii():
            if unicodedata.category(character) == "Cc":
                return True
        elif unicodedata.category(character)[0] in "LM":
            if character in _NO_LETTERS:
                return True
        elif character not in _USUAL or (before.isalpha() and after.isalpha() and character not in _WITHIN_WORDS):
            return True
    return False


def _oddity(text: str) -> int:
    """How unlike a name of the West it is: letters that are rare there, other scripts, capitals within words,
    signs."""
    total = 0
    for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if character.isascii() or character in "’–":
            continue
        if not character.isalpha() or character.lower() not in _WESTERN:
            total += 1 if "LATIN" in unicodedata.name(character, "") else 2
        if (character.isupper() and before.islower()) or (character.islower() and before.isupper() and after.isupper()):
            total += 3
    return total
