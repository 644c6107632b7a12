"""Telling a repeated edit from a new one that bears a used number or id."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.orm import Session

from fieldsync.journal.kept import said
from fieldsync.sync import queries
from fieldsync.sync.exchange import EARLIEST, LATEST, QueuedEdit, Unreadable, VerdictConflict

Sent = QueuedEdit | Unreadable


class EditRead(msgspec.Struct):
    """An edit that the journal holds: as it was received, and what became of it."""

    edit_id: UUID
    seq: int | None
    kind: str
    record_id: UUID
    action: str
    base_version: int | None
    observed_at: datetime
    fields: Any
    verdict: str
    version: int | None
    problem: dict[str, Any] | None
    conflicts: list[VerdictConflict]
    refused_fields: list[dict[str, Any]] = []
    """Fields that it was taken without, a problem each."""


_EARLIER = msgspec.json.Decoder(list[EditRead])


def find(session: Session, ids: dict[str, Any], seqs: list[int], edit_ids: list[UUID]) -> list[EditRead]:
    """The device's journalled edits that bear one of these numbers or ids, with their recorded conflicts."""
    rows = session.execute(queries.EARLIER, ids | {"seqs": seqs, "edit_ids": edit_ids}).scalar_one()
    return _EARLIER.decode(rows)


def content(sent: Sent) -> dict[str, Any]:
    """What an edit says, apart from its number and id: two with the same content are the same edit."""
    if isinstance(sent, Unreadable):
        return {"fields": {"unreadable": sent.raw.decode()}}
    return {
        "kind": sent.kind,
        "record_id": str(sent.record_id),
        "action": sent.action,
        "base_version": sent.base_version,
        "observed_at": min(max(sent.observed_at, EARLIEST), LATEST).timestamp(),
        "fields": said(sent.fields),
    }


def spare_id(device_id: UUID, sent: Sent) -> UUID:
    """An id to keep an edit under whose own is missing or taken; the same for the same edit, however often it comes."""
    return uuid5(device_id, json.dumps([sent.seq, str(sent.edit_id), content(sent)], sort_keys=True))


def same(device_id: UUID, sent: Sent, earlier: EditRead) -> bool:
    """Whether ``sent`` is ``earlier``, sent again."""
    if earlier.edit_id not in (sent.edit_id, spare_id(device_id, sent)):
        return False
    said = content(sent)
    if isinstance(sent, Unreadable):
        return bool(earlier.fields == said["fields"])
    return said == {
        "kind": earlier.kind,
        "record_id": str(earlier.record_id),
        "action": earlier.action,
        "base_version": earlier.base_version,
        "observed_at": earlier.observed_at.timestamp(),
        "fields": earlier.fields,
    }
