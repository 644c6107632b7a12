"""An edit as the quarantine holds it: the text that was sent, and back."""

from __future__ import annotations

from uuid import UUID

import msgspec
from msgspec import structs

from fieldsync.journal.kept import unreadable
from fieldsync.problems import MalformedBody
from fieldsync.sync.exchange import EARLIEST, PROTOCOL, Exchange, QueuedEdit, Unreadable, read
from fieldsync.sync.repeats import Sent

_EMPTY = msgspec.json.encode(Exchange(PROTOCOL, EARLIEST))


def written(sent: Sent, exchange: Exchange) -> str:
    """The edit's JSON. It takes along the epoch that its exchange named for all, since it is read without that."""
    if not isinstance(sent, QueuedEdit):
        return sent.raw.decode()
    return msgspec.json.encode(structs.replace(sent, epoch=sent.epoch or exchange.epoch)).decode()


def read_back(seq: int, edit_id: UUID | None, body: str) -> Sent:
    """The edit as the exchange that brought it had it: readable or not. Never refuses: it would bar those behind it."""
    head = msgspec.json.decode(_EMPTY, type=dict[str, msgspec.Raw])
    head["edits"] = msgspec.Raw(b"[" + body.encode() + b"]")
    try:
        exchange, apart = read(msgspec.json.encode(head))
    except MalformedBody as problem:
        # Nested so deeply that it could just be read when it came, and not from here.
        return Unreadable(seq, edit_id, body.encode(), problem.detail, None)
    return exchange.edits[0] if exchange.edits else apart[0]


def fields_of(sent: Sent) -> msgspec.Raw:
    """What it says of the record; of one that cannot be read, all of it as text."""
    return sent.fields if isinstance(sent, QueuedEdit) else unreadable(sent.raw.decode())
