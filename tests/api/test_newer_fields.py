"""Fields of an app that is newer than the server, through the exchange: what is told, kept, and merged with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import World

NEWER = {"hazard": {"sort": "gas", "at": [1, 2.5, None]}, "crew_size": 10**30}


def test_the_rest_is_taken_and_the_fields_are_told_again(world: World) -> None:
    tablet = world.tablet()
    job = tablet.new_job()
    edit = tablet.edit("work_order", job, "update", {"title": "Deep"} | NEWER, 1)
    (verdict,) = tablet.push(edit)
    assert (verdict["verdict"], verdict["version"], verdict["problem"]) == ("applied", 2, None)
    assert [problem["field"] for problem in verdict["refused_fields"]] == ["crew_size", "hazard"]
    assert {problem["code"] for problem in verdict["refused_fields"]} == {"unknown_field"}
    (again,) = tablet.push(edit)
    assert (again["verdict"], again["recorded"]) == ("repeated", laws.recorded(verdict))
    read = tablet.verdict(edit["edit_id"]).json
    assert (read["refused_fields"], read["fields"]["hazard"]) == (verdict["refused_fields"], NEWER["hazard"])
    # Repeated beside one that makes the server read edit by edit, and twice in one batch.
    spoilt = tablet.edit("note", new_id(), "create", {"body": "cut \ud83d"})
    repeated = [v for v in tablet.push(edit, spoilt, edit) if v["seq"] == edit["seq"]]
    assert [v["recorded"] for v in repeated] == [laws.recorded(verdict)] * 2


def test_one_edit_does_not_concern_the_others(world: World) -> None:
    tablet = world.tablet()
    job = tablet.new_job()
    batch = [
        tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "one"} | NEWER),
        tablet.edit("work_order", job, "update", NEWER, 1),
        tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "two"}),
    ]
    verdicts = tablet.push(*batch)
    assert [verdict["verdict"] for verdict in verdicts] == ["applied", "refused", "applied"]
    assert [len(verdict["refused_fields"]) for verdict in verdicts] == [2, 0, 0]
    assert verdicts[1]["problem"]["code"] == "unknown_field"


@pytest.mark.parametrize("newer", [NEWER, {"location": {"lon": 1, "lat": 2, "alt": 3}}, {"hazard": "x" * 8_000}])
def test_others_merge_with_what_was_taken(world: World, newer: dict[str, Any]) -> None:
    """The journal holds the whole edit; a merge with it sees what was entered of it."""
    one, two = world.tablet(), world.tablet()
    job = one.new_job()
    one.push(one.edit("work_order", job, "update", {"title": "One", "asset": "A1"} | newer, 1))
    (verdict,) = two.push(two.edit("work_order", job, "update", {"title": "Two", "address": "Main St"}, 1))
    (conflict,) = verdict["conflicts"]
    assert (conflict["field"], conflict["policy"]) == ("title", "latest")
    # And its own author goes on with what she sees.
    (mine,) = one.push(one.edit("work_order", job, "update", {"asset": "A2"} | newer, 1))
    assert (mine["verdict"], mine["conflicts"]) == ("merged", [])
    laws.no_value_is_lost(world)
    laws.a_replay_gives_the_same(world)


def test_a_page_does_not_hold_what_was_refused(world: World) -> None:
    tablet = world.tablet()
    job = tablet.new_job()
    tablet.push(tablet.edit("work_order", job, "update", {"title": "Deep"} | NEWER, 1))
    assert "hazard" not in json.dumps(tablet.pull())


def test_as_many_as_one_likes_do_not_blow_up_an_answer(world: World) -> None:
    tablet = world.tablet()
    job = tablet.new_job()
    many = {f"field_{number}": 0 for number in range(50_000)}
    edits = [tablet.edit("work_order", job, "update", {"title": "x"} | many, 1) for _ in range(3)]
    response = tablet.post(json.dumps(tablet.document(edits)))
    assert [verdict["problem"]["code"] for verdict in response.json["verdicts"]] == ["unknown_field"] * 3
    assert len(response.data) < 10_000
