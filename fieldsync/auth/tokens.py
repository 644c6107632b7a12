"""Bearer tokens: 256 random bits with the partnership in front, stored as a SHA-256.

A token names its partnership so that looking it up touches one tenant only. Its prefix lets a secret scanner find one
that was committed or mailed by mistake: ``fsd_`` a device's, ``fss_`` a staff session's, ``fsk_`` an API token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import NamedTuple
from uuid import UUID

PREFIX = {"device": "fsd_", "session": "fss_", "api": "fsk_"}
_SECRET_BYTES = 32
_TEXT_LENGTH = 4 + 64  # prefix, and 48 bytes in base64url


class TokenParts(NamedTuple):
    """What a presented token says of itself."""

    partnership_id: UUID
    token_hash: bytes


def make(purpose: str, partnership_id: UUID) -> tuple[str, bytes]:
    """A new token for ``purpose`` (``device``, ``session`` or ``api``): its text, shown once, and its hash."""
    text = (
        PREFIX[purpose] + base64.urlsafe_b64encode(partnership_id.bytes + secrets.token_bytes(_SECRET_BYTES)).decode()
    )
    return text, hashed(text)


def hashed(text: str) -> bytes:
    """SHA-256 of a token or code. What is hashed has enough random bits that nobody can try them all."""
    return hashlib.sha256(text.encode()).digest()


def parse(text: str) -> TokenParts | None:
    """What a token says, or None where it is not one of ours."""
    if len(text) != _TEXT_LENGTH or not text.isascii() or not text.startswith(tuple(PREFIX.values())):
        return None
    try:
        packed = base64.b64decode(text[4:], altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return TokenParts(UUID(bytes=packed[:16]), hashed(text))
