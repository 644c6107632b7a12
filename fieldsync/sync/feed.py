"""The feed: the records of a crew's scope in the order of their last change, a page at a time."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from fieldsync.sync import queries
from fieldsync.sync.queries import FEED_KINDS

_LAYOUT = struct.Struct(">B16s16sQ16sB")
_FORMAT = 1
_START = UUID(int=0)
_END = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A tablet's place in the feed: it has everything up to and with this. Opaque to the tablet."""

    epoch: UUID
    crew_id: UUID
    change: int = 0
    record_id: UUID = _START
    kind: int = 0

    def encode(self) -> str:
        """Text for the tablet to keep and send back."""
        packed = _LAYOUT.pack(
            _FORMAT, self.epoch.bytes, self.crew_id.bytes, self.change, self.record_id.bytes, self.kind
        )
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor | None:
        """The cursor that ``encode`` made; None for anything else."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, epoch, crew, change, record, kind = _LAYOUT.unpack(packed)
        except (binascii.Error, struct.error, ValueError):
            return None
        if version != _FORMAT or change >= 2**63:
            return None
        return cls(UUID(bytes=epoch), UUID(bytes=crew), change, UUID(bytes=record), kind)


class Page(NamedTuple):
    """A page of the feed, ready to be sent."""

    epoch: UUID
    changes: msgspec.Raw
    """JSON array of ``{kind, id, version, record}`` and ``{kind, id, gone}``."""
    records: int
    cursor: str | None
    more: bool
    reset: bool
    """The tablet's place meant nothing (first time, other crew, other epoch): it drops its records and starts here."""
    lag: int
    """How many changes of the partnership came after the page's last one."""


def no_page(epoch: UUID, given: str | None) -> Page:
    """What a tablet gets that wants no changes now: its cursor as it was. Nobody looks whether there are any.

    Were it told to reset, the page that it resets with would not be this one.
    """
    return Page(epoch, msgspec.Raw(b"[]"), 0, given, True, False, 0)


def read_page(session: Session, partnership_id: UUID, crew_id: UUID, given: str | None, limit: int) -> Page:
    """The changes after a cursor in a crew's scope, at most ``limit`` (1 or more); one statement, so one snapshot."""
    known = Cursor.decode(given) if given else None
    head = session.execute(queries.HEAD, {"partnership_id": partnership_id}).one()
    # The head is read before the page, so nothing that commits in between is passed over.
    reset = known is None or known.crew_id != crew_id or known.epoch != head.epoch
    # A place that is yet to come: an older state was restored and nobody changed the epoch.
    reset = reset or (known is not None and known.change > head.change)
    start = Cursor(head.epoch, crew_id) if known is None or reset else known
    rows = session.execute(
        queries.FEED,
        {"partnership_id": partnership_id, "crew_id": crew_id, "change": start.change, "id": start.record_id,
         "kind": start.kind, "rows": limit + 1},
    ).all()  # fmt: skip
    more = len(rows) > limit
    rows = rows[:limit]
    if more:
        _, last_change, last_id, last_kind = rows[-1]
        cursor = Cursor(head.epoch, crew_id, last_change, last_id, last_kind)
    else:
        reached = max(head.change, rows[-1][1] if rows else 0, start.change)
        cursor = Cursor(head.epoch, crew_id, reached, _END, 255)
    changes = msgspec.Raw("[" + ",".join([row[0] for row in rows]) + "]")
    return Page(head.epoch, changes, len(rows), cursor.encode(), more, reset, max(0, head.change - cursor.change))


assert len(FEED_KINDS) < 255
