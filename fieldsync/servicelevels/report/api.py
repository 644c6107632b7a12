"""How many promises were kept, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import ValidationError, fields, validates_schema

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db
from fieldsync.documents import json_response
from fieldsync.schemas import Instant, Request
from fieldsync.servicelevels.answers import ServiceReport
from fieldsync.servicelevels.report.read import read_report
from fieldsync.shapes import json_answer

DAYS_MAX = 3 * 366
"""Reading a report goes through the clocks of its time: three years of a large partnership take a few seconds."""

blp = Blueprint(
    "service_report", __name__, url_prefix="/v1/service-levels/report", actors=("dispatcher", "admin", "finance"),
    description="How many promises were kept; each for the jurisdictions of her role.",
)  # fmt: skip


class ReportArgs(Request):
    """Which clocks to count: those that started in a time."""

    starts = Instant(required=True, data_key="from", metadata={"description": "From this moment on."})
    ends = Instant(required=True, data_key="to", metadata={"description": "Up to, without, this moment."})
    jurisdiction_id: fields.Field[UUID] = fields.UUID(
        load_default=None, metadata={"description": "Only work that lies there now."}
    )

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["starts"] >= data["ends"]:
            raise ValidationError("It must end after it begins.", "to")
        if data["ends"] - data["starts"] > timedelta(days=DAYS_MAX):
            raise ValidationError(f"At most {DAYS_MAX} days at once.", "to")


@blp.get("")
@blp.arguments(ReportArgs, location="query")
@blp.doc(responses={200: json_answer(ServiceReport, "Counts and percentages, as of now.")})
def report(asked: dict[str, Any]) -> Response:
    """How many promises were kept

    Of the clocks that started in a time: met, breached, running, not counted; in all, and by service type, priority and
    jurisdiction as the work orders are now. Deleted work orders are left out.
    """
    found = read_report(
        db.session(), staff_actor().partnership_id, own_jurisdictions(), asked["starts"], asked["ends"],
        asked["jurisdiction_id"], now(),
    )  # fmt: skip
    return json_response(msgspec.json.encode(found))
