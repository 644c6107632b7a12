"""The feed: the records of a crew's scope in the order of their last change, a page at a time."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.orm import Session

from fieldsync.sync import queries, schema
from fieldsync.sync.queries import FEED_KINDS

_FIRST_LAYOUT = struct.Struct(">B16s16sQ16sB")
"""As tablets keep it that were last here before there were steps: read for ever, never made again."""
_LAYOUT = struct.Struct(">B16s16sHQQ16sB")
_FILL_LAYOUT = struct.Struct(">HQ16sB")
_START = UUID(int=0)
_END = UUID(int=2**128 - 1)
_LAST = 2**63 - 1
"""No change has a number above it."""


class Place(NamedTuple):
    """A place in the order of the feed: everything up to and with this."""

    change: int = 0
    record_id: UUID = _START
    kind: int = 0


_BEGINNING = Place()


class Fill(NamedTuple):
    """A back-fill on its way: columns that the records lack, up to the cursor's own place."""

    schema: int
    """The step that the records will have."""
    place: Place = _BEGINNING


@dataclass(frozen=True, slots=True)
class Cursor:
    """A tablet's place in the feed: it has everything up to and with this. Opaque to the tablet."""

    epoch: UUID
    crew_id: UUID
    """Whose scope it is a place in: a crew's, or that of a disbanded one (``read_page``)."""
    place: Place = _BEGINNING
    schema: int = 1
    """The step of the shapes in which it has all of that."""
    began: int = 0
    """The partnership's change when its download began: what had left the scope by then, it never had."""
    fill: Fill | None = None

    @property
    def knows(self) -> int:
        """The change up to which it knows what has left its scope."""
        return max(self.place.change, self.began)

    def encode(self) -> str:
        """Text for the tablet to keep and send back."""
        change, record_id, kind = self.place
        packed = _LAYOUT.pack(
            2 if self.fill is None else 3,
            self.epoch.bytes,
            self.crew_id.bytes,
            self.schema,
            self.began,
            change,
            record_id.bytes,
            kind,
        )
        if self.fill is not None:
            change, record_id, kind = self.fill.place
            packed += _FILL_LAYOUT.pack(self.fill.schema, change, record_id.bytes, kind)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor | None:
        """The cursor that ``encode`` made, or an older server; None for anything else."""
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if packed[:1] == b"\x01":
                _, epoch, crew, change, record, kind = _FIRST_LAYOUT.unpack(packed)
                known = cls(UUID(bytes=epoch), UUID(bytes=crew), Place(change, UUID(bytes=record), kind))
            elif packed[:1] in (b"\x02", b"\x03"):
                known = cls._second(packed)
            else:
                return None
        except (binascii.Error, struct.error, ValueError):
            return None
        if known.schema < 1:
            return None
        return known if max(known.knows, known.fill.place.change if known.fill else 0) <= _LAST else None

    @classmethod
    def _second(cls, packed: bytes) -> Cursor:
        layout, epoch, crew, step, began, change, record, kind = _LAYOUT.unpack(packed[: _LAYOUT.size])
        place = Place(change, UUID(bytes=record), kind)
        fill = None
        rest = packed[_LAYOUT.size :]
        if layout == 3:
            to, change, record, kind = _FILL_LAYOUT.unpack(rest)
            fill = Fill(to, Place(change, UUID(bytes=record), kind))
        elif rest:
            raise ValueError(rest)
        return cls(UUID(bytes=epoch), UUID(bytes=crew), place, step, began, fill)


class Page(NamedTuple):
    """A page of the feed, ready to be sent."""

    epoch: UUID
    changes: msgspec.Raw
    """JSON array of ``{kind, id, version, record}``, ``{kind, id, version, patch}`` and ``{kind, id, gone}``."""
    records: int
    cursor: str | None
    more: bool
    reset_because: str | None
    """Why the tablet's place means nothing: it drops its records and starts here. None where it goes on."""
    lag: int
    """How many changes of the partnership came after the page's last one."""

    @property
    def reset(self) -> bool:
        """Whether the tablet's place means nothing."""
        return self.reset_because is not None


class _Head(NamedTuple):
    epoch: UUID
    change: int
    thinned: int


class _Reader(NamedTuple):
    """Reads for one crew."""

    session: Session
    partnership_id: UUID
    crew_id: UUID
    scope_id: UUID
    """The crew whose records it sees: itself, or, once it is disbanded, none that there is."""

    def page(self, start: Cursor | None, rows: int) -> tuple[Sequence[Any], _Head]:
        """So many rows from a place on (None: from the start), and the head in the same snapshot."""
        place, began = (_BEGINNING, _LAST) if start is None else (start.place, start.began)
        found = self.session.execute(queries.FEED, self._bound(place, rows) | {"began": began}).all()
        sent, change, _, kind = found[-1]
        assert kind == queries.HEAD_ROW
        epoch, thinned = sent.split()
        return found[:-1], _Head(UUID(epoch), change, int(thinned))

    def fill(self, known: Cursor, step: int, limit: int) -> tuple[Cursor, list[Any]]:
        """What a tablet's records lack for a step of the shapes, at most ``limit`` of them; and where it is then.

        A tablet that went back to an older app is one whose records lack what that one did not know.
        """
        statement = queries.fill(known.schema, step) if known.schema < step else None
        if statement is None:
            return replace(known, schema=step, fill=None), []
        under_way = known.fill if known.fill is not None and known.fill.schema == step else Fill(step)
        change, record_id, kind = known.place
        upto = {"to_change": change, "to_id": record_id, "to_kind": kind}
        rows = list(self.session.execute(statement, self._bound(under_way.place, limit + 1) | upto).all())
        if len(rows) <= limit:
            return replace(known, schema=step, fill=None), rows
        rows = rows[:limit]
        return replace(known, fill=Fill(step, Place(*rows[-1][1:]))), rows

    def _bound(self, after: Place, rows: int) -> dict[str, Any]:
        change, record_id, kind = after
        return {"partnership_id": self.partnership_id, "crew_id": self.crew_id, "scope_id": self.scope_id,
                "change": change, "id": record_id, "kind": kind, "rows": rows}  # fmt: skip


def no_page(epoch: UUID, given: str | None) -> Page:
    """What a tablet gets that wants no changes now: its cursor as it was. Nobody looks whether there are any.

    Were it told to reset, the page that it resets with would not be this one.
    """
    return Page(epoch, msgspec.Raw(b"[]"), 0, given, True, None, 0)


def read_page(
    session: Session, partnership_id: UUID, crew_id: UUID, given: str | None, limit: int, step: int = 1,
    *, disbanded: bool = False,
) -> Page:  # fmt: skip
    """The changes after a cursor in a crew's scope, at most ``limit`` (1 or more); one statement, so one snapshot.

    ``step``: the shapes of records that the app knows. Where its records lack some of that, what they lack comes first,
    in a statement of its own. A record that changes in between has left what that one looks at, and comes whole.

    ``disbanded``: the crew's scope is empty, whatever it has done. Its cursors are others than before, so its tablets
    begin a download that brings nothing; once it works again, one that brings all.
    """
    scope_id = uuid5(crew_id, "disbanded") if disbanded else crew_id
    step = min(step, schema.SCHEMA)
    known = Cursor.decode(given) if given else None
    reader = _Reader(session, partnership_id, crew_id, scope_id)
    start = known if known is not None and known.crew_id == scope_id else None
    filled: list[Any] = []
    if start is not None:
        start, filled = reader.fill(start, step, limit)
    filling = start is not None and start.fill is not None
    rows, head = reader.page(start, 0 if filling else limit - len(filled) + 1)
    because = _why_reset(given, known, scope_id, head)
    if because is not None:
        if known is not None and disbanded and _why_reset(given, known, crew_id, head) is None:
            # Disbanded since: it drops everything, and is told all the same why its open jobs have left.
            start = Cursor(head.epoch, scope_id, schema=step, began=known.knows)
            rows, head = reader.page(start, limit + 1)
        else:
            if start is not None:  # Read from a place that means nothing.
                rows, head = reader.page(None, limit + 1)
            start = Cursor(head.epoch, scope_id, schema=step, began=head.change)
        filled, filling = [], False
    assert start is not None
    room = limit - len(filled)
    more = filling or len(rows) > room
    rows = rows[:room]
    if not more:
        start = replace(start, place=Place(max(head.change, start.place.change), _END, 255))
    elif rows:
        start = replace(start, place=Place(*rows[-1][1:]))
    sent = [row[0] for row in filled] + [row[0] for row in rows]
    return Page(
        head.epoch, msgspec.Raw("[" + ",".join(sent) + "]"), len(sent), start.encode(), more, because,
        max(0, head.change - start.place.change),
    )  # fmt: skip


def _why_reset(given: str | None, known: Cursor | None, scope_id: UUID, head: _Head) -> str | None:
    """Why a tablet's place means nothing; None where it does."""
    if not given:
        return "first"
    if known is None:
        return "unknown_cursor"
    if known.crew_id != scope_id:
        return "crew_changed"
    if known.epoch != head.epoch:
        return "epoch_changed"
    if known.knows > head.change:
        return "unknown_cursor"  # yet to come: an older state was restored, and nobody changed the epoch
    return "away_too_long" if known.knows < head.thinned else None


assert len(FEED_KINDS) < 255
