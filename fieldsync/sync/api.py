"""The exchange over HTTP."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from flask import Response, current_app

from fieldsync.auth.actor import DEVICE, Blueprint, DeviceActor, device_actor
from fieldsync.bodies import read_json_body
from fieldsync.clock import now
from fieldsync.database import db, transaction
from fieldsync.observe import CONFLICTS, EXCHANGE_EDITS, EXCHANGE_SECONDS, FEED_LAG, REFUSED_FIELDS, VERDICTS
from fieldsync.problems import ExchangeUnderWay, IdTaken, NotFound, Overloaded, UpgradeRequired, WrongProtocol
from fieldsync.shapes import body_of, json_answer, refuses
from fieldsync.sync import queries, repeats
from fieldsync.sync.admission import gate_of
from fieldsync.sync.exchange import Answer, Exchange, Unreadable
from fieldsync.sync.feed import Page, no_page, read_page
from fieldsync.sync.limits import keep_within, limits
from fieldsync.sync.receive import Received, receive
from fieldsync.sync.repeats import EditRead
from fieldsync.sync.versions import read_current

blp = Blueprint("sync", __name__, url_prefix="/v1/sync", actors=(DEVICE,), description="A tablet's conversation.")


@blp.post("")
@blp.doc(
    summary="One exchange: edits up; verdicts and changes down",
    requestBody=body_of(Exchange),
    responses={200: json_answer(Answer, "Every edit has its verdict, durably.")},
)
@refuses(WrongProtocol, UpgradeRequired, ExchangeUnderWay, Overloaded)
@blp.alt_response(409, description="`sequence_gap`: the batch does not begin at `expected_seq`; nothing was written.")
def exchange() -> Response:
    """The batch is taken into the journal and committed; then a page of the feed is read; then this is answered.

    Safe to repeat at any moment: see docs/sync.md.
    """
    actor = device_actor()
    asked, unreadable = read_current(read_json_body())
    unreadable = keep_within(asked, unreadable)
    received_at = now()
    began = time.perf_counter()
    received = _push(actor, asked, unreadable, received_at)
    pushed = time.perf_counter()
    if asked.limit:
        # Ended by a commit: a rollback, as without it, would make the driver forget the statements it has prepared.
        with transaction() as session:
            page = read_page(
                session, actor.partnership_id, actor.crew_id, asked.cursor, asked.limit, asked.schema,
                disbanded=actor.disbanded,
            )  # fmt: skip
    else:
        page = no_page(received.epoch, asked.cursor)
    _measure(received, page, pushed - began, time.perf_counter() - pushed)
    answer = Answer(
        str(page.epoch), received_at, received.expected_seq, received.verdicts, page.changes, page.cursor, page.more,
        page.reset, limits(), page.reset_because, received.refusals_decided,
    )  # fmt: skip
    return Response(msgspec.json.encode(answer), mimetype="application/json")


def _push(actor: DeviceActor, asked: Exchange, unreadable: list[Unreadable], received_at: datetime) -> Received:
    if asked.edits or unreadable:
        try:
            return _receive(actor, asked, unreadable, received_at, ids_may_be_taken=False)
        except IdTaken:
            return _receive(actor, asked, unreadable, received_at, ids_may_be_taken=True)
    ids = {"partnership_id": actor.partnership_id, "author_id": actor.device_id}
    device = db.session.execute(queries.DEVICE, ids | {"now": received_at}).one()
    if device.unseen:
        skew_ms = (received_at - asked.sent_at) // timedelta(milliseconds=1)
        with transaction() as session:
            session.execute(
                queries.SEE_DEVICE, ids | {"now": received_at, "skew_ms": skew_ms, "app_version": asked.app_version}
            )
    return Received(device.next_seq, [], device.epoch, device.refusals_decided)


def _receive(
    actor: DeviceActor, asked: Exchange, unreadable: list[Unreadable], received_at: datetime, *, ids_may_be_taken: bool
) -> Received:
    with transaction() as session:
        return receive(session, actor, asked, unreadable, received_at, ids_may_be_taken=ids_may_be_taken)


def _measure(received: Received, page: Page, push_s: float, pull_s: float) -> None:
    EXCHANGE_EDITS.observe(len(received.verdicts))
    gate_of(current_app).carried(len(received.verdicts), push_s)
    if received.verdicts:
        EXCHANGE_SECONDS.labels("push").observe(push_s)
    EXCHANGE_SECONDS.labels("pull").observe(pull_s)
    FEED_LAG.observe(page.lag)
    counts: dict[tuple[str, str], int] = {}
    for verdict in received.verdicts:
        key = (str(verdict.verdict), verdict.problem["code"] if verdict.problem else "")
        counts[key] = counts.get(key, 0) + 1
        REFUSED_FIELDS.inc(len(verdict.refused_fields))
        for conflict in verdict.conflicts:
            CONFLICTS.labels(conflict.sort, conflict.policy, conflict.state).inc()
    for (name, code), count in counts.items():
        VERDICTS.labels(name, code).inc(count)


@blp.get("/edits/<uuid:edit_id>")
@blp.doc(
    summary="What became of an edit of this device",
    responses={200: json_answer(EditRead, "The edit as it was received, and its verdict.")},
)
@blp.alt_response(404, description="`not_found`: this device sent no such edit.")
def read_edit(edit_id: UUID) -> Response:
    """The same verdict, however often and however late it is asked for."""
    actor = device_actor()
    ids = {"partnership_id": actor.partnership_id, "author_id": actor.device_id}
    found = repeats.find(db.session(), ids, [], [edit_id])
    if not found:
        raise NotFound(f"This device sent no edit {edit_id}.")
    return Response(msgspec.json.encode(found[0]), mimetype="application/json")
