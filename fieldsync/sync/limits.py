"""What the server takes at present, as it is told in every answer."""

from __future__ import annotations

from flask import current_app

from fieldsync.config import CHANGES_PER_PAGE_MAX, EDITS_PER_EXCHANGE_MAX, INFLATED_BYTES_MAX, Settings
from fieldsync.sync.admission import gate_of
from fieldsync.sync.exchange import PROTOCOL, PROTOCOL_MIN, Exchange, Limits, Unreadable
from fieldsync.sync.schema import SCHEMA

ACKNOWLEDGED_EDITS = 5_000
"""A month of a busy crew."""


def limits() -> Limits:
    """The limits of this moment, as tablets are told. Needs the application's context."""
    settings: Settings = current_app.config["FIELDSYNC"]
    edits, changes = _taken()
    return Limits(
        edits=int(min(edits, gate_of(current_app).edits_wanted())), changes=changes, body_bytes=INFLATED_BYTES_MAX,
        offline_days=settings.offline_days, acknowledged_days=settings.acknowledged_days,
        acknowledged_edits=ACKNOWLEDGED_EDITS, protocol_min=PROTOCOL_MIN, protocol_max=PROTOCOL, schema=SCHEMA,
    )  # fmt: skip


def _taken() -> tuple[int, int]:
    """Edits and changes of an exchange that are taken. More than tablets are told to send where that is only for the
    sake of others: what has come over a bad line is not sent back for a few milliseconds."""
    settings: Settings = current_app.config["FIELDSYNC"]
    halved = gate_of(current_app).level()
    return max(1, min(settings.edits_per_exchange, EDITS_PER_EXCHANGE_MAX) >> halved), CHANGES_PER_PAGE_MAX >> halved


def keep_within(exchange: Exchange, unreadable: list[Unreadable]) -> list[Unreadable]:
    """Cut an exchange to what is taken at present: to its first edits by their numbers, and to a shorter page.

    What is cut off is not answered, and ``expected_seq`` says so: the tablet sends it again, as it would after a lost
    answer. ``exchange`` is changed; returns what is left of ``unreadable``. Needs the application's context.
    """
    most, changes = _taken()
    exchange.limit = min(exchange.limit, changes)
    if len(exchange.edits) + len(unreadable) <= most:
        return unreadable
    last = sorted([edit.seq for edit in exchange.edits] + [edit.seq for edit in unreadable])[most - 1]
    exchange.edits = [edit for edit in exchange.edits if edit.seq <= last]
    return [edit for edit in unreadable if edit.seq <= last]
