"""One of each thing that an address can name, and a body that each address takes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from fieldsync.boundaries import runs
from tests.agreements import agree
from tests.api.boundaries_serving.layers import area_set, at, new_layer, new_version
from tests.api.town import Caller, Town
from tests.geo.coverages import winding_cells
from tests.sync_model.world import World

ABSENT = {"starts_at": "2026-02-02T00:00:00Z", "ends_at": "2026-02-03T00:00:00Z", "reason": "Training"}

OFFICE_HOURS = {
    "name": "Office", "time_zone": "America/New_York", "hours": [{"weekday": 1, "from": "08:00", "until": "17:00"}],
}  # fmt: skip

BODIES: dict[str, Any] = {
    "work_orders.edit": {"title": "Mine"},
    "work_orders.assign": {"crew_id": None},
    "work_orders.cancel": {"reason": "Not needed"},
    "recorded.add_note": {"body": "Mine"},
    "recorded.add_task": {"title": "Mine"},
    "recorded.edit_task": {"title": "Mine"},
    "conflicts.settle": {"choice": "kept"},
    "work_order_conflicts.settle_together": {"choice": "kept"},
    "refused_edits.apply": {},
    "refused_edits.send_back": {"reason": "Say which day"},
    "refused_edits.dismiss": {"reason": "A duplicate"},
    "triage.decide_": {"decision": "accept"},
    "assignments.edit": {"pinned": True},
    "assignments.release_": {"reason": "Not needed"},
    "assignments.recall_": {"reason": "Needed at home"},
    "resource_requests.cancel": {"reason": "Over"},
    "resource_requests.close": {"reason": "Enough"},
    "resource_offers.offer": {"crew_id": str(UUID(int=0))},
    "resource_offers.accept": {},
    "resource_offers.decline": {"reason": "Enough"},
    "resource_offers.withdraw": {},
    "resource_offers.release": {},
    "agreements.amend": {
        "starts_on": "2026-01-01",
        "terms": [{"giver_id": str(UUID(int=0)), "receiver_id": str(UUID(int=1))}],
    },
    "agreements.accept": {},
    "agreements.decline": {},
    "agreements.withdraw": {},
    "agreements.end": {"on": "2100-01-01", "reason": "Enough"},
    "service_calendars.replace": OFFICE_HOURS,
    "service_clocks.pause": {"reason": "Waiting for parts"},
    "service_clocks.resume": {"reason": "They came"},
    "publications.publish": {},
    "boundary_versions.repair": {},
    "boundary_versions.difference": {},
    "boundary_runs.again": {},
    "devices.update_device": {"name": "Mine"},
    "quarantine.release_": {"through_seq": 1},
    "crews.update_crew": {"name": "Mine"},
    "members.update_member": {"name": "Mine"},
    "memberships.create_membership": {"member_id": str(UUID(int=0)), "since": "2026-01-01"},
    "memberships.update_membership": {"until": None},
    "leads.hand_over_lead": {"membership_id": str(UUID(int=0)), "since": "2026-01-01"},
    "shifts.create_shift": {"weekday": 2, "starts": "08:00", "minutes": 60, "since": "2026-01-01"},
    "shift_exceptions.create_exception": {"day": "2026-02-02", "reason": "Fair"},
    "crew_absences.create_crew_absence": ABSENT,
    "member_absences.create_member_absence": ABSENT,
    "member_qualifications.create_qualification": {"sort": "skill", "code": "saw", "valid_from": "2026-01-01"},
    "equipment.update_equipment": {"name": "Mine"},
    "crew_equipment.create_holding": {"equipment_id": str(UUID(int=0)), "since": "2026-01-01"},
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


def mutual_aid(world: World) -> tuple[UUID, UUID]:
    """A request for a crew, and an offer."""
    request_id, offer_id = uuid4(), uuid4()
    bound = {"town": world.jurisdiction_id, "crew": world.crew_ids[0], "staff": world.staff_id, "request": request_id}
    world.run(
        """INSERT INTO resource_request (partnership_id, id, version, jurisdiction_id, title, starts_at, ends_at,
                                         crews_wanted, state, created_at, created_by)
           VALUES (:p, :request, 1, :town, 'Storm', now(), now() + interval '1 day', 1, 'open', now(), :staff)""",
        **bound,
    )
    world.run(
        """INSERT INTO resource_offer (partnership_id, id, version, request_id, jurisdiction_id, crew_id, starts_at,
                                       ends_at, state, created_at, created_by)
           VALUES (:p, :offer, 1, :request, :town, :crew, now(), now() + interval '1 day', 'offered', now(), :staff)""",
        **bound, offer=offer_id,
    )  # fmt: skip
    return request_id, offer_id


def agreed(world: World, admin: Caller) -> dict[str, Any]:
    """An agreement with a neighbour, and its version."""
    neighbour = UUID(admin.post("/v1/jurisdictions", {"code": "neighbour", "name": "Neighbour"}).json["id"])
    with world.session() as session:
        version_id = agree(session, world.partnership_id, world.jurisdiction_id, neighbour).version_id
    agreement_id = world.value("SELECT agreement_id FROM agreement_version WHERE id = :id", id=version_id)
    return {"agreement_id": agreement_id, "agreement_version_id": version_id}


def planned(world: World, work_order_id: UUID) -> UUID:
    """An assignment."""
    assignment_id = uuid4()
    world.run(
        """INSERT INTO assignment (partnership_id, id, version, change, work_order_id, crew_id, starts_at, ends_at,
                                   minutes, state, created_at, updated_at)
           VALUES (:p, :id, 2, 1, :job, :crew, '2030-01-01', '2030-01-01 01:00', 60, 'planned', now(), now())""",
        id=assignment_id, job=work_order_id, crew=world.crew_ids[0],
    )  # fmt: skip
    return assignment_id


def what_crews_have(world: World, admin: Caller) -> dict[str, Any]:
    """What hangs on a crew or a member, by the name of the address's parameter."""
    crew, member = f"/v1/crews/{world.crew_ids[0]}", f"/v1/members/{world.member_id}"
    machine = {"jurisdiction_id": str(world.jurisdiction_id), "sort": "vehicle", "code": "T7", "name": "Truck"}
    equipment_id = admin.post("/v1/equipment", machine).json["id"]
    wanted: dict[str, tuple[str, Any]] = {
        "shift_id": (f"{crew}/shifts", {"weekday": 1, "starts": "08:00", "minutes": 60, "since": "2026-01-01"}),
        "exception_id": (f"{crew}/shift-exceptions", {"day": "2026-03-02", "reason": "Fair"}),
        "crew_absence_id": (f"{crew}/absences", ABSENT),
        "member_absence_id": (f"{member}/absences", ABSENT),
        "qualification_id": (
            f"{member}/qualifications", {"sort": "skill", "code": "asphalt", "valid_from": "2026-01-01"},
        ),
        "holding_id": (f"{crew}/equipment", {"equipment_id": equipment_id, "since": "2026-01-01"}),
    }  # fmt: skip
    return {"equipment_id": equipment_id} | {
        name: admin.post(path, body).json["id"] for name, (path, body) in wanted.items()
    }


def promised(admin: Caller) -> dict[str, Any]:
    """A calendar, and a policy that has not begun."""
    calendar_id = admin.post("/v1/service-levels/calendars", OFFICE_HOURS).json["id"]
    target = {"calendar_id": calendar_id, "response_minutes": 60}
    policy = admin.post("/v1/service-levels/policies", {"starts_at": "2100-01-01T00:00:00Z", "targets": [target]}).json
    return {"calendar_id": calendar_id, "policy_id": policy["id"]}


def everything(world: World, admin: Caller) -> dict[str, Any]:
    """One of each thing that an address can name, in this partnership; by the name of the address's parameter."""
    one, two = world.tablet(), world.tablet()
    work_order_id, task_id = one.new_job(), uuid4()
    task = one.edit("task", task_id, "create", {"work_order_id": str(work_order_id), "title": "Fill"})
    one.push(task, one.edit("work_order", work_order_id, "update", {"description": "deep"}, base=1))
    (verdict,) = two.push(two.edit("work_order", work_order_id, "update", {"description": "flat"}, base=1))
    (conflict,) = verdict["conflicts"]
    refused = two.edit("work_order", work_order_id, "update", {"due_at": None}, base=1)
    two.push(refused)
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
    request_id, offer_id = mutual_aid(world)
    slug = world.value("SELECT slug FROM partnership WHERE id = :p")
    return what_crews_have(world, admin) | agreed(world, admin) | promised(admin) | {
        "work_order_id": work_order_id, "task_id": task_id, "conflict_id": conflict["id"], "edit_id": task["edit_id"],
        "device_id": two.device_id, "sender_id": two.device_id, "refused_edit_id": refused["edit_id"],
        "crew_id": world.crew_ids[0], "member_id": world.member_id,
        "membership_id": membership["id"], "enrolment_id": enrolment["id"], "staff_id": world.staff_id,
        "token_id": token["id"], "jurisdiction_id": world.jurisdiction_id, "service_type_id": world.service_type_id,
        "layer_id": layer_id, "version_id": version_id, "run_id": run_id, "slug": slug, "z": 0, "x": 0, "y": 0,
        "collection_id": "work-orders", "feature_id": work_order_id, "own_tablet": one,
        "request_id": request_id, "offer_id": offer_id, "assignment_id": planned(world, work_order_id),
    }  # fmt: skip
