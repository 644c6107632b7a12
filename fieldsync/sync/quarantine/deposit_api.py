"""Depositing over HTTP: the one address that a revoked tablet's token still opens."""

from __future__ import annotations

import msgspec
from flask import Response

from fieldsync.auth.actor import REVOKED_DEVICE, Blueprint, revoked_device_actor
from fieldsync.bodies import read_json_body
from fieldsync.clock import now
from fieldsync.database import transaction
from fieldsync.observe import DEPOSITED_EDITS
from fieldsync.problems import QuarantineFull, SequenceGap, WrongProtocol
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.sync.exchange import Exchange, read
from fieldsync.sync.quarantine.deposit import Deposited, deposit

blp = Blueprint(
    "deposits", __name__, url_prefix="/v1/sync/deposit", actors=(REVOKED_DEVICE,),
    description="What a revoked tablet still holds.",
)  # fmt: skip


@blp.post("")
@blp.doc(
    summary="Deposit edits of a revoked tablet",
    requestBody=body_of(Exchange),
    responses={202: json_answer(Deposited, "They are kept, durably. No verdict, no record and no cursor is told.")},
)
@refuses(WrongProtocol, SequenceGap, QuarantineFull)
def deposit_edits() -> Response:
    """The same body as of an exchange; `cursor` and `limit` mean nothing here. A dispatcher decides on what is kept.

    Safe to repeat at any moment. However old the app is, it may deposit.
    """
    actor = revoked_device_actor()
    exchange, unreadable = read(read_json_body())
    with transaction() as session:
        deposited = deposit(session, actor, exchange, unreadable, now())
    DEPOSITED_EDITS.inc(len(exchange.edits) + len(unreadable))
    return Response(msgspec.json.encode(deposited), status=202, mimetype="application/json")
