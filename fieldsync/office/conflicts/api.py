"""Conflicts over HTTP: the dispatchers' queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from msgspec import UNSET, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.office.answers import ConflictPage, ConflictWhole
from fieldsync.office.conflicts import settle as settling
from fieldsync.office.conflicts.read import list_conflicts, read_conflict
from fieldsync.office.conflicts.schemas import ConflictsArgs
from fieldsync.office.desk import Desk
from fieldsync.office.refused import A_STATUS_REFUSED, A_VALUE_REFUSED
from fieldsync.problems import ConflictSettled, CrewNotEligible, NotFound, RecordDeleted
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "conflicts", __name__, url_prefix="/v1/conflicts", actors=("dispatcher", "admin"),
    description="Values that could not both stand: the dispatchers' queue. Admins read, dispatchers decide.",
)  # fmt: skip


class Settlement(Struct, forbid_unknown_fields=True):
    """What is decided on a conflict."""

    choice: settling.Choice
    """``kept``: the record stays as it is now; ``other``: the value that lost stands; ``value``: a third one."""
    value: Any = UNSET
    """With the choice ``value``: what is to stand, of the field's own type."""


class _Settlement(Struct, forbid_unknown_fields=True):
    """``Settlement`` as it is read: the value stays as it was sent."""

    choice: settling.Choice
    value: msgspec.Raw = msgspec.Raw(b"")


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())


@blp.get("")
@blp.arguments(ConflictsArgs, location="query")
@blp.doc(
    responses={200: json_answer(ConflictPage, "A page, and how many wait for a person.")},
)
def list_(asked: dict[str, Any]) -> Response:
    """List conflicts, the oldest first

    `state=open` is the queue. An id in a filter that means nothing here gives an empty list.
    """
    page = list_conflicts(_desk(), asked)
    document = {
        "items": [msgspec.Raw(sent.encode()) for sent in page.sent],
        "next": page.next,
        "open": page.open,
    }
    return json_response(msgspec.json.encode(document))


@blp.get("/<uuid:conflict_id>")
@blp.doc(
    responses={200: json_answer(ConflictWhole, "Both values, and the record as it stands; ETag is its version.")},
)
@refuses(NotFound)
def read(conflict_id: UUID) -> Response:
    """Read a conflict

    `base` is what the author of the later edit had seen.
    """
    version, document = read_conflict(_desk(), conflict_id)
    return json_response(document, version)


@blp.post("/<uuid:conflict_id>/settlement", actors=("dispatcher",))
@blp.doc(
    requestBody=body_of(Settlement),
    parameters=[IF_MATCH],
    responses={200: json_answer(ConflictWhole, "Settled; and the record as it stands now.")},
)
@refuses(*STALE, ConflictSettled, CrewNotEligible, RecordDeleted, *A_STATUS_REFUSED, *A_VALUE_REFUSED)
def settle(conflict_id: UUID) -> Response:
    """Settle a conflict

    `other` and `value` become an edit of yours, in the same transaction; tablets learn of it by their feed.

    For an edit that met a deletion they restore the record first; for a deletion that met an edit, `other` deletes it.
    A status to which no single step leads is reached by the fewest steps that the rules allow. What `completed` needs
    must be there (409 `completion_requirements`): settle those conflicts first, or enter it.
    409 `conflict_settled`: it was settled when you read it. 412: somebody settled it since.
    """
    body, wanted = read_body(_Settlement), versions_wanted()
    value = body.value if bytes(body.value) else None
    with transaction():
        desk = _desk()
        settling.settle(desk, conflict_id, body.choice, value, wanted)
        version, document = read_conflict(desk, conflict_id)
    return json_response(document, version)
