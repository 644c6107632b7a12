"""What others do between the look at what to lock and the lock: nobody decides by what was there before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from types import ModuleType
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from fieldsync.dispatch.assignments import move, take_back
from fieldsync.dispatch.assignments.load import Dispatcher
from fieldsync.dispatch.assignments.whose import Whose
from tests.api.assignments.scene import EAST, Document, Scene, at

Between = Callable[[ModuleType, Callable[[], object]], None]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Lets something happen once, in a request of its own, after a module has looked whose an assignment is."""

    def let(module: ModuleType, happen: Callable[[], object]) -> None:
        real, left = module.whose, [happen]

        def whose(dispatcher: Dispatcher, ids: Sequence[UUID]) -> dict[UUID, Whose]:
            found: dict[UUID, Whose] = real(dispatcher, ids)
            if left:
                thread = Thread(target=left.pop())
                thread.start()
                thread.join()
            return found

        monkeypatch.setattr(module, "whose", whose)

    return let


def patch(scene: Scene, assignment: Document, **fields: object) -> TestResponse:
    """By somebody who guesses the version that comes next."""
    return scene.world.ask("PATCH", f"/assignments/{assignment['id']}", if_match='"1", "2"', json=fields)


def take(scene: Scene, how: str, assignment: Document, by: str) -> TestResponse:
    path = f"/assignments/{assignment['id']}/{how}"
    return scene.world.ask("POST", path, by, '"1", "2"', json={"reason": "Needed"})


def check_stale(answer: TestResponse, **now: object) -> None:
    assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed"), answer.json  # type: ignore[index]
    current = answer.json["current"]  # type: ignore[index]
    assert {name: current[name] for name in now} == now
    assert answer.headers["ETag"] == current["etag"] == '"2"'


def test_another_crew_makes_a_guessed_version_stale(scene: Scene, between: Between) -> None:
    assignment = scene.assigned(scene.job())
    between(move, lambda: scene.changed(assignment, crew_id=scene.crew("beta")))
    check_stale(patch(scene, assignment, minutes=90), crew_id=scene.crew("beta"), minutes=60)


def test_another_time_makes_it_stale_so_that_a_cap_holds(scene: Scene, between: Between) -> None:
    scene.agree(cap_minutes=120, cap_period="day")
    scene.assigned(scene.job(EAST), hour=5, day=90)
    assignment = scene.assigned(scene.job(EAST))
    between(move, lambda: scene.changed(assignment, starts_at=at(9, 90)))
    check_stale(patch(scene, assignment, minutes=120), starts_at=at(9, 90), minutes=60)


def test_of_many_moves_too(scene: Scene, between: Between) -> None:
    moved, other = scene.assigned(scene.job()), scene.assigned(scene.job(), hour=12)
    between(move, lambda: scene.changed(moved, crew_id=scene.crew("beta")))
    first, second = scene.moves(
        {"id": moved["id"], "version": 2, "minutes": 90}, {"id": other["id"], "version": 1, "minutes": 90}
    )
    assert (first["problem"]["code"], first["problem"]["current"]["crew_id"]) == (
        "precondition_failed", scene.crew("beta")
    )  # fmt: skip
    assert second["verdict"] == "moved"


def test_what_leaves_crew_and_time_as_they_are_may_be_guessed(scene: Scene, between: Between) -> None:
    assignment = scene.assigned(scene.job())
    between(move, lambda: scene.changed(assignment, pinned=True))
    answer = patch(scene, assignment, minutes=90, move_pinned=True)
    assert (answer.status_code, answer.json["version"]) == (200, 3)  # type: ignore[index]


@pytest.mark.parametrize("how", ["release", "recall"])
def test_taking_back_what_moved_meanwhile(scene: Scene, between: Between, how: str) -> None:
    assignment = scene.assigned(scene.job())
    between(take_back, lambda: scene.changed(assignment, crew_id=scene.crew("beta")))
    check_stale(take(scene, how, assignment, "of west"), crew_id=scene.crew("beta"))
    assert scene.read(assignment)["state"] == "planned"


@pytest.mark.parametrize("how", ["release", "recall"])
def test_a_home_that_lost_sight_of_it_is_not_shown_the_present(scene: Scene, between: Between, how: str) -> None:
    scene.agree(home_priority=True)
    assignment = scene.assigned(scene.job(EAST))
    between(take_back, lambda: scene.changed(assignment, crew_id=scene.crew("gamma")))
    answer = take(scene, how, assignment, "of west")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")  # type: ignore[index]
    assert scene.crew("gamma") not in answer.text
    assert scene.read(assignment)["state"] == "planned"
