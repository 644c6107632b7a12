"""Work orders at the desk: created, read, edited, assigned, cancelled, deleted."""

from __future__ import annotations

from uuid import uuid4

from tests.api.office.world import EAST, NOWHERE, WEST, World


def test_a_new_work_order_is_placed_and_read_back(world: World) -> None:
    answer = world.ask("POST", "/work-orders", json={
        "title": "Hole", "service_type_id": str(world.pothole), "location": WEST, "tags": ["curb"],
        "due_at": "2030-01-02T03:04:05+01:00", "crew_id": str(world.crews["alpha"]),
    })  # fmt: skip
    assert answer.status_code == 201
    work_order = answer.json
    assert answer.headers["ETag"] == work_order["etag"] == '"1"'
    assert answer.headers["Location"].endswith(f"/v1/work-orders/{work_order['id']}")
    record = work_order["record"]
    assert record["jurisdiction_id"] == str(world.towns["west"])
    assert (record["status"], record["priority"], record["tags"]) == ("open", 3, ["curb"])
    assert record["placed_by"] == "inside"
    read = world.ask("GET", f"/work-orders/{work_order['id']}")
    assert read.json == work_order
    assert read.headers["ETag"] == '"1"'


def test_the_office_reads_what_a_tablet_reads(world: World) -> None:
    work_order = world.create(crew_id=str(world.crews["alpha"]))
    tablet = world.tablet("alpha")
    tablet.exchange()
    change = tablet.records["work_order", work_order["id"]]
    assert change["record"] == work_order["record"]
    assert change["version"] == work_order["version"]
