"""Conflicts over HTTP: the dispatchers' queue, and the settling of one or of several."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from uuid import UUID

import msgspec
from flask import Response
from msgspec import UNSET, Meta, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.documents import IF_MATCH, STALE, json_response, read_body, versions_wanted
from fieldsync.office.conflicts import settle as settling
from fieldsync.office.conflicts.answers import ConflictPage, ConflictsSettled, ConflictWhole
from fieldsync.office.conflicts.read import list_conflicts, read_conflict, read_conflicts
from fieldsync.office.conflicts.schemas import ConflictsArgs
from fieldsync.office.desk import Desk
from fieldsync.office.refused import A_STATUS_REFUSED, A_VALUE_REFUSED
from fieldsync.problems import (
    ConflictSettled,
    CrewNotEligible,
    NotFound,
    PreconditionFailed,
    RecordDeleted,
    UnknownReference,
    Unprocessable,
)
from fieldsync.schemas import NO_NUL
from fieldsync.shapes import body_of, json_answer, refuses

blp = Blueprint(
    "conflicts", __name__, url_prefix="/v1/conflicts", actors=("dispatcher", "admin"),
    description="Values that could not both stand: the dispatchers' queue. Admins read, dispatchers decide.",
)  # fmt: skip


of_work_order_blp = Blueprint(
    "work_order_conflicts", __name__, url_prefix="/v1/work-orders/<uuid:work_order_id>/conflicts",
    actors=("dispatcher",), description="Settling several conflicts of one work order at once.",
)  # fmt: skip

SETTLED_TOGETHER_MAX = 100
"""A page of the list."""

Reason = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=NO_NUL)]
RecordVersion = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Settlement(Struct, forbid_unknown_fields=True):
    """What is decided on a conflict."""

    choice: settling.Choice
    """``kept``: the record stays as it is now; ``other``: the value that lost stands; ``value``: a third one."""
    value: Any = UNSET
    """With the choice ``value``: what is to stand, of the field's own type."""
    reason: Reason | None = None
    """Why: kept with the conflict, and shown in the work order's history."""
    record_version: RecordVersion | None = None
    """The version of the record that you saw (that of ``current``); 412 where it is another one by now. Left out: as it
    is now."""


class _Settlement(Struct, forbid_unknown_fields=True):
    """``Settlement`` as it is read: the value stays as it was sent."""

    choice: settling.Choice
    value: msgspec.Raw = msgspec.Raw(b"")
    reason: Reason | None = None
    record_version: RecordVersion | None = None


class ConflictSeen(Struct, forbid_unknown_fields=True):
    """A conflict, and its version as it was read."""

    id: UUID
    version: int
    record_version: RecordVersion | None = None
    """That of its record, where it matters: as when one is settled by itself."""


class SettlementTogether(Struct, forbid_unknown_fields=True):
    """What is decided on several conflicts of a work order: either ``side`` or ``choice`` is given."""

    conflicts: Annotated[list[ConflictSeen], Meta(min_length=1, max_length=SETTLED_TOGETHER_MAX)]
    side: settling.Side | None = None
    """Whose values stand: the ``crew``'s or the ``office``'s."""
    choice: settling.Choice | None = None
    """``kept`` or ``other``, for all of them."""
    reason: Reason | None = None


def _desk() -> Desk:
    return Desk.of(db.session(), staff_actor(), own_jurisdictions(), now())


@blp.get("")
@blp.arguments(ConflictsArgs, location="query")
@blp.doc(
    responses={200: json_answer(ConflictPage, "A page, and how many wait for a person.")},
)
def list_(asked: dict[str, Any]) -> Response:
    """List conflicts

    `state=open` is the queue. An id in a filter that means nothing here gives an empty list. Counted are the open ones
    under the same filters, but those of state and sort.
    """
    page = list_conflicts(_desk(), asked)
    document = {
        "items": [msgspec.Raw(sent) for sent in page.sent],
        "next": page.next,
        "open": page.open,
        "counts": page.counts,
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
    409 `conflict_settled`: it was settled when you read it. 412: somebody settled it since, or with `record_version`
    changed the record.
    """
    body, wanted = read_body(_Settlement), versions_wanted()
    value = body.value if bytes(body.value) else None
    with transaction():
        desk = _desk()
        settling.settle(desk, conflict_id, body.choice, value, wanted, body.reason, body.record_version)
        version, document = read_conflict(desk, conflict_id)
    return json_response(document, version)


@of_work_order_blp.post("/settlement")
@of_work_order_blp.doc(
    requestBody=body_of(SettlementTogether),
    responses={200: json_answer(ConflictsSettled, "All of them settled; and the records as they stand now.")},
)
@refuses(
    NotFound, PreconditionFailed, ConflictSettled, CrewNotEligible, RecordDeleted, UnknownReference, Unprocessable,
    *A_STATUS_REFUSED, *A_VALUE_REFUSED,
)  # fmt: skip
def settle_together(work_order_id: UUID) -> Response:
    """Settle several conflicts of a work order at once

    All or none. Name each with the version that you read. 412: some have changed since; `current` holds these as they
    are now, and nothing was settled. Values are entered in an order in which each finds what it needs: what was deleted
    comes back first, and a status comes when all that it requires is there. Of two values for one field the later one
    stands. With `side`, 422 if both values of a conflict are of that side.
    """
    body = read_body(SettlementTogether)
    choice = _choice(body)
    seen = {conflict.id: conflict.version for conflict in body.conflicts}
    if len(seen) < len(body.conflicts):
        (twice, _), *_ = Counter(conflict.id for conflict in body.conflicts).most_common(1)
        raise Unprocessable(f"The conflict {twice} is named twice.", field="conflicts")
    records = {one.id: one.record_version for one in body.conflicts if one.record_version is not None}
    with transaction():
        desk = _desk()
        settling.settle_together(desk, work_order_id, seen, choice, body.reason, records)
        documents = [msgspec.Raw(document) for _, _, document in read_conflicts(desk, seen)]
    return json_response(msgspec.json.encode({"conflicts": documents}))


def _choice(body: SettlementTogether) -> settling.Choice | settling.Side:
    choice = body.side or body.choice
    if choice is None or (body.side and body.choice):
        raise Unprocessable("Either `side` or `choice` must be given.", field="choice")
    if choice is settling.Choice.VALUE:
        raise Unprocessable("A third value is given for one conflict at a time.", field="choice")
    return choice
