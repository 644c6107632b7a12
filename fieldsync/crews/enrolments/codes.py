"""Enrolment codes, such as ``demo-7K3QX-M9D2H``: the partnership's short name, and 50 random bits. Pure.

The letters are those of Crockford's base 32, which has no I, L, O and U: a person can read them out, and what is easily
taken for another sign is read as it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = 10
TEXT_MAX = 100
"""A short name of 40 characters, ten letters, and any spaces that somebody types between them."""

_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})


class Code(NamedTuple):
    """A code as it is looked up."""

    slug: str
    letters: str

    def text(self) -> str:
        """As a person reads it."""
        return f"{self.slug}-{self.letters[:5]}-{self.letters[5:]}"


def make(slug: str) -> Code:
    """A new code for the partnership with this short name."""
    return Code(slug, "".join(secrets.choice(ALPHABET) for _ in range(LETTERS)))


def parse(text: str) -> Code | None:
    """The code that somebody typed: in any case, with hyphens and spaces anywhere or nowhere; None if it is none."""
    letters = ""
    place = len(text)
    while place and len(letters) < LETTERS:
        place -= 1
        if text[place] not in " -":
            letters = text[place] + letters
    letters = letters.upper().translate(_MISREAD)
    slug = text[:place].strip(" -").lower()
    if len(letters) != LETTERS or not slug or not set(letters) <= set(ALPHABET):
        return None
    return Code(slug, letters)


def hashed(partnership_id: UUID, code: Code) -> bytes:
    """The hash to store and to look up by.

    50 bits are enough against guessing over the network, and too few against somebody who has stolen the table: so
    that she needs more than the day that a code is good for, each try costs some 10 ms (scrypt, 4 MiB).
    """
    return hashlib.scrypt(code.letters.encode(), salt=partnership_id.bytes, n=2**12, r=8, p=1, dklen=32)


def payload(server_url: str, code: Code) -> str:
    """What a QR code holds: where the server is, and the code."""
    return f"fieldsync:enrol?server={quote(server_url, safe='')}&code={quote(code.text())}"
