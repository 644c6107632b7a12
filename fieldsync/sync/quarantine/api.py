"""Quarantine, as a dispatcher reads and releases it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from flask import Response
from msgspec import Meta, Struct

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.crews.devices.find import find_device
from fieldsync.database import db, transaction
from fieldsync.documents import read_body
from fieldsync.observe import VERDICTS
from fieldsync.problems import NotFound, ReleasedAlready, Unprocessable
from fieldsync.schemas import NO_NUL, PageArgs
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.sync.exchange import SEQ_MAX
from fieldsync.sync.quarantine.read import Quarantine, read_quarantine
from fieldsync.sync.quarantine.release import RELEASED_MAX, Released, release

REASON_MAX = 2_000

blp = Blueprint(
    "quarantine", __name__, url_prefix="/v1/devices/<uuid:device_id>/quarantine", actors=("dispatcher", "admin"),
    description="What revoked tablets have deposited: it is entered when a dispatcher releases it. Admins read.",
)  # fmt: skip

Seq = Annotated[int, Meta(ge=1, le=SEQ_MAX)]


class ReleaseWanted(Struct, forbid_unknown_fields=True):
    """What is let into the records, and what is not."""

    through_seq: Seq
    """Up to and with this number; at most 1,000 edits a call."""
    reject: Annotated[list[Seq], Meta(max_length=RELEASED_MAX)] = []
    """Numbers that are refused."""
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_MAX, pattern=NO_NUL)] | None = None
    """Why; needed where something is refused."""


@blp.get("")
@blp.arguments(PageArgs, location="query")
@blp.doc(responses={200: json_answer(Quarantine, "A page of what waits, in the order in which it was entered.")})
@refuses(NotFound)
def read_quarantine_(args: dict[str, Any], device_id: UUID) -> Response:
    """Read what a revoked tablet has deposited

    Each edit as it was sent, with its number. Empty for a tablet that has deposited nothing.
    """
    session = db.session()
    device = find_device(session, staff_actor(), own_jurisdictions(), device_id)
    page = read_quarantine(session, device, args["limit"], args["cursor"], now())
    return Response(msgspec.json.encode(page), mimetype="application/json")


@blp.post("/release", actors=("dispatcher",))
@blp.doc(
    requestBody=body_of(ReleaseWanted),
    responses={200: json_answer(Released, "Every one of them has its verdict, for good.")},
)
@refuses(NotFound, ReleasedAlready, Unprocessable)
def release_(device_id: UUID) -> Response:
    """Let edits of a revoked tablet into the records

    They are entered in the order of their numbers, as the tablet's own, as though they had come when they were
    deposited; those in `reject` are refused (`not_released`) with your reason. At most 1,000 a call: where
    `through_seq` of the answer is lower than yours, send the same again. Safe to repeat.
    """
    wanted = read_body(ReleaseWanted)
    if wanted.reject and (wanted.reason is None or not wanted.reason.strip()):
        raise Unprocessable("Say why they are not let in.", field="reason")
    actor = staff_actor()
    with transaction() as session:
        find_device(session, actor, own_jurisdictions(), device_id)
        released = release(session, actor, device_id, wanted.through_seq, wanted.reject, wanted.reason, now())
    for one in released.verdicts:
        VERDICTS.labels(str(one.verdict), one.problem["code"] if one.problem else "").inc()
    return Response(msgspec.json.encode(released), mimetype="application/json")
