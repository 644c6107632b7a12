"""The dispatchers' queue: what each conflict shows, by what it is filtered, counted and ordered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from fieldsync.office.conflicts.answers import ConflictPage, ConflictsSettled
from tests.api.office.test_settling_together import choose, left, open_ones, second_tablet, settle
from tests.api.office.world import Tablet, World


@pytest.fixture
def tablet(world: World) -> Tablet:
    return world.tablet("alpha")


def listed(world: World, by: str = "dispatcher", **asked: Any) -> dict[str, Any]:
    answer = world.ask("GET", "/conflicts", by, query_string=asked)
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[no-any-return]


def ids(page: dict[str, Any]) -> list[str]:
    return [conflict["id"] for conflict in page["items"]]


class TestShown:
    """Both values with whose they are, and what lies between them."""

    def test_points_with_their_distance(self, world: World, tablet: Tablet) -> None:
        """A hundredth of a degree of latitude at 40.5 degrees north, on the spheroid: 1,110.4 m."""
        there, here = {"lon": -80.0, "lat": 40.5}, {"lon": -80.0, "lat": 40.51}
        job, (conflict,) = left(world, tablet, location=here)
        assert (conflict["kept"]["value"], conflict["other"]["value"]) == (there, here)
        assert conflict["distance_m"] == pytest.approx(1110.4, abs=0.2)
        assert conflict["diff"] is None
        assert world.ask("GET", f"/conflicts/{conflict['id']}").json["distance_m"] == conflict["distance_m"]
        assert conflict["work_order"]["priority"] == 1
        _, (other,) = left(world, tablet, asset="A 7")
        assert other["distance_m"] is None
        assert job != other["work_order_id"]

    def test_long_text_piece_by_piece(self, world: World, tablet: Tablet) -> None:
        seen = "The hole is deep. Bring cones."
        job = world.create(crew_id=str(world.crews["alpha"]), description=seen)
        tablet.exchange()
        world.change(job, description="The hole is very deep. Bring cones.")
        tablet.edit("work_order", job["id"], "update", 1, description="The hole is not deep.\nBring cones.")
        (conflict,) = open_ones(world, job["id"])
        assert conflict["diff"] == {
            "from": "base",
            "kept": [
                {"op": "same", "text": "The hole is "}, {"op": "added", "text": "very "},
                {"op": "same", "text": "deep. Bring cones."},
            ],
            "other": [
                {"op": "same", "text": "The hole is "}, {"op": "removed", "text": "deep. "},
                {"op": "added", "text": "not deep.\n"}, {"op": "same", "text": "Bring cones."},
            ],
        }  # fmt: skip

    def test_long_text_from_nothing_side_by_side(self, world: World, tablet: Tablet) -> None:
        _, (conflict,) = left(world, tablet, description="Wet.\nDeep.")
        assert conflict["diff"] == {"from": "kept", "kept": None, "other": [{"op": "added", "text": "Wet.\nDeep."}]}
        _, (short,) = left(world, tablet, description="Wet. Deep.")
        assert short["diff"] is None

    def test_hostile_text_is_compared_in_bounds(self, world: World, tablet: Tablet) -> None:
        job, (conflict,) = left(world, tablet, description="a.\n" * 2_666)
        world.change(world.read(job), description="b a.\n" * 1_600)
        told = world.ask("GET", f"/conflicts/{conflict['id']}").json["diff"]["other"]
        assert "".join(piece["text"] for piece in told if piece["op"] != "removed") == "a.\n" * 2_666

    def test_the_crew_for_which_the_tablet_was_carried_then(self, world: World, tablet: Tablet) -> None:
        _, (conflict,) = left(world, tablet, asset="A 7")
        before = conflict["other"]["by"]
        assert (before["name"], before["crew_name"]) == ("alpha-1", "Alpha")
        moved = world.ask("PATCH", f"/devices/{before['id']}", "admin", json={"crew_id": str(world.crews["beta"])})
        assert moved.status_code == 200, moved.json
        assert listed(world)["items"][0]["other"]["by"]["crew_name"] == "Alpha"


class TestFilters:
    """All that are given must hold; what makes no sense is refused."""

    def test_each_finds_its_own(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet, title="Sinkhole", description="Deep.")
        described, titled = conflicts
        task = world.ask("POST", f"/work-orders/{job}/tasks", json={"title": "Fill"}).json
        second = second_tablet(world)
        second.exchange()
        second.edit("task", task["id"], "update", 1, done=True)
        (of_task,) = listed(world, kind="task")["items"]
        assert ids(listed(world, field="title")) == [titled["id"]]
        assert set(ids(listed(world, policy="review"))) == {described["id"], titled["id"], of_task["id"]}
        assert ids(listed(world, policy="text")) == []
        assert ids(listed(world, record_id=task["id"])) == [of_task["id"]]
        device = described["other"]["by"]["id"]
        assert set(ids(listed(world, device_id=device))) == {described["id"], titled["id"]}
        assert ids(listed(world, device_id=str(uuid4()))) == []
        at = datetime.fromisoformat(of_task["created_at"])
        assert ids(listed(world, since=at.isoformat())) == [of_task["id"]]
        assert set(ids(listed(world, until=at.isoformat()))) == {described["id"], titled["id"]}
        assert ids(listed(world, state="open", title="HOL", field="title")) == [titled["id"]]
        assert ids(listed(world, state="open", title="%ol")) == []

    @pytest.mark.parametrize(("asked", "field"), [
        ({"title": "hole"}, "title"), ({"title": "h", "state": "open"}, "title"), ({"order": "urgent"}, "order"),
        ({"order": "urgent", "state": "settled"}, "order"), ({"order": "random"}, "order"),
        ({"field": "colour"}, "field"),
        ({"policy": "chance"}, "policy"), ({"since": "yesterday"}, "since"), ({"limit": 101}, "limit"),
        ({"device_id": "mine"}, "device_id"), ({"title": "a\0b", "state": "open"}, "title"),
    ])  # fmt: skip
    def test_that_make_no_sense_are_refused(self, world: World, asked: dict[str, Any], field: str) -> None:
        answer = world.ask("GET", "/conflicts", query_string=asked)
        assert (answer.status_code, answer.json["field"]) == (422, field)


class TestCounts:
    """How many wait: by sort, field, crew and age."""

    def test_by_everything(self, world: World, tablet: Tablet) -> None:
        left(world, tablet, title="Sinkhole", asset="A 7")
        job, _ = left(world, tablet, asset="A 8")
        world.change(world.read(job), crew_id=None)
        old, (conflict,) = left(world, tablet, asset="A 9")
        moment = datetime.now(UTC) - timedelta(days=8)
        world.rows("UPDATE conflict SET created_at = :at WHERE id = :id RETURNING id", at=moment, id=conflict["id"])
        page = listed(world, limit=1)
        assert page["open"] == {"custody": 4}
        assert page["counts"] == {
            "fields": [
                {"kind": "work_order", "field": "asset", "open": 3},
                {"kind": "work_order", "field": "title", "open": 1},
            ],
            "crews": [
                {"crew_id": str(world.crews["beta"]), "crew_name": "Beta", "open": 3},
                {"crew_id": None, "crew_name": None, "open": 1},
            ],
            "ages": {"day": 3, "week": 0, "older": 1},
        }  # fmt: skip
        assert listed(world, field="title")["counts"]["ages"] == {"day": 1, "week": 0, "older": 0}
        assert listed(world, "of east")["counts"]["fields"] == []
        settle(world, old, [conflict], side="office")
        assert listed(world)["counts"]["ages"] == {"day": 3, "week": 0, "older": 0}
        answer = world.ask("GET", "/conflicts")
        msgspec.json.decode(answer.data, type=ConflictPage)


class TestOrder:
    """The oldest, the newest, or the most urgent first; each in pages."""

    def test_pages_of_each_order_hold_all_once(self, world: World, tablet: Tablet) -> None:
        due = {"a": "2026-03-01T00:00:00Z", "b": None, "c": "2026-02-01T00:00:00Z"}
        urgent = []
        for priority in (3, 1):
            for title, due_at in due.items():
                job, (conflict,) = left(world, tablet, asset=f"{title}{priority}")
                world.change(world.read(job), priority=priority, due_at=due_at)
                urgent.append((priority, due_at or "9", conflict["id"]))
        every = [conflict for *_, conflict in urgent]

        def paged(**asked: Any) -> list[str]:
            found, page = [], listed(world, limit=2, **asked)
            while True:
                found += ids(page)
                if page["next"] is None:
                    return found
                page = listed(world, limit=2, cursor=page["next"], **asked)

        assert paged() == every
        assert paged(order="newest") == every[::-1]
        assert paged(order="urgent", state="open") == [conflict for *_, conflict in sorted(urgent)]

    def test_a_cursor_of_another_order_is_refused(self, world: World, tablet: Tablet) -> None:
        left(world, tablet, asset="A 7", title="Deep")
        cursor = listed(world, limit=1)["next"]
        answer = world.ask("GET", "/conflicts", query_string={"order": "newest", "cursor": cursor})
        assert (answer.status_code, answer.json["field"]) == (422, "cursor")


class TestReason:
    """Why it was decided so stays with the conflict for ever."""

    def test_of_one(self, world: World, tablet: Tablet) -> None:
        job, (conflict,) = left(world, tablet, asset="A 7")
        body = {"choice": "kept", "reason": "The label was wrong."}
        answer = world.ask("POST", f"/conflicts/{conflict['id']}/settlement", if_match='"1"', json=body)
        assert answer.json["settled"]["reason"] == "The label was wrong."
        (entry,) = [e for e in world.ask("GET", f"/work-orders/{job}/history").json["items"] if e["conflicts"]]
        assert entry["conflicts"][0]["settled"]["reason"] == "The label was wrong."
        wrong = world.ask(
            "POST",
            f"/conflicts/{conflict['id']}/settlement",
            if_match='"2"',
            json={"choice": "kept", "reason": "x" * 2001},
        )
        assert (wrong.status_code, wrong.json["field"]) == (422, "reason")

    def test_of_several_has_the_documented_shape(self, world: World, tablet: Tablet) -> None:
        job, conflicts = left(world, tablet)
        msgspec.json.decode(settle(world, job, conflicts, side="crew").data, type=ConflictsSettled)


def test_a_policy_s_own_decision_is_shown_without_a_person(world: World, tablet: Tablet) -> None:
    choose(world, "asset", "crew")
    job = world.create(crew_id=str(world.crews["alpha"]))
    tablet.exchange()
    world.change(job, asset="Office's")
    tablet.edit("work_order", job["id"], "update", 1, asset="Crew's")
    entries = world.ask("GET", f"/work-orders/{job['id']}/history").json["items"]
    (conflict,) = entries[-1]["conflicts"]
    assert (conflict["settled"]["as"], conflict["settled"]["by"], conflict["settled"]["reason"]) == (
        "policy",
        None,
        None,
    )
