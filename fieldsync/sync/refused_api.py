"""A tablet's own refused edits over HTTP: what the office decided on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import fields, validate
from msgspec import Struct
from sqlalchemy import text

from fieldsync.auth.actor import DEVICE, Blueprint, device_actor
from fieldsync.database import db
from fieldsync.documents import json_response
from fieldsync.journal.models import REFUSED
from fieldsync.pages import decode, encode
from fieldsync.schemas import PageArgs
from fieldsync.shapes import json_answer

blp = Blueprint(
    "sync_refused", __name__, url_prefix="/v1/sync/refused", actors=(DEVICE,),
    description="What became of a tablet's refused edits.",
)  # fmt: skip

_ITEM = """json_build_object(
    'edit_id', j.edit_id, 'seq', j.seq, 'kind', j.kind, 'record_id', j.record_id, 'action', j.action,
    'verdict', j.verdict, 'problem', j.problem, 'refused_fields', coalesce(j.refused_fields, '[]'),
    'received_at', j.received_at, 'decided', CASE WHEN d.state IS NOT NULL THEN json_build_object(
        'number', d.number, 'state', d.state, 'reason', d.reason, 'at', d.decided_at,
        'by', (SELECT s.name FROM staff s WHERE s.partnership_id = :partnership_id AND s.id = d.decided_by)) END)"""

# All of them, the newest first.
_LIST = text(f"""
    SELECT j.entry AS place, CAST({_ITEM} AS text) AS sent
    FROM (
        SELECT * FROM journal j
        WHERE j.partnership_id = :partnership_id AND j.author_id = :author_id AND {REFUSED} AND j.entry < :after
        ORDER BY j.entry DESC LIMIT :rows
    ) j LEFT JOIN LATERAL (
        SELECT * FROM refused_edit_decision d
        WHERE d.partnership_id = j.partnership_id AND d.author_id = j.author_id AND d.edit_id = j.edit_id
        ORDER BY d.version DESC LIMIT 1
    ) d ON true
    ORDER BY j.entry DESC
""")

# What was decided since the tablet last asked, in the order in which it was. An edit that was decided on twice comes
# twice.
_DECIDED = text(f"""
    SELECT d.number AS place, CAST({_ITEM} AS text) AS sent
    FROM (
        SELECT * FROM refused_edit_decision d
        WHERE d.partnership_id = :partnership_id AND d.author_id = :author_id AND d.number > :after
        ORDER BY d.number LIMIT :rows
    ) d CROSS JOIN LATERAL (
        SELECT * FROM journal
        WHERE partnership_id = d.partnership_id AND edit_id = d.edit_id AND author_id = d.author_id OFFSET 0
    ) j
    ORDER BY d.number
""")

_COUNT = text("SELECT refusals_decided FROM device WHERE partnership_id = :partnership_id AND id = :author_id")

_LAST = 2**63 - 1


class OwnRefusedArgs(PageArgs):
    """Which of its refused edits a tablet asks for."""

    decided_after = fields.Integer(
        validate=validate.Range(0, _LAST),
        metadata={
            "description": "Only what was decided after this number (`decided` of an earlier answer), in the order in"
            " which it was. Left out: all refused edits, the newest first."
        },
    )


class OwnRefusalDecided(Struct):
    """What the office decided on a refused edit."""

    number: int
    """Counts the decisions on this tablet's edits."""
    state: str
    """``applied``: the office entered it; ``sent_back``: enter it again, as ``reason`` says; ``dismissed``."""
    reason: str | None
    at: datetime
    by: str
    """The name of who decided."""


class OwnRefusedEdit(Struct):
    """A refused edit of this tablet, which has its fields."""

    edit_id: UUID
    seq: int | None
    """Null: it bore a number that was used before."""
    kind: str
    record_id: UUID
    action: str
    verdict: str
    problem: dict[str, Any] | None
    refused_fields: list[dict[str, Any]]
    received_at: datetime
    decided: OwnRefusalDecided | None
    """Null while nobody in the office has decided on it."""


class OwnRefusedPage(Struct):
    """Refused edits of this tablet."""

    items: list[OwnRefusedEdit]
    next: str | None
    decided: int
    """How often the office has decided on one of its edits: ``refusals_decided`` of an exchange."""


@blp.get("")
@blp.arguments(OwnRefusedArgs, location="query")
@blp.doc(responses={200: json_answer(OwnRefusedPage, "A page of them.")})
def list_refused(asked: dict[str, Any]) -> Response:
    """List this tablet's refused edits, and what the office decided

    `refusals_decided` in an exchange's answer says when to ask.
    """
    actor = device_actor()
    ids = {"partnership_id": actor.partnership_id, "author_id": actor.device_id}
    # Counted first: what is decided while we read is asked for again, and not missed.
    decided = db.session.execute(_COUNT, ids).scalar_one()
    since, cursor, limit = asked.get("decided_after"), asked["cursor"], asked["limit"]
    (after,) = decode(cursor, [int]) if cursor is not None else (_LAST if since is None else since,)
    rows = db.session.execute(_LIST if since is None else _DECIDED, ids | {"after": after, "rows": limit + 1}).all()
    more = len(rows) > limit
    rows = rows[:limit]
    document = {
        "items": [msgspec.Raw(row.sent.encode()) for row in rows],
        "next": encode([rows[-1].place]) if more else None,
        "decided": decided,
    }
    return json_response(msgspec.json.encode(document))
