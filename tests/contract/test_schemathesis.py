"""Whatever a client sends, the server answers as openapi.yaml says, and never with a fault of its own.

Requests are made up from the document: good ones, ones at the limits, and bad ones. Always the same ones, so that a
failure comes again. Half of the ids in addresses are those of real things, which each request may change or end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.town import Town
from tests.sync_model.world import World, make_world

FILE = Path(__file__).parents[2] / "openapi.yaml"
EXAMPLES = 6

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip

TAKE_MORE = {"/v1/sync"}
"""Addresses that take more than they document: an exchange refuses a bad edit alone, with 200."""

WITHOUT_END = "/v1/board/events"
"""An answer that goes on for half an hour; its own tests read it."""

CONFIG = {
    "generation": {"mode": "all", "max-examples": EXAMPLES, "deterministic": True, "with-security-parameters": False},
}
schema = schemathesis.openapi.from_path(FILE, config=SchemathesisConfig.from_dict(CONFIG)).exclude(path=WITHOUT_END)


END_THEIR_TOKEN = {"me_end_session", "me_change_own_password"}
"""Operations whose every request comes from somebody else, since it may be the last one that she can make."""


class Callers:
    """Who asks, in a partnership that has one of most things."""

    def __init__(self, app: Flask) -> None:
        self.world: World = make_world(app)
        self.town = Town.__new__(Town)
        self.town.app, self.town.partnership_id = app, self.world.partnership_id
        self.seen = 0
        self.kept: dict[str, str | None] = {}

    def token(self, operation: dict[str, Any]) -> str | None:
        name = operation["operationId"]
        if name in END_THEIR_TOKEN or name not in self.kept:
            self.kept[name] = self._new_token(operation["security"])
        return self.kept[name]

    def _new_token(self, needed: list[dict[str, Any]]) -> str | None:
        if not needed:
            return None
        if "deviceToken" in needed[0]:
            return self.world.tablet().token
        return self.town.staff("admin", "dispatcher", "gis", "finance").token

    def ids(self, names: set[str]) -> dict[str, Any]:
        """Real ids for every second request."""
        self.seen += 1
        return {} if self.seen % 2 else {name: self._id(name) for name in names}

    def _id(self, name: str) -> Any:
        world = self.world
        if name == "crew_id":
            return world.crew_ids[0]
        if name == "device_id":
            return world.tablet().device_id
        if name == "staff_id":
            return self.town.staff("gis").id
        if name == "work_order_id":
            return world.tablet().new_job()
        return getattr(world, name, None) or uuid4()


@pytest.fixture(scope="module")
def callers(sync_app: Flask) -> Callers:
    return Callers(sync_app)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_server_keeps_to_the_document(case: Any, callers: Callers, sync_app: Flask) -> None:
    case.operation.app = sync_app
    operation = case.operation.definition.raw
    if case.path_parameters:
        case.path_parameters |= {name: str(id_) for name, id_ in callers.ids(set(case.path_parameters)).items()}
    token = callers.token(operation)
    # Its client for WSGI does not inflate.
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    response = case.call(headers=headers)
    checks = [check for check in CHECKS if check is not negative_data_rejection or case.path not in TAKE_MORE]
    case.validate_response(response, checks=checks)
