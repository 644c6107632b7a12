"""Taking work orders from their crews without an edit of anybody's form: something ended, and they go to nobody.

Entered in the journal as everything else: an ordinary update of ``crew_id``, by whoever or whatever ended it. Their
tablets read ``gone`` with the reason; what is planned for the crews is released; what they still send is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from fieldsync.database import new_id
from fieldsync.journal.edits import Decision, Edit, Outcome, Record, Verdict

NEEDED = frozenset({"crew_id", "status"})
"""The fields that must have been read of a work order that is to leave."""

_ENCODER = msgspec.json.Encoder()


def leave(record: Record, because: str, outcome: Outcome, at: datetime) -> None:
    """Take a locked work order from its crew; ``because``: one of ``EXIT_REASONS``. The caller writes the outcome."""
    fields: dict[str, Any] = {"crew_id": None}
    before = {"crew_id": record.crew_id}
    record.scope_was, record.changed, record.left_because = record.scope, True, because
    record.values, record.crew_id = record.values | fields, None
    record.version += 1
    raw = msgspec.Raw(_ENCODER.encode(fields))
    edit = Edit(new_id(), None, "work_order", record.id, "update", record.version - 1, at, at, raw, fields)
    outcome.decisions.append(Decision(edit, Verdict.APPLIED, record.version, before))
    outcome.touched["work_order", record.id] = record
