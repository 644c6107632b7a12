"""Jobs that a batch leaves open with a crew that may not have them any more: they go to nobody at once.

A crew that was disbanded finds a pothole, or takes up again what it had completed; a crew takes up a job whose
agreement has ended since. What it did stands; the job is somebody else's to plan. Looked at in the batch's own
transaction, and nothing is read unless a batch has done one of these things.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from fieldsync.agreements.serving import Serving, load_serving
from fieldsync.journal.edits import Author, Outcome, Record
from fieldsync.journal.leave import leave
from fieldsync.journal.write import write
from fieldsync.workorders.rules import DONE

# The agreement between two partners that ended last, and whose jobs were taken out by then: before, the worker still
# looks at everything that is open.
_ENDED = text("""
    SELECT t.version_id FROM agreement_term t
    JOIN agreement_version v ON v.partnership_id = t.partnership_id AND v.id = t.version_id
    WHERE t.partnership_id = :partnership_id AND t.giver_id = :giver_id AND t.receiver_id = :receiver_id
      AND v.taken_out_at IS NOT NULL
    ORDER BY v.taken_out_at DESC LIMIT 1
""")

_SERVICE_TYPES = text("""
    SELECT id, service_type_id FROM work_order
    WHERE partnership_id = :partnership_id AND id = ANY(CAST(:ids AS uuid[]))
""")


def let_go(session: Session, author: Author, device: Row[Any], outcome: Outcome, at: datetime) -> None:
    """Within the transaction that wrote ``outcome``: take out what its author's crew may not have. ``device``: the
    crew's ``disbanded`` and ``disbanded_by``, as they were read with the lock on the device."""
    own = [
        record for record in outcome.touched.values()
        if not record.kind.is_child and record.scope == author.crew_id and record.values["status"] not in DONE
    ]  # fmt: skip
    if device.disbanded:
        by: UUID = device.disbanded_by or device.crew_id
        _leave(session, Author(by, "office", author.partnership_id), own, "crew_disbanded", at)
    elif again := [record for record in own if record.was_done]:
        _let_go_of_lent(session, author, again, at)


def _let_go_of_lent(session: Session, author: Author, records: Sequence[Record], at: datetime) -> None:
    """Jobs of other partners that were done, and are taken up again: only if the crew may still work for them."""
    serving = load_serving(session, author.partnership_id, at)
    ids = {"partnership_id": author.partnership_id}
    rows = session.execute(_SERVICE_TYPES, ids | {"ids": [record.id for record in records]})
    service_types: dict[UUID, UUID] = {row.id: row.service_type_id for row in rows}
    for receiver_id in {record.jurisdiction_id for record in records if record.jurisdiction_id is not None}:
        out = [
            record for record in records
            if record.jurisdiction_id == receiver_id and record.crew_id is not None
            and not serving.may(record.crew_id, receiver_id, service_types[record.id])
        ]  # fmt: skip
        if out and (ended_id := _ended(session, serving, author, receiver_id)) is not None:
            _leave(session, Author(ended_id, "agreements", author.partnership_id), out, "agreement_ended", at)


def _ended(session: Session, serving: Serving, author: Author, receiver_id: UUID) -> UUID | None:
    """What allowed the author's crew to work for that partner; None where nothing ever did: then nobody lent it."""
    crew = serving.crews.get(author.crew_id) if author.crew_id is not None else None
    if crew is None:
        return None
    bound = {"partnership_id": author.partnership_id, "giver_id": crew.jurisdiction_id, "receiver_id": receiver_id}
    ended_id: UUID | None = session.execute(_ENDED, bound).scalar_one_or_none()
    return ended_id


def _leave(session: Session, author: Author, records: Sequence[Record], because: str, at: datetime) -> None:
    outcome = Outcome()
    for record in records:
        # As the batch's own write has left it; of its fields, the same ones for all of them.
        values = {"status": record.values["status"], "crew_id": record.crew_id}
        written = Record(record.kind, record.id, record.version, values, record.id, record.crew_id)
        leave(written, because, outcome, at)
    if outcome.touched:
        write(session, author, outcome, at)
