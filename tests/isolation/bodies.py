"""Bodies of addresses that name nothing themselves: what they name is another partnership's, or another town's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.isolation.things import BODIES

Things = Mapping[str, Any]

TOMORROW = datetime.now(UTC) + timedelta(days=1)
SPAN = {"starts_at": TOMORROW.isoformat(), "ends_at": (TOMORROW + timedelta(hours=1)).isoformat()}


def _exchange(things: Things) -> Any:
    """A note on a job of theirs."""
    edit = {
        "seq": 1, "edit_id": str(uuid4()), "kind": "note", "record_id": str(uuid4()), "action": "create",
        "observed_at": "2026-01-01T00:00:00Z", "fields": {"work_order_id": str(things["work_order_id"]), "body": "x"},
    }  # fmt: skip
    return {"protocol": 1, "sent_at": "2026-01-01T00:00:00Z", "limit": 500, "edits": [edit]}


FOREIGN: dict[str, Callable[[Things], Any]] = {
    "POST /v1/sync": _exchange,
    "POST /v1/sync/deposit": _exchange,
    "POST /v1/work-orders/{work_order_id}/conflicts/settlement": lambda things: {
        "choice": "kept", "conflicts": [{"id": str(things["conflict_id"]), "version": 1}],
    },
    "PUT /v1/merge-policies/{kind}/{field}": lambda things: {"policy": "review"},
    "POST /v1/work-orders": lambda things: {
        "title": "Theirs", "service_type_id": str(things["service_type_id"]), "crew_id": str(things["crew_id"]),
        "location": {"lon": -80.0, "lat": 40.44},
    },
    "POST /v1/assignments": lambda things: {
        "items": [{"work_order_id": str(things["work_order_id"]), "crew_id": str(things["crew_id"]),
                         "starts_at": SPAN["starts_at"], "minutes": 60}],
    },
    "POST /v1/assignments/moves": lambda things: {
        "items": [{"id": str(things["assignment_id"]), "version": 2, "starts_at": SPAN["starts_at"]}],
    },
    "POST /v1/agreements": lambda things: {
        "code": "X", "title": "X", "starts_on": "2030-01-01",
        "terms": [{"giver_id": str(things["jurisdiction_id"]), "receiver_id": str(things["neighbour_id"])}],
    },
    "POST /v1/resource-requests": lambda things: {
        "jurisdiction_id": str(things["jurisdiction_id"]), "title": "Storm", "crews_wanted": 1, **SPAN,
    },
    "POST /v1/crews": lambda things: {
        "jurisdiction_id": str(things["jurisdiction_id"]), "code": "X9", "name": "X",
    },
    "POST /v1/members": lambda things: {"jurisdiction_id": str(things["jurisdiction_id"]), "name": "X"},
    "POST /v1/equipment": lambda things: {
        "jurisdiction_id": str(things["jurisdiction_id"]), "sort": "vehicle", "code": "X9", "name": "X",
    },
    "POST /v1/enrolments": lambda things: {"crew_id": str(things["crew_id"]), "device_name": "X"},
    "POST /v1/staff": lambda things: {
        "email": "x9@example.org", "name": "X",
        "roles": [{"role": "dispatcher", "jurisdiction_id": str(things["jurisdiction_id"])}],
    },
    "POST /v1/api-tokens": lambda things: {"staff_id": str(things["staff_id"]), "label": "X"},
    "POST /v1/jurisdictions": lambda things: {"code": f"x{uuid4().hex[:12]}", "name": "X"},
    "POST /v1/service-types": lambda things: {"code": f"x{uuid4().hex[:12]}", "name": "X"},
    "POST /v1/boundaries/layers": lambda things: {"name": f"x{uuid4().hex[:12]}", "role": "reference"},
    "POST /v1/service-levels/calendars": lambda things: BODIES["service_calendars.replace"],
    "POST /v1/service-levels/policies": lambda things: {
        "starts_at": "2100-01-01T00:00:00Z",
        "targets": [{"calendar_id": str(things["calendar_id"]), "response_minutes": 60}],
    },
    "POST /v1/devices/enrol": lambda things: {"code": "nobody-00000-00000"},
    "POST /v1/sessions": lambda things: {"partnership": "nobody", "email": "x@example.org", "password": "x" * 20},
    "PUT /v1/me/password": lambda things: {"current_password": "x" * 20, "new_password": "y" * 20},
}  # fmt: skip
"""Operation -> its body with the ids of these things in it."""
