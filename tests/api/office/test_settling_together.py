"""Several conflicts of one work order, settled at once: all or none."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from fieldsync.auth import tokens
from fieldsync.auth.models import Device, Token
from fieldsync.database import new_id, transaction
from fieldsync.office.desk import Desk
from tests.api.office.test_office_concurrency import at_once
from tests.api.office.world import EAST, Tablet, World

CREW = {"title": "Crew's", "description": "By the crew", "asset": "A 7", "status": "completed"}


@pytest.fixture
def tablet(world: World) -> Tablet:
    return world.tablet("alpha")


def left(world: World, tablet: Tablet, **edited: Any) -> tuple[str, list[dict[str, Any]]]:
    """A job that left the crew while it worked on it: the job's id and its conflicts, by field."""
    job = world.create(crew_id=str(world.crews["alpha"]))
    tablet.exchange()
    world.change(job, crew_id=str(world.crews["beta"]), priority=1)
    verdict = tablet.edit("work_order", job["id"], "update", 1, **(edited or CREW))
    assert verdict["verdict"] == "conflicted", verdict
    return job["id"], open_ones(world, job["id"])


def open_ones(world: World, job: str) -> list[dict[str, Any]]:
    asked = {"work_order_id": job, "state": "open"}
    items = world.ask("GET", "/conflicts", query_string=asked).json["items"]
    return sorted(items, key=lambda conflict: str(conflict["field"]))


def settle(world: World, job: str, conflicts: list[dict[str, Any]], by: str = "dispatcher", **body: Any) -> Any:
    seen = [{"id": conflict["id"], "version": conflict["version"]} for conflict in conflicts]
    return world.ask("POST", f"/work-orders/{job}/conflicts/settlement", by, json={"conflicts": seen} | body)


class TestOneSide:
    """All of the crew's values, or all of the office's."""

    def test_the_crew_s_stand_with_one_edit_for_the_fields_and_the_status_last(
        self, world: World, tablet: Tablet
    ) -> None:
        job, conflicts = left(world, tablet)
        answer = settle(world, job, conflicts, side="crew", reason="They did it.")
        assert answer.status_code == 200, answer.json
        settled = answer.json["conflicts"]
        assert {c["settled"]["as"] for c in settled} == {"other"}
        assert {c["settled"]["reason"] for c in settled} == {"They did it."}
        record = world.read(job)["record"]
        assert {name: record[name] for name in CREW} == CREW
        assert all(c["current"]["record"] == record for c in settled)
        *_, fields, status = world.ask("GET", f"/work-orders/{job}/history").json["items"]
        assert (fields["entered"].keys(), status["entered"]) == (CREW.keys() - {"status"}, {"status": "completed"})
        assert len(fields["settles"]) == 3
        assert [c["id"] for c in conflicts if c["field"] == "status"] == status["settles"]
        beta = world.tablet("beta")
        beta.exchange()
        assert beta.records["work_order", job]["record"]["asset"] == "A 7"

    def test_the_office_s_stay_and_the_history_says_who_decided_so_and_why(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet)
        before = world.read(job)
        answer = settle(world, job, conflicts, by="second", side="office", reason="Beta will do it.")
        assert answer.status_code == 200, answer.json
        assert world.read(job) == before
        history = world.ask("GET", f"/work-orders/{job}/history").json["items"]
        for conflict in history[-1]["conflicts"]:
            settled = conflict["settled"]
            assert (conflict["state"], settled["as"], settled["reason"]) == ("settled", "kept", "Beta will do it.")
            assert (settled["by"]["id"], settled["edit_id"]) == (str(world.staff["second"]), None)
        assert len(history[-1]["conflicts"]) == 4

    def test_that_both_values_are_of_decides_nothing(self, world: World, tablet: Tablet) -> None:
        second = second_tablet(world)
        job = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        choose(world, "title", "review")
        tablet.edit("work_order", job["id"], "update", 1, title="One")
        second.edit("work_order", job["id"], "update", 1, title="Other")
        (conflict,) = open_ones(world, job["id"])
        answer = settle(world, job["id"], [conflict], side="crew")
        assert (answer.status_code, answer.json["field"], answer.json["id"]) == (
            422, "conflicts[0].id", conflict["id"],
        )  # fmt: skip
        assert settle(world, job["id"], [conflict], choice="other").status_code == 200
        assert world.read(job["id"])["record"]["title"] == "Other"


def second_tablet(world: World) -> Tablet:
    """Another tablet of the first crew."""
    own = {"partnership_id": world.partnership_id}
    token, token_hash = tokens.make("device", world.partnership_id)
    with world.app.app_context(), transaction() as session:
        device_id = new_id()
        session.add(Device(**own, id=device_id, crew_id=world.crews["alpha"], name="alpha-2"))
        session.flush()
        session.add(Token(**own, token_hash=token_hash, id=new_id(), device_id=device_id, purpose="device"))
    world.tokens["alpha's second"] = token
    return world.tablet("alpha's second")


def choose(world: World, field: str, policy: str, kind: str = "work_order", **more: Any) -> None:
    path = f"/merge-policies/{kind}/{field}"
    tag = world.ask("GET", path).json["etag"]
    answer = world.ask("PUT", path, "admin", tag, json={"policy": policy} | more)
    assert answer.status_code == 200, answer.json


class TestAllOrNone:
    """Each is compared with what she saw."""

    def test_one_that_somebody_settled_meanwhile_stops_all(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet)
        first = conflicts[0]
        world.ask("POST", f"/conflicts/{first['id']}/settlement", "second", '"1"', json={"choice": "kept"})
        before = world.read(job)
        answer = settle(world, job, conflicts, side="crew")
        assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")
        (current,) = answer.json["current"]
        assert (current["id"], current["state"], current["version"]) == (first["id"], "settled", 2)
        assert world.read(job) == before
        assert open_ones(world, job) == conflicts[1:]
        # Even if she has read it as it is.
        again = settle(world, job, [current, *conflicts[1:]], side="crew")
        assert (again.status_code, again.json["code"]) == (409, "conflict_settled")
        assert open_ones(world, job) == conflicts[1:]

    def test_a_value_that_cannot_be_entered_stops_all(self, world: World, tablet: Tablet) -> None:
        service_type = world.rows("SELECT id FROM service_type WHERE partnership_id = :p AND code = 'signal'")[0][0]
        job, conflicts = left(world, tablet, service_type_id=str(service_type), asset="A 7")
        world.rows("UPDATE service_type SET retired = true WHERE partnership_id = :p AND code = 'signal' RETURNING id")
        answer = settle(world, job, conflicts, side="crew")
        assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
        assert world.read(job)["record"]["asset"] is None
        assert open_ones(world, job) == conflicts

    def test_of_two_dispatchers_at_once_one_decides_all(self, world: World, tablet: Tablet) -> None:
        for _ in range(4):
            job, conflicts = left(world, tablet)
            answers = at_once(
                lambda job=job, conflicts=conflicts: settle(world, job, conflicts, side="crew"),
                lambda job=job, conflicts=conflicts: settle(world, job, conflicts, by="second", side="office"),
            )
            assert sorted(answer.status_code for answer in answers) == [200, 412]
            by_crew = answers[0].status_code == 200
            loser = answers[by_crew]
            assert {c["settled"]["as"] for c in loser.json["current"]} == {"other" if by_crew else "kept"}
            assert world.read(job)["record"]["asset"] == ("A 7" if by_crew else None)

    def test_one_of_another_work_order_or_nobody_s_stops_all(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet)
        other, foreign = left(world, tablet)
        for wrong in (foreign[0], {"id": str(uuid4()), "version": 1}):
            answer = settle(world, job, [*conflicts, wrong], side="crew")
            assert (answer.status_code, answer.json["code"]) == (422, "unknown_reference")
            assert (answer.json["field"], answer.json["id"]) == ("conflicts[4].id", wrong["id"])
        assert open_ones(world, job) == conflicts
        assert settle(world, str(uuid4()), conflicts, side="crew").status_code == 404
        assert settle(world, other, foreign, by="of east", side="crew").status_code == 404

    @pytest.mark.parametrize(("body", "field"), [
        ({}, "choice"), ({"side": "crew", "choice": "kept"}, "choice"), ({"choice": "value"}, "choice"),
        ({"side": "both"}, "side"), ({"side": "crew", "reason": ""}, "reason"),
        ({"side": "crew", "reason": "a\0"}, "reason"), ({"side": "crew", "conflicts": []}, "conflicts"),
        ({"side": "crew", "conflicts": [{"id": str(uuid4()), "version": 1}] * 2}, "conflicts"),
        ({"side": "crew", "conflicts": [{"id": str(uuid4()), "version": 1}] * 101}, "conflicts"),
        ({"side": "crew", "conflicts": [{"id": 7, "version": 1}]}, "conflicts[0].id"),
    ])  # fmt: skip
    def test_wrongly_is_refused(self, world: World, tablet: Tablet, body: dict[str, Any], field: str) -> None:
        job, conflicts = left(world, tablet, asset="A 7")
        seen = [{"id": conflict["id"], "version": conflict["version"]} for conflict in conflicts]
        answer = world.ask("POST", f"/work-orders/{job}/conflicts/settlement", json={"conflicts": seen} | body)
        assert (answer.status_code, answer.json["field"]) == (422, field), answer.json
        assert open_ones(world, job) == conflicts

    def test_is_for_dispatchers(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet, asset="A 7")
        for by in ("admin", "gis", "alpha"):
            assert settle(world, job, conflicts, by=by, side="crew").status_code == 403


class TestOrder:
    """Values are entered so that each finds what it needs."""

    def test_what_completing_needs_is_entered_before_the_status(self, world: World, tablet: Tablet) -> None:
        """A resolution and a finished task are among the conflicts; the service type requires them."""
        job = world.create(crew_id=str(world.crews["alpha"]))
        task = world.ask("POST", f"/work-orders/{job['id']}/tasks", json={"title": "Seal"}).json
        tablet.exchange()
        world.change(job, crew_id=str(world.crews["beta"]))
        tablet.edit("work_order", job["id"], "update", 1, status="completed", resolution="Sealed")
        tablet.edit("task", task["id"], "update", 1, done=True)
        world.rows(
            "UPDATE service_type SET required_on_completion = CAST(:d AS jsonb) WHERE partnership_id = :p RETURNING id",
            d='{"fields": ["resolution"], "tasks": {"all": true}}',
        )
        conflicts = open_ones(world, job["id"])
        assert [c["field"] for c in conflicts] == ["done", "resolution", "status"]
        alone = [conflict for conflict in conflicts if conflict["field"] == "status"]
        answer = settle(world, job["id"], alone, side="crew")
        assert (answer.status_code, answer.json["code"]) == (409, "completion_requirements")
        assert settle(world, job["id"], conflicts[::-1], side="crew").status_code == 200
        whole = world.read(job["id"], include="tasks")
        assert (whole["record"]["status"], whole["tasks"][0]["record"]["done"]) == ("completed", True)

    def test_what_was_deleted_comes_back_first(self, world: World, tablet: Tablet) -> None:
        job = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{job['id']}"
        task = world.ask("POST", f"{path}/tasks", json={"title": "Fill"}).json
        tablet.exchange()
        world.ask("DELETE", f"{path}/tasks/{task['id']}", if_match='"1"')
        world.ask("DELETE", path, if_match='"1"')
        tablet.edit("task", task["id"], "update", 1, done=True)
        tablet.edit("work_order", job["id"], "update", 1, status="completed", asset="A 7")
        conflicts = open_ones(world, job["id"])
        tasks = [conflict for conflict in conflicts if conflict["kind"] == "task"]
        answer = settle(world, job["id"], tasks, side="crew")
        assert (answer.status_code, answer.json["code"]) == (409, "record_deleted")
        assert settle(world, job["id"], conflicts, side="crew").status_code == 200
        whole = world.read(job["id"], include="tasks")
        assert (whole["deleted_at"], whole["record"]["status"], whole["record"]["asset"]) == (None, "completed", "A 7")
        assert whole["tasks"][0]["record"]["done"] is True

    def test_a_record_deleted_since_is_told(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet)
        world.ask("DELETE", f"/work-orders/{job}", if_match=world.read(job)["etag"])
        answer = settle(world, job, conflicts, side="crew")
        assert (answer.status_code, answer.json["code"]) == (409, "record_deleted")
        assert settle(world, job, conflicts, side="office").status_code == 200

    def test_of_two_values_for_one_field_the_later_one_stands_and_both_are_settled_with_it(
        self, world: World, tablet: Tablet
    ) -> None:
        job, _ = left(world, tablet, title="First", status="on_hold")
        tablet.edit("work_order", job, "update", 1, title="Second", status="completed")
        conflicts = open_ones(world, job)
        assert [c["other"]["value"] for c in conflicts if c["field"] == "title"] == ["First", "Second"]
        settled = settle(world, job, conflicts, side="crew").json["conflicts"]
        titles = {c["other"]["value"]: c["settled"] for c in settled if c["field"] == "title"}
        assert (titles["First"]["as"], titles["First"]["value"]) == ("value", "Second")
        assert (titles["Second"]["as"], titles["Second"]["value"]) == ("other", "Second")
        assert titles["First"]["edit_id"] == titles["Second"]["edit_id"]
        record = world.read(job)["record"]
        assert (record["title"], record["status"]) == ("Second", "completed")


def test_a_job_that_moved_is_its_new_dispatcher_s_to_decide(world: World, tablet: Tablet) -> None:
    job, conflicts = left(world, tablet, asset="A 7")
    moved = world.ask(
        "PATCH", f"/work-orders/{job}", if_match=world.read(job)["etag"], json={"location": EAST, "crew_id": None}
    )
    assert moved.status_code == 200, moved.json
    assert world.ask("GET", "/conflicts", "of west").json["items"] == []
    assert settle(world, job, conflicts, by="of west", side="crew").status_code == 404
    assert [c["id"] for c in world.ask("GET", "/conflicts", "of east").json["items"]] == [conflicts[0]["id"]]
    assert settle(world, job, conflicts, by="of east", side="crew").status_code == 200
    assert world.read(job)["record"]["asset"] == "A 7"


class TestWhileItMoves:
    """A dispatcher of one jurisdiction waits for the lock, and the job is another one's when she has it."""

    @pytest.fixture
    def moving(self, world: World, tablet: Tablet, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[dict[str, Any]]]:
        job, conflicts = left(world, tablet, title="Crew's")
        lock = Desk.lock

        def move_first(desk: Desk, work_order_id: UUID) -> None:
            lock(desk, work_order_id)
            desk.session.execute(
                text("UPDATE work_order SET jurisdiction_id = :east WHERE id = :id"),
                {"east": world.towns["east"], "id": work_order_id},
            )

        monkeypatch.setattr(Desk, "lock", move_first)
        return job, conflicts

    def test_several_are_not_settled(self, world: World, moving: tuple[str, list[dict[str, Any]]]) -> None:
        job, conflicts = moving
        assert settle(world, job, conflicts, "of west", choice="kept").status_code == 404
        assert open_ones(world, job) == conflicts

    @pytest.mark.parametrize("tag", ['"1"', '"2"'])
    def test_one_is_neither_settled_nor_shown(
        self, world: World, moving: tuple[str, list[dict[str, Any]]], tag: str
    ) -> None:
        job, conflicts = moving
        path = f"/conflicts/{conflicts[0]['id']}/settlement"
        assert world.ask("POST", path, "of west", tag, json={"choice": "kept"}).status_code == 404
        assert open_ones(world, job) == conflicts


class TestWhatStandsByNow:
    """Between looking at a conflict and settling it somebody may change the record."""

    def test_is_not_replaced_by_whoever_says_what_she_saw(self, world: World, tablet: Tablet) -> None:
        job, (conflict,) = left(world, tablet, description="By the crew")
        path = f"/conflicts/{conflict['id']}/settlement"
        saw = world.ask("GET", f"/conflicts/{conflict['id']}").json["current"]["version"]
        world.change(world.read(job), description="What the new crew found")
        answers = [
            world.ask("POST", path, if_match='"1"', json={"choice": "other", "record_version": saw}),
            world.ask(
                "POST", f"/work-orders/{job}/conflicts/settlement",
                json={"conflicts": [{"id": conflict["id"], "version": 1, "record_version": saw}], "side": "crew"},
            ),
        ]  # fmt: skip
        for answer, field in zip(answers, ("record_version", "conflicts"), strict=True):
            assert (answer.status_code, answer.json["field"]) == (412, field)
        one, (of_several,) = (answer.json["current"] for answer in answers)
        assert one == of_several
        assert one["current"]["record"]["description"] == "What the new crew found"
        assert one["state"] == "open"
        body = {"choice": "other", "record_version": one["current"]["version"]}
        assert world.ask("POST", path, if_match='"1"', json=body).status_code == 200
        assert world.read(job)["record"]["description"] == "By the crew"
