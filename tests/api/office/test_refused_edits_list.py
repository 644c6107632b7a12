"""The list of refused edits: who sees which, filters, pages, sizes, counts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from fieldsync.database import new_id
from tests.api.office.refusing import Refusing
from tests.api.office.world import EAST, WEST, World


@pytest.fixture
def scene(world: World) -> Refusing:
    return Refusing(world)


class TestVisibility:
    """Whoever has the crew's jurisdiction, or the work order's."""

    def test_by_the_crew(self, scene: Refusing) -> None:
        refused = scene.enter("task", new_id(), "update", 1, done=True)
        assert scene.ids("of west") == [refused["edit_id"]]
        assert scene.ids("of east") == []

    @pytest.mark.parametrize("kind", ["work_order", "note", "task"])
    def test_by_the_work_order(self, scene: Refusing, kind: str) -> None:
        job = scene.world.create(location=EAST)
        if kind == "work_order":
            refused = scene.enter("work_order", job["id"], "update", 1, title="x")
        elif kind == "note":
            refused = scene.enter("note", new_id(), "create", work_order_id=job["id"].upper(), body="x")
        else:
            task = scene.world.ask("POST", f"/work-orders/{job['id']}/tasks", json={"title": "Fill"}).json
            refused = scene.enter("task", task["id"], "update", 1, done=True)
        assert scene.ids("of east") == scene.ids("of west") == [refused["edit_id"]]
        # Whose the work order is sees it beside the edit; the crew's dispatcher does not.
        assert scene.read(refused["edit_id"], "of east")["work_order"]["id"] == job["id"]
        west = scene.read(refused["edit_id"], "of west")
        assert (west["work_order"], west["record"]) == (None, None)
        assert scene.refuse(refused, "of west")[0] == 404
        # Nor does she learn from the list where it lies.
        assert scene.ids("of west", jurisdiction_id=str(scene.world.towns["east"])) == []
        assert scene.ids("of west", jurisdiction_id=str(scene.world.towns["west"])) == [refused["edit_id"]]
        assert scene.list("of east", jurisdiction_id=str(scene.world.towns["east"]))["waiting"] == {"unknown_record": 1}

    def test_of_nobody_else(self, scene: Refusing, elsewhere: World) -> None:
        refused = scene.due()
        for world, by in ((scene.world, "of east"), (elsewhere, "dispatcher")):
            path = scene.path(refused["edit_id"])
            assert world.ask("GET", path, by).status_code == 404
            for how in ("apply", "send-back", "dismiss"):
                answer = world.ask("POST", f"{path}/{how}", by, '"0"', json={"reason": "x"} if how != "apply" else {})
                assert (answer.status_code, answer.json["code"]) == (404, "not_found")
                assert "current" not in answer.json
        assert Refusing(elsewhere).ids() == []
        assert scene.read(refused["edit_id"])["state"] == "waiting"

    def test_who_decides(self, scene: Refusing) -> None:
        refused = scene.due()
        assert scene.read(refused["edit_id"], "admin")["state"] == "waiting"
        assert scene.decide(refused, "dismiss", "admin", reason="x").status_code == 403
        assert scene.world.ask("GET", "/refused-edits", "gis").status_code == 403
        assert scene.world.ask("GET", "/refused-edits", "alpha").status_code == 403
        assert scene.decide(refused, "dismiss", "of west", reason="x").status_code == 200

    def test_edits_that_were_taken_are_none(self, scene: Refusing) -> None:
        edit_id = str(uuid4())
        edit = {
            "seq": 1, "edit_id": edit_id, "kind": "work_order", "record_id": str(new_id()), "action": "create",
            "base_version": None, "observed_at": "2030-01-01T00:00:00Z", "fields": scene.job_fields(),
        }  # fmt: skip
        assert scene.tablet.exchange([edit])["verdicts"][0]["verdict"] == "applied"
        assert scene.world.ask("GET", scene.path(edit_id)).status_code == 404

    def test_a_tablet_sees_its_own(self, scene: Refusing) -> None:
        refused = scene.due()
        other = Refusing(scene.world, "beta")
        assert [item["edit_id"] for item in scene.told()["items"]] == [refused["edit_id"]]
        assert other.told() == {"items": [], "next": None, "decided": 0}
        assert scene.world.ask("GET", "/sync/refused").status_code == 403
        assert scene.world.ask("GET", "/sync/refused", "alpha", query_string={"decided_after": -1}).status_code == 422


class TestTheList:
    """Filters, pages, counts, sizes."""

    def test_filters(self, scene: Refusing) -> None:
        job = scene.job()
        first = scene.enter("work_order", job["id"], "update", 1, crew_id=None)
        second = scene.enter("note", new_id(), "create", work_order_id=job["id"], body="")
        beta = Refusing(scene.world, "beta")
        third = beta.enter("note", new_id(), "create", work_order_id=job["id"], body="x")
        one, two, three = (item["edit_id"] for item in (first, second, third))
        assert scene.ids() == [one, two, three]
        assert scene.ids(order="newest") == [three, two, one]
        for query, expected in (
            ({"code": "invalid_value"}, [two]),
            ({"kind": "note"}, [two, three]),
            ({"device_id": scene.device_id}, [one, two]),
            ({"crew_id": str(scene.world.crews["beta"])}, [three]),
            ({"work_order_id": job["id"]}, [one, two, three]),
            ({"work_order_id": str(uuid4())}, []),
            ({"jurisdiction_id": str(scene.world.towns["west"])}, [one, two, three]),
            ({"jurisdiction_id": str(scene.world.towns["east"])}, []),
            ({"state": "dismissed"}, []),
        ):
            assert scene.ids(**query) == expected, query
        assert scene.list(kind="note", code="invalid_value")["waiting"] == {"invalid_value": 1, "unknown_record": 1}
        scene.decide(second, "dismiss", reason="x")
        beta.decide(third, "send-back", reason="x")
        assert (scene.ids(state="waiting"), scene.ids(state="dismissed"), scene.ids(state="sent_back")) == (
            [one], [two], [three],
        )  # fmt: skip
        assert scene.list()["waiting"] == {"field_not_yours": 1}
        for query in ({"state": "x"}, {"code": "x"}, {"kind": "x"}, {"order": "x"}, {"limit": 501}, {"cursor": "x"}):
            assert scene.world.ask("GET", "/refused-edits", query_string=query).status_code in (400, 422)

    def test_what_was_not_released_waits_for_nobody(self, scene: Refusing) -> None:
        """A dispatcher rejected it when she let a lost tablet's edits in; she may change her mind."""
        refused = scene.due(title="Deep")
        scene.world.rows(
            "UPDATE journal SET problem = :problem WHERE partnership_id = :p AND edit_id = :id RETURNING 1",
            id=refused["edit_id"], problem='{"code": "not_released", "title": "x", "detail": "Stolen."}',
        )  # fmt: skip
        assert (scene.ids(state="waiting"), scene.list()["waiting"]) == ([], {})
        assert scene.ids(state="dismissed") == scene.ids(code="not_released") == [refused["edit_id"]]
        scene.apply(scene.read(refused["edit_id"]))
        assert scene.ids(state="dismissed") == []

    def test_of_what_hangs_on_it_the_same_is_told(self, scene: Refusing) -> None:
        made = scene.enter("work_order", new_id(), "create", title="Hole")
        hung = scene.enter("note", new_id(), "create", work_order_id=made["record_id"], body="Deep")
        assert hung["depends_on"]["state"] == made["state"] == "waiting"
        scene.world.rows(
            "UPDATE journal SET problem = :problem WHERE partnership_id = :p AND edit_id = :id RETURNING 1",
            id=made["edit_id"], problem='{"code": "not_released", "title": "x", "detail": "Stolen."}',
        )  # fmt: skip
        assert scene.read(made["edit_id"])["state"] == "dismissed"
        assert scene.read(hung["edit_id"])["depends_on"]["state"] == "dismissed"

    def test_pages(self, scene: Refusing) -> None:
        ids = [scene.enter("task", new_id(), "update", 1, done=True)["edit_id"] for _ in range(5)]
        for order, expected in (("oldest", ids), ("newest", ids[::-1])):
            seen, cursor = [], None
            while True:
                page = scene.list(limit=2, order=order, **({"cursor": cursor} if cursor else {}))
                seen += [item["edit_id"] for item in page["items"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert seen == expected
        told, cursor = [], None
        while True:
            page = scene.told(limit=2, **({"cursor": cursor} if cursor else {}))
            told += [item["edit_id"] for item in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert told == ids[::-1]

    def test_a_hostile_body_is_not_in_it(self, scene: Refusing) -> None:
        """Large as it was sent, or small in the database and large once it is looked at."""
        job = scene.job()
        for fields in ({"title": "x" * 3_000_000}, {"work_order_id": job["id"], "more": [str(uuid4())] * 10_000}):
            refused = scene.enter("task", new_id(), "create", **fields)
            assert refused["fields"] == fields
        answer = scene.world.ask("GET", "/refused-edits")
        assert len(answer.data) < 20_000
        for item in answer.json["items"]:
            assert (item["fields"], item["fields_left_out"]) == (None, True)

    def test_fields_that_only_look_like_something(self, scene: Refusing) -> None:
        for parent in ("x", "", {"a": 1}, [1], 7, None, "0" * 31, str(uuid4()) + "'", "{" + str(uuid4()) + "}"):
            refused = scene.enter("note", new_id(), "create", work_order_id=parent, body="x")
            assert refused["work_order"] is None
        assert len(scene.ids("of west", work_order_id=str(uuid4()))) == 0
        assert len(scene.ids("of west")) == 9

    def test_deep_and_odd_json(self, scene: Refusing) -> None:
        deep: Any = 1
        for _ in range(30):
            deep = [deep]
        for fields in ({"x": deep}, {"x": {"title": {"title": 10**40}}}, {"": 1}, {"__proto__": 1}):
            scene.enter("work_order", new_id(), "create", location=WEST | {"alt": 1}, **fields)
        assert len(scene.list()["items"]) == 4


def test_they_are_counted_for_those_who_run_the_server(scene: Refusing) -> None:
    scene.due()
    done = scene.due()
    scene.enter("work_order", scene.job()["id"], "update", 1, title="Deep", hazard=1)
    scene.decide(done, "dismiss", reason="x")
    scene.world.app.extensions.pop("refusal_gauges", None)
    metrics = scene.world.app.test_client().get("/metrics").text
    slug = scene.world.rows("SELECT slug FROM partnership WHERE id = :p")[0].slug
    assert f'fieldsync_refused_edits_waiting{{code="field_not_yours",partnership="{slug}"}} 1.0' in metrics
    assert f'fieldsync_refused_edits_waiting{{code="unknown_field",partnership="{slug}"}} 1.0' in metrics
    assert 'fieldsync_refused_edits_decided_total{state="dismissed"}' in metrics
    assert "fieldsync_refused_fields_total" in metrics
