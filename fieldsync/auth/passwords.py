"""Passwords, as argon2id hashes. The cost is written in each hash, so it can be raised later: see ``check``."""

from __future__ import annotations

import secrets
from functools import cache
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_CHARS = (12, 200)
"""A password's least and greatest length. Length is what counts (NIST SP 800-63B, 5.1.1.2)."""

# OWASP's second choice (Password Storage Cheat Sheet): a log-in holds 19 MiB for some 30 ms, so that many at once
# do not exhaust a small server.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Checked(NamedTuple):
    """Whether a password is right, and its hash anew where the stored one was made at another cost."""

    right: bool
    new_hash: str | None = None


def hashed(password: str) -> str:
    """The hash to store."""
    return HASHER.hash(password)


def check(stored: str | None, presented: str, hasher: PasswordHasher = HASHER) -> Checked:
    """Compare a password with the stored hash; takes as long where there is none, so that nobody learns of that."""
    try:
        hasher.verify(stored or _nobodys(), presented)
    except (VerificationError, InvalidHashError):
        return Checked(False)
    if stored is None:
        return Checked(False)
    return Checked(True, hasher.hash(presented) if hasher.check_needs_rehash(stored) else None)


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_urlsafe())
