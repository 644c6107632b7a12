"""What was planned by a grant that has ended, for a time after it, goes over to the one that allows it now.

So a cap counts what is done under it, and an hour is paid by the terms that hold when it is worked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Json
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from fieldsync.agreements.ended import Ended
from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant, grants_for, holds, open_at
from fieldsync.database import transaction
from fieldsync.partnerships.head import next_change

PER_COMMIT = 100
"""Work orders whose plans go over in one transaction."""

_FIRST = UUID(int=0)
_ENCODER = msgspec.json.Encoder()

_PLANNED = text("""
    SELECT DISTINCT work_order_id FROM assignment
    WHERE partnership_id = :partnership_id AND grant_id IS NOT NULL AND state <> 'released'
      AND grant_id = ANY(:grant_ids) AND state = 'planned' AND starts_at >= :ended_at AND work_order_id > :after
    ORDER BY work_order_id LIMIT :rows
""")

# As everybody locks them: in the order of their ids, and before what hangs on them is read.
_LOCK = text("""
    SELECT FROM work_order WHERE partnership_id = :partnership_id AND id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE
""")

_PARTS = text("""
    SELECT s.id, s.starts_at, s.ends_at, s.crew_id, c.jurisdiction_id AS giver_id, w.jurisdiction_id AS receiver_id,
           w.service_type_id, t.skill
    FROM assignment s
    JOIN work_order w ON w.partnership_id = s.partnership_id AND w.id = s.work_order_id
    JOIN service_type t ON t.partnership_id = w.partnership_id AND t.id = w.service_type_id
    JOIN crew c ON c.partnership_id = s.partnership_id AND c.id = s.crew_id
    WHERE s.partnership_id = :partnership_id AND s.work_order_id = ANY(:ids) AND s.grant_id = ANY(:grant_ids)
      AND s.state = 'planned' AND s.starts_at >= :ended_at
""")

_GO_OVER = text("""
    UPDATE assignment s SET grant_id = r.grant_id, version = s.version + 1, change = :change, updated_at = :at
    FROM json_to_recordset(CAST(:rows AS json)) AS r (id uuid, grant_id uuid)
    WHERE s.partnership_id = :partnership_id AND s.id = r.id
""")


def carry_over(ended: Ended, at: datetime) -> None:
    """Let what was planned by ``ended`` go over to the first grant whose days and hours allow its whole time; what none
    allows stays as it is, and shows where the crew is examined. In transactions of its own; safe to repeat.

    Caps are left aside: it was within one when it was planned.
    """
    after: UUID | None = _FIRST
    while after is not None:
        with transaction() as session:
            after = _carry_over(session, ended, after, at)


def _carry_over(session: Session, ended: Ended, after: UUID, at: datetime) -> UUID | None:
    """One step; the work order after which to go on, None at the end."""
    bound = {
        "partnership_id": ended.partnership_id, "grant_ids": [grant.id for grant in ended.grants],
        "ended_at": ended.at, "at": at,
    }  # fmt: skip
    ids = list(session.execute(_PLANNED, bound | {"after": after, "rows": PER_COMMIT}).scalars())
    if not ids:
        return None
    session.execute(_LOCK, bound | {"ids": ids})
    parts = session.execute(_PARTS, bound | {"ids": ids}).all()
    rows = [{"id": id_, "grant_id": grant.id} for id_, grant in _allowed(session, ended, parts)]
    if rows:
        change = next_change(session, ended.partnership_id)
        session.execute(_GO_OVER, bound | {"change": change, "rows": Json(rows, dumps=_ENCODER.encode)})
    return ids[-1] if len(ids) == PER_COMMIT else None


def _allowed(session: Session, ended: Ended, parts: Sequence[Row[Any]]) -> list[tuple[UUID, Grant]]:
    if not parts:
        return []
    first, last = min(part.starts_at for part in parts), max(part.ends_at for part in parts)
    grants = load_grants(session, ended.partnership_id, first, last)
    found = []
    for part in parts:
        about = grants_for(grants, part.giver_id, part.receiver_id, part.crew_id, part.service_type_id, part.skill)
        for grant in about:
            if holds(grant, part.starts_at, part.ends_at) and open_at(grant, part.starts_at, part.ends_at):
                found.append((part.id, grant))
                break
    return found
