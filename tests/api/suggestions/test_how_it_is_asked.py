"""A fixed number of statements, and the router: asked about the best, and not waited for with a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from fieldsync.database import db
from tests.api.office.world import EAST, WEST
from tests.api.suggestions.router import FakeRoads
from tests.api.suggestions.scene import Scene, at, names, place, stamp

STATEMENTS_MAX = 9


def statements(scene: Scene, ask: Callable[[], Any]) -> int:
    taken: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        taken.append(statement)

    with scene.world.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return len(taken)


def test_statements_do_not_grow_with_rows(scene: Scene) -> None:
    scene.agree(cap_minutes=10_000, cap_period="day")
    job = scene.job(EAST)
    both = (lambda: scene.crews(job), lambda: scene.jobs("alpha", limit=50))
    before = [statements(scene, ask) for ask in both]
    for number in range(12):
        scene.job(place(0, number))
        scene.job(EAST)
        scene.book("beta", at(7 + number / 2, day=number % 5), 25, EAST)
        scene.member("beta", f"Person {number}", "flagger")
        scene.agree(cap_minutes=10_000 + number, cap_period="week")
    assert [statements(scene, ask) for ask in both] == before
    assert max(before) <= STATEMENTS_MAX


@pytest.fixture
def routed(scene: Scene, roads: FakeRoads, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The scene with a router."""
    settings = replace(scene.world.app.config["FIELDSYNC"], travel_url=roads.url, travel_timeout_ms=5_000)
    monkeypatch.setitem(scene.world.app.config, "FIELDSYNC", settings)
    return scene


def test_the_best_are_reckoned_by_the_router(routed: Scene, roads: FakeRoads) -> None:
    routed.equip("alpha", depot=place(0, 6))
    found = routed.crews(routed.job(), starts_at=stamp(at(9)), limit=2)
    alpha = next(item for item in found["suggestions"] if item["crew"]["code"] == "alpha")
    # Six kilometres at ten metres a second.
    assert alpha["travel_minutes"] == 10.0
    assert {item["travel_by"] for item in found["suggestions"]} == {"router"}
    assert found["travel"] == {"by": "router", "because": None, "unrouted": 0}
    assert roads.sizes == [(2, 2, 2)]
    routed.job(place(0, 6.5))
    found = routed.jobs("alpha")
    assert [item["travel_minutes"] for item in found["suggestions"]] == pytest.approx([0.8, 10.0], abs=0.1)
    assert {item["travel_by"] for item in found["suggestions"]} == {"router"}


def test_what_the_router_says_can_change_the_order_and_the_verdict(routed: Scene, roads: FakeRoads) -> None:
    """By road it is slower than the straight line had it: six kilometres in half an hour."""
    roads.seconds_a_metre = 0.3
    routed.book("alpha", at(7), 105, place(0, 6))
    routed.equip("beta", depot=place(0, 10))
    found = routed.crews(routed.job(), starts_at=stamp(at(9)), limit=2)
    assert names(found) == ["beta", "alpha"]
    assert [item["shortfalls"] for item in found["suggestions"]] == [[], ["way_there_too_long"]]


def test_without_an_answer_the_straight_line_stands_and_is_named(routed: Scene, roads: FakeRoads) -> None:
    roads.mood = "fails"
    routed.equip("alpha", depot=place(0, 6))
    found = routed.crews(routed.job(), starts_at=stamp(at(9)))
    assert found["travel"] == {"by": "straight_line", "because": "unavailable", "unrouted": 0}
    assert {item["travel_by"] for item in found["suggestions"]} == {"straight_line"}
    assert found["suggestions"][0]["eligible"]


def test_no_connection_is_kept_while_the_router_is_asked(routed: Scene, roads: FakeRoads) -> None:
    held: list[int] = []
    with routed.world.app.app_context():
        pool: Any = db.engine.pool
    roads.when_asked = lambda: held.append(pool.checkedout())
    routed.equip("alpha", depot=place(0, 6))
    routed.crews(routed.job(WEST), starts_at=stamp(at(9)))
    routed.jobs("alpha")
    assert held == [0, 0]


def test_no_more_places_than_one_matrix_holds_are_asked_for(
    routed: Scene, roads: FakeRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldsync.dispatch.suggestions.suggest.POINTS_MAX", 3)
    routed.equip("alpha", depot=WEST)
    for km in range(1, 6):
        routed.job(place(0, km))
    found = routed.jobs("alpha")
    assert sorted(item["travel_by"] for item in found["suggestions"]) == ["router"] * 2 + ["straight_line"] * 3
    assert roads.sizes == [(3, 3, 3)]


def test_one_request_looks_only_so_far(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The crews of where the work lies come first, and what was not looked at is said."""
    job = scene.job(EAST)
    for _ in range(3):
        scene.agree()
    whole = scene.crews(job, days=1)
    assert (whole["considered"] > 1, whole["unexamined"], whole["more"]) == (True, 0, False)
    scene.job(EAST)
    assert scene.jobs("alpha")["unexamined"] == 0
    monkeypatch.setattr("fieldsync.dispatch.rank.EFFORT_MAX", 1)
    less = scene.crews(job, days=1)
    assert (less["considered"], less["unexamined"], less["more"]) == (1, whole["considered"] - 1, True)
    assert [item["crew"]["jurisdiction_id"] for item in less["suggestions"]] == [str(scene.world.towns["east"])]
    found = scene.jobs("alpha")
    assert (found["considered"], found["unexamined"]) == (1, 1)
    at_once = scene.crews(job, starts_at=stamp(at(9)))
    assert (at_once["considered"], at_once["unexamined"]) == (1, whole["considered"] - 1)
