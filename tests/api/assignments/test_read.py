"""Reading assignments, and who sees which; releasing them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.assignments.scene import EAST, Document, Scene, at


def listed(scene: Scene, by: str = "dispatcher", **query: Any) -> list[str]:
    answer = scene.world.ask("GET", "/assignments", by, query_string=query)
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


@pytest.fixture
def three(scene: Scene) -> list[Document]:
    """West's crew at home, west's crew lent to east, east's crew at home; on three days."""
    scene.agree()
    return [
        scene.assigned(scene.job(), "alpha", day=0), scene.assigned(scene.job(EAST), "beta", day=1),
        scene.assigned(scene.job(EAST), "gamma", day=2),
    ]  # fmt: skip


def test_she_sees_her_jobs_and_her_crews(scene: Scene, three: list[Document]) -> None:
    ids = [one["id"] for one in three]
    assert listed(scene) == listed(scene, "admin") == ids
    assert listed(scene, "of west") == ids[:2]
    assert listed(scene, "of east") == ids[1:]
    assert scene.read(three[1], "of west")["id"] == ids[1]
    for one, by in ((three[0], "of east"), (three[2], "of west")):
        assert scene.world.ask("GET", f"/assignments/{one['id']}", by).status_code == 404


def test_filters(scene: Scene, three: list[Document]) -> None:
    ids = [one["id"] for one in three]
    assert listed(scene, crew_id=scene.crew("beta")) == [ids[1]]
    assert listed(scene, work_order_id=three[2]["work_order_id"]) == [ids[2]]
    assert listed(scene, jurisdiction_id=str(scene.world.towns["east"])) == ids[1:]
    assert listed(scene, since=at(10, 0), until=at(9, 2)) == [ids[1]]
    assert listed(scene, since=at(9.5, 0), until=at(9.5, 2)) == ids
    scene.take("release", three[0])
    assert listed(scene, state="released") == [ids[0]]
    assert listed(scene, state=["released", "planned"]) == ids
    for bad in ({"state": "lost"}, {"crew_id": "x"}, {"since": "yesterday"}, {"cursor": "AAAA"}, {"limit": 501}):
        assert scene.world.ask("GET", "/assignments", query_string=bad).status_code in (400, 422)


def test_pages_hold_everything_once(scene: Scene, three: list[Document]) -> None:
    found, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = scene.world.ask("GET", "/assignments", query_string=query).json
        found += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert found == [one["id"] for one in three]


def test_a_work_orders_assignments_and_what_happened_to_each(scene: Scene) -> None:
    job = scene.job()
    first = scene.assigned(job)
    scene.changed(first, starts_at=at(10))
    scene.assigned(job, "beta", day=1)
    page = scene.world.ask("GET", f"/work-orders/{job}/assignments", "of west").json
    assert [(one["state"], [event["action"] for event in one["events"]]) for one in page["items"]] == [
        ("released", ["assigned", "moved", "released"]), ("planned", ["assigned"]),
    ]  # fmt: skip
    assert page["next"] is None
    assert scene.world.ask("GET", f"/work-orders/{job}/assignments", "of east").status_code == 404


def test_the_home_of_a_crew_reads_the_history_since_its_crew_has_the_job(scene: Scene) -> None:
    """East gives its job to gamma, to west's alpha, back, and to alpha again: of gamma west learns nothing."""
    scene.agree()
    job, to = scene.job(EAST), {name: {"crew_id": scene.crew(name)} for name in ("alpha", "gamma")}
    assignment = scene.assigned(job, "gamma", reason="Gamma is near")
    for name, reason in (("alpha", "Gamma is ill"), ("gamma", "Alpha is slow"), ("alpha", "Gamma is tired")):
        assignment = scene.changed(assignment, reason=reason, **to[name])
    assignment = scene.changed(assignment, starts_at=at(13), reason="Rain")
    scene.take("release", assignment, reason="Too wet")
    full = scene.read(assignment, "of east")["events"]
    assert [one["action"] for one in full] == ["assigned", *["moved"] * 4, "released"]
    assert full == scene.read(assignment)["events"] == scene.read(assignment, "admin")["events"]
    assert full[3]["before"]["crew_id"] == scene.crew("gamma")
    told = scene.read(assignment, "of west")["events"]
    assert [one["reason"] for one in told] == ["Gamma is tired", "Rain", "Too wet"]
    assert told[0] == full[3] | {"before": full[3]["before"] | {"crew_id": None}}
    assert told[1:] == full[4:]
    assert scene.crew("gamma") not in str(told)


def test_the_home_reads_all_where_no_other_crew_had_the_job(scene: Scene) -> None:
    scene.agree()
    assignment = scene.assigned(scene.job(EAST), "alpha")
    assignment = scene.changed(assignment, crew_id=scene.crew("beta"), reason="Alpha is late")
    assert scene.read(assignment, "of west")["events"] == scene.read(assignment)["events"]
    assert len(assignment["events"]) == 2


def test_releasing_gives_the_time_back_and_leaves_the_job(scene: Scene) -> None:
    job = scene.job()
    assignment = scene.assigned(job)
    other = scene.assigned(job, day=1)
    answer = scene.take("release", assignment, reason="Too wet")
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["state"], answer.json["released_because"]) == ("released", "released")
    assert (answer.json["events"][-1]["action"], answer.json["events"][-1]["reason"]) == ("released", "Too wet")
    assert scene.crew_of(job) == "alpha"
    assert scene.read(other)["state"] == "planned"
    assert scene.take("release", answer.json).json["code"] == "assignment_over"
    assert scene.take("release", assignment).status_code == 412


def test_who_may_release(scene: Scene, three: list[Document]) -> None:
    assert scene.take("release", three[0], "of east").status_code == 404
    answer = scene.take("release", three[1], "of west")
    assert (answer.status_code, answer.json["code"]) == (403, "not_allowed")
    assert scene.take("release", three[1], "of east").status_code == 200
    path = f"/assignments/{three[0]['id']}/release"
    for body in ({}, {"reason": ""}, {"reason": None}, {"reason": "x", "y": 1}):
        assert scene.world.ask("POST", path, if_match='"1"', json=body).status_code == 422
