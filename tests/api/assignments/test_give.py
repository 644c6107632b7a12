"""Giving work orders to crews for a time."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.assignments.scene import EAST, NOWHERE, Scene, at


def test_a_job_gets_a_crew_and_a_time(scene: Scene) -> None:
    job = scene.job()
    (verdict,) = scene.give(scene.item(job, reason="Near the depot"))
    assert (verdict["verdict"], verdict["repeated"], verdict["overruled"]) == ("assigned", False, [])
    assignment = verdict["assignment"]
    assert (assignment["version"], assignment["etag"], assignment["state"]) == (1, '"1"', "planned")
    assert (assignment["crew_id"], assignment["minutes"], assignment["pinned"]) == (scene.crew("alpha"), 60, False)
    assert assignment["ends_at"] == at(10)
    assert assignment["assigned_by"] == str(scene.world.staff["dispatcher"])
    now = scene.world.read(job, include="notes")
    assert verdict["work_order"] == {"id": job, "version": 2, "etag": '"2"'}
    assert (now["version"], now["record"]["crew_id"]) == (2, scene.crew("alpha"))
    assert [note["record"]["body"] for note in now["notes"]] == ["Near the depot"]
    (event,) = scene.read(assignment)["events"]
    assert (event["action"], event["reason"], event["before"]) == ("assigned", "Near the depot", None)
    assert event["by"] == {"id": str(scene.world.staff["dispatcher"]), "name": "Dispatcher"}
    assert event["after"]["starts_at"].startswith("2030-03-04T09:00")


@pytest.mark.parametrize(("more", "field"), [
    ({"minutes": None}, "minutes"),
    ({"minutes": 60, "ends_at": at(11)}, "minutes"),
    ({"minutes": None, "ends_at": at(9)}, "ends_at"),
    ({"minutes": None, "ends_at": at(8)}, "ends_at"),
    ({"minutes": None, "ends_at": at(9, 2)}, "ends_at"),
    ({"minutes": None, "ends_at": at(9.001)}, "ends_at"),
    ({"starts_at": "1066-10-14T09:00:00Z"}, "starts_at"),
    ({"override": True}, "reason"),
])  # fmt: skip
def test_a_time_that_is_none_is_refused_alone(scene: Scene, more: dict[str, Any], field: str) -> None:
    good, bad = scene.give(scene.item(scene.job()), scene.item(scene.job(), "beta") | more)
    assert good["verdict"] == "assigned"
    assert (bad["verdict"], bad["problem"]["code"], bad["problem"]["field"]) == ("refused", "invalid_value", field)
    assert bad["problem"]["status"] == 422


def test_all_three_may_be_given_if_they_agree(scene: Scene) -> None:
    scene.assigned(scene.job(), minutes=90, ends_at=at(10.5))
    scene.assigned(scene.job(), hour=11, minutes=None, ends_at=at(12))  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [
    {"items": []}, {"items": [{}]}, {}, {"items": None}, {"items": [{"work_order_id": "x"}]}, {"items": [], "x": 1},
])  # fmt: skip
def test_a_body_that_is_none_is_refused_whole(scene: Scene, body: dict[str, Any]) -> None:
    answer = scene.world.ask("POST", "/assignments", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_value")


def test_more_than_a_month_at_once_is_refused_whole(scene: Scene) -> None:
    answer = scene.ask([scene.item(scene.job()), scene.item(scene.job(), day=36)])
    assert (answer.status_code, answer.json["field"]) == (422, "items")
    assert scene.ask([scene.item(scene.job())] * 201).status_code == 422


class TestOneCrewOnePlace:
    def test_a_second_at_the_same_time_is_refused_with_the_reason(self, scene: Scene) -> None:
        scene.assigned(scene.job())
        (verdict,) = scene.give(scene.item(scene.job(), hour=9.5))
        problem = verdict["problem"]
        assert (problem["code"], problem["status"]) == ("crew_taken", 409)
        (booked,) = [reason for reason in problem["reasons"] if reason["code"] == "booked"]
        assert not booked["good"]
        assert booked["sentence"] in problem["detail"]
        # What speaks for it is told as well.
        assert any(reason["good"] for reason in problem["reasons"])

    def test_items_of_one_request_see_each_other(self, scene: Scene) -> None:
        first, second, third = scene.give(
            scene.item(scene.job(), hour=9), scene.item(scene.job(), hour=9), scene.item(scene.job(), hour=10)
        )
        assert [one["verdict"] for one in (first, second, third)] == ["assigned", "refused", "assigned"]
        assert second["problem"]["code"] == "crew_taken"

    def test_nobody_overrules_it(self, scene: Scene) -> None:
        scene.assigned(scene.job())
        assert scene.refused(scene.item(scene.job(), override=True, reason="Please")) == ["crew_taken"]

    def test_what_is_released_is_free(self, scene: Scene) -> None:
        first = scene.assigned(scene.job())
        assert scene.take("release", first).status_code == 200
        scene.assigned(scene.job())


class TestAllOrNone:
    def test_one_refusal_refuses_all(self, scene: Scene) -> None:
        jobs = [scene.job(), scene.job()]
        verdicts = scene.give(*(scene.item(job) for job in jobs), all_or_none=True)
        assert [one["problem"]["code"] for one in verdicts] == ["others_refused", "crew_taken"]
        assert [scene.crew_of(job) for job in jobs] == [None, None]
        assert scene.world.rows("SELECT count(*) FROM assignment WHERE partnership_id = :p") == [(0,)]

    def test_without_a_refusal_all_are_done(self, scene: Scene) -> None:
        verdicts = scene.give(scene.item(scene.job()), scene.item(scene.job(), "beta"), all_or_none=True)
        assert [one["verdict"] for one in verdicts] == ["assigned", "assigned"]


class TestTwice:
    def test_the_same_request_assigns_once(self, scene: Scene) -> None:
        items = [scene.item(scene.job(), id=str(uuid4())), scene.item(scene.job(), hour=11, id=str(uuid4()))]
        first, second = scene.give(*items), scene.give(*items)
        assert [one["repeated"] for one in first + second] == [False, False, True, True]
        assert [one["assignment"] for one in first] == [one["assignment"] for one in second]
        assert [one["work_order"] for one in first] == [one["work_order"] for one in second]
        assert scene.world.rows("SELECT count(*) FROM assignment WHERE partnership_id = :p") == [(2,)]

    def test_an_idempotency_key_stands_for_ids(self, scene: Scene) -> None:
        items, key = [scene.item(scene.job()), scene.item(scene.job(), hour=11)], {"Idempotency-Key": str(uuid4())}
        first, second = scene.ask(items, headers=key).json, scene.ask(items, headers=key).json
        assert [one["id"] for one in first["verdicts"]] == [one["id"] for one in second["verdicts"]]
        assert [one["repeated"] for one in second["verdicts"]] == [True, True]
        assert (second["done"], second["refused"]) == (2, 0)

    @pytest.mark.parametrize("more", [
        {"minutes": 61}, {"pinned": True}, {"reason": "Other"}, {"starts_at": at(9.5)}, {"crew": "beta"}, {"job": 1},
    ])  # fmt: skip
    def test_the_same_id_with_other_content_is_refused(self, scene: Scene, more: dict[str, Any]) -> None:
        id_, jobs = str(uuid4()), [scene.job(), scene.job()]
        scene.assigned(jobs[0], id=id_)
        other = scene.item(jobs[more.pop("job", 0)], more.pop("crew", "alpha"), id=id_) | more
        assert scene.refused(other) == ["edit_reused"]

    def test_somebody_elses_id_is_refused(self, scene: Scene) -> None:
        item = scene.item(scene.job(), id=str(uuid4()))
        scene.give(item)
        assert scene.refused(item, by="second") == ["edit_reused"]

    def test_it_tells_nothing_to_whom_may_not_see_the_job_any_more(self, scene: Scene) -> None:
        job = scene.job()
        item = scene.item(job, id=str(uuid4()))
        scene.give(item, by="of west")
        scene.world.change(scene.world.read(job), location=EAST)
        scene.changed(scene.read(item["id"]), crew_id=scene.crew("gamma"))
        assert scene.world.ask("GET", f"/assignments/{item['id']}", "of west").status_code == 404
        (verdict,) = scene.give(item, by="of west")
        assert (verdict["verdict"], verdict["problem"]["code"], verdict["problem"]["field"]) == (
            "refused", "unknown_reference", "work_order_id"
        )  # fmt: skip
        assert scene.crew("gamma") not in str(verdict)

    def test_within_one_request(self, scene: Scene) -> None:
        item = scene.item(scene.job(), id=str(uuid4()))
        first, second, third = scene.give(item, item, item | {"minutes": 30})
        assert (first["verdict"], second["verdict"], second["repeated"]) == ("assigned", "assigned", True)
        assert third["problem"]["code"] == "edit_reused"

    def test_a_repeated_one_stands_in_all_or_none(self, scene: Scene) -> None:
        item = scene.item(scene.job(), id=str(uuid4()))
        scene.give(item)
        again, other = scene.give(item, scene.item(scene.job()), all_or_none=True)
        assert (again["verdict"], again["repeated"], other["verdict"]) == ("assigned", True, "refused")


class TestLookedAt:
    def test_another_version_is_refused_with_the_present_one(self, scene: Scene) -> None:
        job = scene.job()
        scene.world.change(scene.world.read(job), title="Deeper")
        (verdict,) = scene.give(scene.item(job, work_order_version=1))
        problem = verdict["problem"]
        assert (problem["code"], problem["status"], problem["etag"]) == ("precondition_failed", 412, '"2"')
        assert problem["current"]["record"]["title"] == "Deeper"
        scene.assigned(job, work_order_version=2)

    def test_of_two_who_plan_the_same_job_the_second_is_told(self, scene: Scene) -> None:
        job = scene.job(crew="alpha")
        scene.assigned(job, planned_parts=0)
        assert scene.refused(scene.item(job, hour=14, planned_parts=0)) == ["precondition_failed"]
        # The same request may hold several parts.
        scene.give(scene.item(job, day=1, planned_parts=1), scene.item(job, day=2, planned_parts=1))


class TestParts:
    def test_one_job_over_several_days(self, scene: Scene) -> None:
        job = scene.job()
        verdicts = scene.give(*(scene.item(job, day=day, minutes=300) for day in range(3)))
        assert [one["verdict"] for one in verdicts] == ["assigned"] * 3
        # The work order changed hands once.
        assert {one["work_order"]["version"] for one in verdicts} == {2}
        page = scene.world.ask("GET", f"/work-orders/{job}/assignments").json
        assert [one["starts_at"] for one in page["items"]] == [at(9, day) for day in range(3)]

    def test_two_crews_for_one_job_is_a_contradiction(self, scene: Scene) -> None:
        job = scene.job()
        first, second = scene.give(scene.item(job), scene.item(job, "beta", day=1))
        assert first["verdict"] == "assigned"
        assert second["problem"]["code"] == "crew_differs"

    def test_another_crew_gets_the_job_and_its_parts_fall_away(self, scene: Scene) -> None:
        job = scene.job()
        old = [scene.assigned(job, day=day) for day in range(2)]
        scene.assigned(job, "beta", reason="Alpha's truck is broken")
        scene.check_law()
        assert scene.crew_of(job) == "beta"
        for one in old:
            now = scene.read(one)
            assert (now["state"], now["released_because"], now["version"]) == ("released", "reassigned", 2)
            assert [event["action"] for event in now["events"]] == ["assigned", "released"]
            assert now["events"][1]["by"]["name"] == "Dispatcher"
        scene.assigned(scene.job(), "alpha")

    def test_a_pinned_part_keeps_the_job(self, scene: Scene) -> None:
        job = scene.job()
        scene.assigned(job, pinned=True)
        assert scene.refused(scene.item(job, "beta")) == ["assignment_pinned"]
        scene.assigned(job, "beta", move_pinned=True)


class TestWho:
    def test_a_job_or_crew_that_she_may_not_see_is_not_there(self, scene: Scene) -> None:
        job, other = scene.job(), scene.job(EAST)
        verdicts = scene.give(
            scene.item(other), scene.item(job, "gamma"), scene.item(str(uuid4())),
            scene.item(job) | {"crew_id": str(uuid4())}, by="of west",
        )  # fmt: skip
        assert [(one["problem"]["code"], one["problem"]["field"]) for one in verdicts] == [
            ("unknown_reference", "work_order_id"), ("unknown_reference", "crew_id"),
            ("unknown_reference", "work_order_id"), ("unknown_reference", "crew_id"),
        ]  # fmt: skip

    def test_others_than_dispatchers_may_not(self, scene: Scene) -> None:
        for who in ("admin", "gis", "alpha"):
            assert scene.ask([scene.item(scene.job())], who).status_code == 403

    def test_a_job_in_triage_needs_somebody_for_the_whole_and_a_reason(self, scene: Scene) -> None:
        job = scene.job(NOWHERE)
        assert scene.refused(scene.item(job), by="of west") == ["unknown_reference"]
        (verdict,) = scene.give(scene.item(job))
        assert [one["code"] for one in verdict["problem"]["reasons"] if not one["good"]] == ["no_jurisdiction"]
        (verdict,) = scene.give(scene.item(job, override=True, reason="Gas: somebody must go"))
        assert (verdict["verdict"], verdict["overruled"]) == ("assigned", ["no_jurisdiction"])
        assert verdict["assignment"]["grant_id"] is None

    def test_what_is_deleted_or_done_is_refused(self, scene: Scene) -> None:
        gone, done = scene.job(), scene.job()
        scene.world.ask("DELETE", f"/work-orders/{gone}", if_match='"1"')
        scene.world.change(scene.world.read(done), status="completed")
        assert scene.refused(scene.item(gone), scene.item(done)) == ["record_deleted", "crew_not_eligible"]
