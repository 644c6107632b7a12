"""Which apps are still taken: by the protocol they speak, and by the shapes of records that they know."""

from __future__ import annotations

from flask import current_app

from fieldsync.config import Settings
from fieldsync.problems import UpgradeRequired
from fieldsync.sync.exchange import Exchange, Unreadable, read
from fieldsync.sync.schema import SCHEMA


def read_current(body: bytes) -> tuple[Exchange, list[Unreadable]]:
    """Decode an exchange of an app that is not too old. Needs the application's context.

    Raises:
        UpgradeRequired: it is; nothing was taken, and everything is kept on the tablet.
        MalformedBody, WrongProtocol: see ``fieldsync.sync.exchange.read``.
    """
    settings: Settings = current_app.config["FIELDSYNC"]
    hint = {"app": settings.app_hint} if settings.app_hint else {}
    try:
        exchange, unreadable = read(body)
    except UpgradeRequired as problem:
        problem.facts |= hint
        raise
    least = min(settings.schema_min, SCHEMA)
    if exchange.schema < least:
        raise UpgradeRequired(
            f"This server needs an app that knows records as of schema {least}.", field="schema", schema_min=least,
            schema=SCHEMA, **hint,
        )  # fmt: skip
    return exchange, unreadable
