"""Conflicts: the queue, and what settling one does."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.office.world import WEST, Tablet, World


@pytest.fixture
def tablet(world: World) -> Tablet:
    return world.tablet("alpha")


def meet(world: World, tablet: Tablet, office: dict[str, Any], crew: dict[str, Any], **first: Any) -> dict[str, Any]:
    """The crew edits what the office has edited since the crew last looked; the work order's only conflict."""
    work_order = world.create(crew_id=str(world.crews["alpha"]), **first)
    tablet.exchange()
    world.change(work_order, **office)
    verdict = tablet.edit("work_order", work_order["id"], "update", 1, **crew)
    assert verdict["verdict"] == "conflicted", verdict
    (conflict,) = verdict["conflicts"]
    return read(world, conflict["id"])


def read(world: World, conflict_id: str) -> dict[str, Any]:
    answer = world.ask("GET", f"/conflicts/{conflict_id}")
    assert answer.status_code == 200, answer.json
    assert answer.headers["ETag"] == answer.json["etag"]
    return answer.json  # type: ignore[no-any-return]


def settle(world: World, conflict: dict[str, Any], by: str = "dispatcher", **body: Any) -> Any:
    return world.ask("POST", f"/conflicts/{conflict['id']}/settlement", by, conflict["etag"], json=body)


def described(world: World, tablet: Tablet) -> dict[str, Any]:
    """A conflict on the description (whose policy is to ask a person)."""
    return meet(world, tablet, {"description": "By the office"}, {"description": "By the crew"}, description="Reported")


class TestReading:
    """Both values, whose they are, and the record as it stands."""

    def test_a_conflict_names_both_sides(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        assert (conflict["state"], conflict["sort"], conflict["policy"]) == ("open", "field", "text")
        assert (conflict["field"], conflict["base"]) == ("description", "Reported")
        assert conflict["kept"]["value"] == "By the office"
        assert conflict["kept"]["by"]["name"] == "Dispatcher"
        assert conflict["other"]["value"] == "By the crew"
        assert conflict["other"]["by"]["crew_name"] == "Alpha"
        assert conflict["settled"] is None
        assert conflict["current"]["etag"] == '"2"'
        assert conflict["current"]["record"]["description"] == "By the office"
        assert conflict["work_order"]["crew_id"] == str(world.crews["alpha"])

    def test_the_queue_is_filtered_and_counted(self, world: World, tablet: Tablet) -> None:
        first = described(world, tablet)
        policy = meet(world, tablet, {"priority": 1}, {"priority": 5})
        deleted = self._deleted(world, tablet)
        listed = [first["id"], policy["id"], deleted["id"]]

        def ids(**query: Any) -> list[str]:
            answer = world.ask("GET", "/conflicts", query_string=query)
            return [item["id"] for item in answer.json["items"]]

        assert ids() == listed
        assert ids(state="open") == [first["id"], deleted["id"]]
        assert ids(state="settled") == [policy["id"]]
        assert ids(sort="deleted") == [deleted["id"]]
        assert ids(kind="task") == []
        assert ids(work_order_id=policy["work_order_id"]) == [policy["id"]]
        assert ids(jurisdiction_id=str(world.towns["west"])) == listed
        assert ids(jurisdiction_id=str(world.towns["east"])) == []
        assert ids(crew_id=str(world.crews["alpha"])) == listed
        assert ids(crew_id=str(world.crews["beta"])) == []
        page = world.ask("GET", "/conflicts", query_string={"state": "settled", "limit": 1}).json
        assert page["open"] == {"field": 1, "deleted": 1}

    def test_a_conflict_is_found_by_the_crew_that_had_the_job(self, world: World, tablet: Tablet) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        world.change(work_order, crew_id=str(world.crews["beta"]))
        tablet.edit("work_order", work_order["id"], "update", 1, status="completed")
        for crew in ("alpha", "beta"):
            answer = world.ask("GET", "/conflicts", query_string={"crew_id": str(world.crews[crew])})
            assert [item["sort"] for item in answer.json["items"]] == ["custody"]

    def test_pages_follow_one_another(self, world: World, tablet: Tablet) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        work_order = world.change(work_order, crew_id=str(world.crews["beta"]))
        tablet.edit("work_order", work_order["id"], "update", 1,
                    title="a", description="b", address="c", asset="d", resolution="e", status="completed")  # fmt: skip
        whole = world.ask("GET", "/conflicts").json["items"]
        assert len(whole) == 6
        seen, query = [], {"limit": "4"}
        while True:
            page = world.ask("GET", "/conflicts", query_string=query).json
            seen += page["items"]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert seen == whole

    @pytest.mark.parametrize("query", [{"state": "lost"}, {"sort": "x"}, {"kind": "note"}, {"cursor": "?"}, {"a": 1}])
    def test_filters_that_make_no_sense_are_refused(self, world: World, query: dict[str, Any]) -> None:
        assert world.ask("GET", "/conflicts", query_string=query).status_code == 422

    @staticmethod
    def _deleted(world: World, tablet: Tablet) -> dict[str, Any]:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        world.ask("DELETE", f"/work-orders/{work_order['id']}", if_match='"1"')
        (conflict,) = tablet.edit("work_order", work_order["id"], "update", 1, status="completed")["conflicts"]
        return read(world, conflict["id"])


class TestSettling:
    """A person decides; the record follows through the journal, and the tablets through their feed."""

    def test_as_kept_leaves_the_record_as_it_is(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        answer = settle(world, conflict, choice="kept")
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
        settled = answer.json["settled"]
        assert (settled["as"], settled["value"], settled["edit_id"]) == ("kept", "By the office", None)
        assert settled["by"]["id"] == str(world.staff["dispatcher"])
        assert answer.json["current"] == conflict["current"]
        assert read(world, conflict["id"]) == answer.json
        assert world.ask("GET", "/conflicts").json["open"] == {}

    def test_as_other_makes_the_value_that_lost_stand(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        answer = settle(world, conflict, by="second", choice="other")
        assert answer.status_code == 200
        assert answer.json["current"]["record"]["description"] == "By the crew"
        settled = answer.json["settled"]
        ((author_id, verdict),) = world.rows(
            "SELECT author_id, verdict FROM journal WHERE partnership_id = :p AND edit_id = :e",
            e=settled["edit_id"],
        )
        assert (author_id, verdict) == (world.staff["second"], "applied")
        assert (settled["as"], settled["value"]) == ("other", "By the crew")
        tablet.exchange()
        assert tablet.records["work_order", conflict["record_id"]]["record"]["description"] == "By the crew"

    def test_as_a_third_value(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        answer = settle(world, conflict, choice="value", value="Both are right")
        assert (answer.status_code, answer.json["settled"]["value"]) == (200, "Both are right")
        assert world.read(conflict["record_id"])["record"]["description"] == "Both are right"

    def test_as_nothing_where_the_field_may_be_empty(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        assert settle(world, conflict, choice="value", value=None).status_code == 200
        assert world.read(conflict["record_id"])["record"]["description"] is None

    @pytest.mark.parametrize(("body", "field"), [
        ({}, "choice"), ({"choice": "mine"}, "choice"), ({"choice": "value"}, "value"),
        ({"choice": "kept", "value": "x"}, "value"), ({"choice": "other", "value": None}, "value"),
        ({"choice": "value", "value": 7}, "description"), ({"choice": "value", "value": "\0"}, "description"),
        ({"choice": "value", "value": "x" * 8001}, "description"), ({"choice": "kept", "why": "x"}, "why"),
    ])  # fmt: skip
    def test_wrongly_is_refused_and_changes_nothing(
        self, world: World, tablet: Tablet, body: dict[str, Any], field: str
    ) -> None:
        conflict = described(world, tablet)
        answer = settle(world, conflict, **body)
        assert (answer.status_code, answer.json["field"]) == (422, field)
        assert read(world, conflict["id"]) == conflict

    def test_again_is_refused(self, world: World, tablet: Tablet) -> None:
        conflict = described(world, tablet)
        done = settle(world, conflict, choice="kept")
        late = settle(world, conflict, by="second", choice="other")
        assert (late.status_code, late.json["code"]) == (412, "precondition_failed")
        assert (late.headers["ETag"], late.json["current"]) == ('"2"', done.json)
        again = settle(world, done.json, choice="other")
        assert (again.status_code, again.json["code"]) == (409, "conflict_settled")
        assert world.ask("POST", f"/conflicts/{conflict['id']}/settlement", json={"choice": "kept"}).status_code == 428
        assert world.read(conflict["record_id"])["record"]["description"] == "By the office"

    def test_what_a_policy_settled_is_refused(self, world: World, tablet: Tablet) -> None:
        conflict = meet(world, tablet, {"priority": 1}, {"priority": 5})
        assert (conflict["state"], conflict["settled"]["as"], conflict["settled"]["by"]) == ("settled", "policy", None)
        assert settle(world, conflict, choice="other").json["code"] == "conflict_settled"

    @pytest.mark.parametrize(("field", "office", "crew"), [
        ("location", {"lon": -79.95, "lat": 40.2}, {"lon": -79.7, "lat": 40.3}),
        ("tags", ["x"], ["y"]),
    ])  # fmt: skip
    def test_values_of_every_shape(self, world: World, tablet: Tablet, field: str, office: Any, crew: Any) -> None:
        world.rows("INSERT INTO field_policy VALUES (:p, 'work_order', :f, 'review') RETURNING field", f=field)
        conflict = meet(world, tablet, {field: office}, {field: crew}, location=WEST)
        assert (conflict["kept"]["value"], conflict["other"]["value"]) == (office, crew)
        assert settle(world, conflict, choice="other").status_code == 200
        assert world.read(conflict["record_id"])["record"][field] == crew


class TestStatus:
    """A status is reached by steps that the rules allow."""

    def test_work_that_was_cancelled_meanwhile_can_count_as_done(self, world: World, tablet: Tablet) -> None:
        conflict = meet(world, tablet, {"status": "cancelled"}, {"status": "completed"})
        assert (conflict["kept"]["value"], conflict["other"]["value"]) == ("cancelled", "completed")
        answer = settle(world, conflict, choice="other")
        assert (answer.status_code, answer.json["current"]["record"]["status"]) == (200, "completed")
        entries = world.ask("GET", f"/work-orders/{conflict['work_order_id']}/history").json["items"]
        assert [entry["entered"]["status"] for entry in entries[-2:]] == ["open", "completed"]
        assert (entries[-2]["settles"], entries[-1]["settles"]) == ([], [conflict["id"]])

    def test_any_status_can_be_the_third_value(self, world: World, tablet: Tablet) -> None:
        conflict = meet(world, tablet, {"status": "cancelled"}, {"status": "completed"})
        answer = settle(world, conflict, choice="value", value="closed")
        assert (answer.status_code, answer.json["current"]["record"]["status"]) == (200, "closed")

    def test_what_is_no_status_is_refused(self, world: World, tablet: Tablet) -> None:
        conflict = meet(world, tablet, {"status": "cancelled"}, {"status": "completed"})
        for value in ("broken", None, 3):
            assert settle(world, conflict, choice="value", value=value).json["field"] == "status"


class TestDeletion:
    """An edit met a deletion, or a deletion met an edit."""

    @pytest.fixture
    def conflicts(self, world: World, tablet: Tablet) -> list[dict[str, Any]]:
        """The crew edited two fields of a work order that the office had deleted."""
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        world.ask("DELETE", f"/work-orders/{work_order['id']}", if_match='"1"')
        verdict = tablet.edit("work_order", work_order["id"], "update", 1, status="completed", resolution="Filled")
        assert [conflict["sort"] for conflict in verdict["conflicts"]] == ["deleted", "deleted"]
        return sorted((read(world, c["id"]) for c in verdict["conflicts"]), key=lambda c: str(c["field"]))

    def test_the_edit_stands_and_the_record_is_back(
        self, world: World, tablet: Tablet, conflicts: list[dict[str, Any]]
    ) -> None:
        resolution, status = conflicts
        answer = settle(world, resolution, choice="other")
        assert (answer.status_code, answer.json["current"]["deleted_at"]) == (200, None)
        assert answer.json["current"]["record"]["resolution"] == "Filled"
        assert settle(world, status, choice="other").json["current"]["record"]["status"] == "completed"
        tablet.exchange()
        record = tablet.records["work_order", resolution["record_id"]]["record"]
        assert (record["resolution"], record["status"]) == ("Filled", "completed")

    def test_the_record_stays_deleted(self, world: World, conflicts: list[dict[str, Any]]) -> None:
        for conflict in conflicts:
            answer = settle(world, conflict, choice="kept")
            assert answer.json["current"]["deleted_at"] is not None

    def test_a_task_deleted_by_the_office_is_back_with_what_the_crew_did(self, world: World, tablet: Tablet) -> None:
        """What a crew did to a task before it learnt of its deletion is not lost."""
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}/tasks"
        task = world.ask("POST", path, json={"title": "Fill"}).json
        tablet.exchange()
        world.ask("DELETE", f"{path}/{task['id']}", if_match='"1"')
        verdict = tablet.edit("task", task["id"], "update", 1, done=True)
        assert [(c["sort"], c["field"], c["other"]) for c in verdict["conflicts"]] == [("deleted", "done", True)]
        assert ("task", task["id"]) not in tablet.records
        answer = settle(world, read(world, verdict["conflicts"][0]["id"]), choice="other")
        assert (answer.status_code, answer.json["current"]["record"]["done"]) == (200, True)
        tablet.exchange()
        assert tablet.records["task", task["id"]]["record"]["done"] is True

    def test_a_deletion_by_the_crew_that_met_an_edit_is_done(self, world: World, tablet: Tablet) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        path = f"/work-orders/{work_order['id']}/tasks"
        task = world.ask("POST", path, json={"title": "Fill"}).json
        tablet.exchange()
        world.ask("PATCH", f"{path}/{task['id']}", if_match='"1"', json={"title": "Fill and seal"})
        verdict = tablet.edit("task", task["id"], "delete", 1)
        conflict = read(world, verdict["conflicts"][0]["id"])
        assert (conflict["sort"], conflict["field"], conflict["other"]["value"]) == ("deleted", "deleted", True)
        assert settle(world, conflict, choice="value", value=True).json["field"] == "choice"
        answer = settle(world, conflict, choice="other")
        assert (answer.status_code, answer.json["current"]["deleted_at"] is None) == (200, False)
        tablet.exchange()
        assert ("task", task["id"]) not in tablet.records


class TestCustody:
    """Work done by a crew on a job that had been given to another."""

    def test_the_work_counts_for_the_new_crew(self, world: World, tablet: Tablet) -> None:
        beta = world.tablet("beta")
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        world.change(work_order, crew_id=str(world.crews["beta"]))
        verdict = tablet.edit("work_order", work_order["id"], "update", 1, resolution="Filled by alpha")
        (conflict,) = verdict["conflicts"]
        assert conflict["sort"] == "custody"
        beta.exchange()
        assert beta.records["work_order", work_order["id"]]["record"]["resolution"] is None
        assert settle(world, read(world, conflict["id"]), choice="other").status_code == 200
        beta.exchange()
        assert beta.records["work_order", work_order["id"]]["record"]["resolution"] == "Filled by alpha"

    def test_a_job_deleted_since_must_be_restored_first(self, world: World, tablet: Tablet) -> None:
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        work_order = world.change(work_order, crew_id=str(world.crews["beta"]))
        (conflict,) = tablet.edit("work_order", work_order["id"], "update", 1, resolution="Filled")["conflicts"]
        world.ask("DELETE", f"/work-orders/{work_order['id']}", if_match=work_order["etag"])
        answer = settle(world, read(world, conflict["id"]), choice="other")
        assert (answer.status_code, answer.json["code"]) == (409, "record_deleted")
        assert settle(world, read(world, conflict["id"]), choice="kept").status_code == 200


def test_of_no_conflict_is_not_found(world: World) -> None:
    answer = world.ask("POST", f"/conflicts/{uuid4()}/settlement", if_match='"1"', json={"choice": "kept"})
    assert answer.status_code == 404
