"""Every address that names something: what is another partnership's is not there."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from fieldsync import create_app
from fieldsync.auth.actor import DEVICE, Blueprint
from fieldsync.boundaries import runs
from fieldsync.config import Settings
from tests.api.boundaries_serving.layers import area_set, at, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import winding_cells
from tests.sync_model.world import World, make_world

RULES = [
    (rule.endpoint, rule.rule, method)
    for rule in create_app(Settings(database_url="postgresql://", log_level="CRITICAL")).url_map.iter_rules()
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    if rule.arguments and rule.endpoint != "reference.asset"
]

BODIES: dict[str, Any] = {
    "work_orders.edit": {"title": "Mine"},
    "work_orders.assign": {"crew_id": None},
    "work_orders.cancel": {"reason": "Not needed"},
    "recorded.add_note": {"body": "Mine"},
    "recorded.add_task": {"title": "Mine"},
    "recorded.edit_task": {"title": "Mine"},
    "conflicts.settle": {"choice": "kept"},
    "triage.decide_": {"decision": "accept"},
    "publications.publish": {},
    "boundary_versions.repair": {},
    "boundary_versions.difference": {},
    "boundary_runs.again": {},
    "devices.update_device": {"name": "Mine"},
    "crews.update_crew": {"name": "Mine"},
    "members.update_member": {"name": "Mine"},
    "memberships.create_membership": {"member_id": str(UUID(int=0)), "since": "2026-01-01"},
    "memberships.update_membership": {"until": None},
    "jurisdictions.update_jurisdiction": {"name": "Mine"},
    "service_types.update_service_type": {"name": "Mine"},
    "staff.update_staff": {"name": "Mine"},
    "staff.set_roles": {"roles": []},
    "staff.set_password": {"password": "a long enough one"},
}
"""A body that each address takes, so that the refusal is about the id and not about the body."""


def town_of(world: World) -> Town:
    town = Town.__new__(Town)
    town.app, town.partnership_id = world.app, world.partnership_id
    return town


def everything(world: World, admin: Caller) -> dict[str, Any]:
    """One of each thing that an address can name, in this partnership; by the name of the address's parameter."""
    one, two = world.tablet(), world.tablet()
    work_order_id, task_id = one.new_job(), uuid4()
    task = one.edit("task", task_id, "create", {"work_order_id": str(work_order_id), "title": "Fill"})
    one.push(task, one.edit("work_order", work_order_id, "update", {"description": "deep"}, base=1))
    (verdict,) = two.push(two.edit("work_order", work_order_id, "update", {"description": "flat"}, base=1))
    (conflict,) = verdict["conflicts"]
    membership = admin.post(
        f"/v1/crews/{world.crew_ids[0]}/memberships", {"member_id": str(world.member_id), "since": "2026-01-01"}
    ).json
    enrolment = admin.post("/v1/enrolments", {"crew_id": str(world.crew_ids[0]), "device_name": "x"}).json
    token = admin.post("/v1/api-tokens", {"staff_id": str(world.staff_id), "label": "x"}).json
    layer_id = new_layer(town_of(world))
    version_id = new_version(town_of(world), layer_id, area_set(winding_cells(1, 1)), at(2020))
    with world.session() as session:
        run_id = runs.ask(session, world.partnership_id, "difference", layer_id, version_id=version_id)
    world.run(
        "UPDATE boundary_run SET state = 'done', ended_at = now(), result = :result WHERE id = :id", id=run_id,
        result='{"features": {"type": "FeatureCollection", "features": []}}',
    )  # fmt: skip
    slug = world.value("SELECT slug FROM partnership WHERE id = :p")
    return {
        "work_order_id": work_order_id, "task_id": task_id, "conflict_id": conflict["id"], "edit_id": task["edit_id"],
        "device_id": two.device_id, "crew_id": world.crew_ids[0], "member_id": world.member_id,
        "membership_id": membership["id"], "enrolment_id": enrolment["id"], "staff_id": world.staff_id,
        "token_id": token["id"], "jurisdiction_id": world.jurisdiction_id, "service_type_id": world.service_type_id,
        "layer_id": layer_id, "version_id": version_id, "run_id": run_id, "slug": slug, "z": 0, "x": 0, "y": 0,
        "collection_id": "work-orders", "feature_id": work_order_id, "own_tablet": one,
    }  # fmt: skip


@pytest.mark.parametrize(("endpoint", "rule", "method"), RULES, ids=str)
def test_what_is_another_partnerships_is_not_there(sync_app: Flask, endpoint: str, rule: str, method: str) -> None:
    theirs = make_world(sync_app)
    admin = town_of(theirs).staff("admin", "dispatcher", "gis")
    things = everything(theirs, admin)
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule).format(**things)
    body = BODIES.get(endpoint, {} if method in ("PATCH", "PUT") else None)
    version = 1 if "conflicts" in rule or "tasks" in rule else 2
    headers = {"If-Match": f'"{version}"'}

    blueprint = sync_app.blueprints[endpoint.rpartition(".")[0]]
    assert isinstance(blueprint, Blueprint)
    ours = make_world(sync_app)
    if DEVICE in blueprint.actors_of(endpoint):
        stranger, owner = Caller(sync_app, ours.tablet().token), Caller(sync_app, things["own_tablet"].token)
    else:
        stranger, owner = town_of(ours).staff("admin", "dispatcher", "gis", "finance"), admin

    answer = stranger.ask(method, path, body, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    # For those whose it is, it is there.
    own = owner.ask(method, path, body, headers=headers)
    assert own.status_code != 404, own.json
    assert own.status_code < 500, own.json
