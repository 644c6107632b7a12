"""A partnership that changes its merge policies while tablets are away: each edit is decided by the policy that held
when it arrived, and a journal that is decided again comes to the same."""

from __future__ import annotations

import random

import pytest
from flask import Flask

from tests.sync_model.cast import Carried, Pool, Tenant
from tests.sync_model.plans import CHOSEN, OFFICE_WORK, TABLET_WORK, Plan, at_random
from tests.sync_model.replay import Replay, replayed
from tests.sync_model.test_laws import Exchanges
from tests.sync_model.world import make_world

JOB = "work_order"


@pytest.fixture
def tenant(sync_app: Flask) -> Tenant:
    return Tenant(make_world(sync_app), Pool())


def test_two_batches_on_either_side_of_a_change(tenant: Tenant) -> None:
    world = tenant.world
    first, second = world.tablet(), world.tablet(0, 60)
    job = first.new_job(title="Hole", description="Deep. Wet.")
    version = 1
    for policy, state in (("review", "open"), ("latest", "settled"), ("office", "settled"), ("crew", "settled")):
        tenant.choose(JOB, "title", policy, "review")
        world.office(JOB, job, "update", version, {"title": f"Office's before {policy}"})
        (verdict,) = second.push(second.edit(JOB, job, "update", {"title": f"Crew's under {policy}"}, version))
        assert [(c["policy"], c["state"]) for c in verdict["conflicts"]] == [(policy, state)]
        version = verdict["version"]
    tenant.choose(JOB, "description", "crew", "review")
    world.office(JOB, job, "update", version, {"description": "Very deep. Wet."})
    (verdict,) = second.push(second.edit(JOB, job, "update", {"description": "Deep. Very wet."}, version))
    assert verdict["conflicts"][0]["kept"] == "Deep. Very wet."
    tenant.choose(JOB, "description", None, "review")
    version = verdict["version"]
    world.office(JOB, job, "update", version, {"description": "Shallow. Very wet."})
    (verdict,) = second.push(second.edit(JOB, job, "update", {"description": "Deep. Dry."}, version))
    assert (verdict["verdict"], verdict["conflicts"]) == ("merged", [])
    replay = replayed(world)
    assert replay.known.records[JOB, job].values["description"] == "Shallow. Dry."


def test_late_edits_on_either_side_of_a_change(tenant: Tenant) -> None:
    world = tenant.world
    tablet = world.tablet()
    job = tablet.new_job(title="Hole")
    world.assign(job, 1)
    for custody, sorts in (("review", ["custody"]), ("merge", []), ("review", ["custody"])):
        tenant.choose(JOB, "asset", None, custody)
        (verdict,) = tablet.push(tablet.edit(JOB, job, "update", {"asset": f"under {custody}, {tablet.seq}"}, 1))
        assert [conflict["sort"] for conflict in verdict["conflicts"]] == sorts
    assert replayed(world).known.records[JOB, job].values["asset"] == "under merge, 2"


def test_a_replay_that_does_not_know_when_policies_changed_is_noticed(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the law about replaying can fail."""
    test_late_edits_on_either_side_of_a_change(tenant)
    monkeypatch.setattr(Replay, "_remember_policies", lambda self, entry: None)
    with pytest.raises(AssertionError):
        replayed(tenant.world)


@pytest.mark.parametrize("seed", range(2))
def test_days_on_which_policies_change_keep_all_laws(sync_app: Flask, seed: int) -> None:
    machine = type("OfThisDay", (Exchanges,), {"app": sync_app})()
    chance = random.Random(seed)
    tenant: Tenant = machine.ours
    for _ in range(30):
        tenant.choose(*chance.choice(CHOSEN))
        if chance.random() < 0.4:
            for _ in range(3):
                expected, decision = tenant.at_desk(at_random(chance, OFFICE_WORK), machine.tablets[0].tablet.now())
                assert (decision.verdict, decision.version) == (expected.verdict, expected.version)
            continue
        carried: Carried = machine.tablets[chance.randrange(3)]
        for _ in range(chance.randint(2, 8)):
            plan: Plan = at_random(chance, TABLET_WORK)
            carried.make(plan)
        machine.sync(carried, chance.choice(["arrives", "is lost", "comes twice"]), chance.choice([0, 7, 500]))
    policies = {row["policy"] for row in tenant.world.rows("SELECT policy FROM conflict WHERE partnership_id = :p")}
    assert len(policies) >= 3
    machine.teardown()
