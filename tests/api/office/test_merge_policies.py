"""Merge policies: what may be chosen, by whom, and that it holds from then on and for nothing before."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from fieldsync.database import transaction
from fieldsync.journal import queries
from fieldsync.workorders.kinds import KINDS, Policy
from tests.api.office.test_settling_together import open_ones
from tests.api.office.world import Tablet, World

ASSET = "/merge-policies/work_order/asset"
DUE_AT = "/merge-policies/work_order/due_at"


@pytest.fixture
def tablet(world: World) -> Tablet:
    return world.tablet("alpha")


def put(world: World, path: str = ASSET, tag: str = '"0"', by: str = "admin", **body: Any) -> Any:
    return world.ask("PUT", path, by, tag, json=body)


def test_all_fields_that_can_be_edited_are_listed_with_what_they_allow(world: World) -> None:
    listed = world.ask("GET", "/merge-policies", "gis").json["policies"]
    assert [(p["kind"], p["field"]) for p in listed] == [(k.name, name) for k in KINDS.values() for name in k.policies]
    by_field = {p["field"]: p for p in listed if p["kind"] == "work_order"}
    plain = {"latest", "office", "crew", "review"}
    assert set(by_field["asset"]["allowed"]) == plain
    assert set(by_field["resolution"]["allowed"]) == plain | {"text"}
    assert set(by_field["tags"]["allowed"]) == {"union", "latest", "review"}
    assert set(by_field["status"]["allowed"]) == {"lifecycle", "review"}
    assert by_field["crew_id"]["allowed"] == ["office"]
    assert (by_field["crew_id"]["custody_allowed"], by_field["asset"]["custody_allowed"]) == (
        ["review"], ["review", "merge"],
    )  # fmt: skip
    for policy in listed:
        assert policy["policy"] == policy["default"]
        assert (policy["is_default"], policy["custody"], policy["etag"]) == (True, "review", '"0"')


class TestChoosing:
    """Compare-and-set, by admins of the whole partnership."""

    def test_is_read_again_with_who_chose_it(self, world: World) -> None:
        chosen = put(world, policy="office", custody="merge", reason="The office keeps the register.")
        assert (chosen.status_code, chosen.headers["ETag"]) == (200, '"1"')
        assert (chosen.json["policy"], chosen.json["custody"], chosen.json["is_default"]) == ("office", "merge", False)
        assert chosen.json["changed_by"] == {"id": str(world.staff["admin"]), "name": "Admin"}
        assert world.ask("GET", ASSET).json == chosen.json
        same = put(world, tag='"1"', policy="office", custody="merge")
        assert (same.status_code, same.json) == (200, chosen.json)
        back = world.ask("DELETE", ASSET, "admin", '"1"')
        assert (back.status_code, back.headers["ETag"]) == (200, '"2"')
        assert (back.json["policy"], back.json["custody"], back.json["is_default"]) == ("crew", "review", True)
        stale = put(world, tag='"1"', policy="review")
        assert (stale.status_code, stale.json["current"], stale.headers["ETag"]) == (412, back.json, '"2"')
        changes = world.ask("GET", "/merge-policies/changes").json
        told = [
            (c["policy_before"], c["policy"], c["custody_before"], c["custody"], c["reason"]) for c in changes["items"]
        ]
        assert told == [
            ("crew", "office", "review", "merge", "The office keeps the register."),
            ("office", "crew", "merge", "review", None),
        ]
        assert {c["changed_by_name"] for c in changes["items"]} == {"Admin"}

    def test_the_changes_come_in_pages(self, world: World) -> None:
        for number, policy in enumerate(("office", "latest", "review")):
            assert put(world, tag=f'"{number}"', policy=policy).status_code == 200
        found, query = [], {"limit": "2"}
        while True:
            page = world.ask("GET", "/merge-policies/changes", query_string=query).json
            found += page["items"]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert [change["policy"] for change in found] == ["office", "latest", "review"]
        entries = [change["entry"] for change in found]
        assert entries == sorted(entries)

    @pytest.mark.parametrize(("path", "body", "code", "field"), [
        (ASSET, {"policy": "text"}, "policy_not_allowed", "policy"),
        (ASSET, {"policy": "union"}, "policy_not_allowed", "policy"),
        ("/merge-policies/work_order/status", {"policy": "latest"}, "policy_not_allowed", "policy"),
        (DUE_AT, {"policy": "crew"}, "policy_not_allowed", "policy"),
        (DUE_AT, {"policy": "office", "custody": "merge"}, "policy_not_allowed", "custody"),
        (ASSET, {"policy": "mine"}, "invalid_value", "policy"), (ASSET, {}, "invalid_value", "policy"),
        (ASSET, {"policy": None}, "invalid_value", "policy"),
        (ASSET, {"policy": "crew", "custody": "ask"}, "invalid_value", "custody"),
        (ASSET, {"policy": "crew", "colour": 1}, "invalid_value", "colour"),
        (ASSET, {"policy": "crew", "reason": "a\0"}, "invalid_value", "reason"),
    ])  # fmt: skip
    def test_wrongly_is_refused(self, world: World, path: str, body: dict[str, Any], code: str, field: str) -> None:
        answer = put(world, path, **body)
        assert (answer.status_code, answer.json["code"], answer.json["field"]) == (422, code, field)
        if code == "policy_not_allowed":
            assert answer.json["allowed"]
        assert world.ask("GET", "/merge-policies/changes").json["items"] == []

    def test_of_what_is_none_is_not_found(self, world: World) -> None:
        for path in ("work_order/colour", "note/body", "spaceship/title", "task/work_order_id", "work_order/a%00b"):
            assert put(world, f"/merge-policies/{path}", policy="crew").status_code == 404
            assert world.ask("GET", f"/merge-policies/{path}").status_code == 404

    def test_is_for_admins_of_the_whole_partnership(self, world: World) -> None:
        for by in ("dispatcher", "of west", "gis", "alpha"):
            assert put(world, by=by, policy="office").status_code == 403
        world.rows(
            "UPDATE staff_role SET role = 'admin' WHERE partnership_id = :p AND staff_id = :id RETURNING id",
            id=world.staff["of west"],
        )
        assert put(world, by="of west", policy="office").status_code == 403
        assert world.ask("PUT", ASSET, "admin", json={"policy": "office"}).status_code == 428
        assert world.ask("GET", ASSET, "alpha").status_code == 403

    def test_is_another_partnership_s_own_affair(self, world: World, elsewhere: World) -> None:
        put(world, policy="office")
        assert elsewhere.ask("GET", ASSET).json["policy"] == "crew"
        assert elsewhere.ask("GET", "/merge-policies/changes").json["items"] == []


class TestFromThenOn:
    """It holds for what arrives afterwards; what was decided stays as it was decided."""

    def test_verdicts_conflicts_and_records_before_it_stay(self, world: World, tablet: Tablet) -> None:
        put(world, policy="review")
        job = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()
        job = world.change(job, asset="Office's")
        tablet.edit("work_order", job["id"], "update", 1, asset="Crew's")
        (before,) = open_ones(world, job["id"])
        put(world, tag='"1"', policy="crew")
        assert open_ones(world, job["id"]) == [before]
        assert world.read(job["id"]) == job
        verdict = tablet.edit("work_order", job["id"], "update", 1, asset="Crew's again")
        assert [(c["policy"], c["state"]) for c in verdict["conflicts"]] == [("crew", "settled")]
        assert world.read(job["id"])["record"]["asset"] == "Crew's again"

    def test_what_left_the_crew_is_merged_where_that_was_chosen(self, world: World, tablet: Tablet) -> None:
        """Also of a task, whose own version did not change when its job left."""
        put(world, policy="crew", custody="merge")
        put(world, "/merge-policies/task/done", policy="crew", custody="merge")
        job = world.create(crew_id=str(world.crews["alpha"]))
        task = world.ask("POST", f"/work-orders/{job['id']}/tasks", json={"title": "Fill"}).json
        tablet.exchange()
        world.change(world.read(job["id"]), crew_id=str(world.crews["beta"]))
        verdict = tablet.edit("work_order", job["id"], "update", 1, asset="A 7", title="Deep hole")
        assert [(c["sort"], c["field"]) for c in verdict["conflicts"]] == [("custody", "title")]
        assert tablet.edit("task", task["id"], "update", 1, done=True)["verdict"] == "merged"
        whole = world.read(job["id"], include="tasks")
        assert (whole["record"]["asset"], whole["tasks"][0]["record"]["done"]) == ("A 7", True)
        assert world.read(job["id"])["record"]["title"] == "Hole"
        beta = world.tablet("beta")
        beta.exchange()
        assert beta.records["work_order", job["id"]]["record"]["asset"] == "A 7"
        assert ("work_order", job["id"]) not in tablet.records


def test_a_change_waits_for_whoever_decides_by_the_old_policy(world: World, tablet: Tablet) -> None:
    """So each entry of the journal lies clearly before a change or after it. A batch that has read the policies, and
    has not written its entries yet, holds the change up."""
    held, done = Event(), Event()
    entries: list[int] = []

    def batch() -> None:
        with world.app.app_context(), transaction() as session:
            session.execute(queries.HOLD_POLICIES, {"partnership_id": world.partnership_id})
            held.set()
            assert not done.wait(1), "the change did not wait"
            entry = session.execute(sa.text("SELECT nextval(pg_get_serial_sequence('journal', 'entry'))"))
            entries.append(entry.scalar_one())

    thread = Thread(target=batch)
    thread.start()
    assert held.wait(10)
    answer = put(world, policy="office")
    done.set()
    thread.join()
    assert answer.status_code == 200
    (change,) = world.ask("GET", "/merge-policies/changes").json["items"]
    assert change["entry"] > entries[0]


def test_every_policy_can_be_chosen_somewhere() -> None:
    assert {policy for kind in KINDS.values() for choices in kind.choices.values() for policy in choices} == set(Policy)
