"""Every way in which a crew loses a job: each takes one from alpha, a crew of the west."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import shapely

from fieldsync.agreements.requests.models import ResourceOffer, ResourceRequest
from fieldsync.database import new_id
from tests.agreements import agree
from tests.api.agreements.lent import acting, finish, lend, sweep
from tests.api.office.test_publications import draft, publish, work
from tests.api.office.world import EAST, WEST, World

Job = dict[str, Any]

BORDERLAND = {"lon": -79.92, "lat": 40.5}
EAST_GROWS = {"west": shapely.box(-80.1, 40.0, -79.95, 41.0), "east": shapely.box(-79.95, 40.0, -79.7, 41.0)}


class Way(NamedTuple):
    """``prepare`` makes the job, ``lose`` takes it. ``gone``: the reason; None: the tablet begins anew instead."""

    lose: Callable[[World, Job], object]
    gone: str | None
    prepare: Callable[[World], Job]
    sort: str = "custody"
    town: str = "west"
    """Whose dispatchers decide on it."""


def _at_home(world: World, **more: Any) -> Job:
    return world.create(location=WEST, crew_id=str(world.crews["alpha"]), **more)


def _give(world: World, job: Job, crew: str | None) -> None:
    answer = world.ask(
        "POST", f"/work-orders/{job['id']}/assignment", if_match=job["etag"],
        json={"crew_id": None if crew is None else str(world.crews[crew])},
    )  # fmt: skip
    assert answer.status_code == 200, answer.json


def _delete(world: World, job: Job) -> None:
    answer = world.ask("DELETE", f"/work-orders/{job['id']}", if_match=job["etag"])
    assert answer.status_code in (200, 204), answer.json


def _on_the_border(world: World) -> Job:
    return world.create(location=BORDERLAND, crew_id=str(world.crews["alpha"]))


def _move_the_border(world: World, job: Job) -> None:
    work(world, publish(world, draft(world, EAST_GROWS), release_crews=True).json["run_id"])


def _abroad(world: World) -> Job:
    lend(world)
    return world.create(location=EAST, crew_id=str(world.crews["alpha"]))


def _end_the_agreement(world: World, job: Job) -> None:
    ((version_id,),) = world.rows("SELECT id FROM agreement_version WHERE partnership_id = :p")
    finish(world, version_id)
    assert sweep(world) == 1


def _by_an_offer(world: World) -> Job:
    now, own = datetime.now(UTC), {"partnership_id": world.partnership_id}
    times = {"starts_at": now - timedelta(hours=2), "ends_at": now + timedelta(hours=2)}
    made = {"version": 1, "created_at": now, "created_by": world.staff["dispatcher"]}
    request_id = new_id()
    with acting(world) as session:
        session.add(
            ResourceRequest(
                **own, **times, **made, id=request_id, jurisdiction_id=world.towns["east"], title="Storm",
                service_type_id=world.pothole, crews_wanted=1, state="filled",
            )
        )  # fmt: skip
        session.flush()
        session.add(
            ResourceOffer(
                **own, **times, **made, id=new_id(), request_id=request_id, crew_id=world.crews["alpha"],
                jurisdiction_id=world.towns["west"], state="accepted",
            )
        )  # fmt: skip
    return world.create(location=EAST, crew_id=str(world.crews["alpha"]))


def _end_the_offer(world: World, job: Job) -> None:
    world.rows(
        "UPDATE resource_offer SET state = 'released', ends_at = :at WHERE partnership_id = :p RETURNING 1",
        at=datetime.now(UTC) - timedelta(minutes=5),
    )
    assert sweep(world) == 1


def _to_be_recalled(world: World) -> Job:
    with acting(world) as session:
        agree(session, world.partnership_id, world.towns["west"], world.towns["east"], home_priority=True)
    job = world.create(location=EAST, crew_id=str(world.crews["alpha"]))
    starts = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    item = {"work_order_id": job["id"], "crew_id": str(world.crews["alpha"]), "starts_at": starts.isoformat(),
            "minutes": 60, "override": True, "reason": "It has no shifts"}  # fmt: skip
    answer = world.ask("POST", "/assignments", json={"items": [item]})
    assert answer.json["verdicts"][0]["verdict"] == "assigned", answer.json
    return world.read(job["id"])


def _recall(world: World, job: Job) -> None:
    (planned,) = world.ask("GET", "/assignments").json["items"]
    answer = world.ask(
        "POST", f"/assignments/{planned['id']}/recall", "of west", f'"{planned["version"]}"', json={"reason": "Storm"}
    )
    assert answer.status_code == 200, answer.json


def _disband(world: World, job: Job) -> None:
    answer = world.ask("POST", f"/crews/{world.crews['alpha']}/disband", "admin")
    assert answer.status_code == 200, answer.json


def device_of(world: World, crew: str = "alpha") -> str:
    """The id of the crew's tablet."""
    ((device_id,),) = world.rows("SELECT id FROM device WHERE partnership_id = :p AND name = :name", name=f"{crew}-1")
    return str(device_id)


def move_device(world: World, to: str) -> None:
    """Alpha's tablet is another crew's from now on."""
    body = {"crew_id": str(world.crews[to])}
    answer = world.ask("PATCH", f"/devices/{device_of(world)}", json=body)
    assert answer.status_code == 200, answer.json


WAYS = {
    "reassigned": Way(lambda world, job: _give(world, job, "beta"), "reassigned", _at_home),
    "unassigned": Way(lambda world, job: _give(world, job, None), "unassigned", _at_home),
    "deleted": Way(_delete, "deleted", _at_home, sort="deleted"),
    "moved by new boundaries": Way(_move_the_border, "moved", _on_the_border, town="east"),
    "agreement ended": Way(_end_the_agreement, "agreement_ended", _abroad, town="east"),
    "offer ended": Way(_end_the_offer, "agreement_ended", _by_an_offer, town="east"),
    "recalled": Way(_recall, "recalled", _to_be_recalled, town="east"),
    "crew disbanded": Way(_disband, "crew_disbanded", _at_home),
    "device moved": Way(lambda world, job: move_device(world, "beta"), None, _at_home),
    "device moved there and on": Way(
        lambda world, job: (move_device(world, "beta"), _give(world, job, None)), None, _at_home
    ),
    "given away, then deleted": Way(
        lambda world, job: (_give(world, job, "beta"), _delete(world, world.read(job["id"]))), "reassigned", _at_home,
        sort="deleted",
    ),
}  # fmt: skip
