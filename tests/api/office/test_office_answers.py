"""What is answered is what the API reference says."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from fieldsync.office import answers
from fieldsync.office.conflicts import answers as conflicts
from fieldsync.office.policies import answers as policies
from tests.api.office.world import World


@pytest.fixture
def busy(world: World) -> tuple[World, str, str]:
    """A work order on which everything has happened that can: its id, and that of a conflict on it."""
    tablet = world.tablet("alpha")
    work_order = world.create(crew_id=str(world.crews["alpha"]), due_at="2030-01-01T00:00:00Z", tags=["a"])
    path = f"/work-orders/{work_order['id']}"
    world.ask("POST", f"{path}/tasks", json={"title": "Fill"})
    world.ask("POST", f"{path}/notes", json={"body": "Bring cones"})
    tablet.exchange()
    tablet.edit("labor_entry", uuid4(), "create", work_order_id=work_order["id"], minutes=30)
    tablet.edit("work_order", work_order["id"], "update", 1, colour="red")
    world.change(work_order, description="By the\noffice", priority=1)
    verdict = tablet.edit("work_order", work_order["id"], "update", 1, description="By the crew", priority=2)
    first, second = verdict["conflicts"]
    open_one = first if first["state"] == "open" else second
    settled = world.ask("POST", f"/conflicts/{open_one['id']}/settlement", if_match='"1"', json={"choice": "other"})
    assert settled.status_code == 200
    return world, work_order["id"], open_one["id"]


@pytest.mark.parametrize(("path", "shape"), [
    ("/work-orders", answers.WorkOrderPage),
    ("/work-orders/{work_order}", answers.WorkOrderRead),
    ("/work-orders/{work_order}?include=tasks,notes,entries", answers.WorkOrderWhole),
    ("/work-orders/{work_order}/history", answers.HistoryPage),
    ("/conflicts", conflicts.ConflictPage),
    ("/conflicts/{conflict}", conflicts.ConflictWhole),
    ("/merge-policies", policies.MergePolicies),
    ("/merge-policies/task/result", policies.MergePolicyRead),
    ("/merge-policies/changes", policies.MergePolicyChangePage),
])  # fmt: skip
def test_answers_have_the_documented_shape(busy: tuple[World, str, str], path: str, shape: Any) -> None:
    world, work_order_id, conflict_id = busy
    answer = world.ask("GET", path.format(work_order=work_order_id, conflict=conflict_id))
    decoded = msgspec.json.decode(answer.data, type=shape)
    names = {field.encode_name for field in msgspec.structs.fields(shape)}
    assert answer.json.keys() <= names
    if shape in (answers.WorkOrderPage, answers.HistoryPage, conflicts.ConflictPage):
        assert decoded.items


def test_every_address_is_documented_with_what_it_asks_for(world: World) -> None:
    document = world.app.test_client().get("/openapi.json").json
    paths = document["paths"]
    edit = paths["/v1/work-orders/{work_order_id}"]["patch"]
    assert {"200", "404", "409", "412", "422", "428"} <= edit["responses"].keys()
    assert "If-Match" in [parameter["name"] for parameter in edit["parameters"]]
    schema = edit["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/WorkOrderFields"}
    created = paths["/v1/work-orders"]["post"]
    assert {"200", "201", "403", "409", "422"} <= created["responses"].keys()
    assert "Idempotency-Key" in [parameter["name"] for parameter in created["parameters"]]
    listed = {parameter["name"] for parameter in paths["/v1/work-orders"]["get"]["parameters"]}
    assert {"bbox", "changed_since", "crew_id", "cursor", "limit", "status", "placed_by"} <= listed
