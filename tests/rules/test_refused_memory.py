"""A refused edit lets go of its batch: a tablet that sends the same mistakes for weeks must not fill the memory."""

from __future__ import annotations

import gc
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec

from fieldsync.journal.edits import Author, Edit, Known, Outcome
from fieldsync.journal.merge import decide
from fieldsync.journal.prepare import prepare

AT = datetime(2026, 5, 4, tzinfo=UTC)
AUTHOR = Author(uuid4(), "crew", uuid4(), uuid4())


def edit(kind: str, record_id: UUID) -> Edit:
    raw = msgspec.Raw(b'{"title": "x"}')
    return prepare("crew", uuid4(), 1, kind, record_id, "update", 1, AT, AT, raw)


def outcomes() -> int:
    gc.collect()
    return sum(type(found) is Outcome for found in gc.get_objects())


def test_a_batch_of_refused_edits_is_forgotten() -> None:
    before = outcomes()
    for _ in range(10):
        # One that its form rules out, and one of a record that there is not.
        decide(AUTHOR, [edit("spaceship", uuid4()), edit("work_order", uuid4())], Known())
    assert outcomes() == before
