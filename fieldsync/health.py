"""Addresses for those who run the server: alive, ready, metrics."""

from __future__ import annotations

import hmac

import structlog
from flask import Response, current_app, request
from marshmallow import fields, validate
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fieldsync.auth.actor import ANYONE, Blueprint
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.journal.gauges import RefusalGauges
from fieldsync.observe import HeldGauges, metrics_text
from fieldsync.problems import ComeAgain, NotAuthenticated
from fieldsync.schemas import Answer
from fieldsync.servicelevels.gauges import ClockGauges
from fieldsync.shapes import refuses
from fieldsync.sync.quarantine.gauges import QuarantineGauges

log = structlog.get_logger()

blp = Blueprint("health", __name__, actors=(ANYONE,), description="For those who run the server.")


class HealthSchema(Answer):
    """How the server is."""

    status = fields.String(validate=validate.OneOf(("alive", "ready")))


@blp.get("/healthz")
@blp.response(200, HealthSchema)
def healthz() -> dict[str, str]:
    """The process is alive

    Answers without touching the database.
    """
    return {"status": "alive"}


@blp.get("/readyz")
@blp.response(200, HealthSchema)
@refuses(ComeAgain)
def readyz() -> dict[str, str]:
    """The database answers and its schema is there"""
    db.session.execute(text("SELECT change FROM head LIMIT 1"))
    return {"status": "ready"}


@blp.get("/metrics")
@blp.response(200, {"type": "string"}, content_type="text/plain")
@refuses(NotAuthenticated)
def metrics() -> Response:
    """Metrics in Prometheus' text format

    Asks for a bearer token where the deployment sets one (`FIELDSYNC_METRICS_TOKEN`).
    """
    settings: Settings = current_app.config["FIELDSYNC"]
    wanted = settings.metrics_token
    given = request.headers.get("Authorization", "").encode()
    if wanted and not hmac.compare_digest(given, f"Bearer {wanted}".encode()):
        raise NotAuthenticated
    text_format, content_type = metrics_text(*_counted())
    return Response(text_format, content_type=content_type)


GAUGES: dict[str, type[HeldGauges]] = {
    "clock_gauges": ClockGauges,
    "refusal_gauges": RefusalGauges,
    "quarantine_gauges": QuarantineGauges,
}
"""What is counted in the database, by the name under which the application keeps it."""


def _counted() -> list[HeldGauges]:
    """All of them; none where the database does not answer: the other metrics are wanted then more than ever."""
    counted: list[HeldGauges] = [current_app.extensions.setdefault(name, kind()) for name, kind in GAUGES.items()]
    try:
        for gauges in counted:
            gauges.count(db.session())
    except (DBAPIError, PoolTimeout) as error:
        log.warning("gauges were not counted", error=str(error).partition("\n")[0])
        db.session.rollback()
        return []
    return counted
