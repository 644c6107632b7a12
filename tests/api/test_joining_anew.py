"""A tablet that joins anew says which device it was, and is told what the server has of that."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from tests.api.town import Caller, Town


def enrol(town: Town, **more: Any) -> Any:
    return town.nobody().post("/v1/devices/enrol", {"code": town.code()["code"]} | more)


def note(seq: int) -> dict[str, Any]:
    fields = {"work_order_id": str(uuid4()), "body": "seen"}
    return {"seq": seq, "edit_id": str(uuid4()), "kind": "note", "record_id": str(uuid4()), "action": "create",
            "observed_at": "2026-05-04T08:00:00Z", "fields": fields}  # fmt: skip


def exchange(caller: Caller, *edits: dict[str, Any]) -> Any:
    return caller.post("/v1/sync", {"protocol": 1, "sent_at": "2026-05-04T08:00:00Z", "edits": edits, "limit": 0})


def test_the_former_device_is_told_of_and_ends(town: Town) -> None:
    first = enrol(town).json
    assert first["former"] is None
    tablet = Caller(town.app, first["token"])
    assert exchange(tablet, note(1), note(2)).json["expected_seq"] == 3
    second = enrol(town, former_token=first["token"]).json
    assert second["former"] == {"device_id": first["device_id"], "expected_seq": 3, "deposited_seq": None}
    assert (second["expected_seq"], second["epoch"]) == (1, first["epoch"])
    assert second["device_id"] != first["device_id"]
    # What is still on its way as the old device would come twice.
    assert exchange(tablet, note(3)).status_code == 401
    device = town.staff("dispatcher").get(f"/v1/devices/{first['device_id']}").json
    assert device["revoked_at"] is not None
    assert (device["revoked_by"], device["expected_seq"]) == (None, 3)


def test_also_by_a_token_that_has_ended(town: Town) -> None:
    first = enrol(town).json
    tablet = Caller(town.app, first["token"])
    changed = tablet.post("/v1/devices/current/token", {}).json["token"]
    assert exchange(Caller(town.app, changed), note(1)).status_code == 200
    assert exchange(tablet, note(2)).status_code == 401
    town.staff("dispatcher").post(f"/v1/devices/{first['device_id']}/revoke", {})
    revoked = town.staff("dispatcher").get(f"/v1/devices/{first['device_id']}").json
    second = enrol(town, former_token=first["token"]).json
    assert second["former"] == {"device_id": first["device_id"], "expected_seq": 2, "deposited_seq": None}
    again = town.staff("dispatcher").get(f"/v1/devices/{first['device_id']}").json
    assert (again["revoked_at"], again["revoked_by"]) == (revoked["revoked_at"], revoked["revoked_by"])


@pytest.mark.parametrize("whose", ["nobody", "another partnership", "staff"])
def test_a_token_of_no_device_here_says_nothing(town: Town, whose: str, sync_app: Flask) -> None:
    token = "nonsense"
    if whose == "staff":
        token = town.staff("admin").token or ""
    elif whose == "another partnership":
        other = Town(sync_app)
        token = enrol(other).json["token"]
    answer = enrol(town, former_token=token)
    assert (answer.status_code, answer.json["former"]) == (201, None)
    if whose == "another partnership":
        assert exchange(Caller(other.app, token), note(1)).status_code == 200, "and it goes on there"


def test_a_code_that_is_not_valid_ends_nobody(town: Town) -> None:
    first = enrol(town).json
    asked = {"code": f"{town.slug}-00000-00000", "former_token": first["token"]}
    assert town.nobody().post("/v1/devices/enrol", asked).status_code == 401
    assert exchange(Caller(town.app, first["token"]), note(1)).status_code == 200
