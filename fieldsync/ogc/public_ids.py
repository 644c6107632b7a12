"""What a work order is called before the public: a number that says nothing.

Ids are UUIDv7, which begin with the millisecond at which they were made, and the public is told the day. So the public
gets them through a permutation of all 128-bit numbers that only the server can follow: a Feistel network of four rounds
(Luby and Rackoff, 1988) with BLAKE2b, keyed by the partnership's epoch, which is random and known to nobody outside.
After a restore from a backup the epoch is another one, and so are these ids.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

ROUNDS = range(4)
_HALF = (1 << 64) - 1


def public_id(id_: UUID, key: UUID) -> UUID:
    """The id that is shown."""
    left, right = id_.int >> 64, id_.int & _HALF
    for number in ROUNDS:
        left, right = right, left ^ _scrambled(right, number, key)
    return UUID(int=(left << 64) | right)


def own_id(shown: UUID, key: UUID) -> UUID:
    """The id that stands behind one that was shown. Of a number that never was shown: some id that nothing has."""
    left, right = shown.int >> 64, shown.int & _HALF
    for number in reversed(ROUNDS):
        left, right = right ^ _scrambled(left, number, key), left
    return UUID(int=(left << 64) | right)


def _scrambled(half: int, number: int, key: UUID) -> int:
    digest = blake2b(half.to_bytes(8), digest_size=8, key=key.bytes, person=b"ogc public id", salt=bytes([number]))
    return int.from_bytes(digest.digest())
