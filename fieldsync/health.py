"""Addresses for those who run the server: alive, ready, metrics."""

from __future__ import annotations

import hmac

from flask import Response, current_app, request
from sqlalchemy import text

from fieldsync.auth.actor import ANYONE, Blueprint
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.observe import metrics_text
from fieldsync.problems import NotAuthenticated

blp = Blueprint("health", __name__, actors=(ANYONE,), description="For those who run the server.")


@blp.get("/healthz")
@blp.doc(summary="The process is alive")
def healthz() -> Response:
    """Answers without touching the database."""
    return Response('{"status":"alive"}', mimetype="application/json")


@blp.get("/readyz")
@blp.doc(summary="The database answers and its schema is there")
@blp.alt_response(503, description="The database does not answer.")
def readyz() -> Response:
    """Asks the database."""
    db.session.execute(text("SELECT change FROM head LIMIT 1"))
    return Response('{"status":"ready"}', mimetype="application/json")


@blp.get("/metrics")
@blp.doc(summary="Prometheus metrics")
def metrics() -> Response:
    """Text format. Asks for a bearer token where the deployment sets one."""
    settings: Settings = current_app.config["FIELDSYNC"]
    wanted = settings.metrics_token
    if wanted and not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {wanted}"):
        raise NotAuthenticated
    text_format, content_type = metrics_text()
    return Response(text_format, content_type=content_type)
