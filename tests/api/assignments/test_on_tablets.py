"""What crews' tablets learn about their plan, by the feed; and that they do not edit it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.assignments.scene import EAST, Document, Scene, at
from tests.api.office.world import Tablet, now


def plan(tablet: Tablet) -> dict[str, Document]:
    """What the tablet holds of assignments, after an exchange; by id."""
    tablet.exchange()
    return {id_: held["record"] for (kind, id_), held in tablet.records.items() if kind == "assignment"}


@pytest.fixture
def alpha(scene: Scene) -> Tablet:
    tablet = scene.tablet("alpha")
    tablet.exchange()
    return tablet


@pytest.fixture
def beta(scene: Scene) -> Tablet:
    tablet = scene.tablet("beta")
    tablet.exchange()
    return tablet


def test_the_crew_receives_its_plan_with_the_job(scene: Scene, alpha: Tablet, beta: Tablet) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    held = plan(alpha)[assignment["id"]]
    assert (held["work_order_id"], held["crew_id"]) == (job, scene.crew("alpha"))
    assert (held["starts_at"], held["ends_at"], held["minutes"]) == (at(9), at(10), 60)
    assert (held["state"], held["released_because"], held["pinned"]) == ("planned", None, False)
    # Who decided it and on what terms is the office's business.
    assert not {"grant_id", "assigned_by", "partnership_id", "scope_crew_id"} & held.keys()
    assert ("work_order", job) in alpha.records
    assert plan(beta) == {}


def test_moves_and_releases_arrive(scene: Scene, alpha: Tablet) -> None:
    assignment = scene.assigned(scene.job())
    plan(alpha)
    assignment = scene.changed(assignment, starts_at=at(13), pinned=True)
    held = plan(alpha)[assignment["id"]]
    assert (held["starts_at"], held["pinned"]) == (at(13), True)
    scene.take("release", assignment)
    held = plan(alpha)[assignment["id"]]
    assert (held["state"], held["released_because"]) == ("released", "released")


def test_a_job_that_changes_hands_takes_its_plan_along_and_brings_it_back(
    scene: Scene, alpha: Tablet, beta: Tablet
) -> None:
    job = scene.job()
    first = scene.assigned(job)
    plan(alpha)
    second = scene.assigned(job, "beta", day=1)
    assert plan(alpha) == {}
    assert (job, "reassigned") in alpha.gone
    assert list(plan(beta)) == [second["id"]]
    third = scene.assigned(job, "alpha", day=2)
    # What was planned for it before comes back with the job, as what it is: released.
    assert {id_: held["state"] for id_, held in plan(alpha).items()} == {
        first["id"]: "released", third["id"]: "planned"
    }  # fmt: skip
    assert plan(beta) == {}


def test_a_move_to_another_crew(scene: Scene, alpha: Tablet, beta: Tablet) -> None:
    assignment = scene.assigned(scene.job())
    plan(alpha)
    scene.changed(assignment, crew_id=scene.crew("beta"))
    assert plan(alpha) == {}
    assert plan(beta)[assignment["id"]]["state"] == "planned"


def test_two_crews_that_exchange_their_jobs(scene: Scene, alpha: Tablet, beta: Tablet) -> None:
    ours, theirs = scene.assigned(scene.job()), scene.assigned(scene.job(), "beta")
    assert (list(plan(alpha)), list(plan(beta))) == ([ours["id"]], [theirs["id"]])
    scene.moves(
        {"id": ours["id"], "version": 1, "crew_id": scene.crew("beta")},
        {"id": theirs["id"], "version": 1, "crew_id": scene.crew("alpha")},
    )
    assert (list(plan(alpha)), list(plan(beta))) == ([theirs["id"]], [ours["id"]])


def test_given_to_another_crew_without_a_time(scene: Scene, alpha: Tablet, beta: Tablet) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    plan(alpha)
    scene.world.change(scene.world.read(job), crew_id=scene.crew("beta"))
    assert (plan(alpha), plan(beta)) == ({}, {})
    now_ = scene.read(assignment)
    assert (now_["state"], now_["released_because"]) == ("released", "reassigned")
    scene.check_law()


def test_taken_back(scene: Scene, alpha: Tablet) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    plan(alpha)
    scene.world.change(scene.world.read(job), crew_id=None)
    assert plan(alpha) == {}
    assert scene.read(assignment)["released_because"] == "unassigned"
    scene.check_law()


def test_completed_by_the_tablet(scene: Scene, alpha: Tablet) -> None:
    """The part that has begun is done; what was planned for later is free again."""
    job = scene.job()
    begun, later = scene.give(
        scene.item(job) | {"starts_at": (now() - timedelta(hours=1)).isoformat(), "minutes": 240},
        scene.item(job) | {"starts_at": (now() + timedelta(days=1)).isoformat()},
    )
    plan(alpha)
    version = alpha.records["work_order", job]["version"]
    assert alpha.edit("work_order", job, "update", version, status="completed")["verdict"] == "applied"
    held = plan(alpha)
    assert (held[begun["id"]]["state"], held[later["id"]]["state"]) == ("done", "released")
    assert held[later["id"]]["released_because"] == "completed"
    events = scene.read(begun["assignment"])["events"]
    assert [(event["action"], event["by"]) for event in events][-1] == ("done", None)
    # Done is done: reopened, the job is planned anew.
    scene.world.change(scene.world.read(job), status="open")
    assert plan(alpha)[begun["id"]]["state"] == "done"
    scene.check_law()


def test_cancelled_by_the_office(scene: Scene, alpha: Tablet) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    tag = scene.world.read(job)["etag"]
    scene.world.ask("POST", f"/work-orders/{job}/cancellation", if_match=tag, json={"reason": "Twice"})
    held = plan(alpha)[assignment["id"]]
    assert (held["state"], held["released_because"]) == ("released", "cancelled")
    scene.assigned(scene.job())


def test_deleted_and_restored(scene: Scene, alpha: Tablet) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    plan(alpha)
    scene.world.ask("DELETE", f"/work-orders/{job}", if_match=scene.world.read(job)["etag"])
    assert plan(alpha) == {}
    scene.world.ask("POST", f"/work-orders/{job}/restoration", if_match=scene.world.read(job)["etag"])
    # The crew has the job again; its time was given back, and stays so.
    held = plan(alpha)[assignment["id"]]
    assert (held["state"], held["released_because"]) == ("released", "deleted")
    scene.check_law()
    scene.assigned(job)


def test_a_lent_crew_sees_what_it_does_elsewhere(scene: Scene, alpha: Tablet) -> None:
    scene.agree()
    assignment = scene.assigned(scene.job(EAST), by="of east")
    assert list(plan(alpha)) == [assignment["id"]]


def test_a_tablet_does_not_edit_its_plan(scene: Scene, alpha: Tablet) -> None:
    assignment = scene.assigned(scene.job())
    plan(alpha)
    for action, base in (("update", 1), ("create", None), ("delete", 1)):
        verdict = alpha.edit("assignment", assignment["id"], action, base, starts_at=at(12))
        assert (verdict["verdict"], verdict["problem"]["code"]) == ("refused", "read_only_kind")
    assert scene.read(assignment)["version"] == 1


def test_a_new_tablet_gets_all_of_it_in_pages(scene: Scene) -> None:
    verdicts = scene.give(*(scene.item(scene.job(), hour=hour) for hour in range(8, 16)))
    tablet = scene.tablet("alpha")
    assert plan(tablet).keys() == {one["id"] for one in verdicts}
