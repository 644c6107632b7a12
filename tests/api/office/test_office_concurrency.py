"""Two people, or a person and a tablet, at the same moment: real threads on a real database."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.api.office.world import WEST, World

ROUNDS = 8
"""Often enough that both orders of arrival are met."""


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """The answers of requests that are sent at the same moment, each from its own thread."""
    barrier = Barrier(len(works))
    answers: dict[int, Any] = {}

    def run(place: int, work: Callable[[], Any]) -> None:
        barrier.wait()
        answers[place] = work()

    threads = [Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[place] for place in range(len(works))]


def test_of_two_dispatchers_with_the_same_etag_one_wins_and_the_other_is_shown_the_record(world: World) -> None:
    work_order = world.create()
    path = f"/work-orders/{work_order['id']}"
    for number in range(ROUNDS):
        tag = world.read(work_order["id"])["etag"]

        def send(by: str, tag: str = tag, number: int = number) -> TestResponse:
            return world.ask("PATCH", path, by, tag, json={"title": f"{by} {number}"})

        answers = at_once(lambda: send("dispatcher"), lambda: send("second"))
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert (winner.status_code, loser.status_code) == (200, 412)
        assert loser.json["current"] == winner.json == world.read(work_order["id"])
        assert loser.headers["ETag"] == winner.headers["ETag"]


def test_the_same_request_twice_at_once_is_done_once(world: World) -> None:
    body = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
    for number in range(ROUNDS):
        key = {"Idempotency-Key": str(uuid4())}

        def send(key: dict[str, str] = key) -> TestResponse:
            return world.ask("POST", "/work-orders", json=body, headers=key)

        answers = at_once(send, send)
        assert sorted(answer.status_code for answer in answers) == [200, 201]
        assert answers[0].json == answers[1].json
        assert world.rows("SELECT count(*) FROM work_order WHERE partnership_id = :p") == [(number + 1,)]


def test_of_two_who_settle_a_conflict_one_decides(world: World) -> None:
    tablet = world.tablet("alpha")
    for _ in range(ROUNDS):
        work_order = world.create(crew_id=str(world.crews["alpha"]), description="Reported")
        tablet.exchange()
        world.change(work_order, description="By the office")
        verdict = tablet.edit("work_order", work_order["id"], "update", 1, description="By the crew")
        path = f"/conflicts/{verdict['conflicts'][0]['id']}/settlement"

        def send(by: str, body: dict[str, Any], path: str = path) -> TestResponse:
            return world.ask("POST", path, by, '"1"', json=body)

        answers = at_once(
            lambda: send("dispatcher", {"choice": "other"}),
            lambda: send("second", {"choice": "value", "value": "A third"}),
        )
        winner, loser = sorted(answers, key=lambda answer: answer.status_code)
        assert (winner.status_code, loser.status_code) == (200, 412)
        assert loser.json["current"] == winner.json
        stands = world.read(work_order["id"])["record"]["description"]
        assert stands == winner.json["settled"]["value"]


@pytest.mark.parametrize("field", ["description", "priority"])
def test_a_dispatcher_and_a_tablet_at_once_lose_nothing(world: World, field: str) -> None:
    """Whoever comes second: the dispatcher gets 412 with what the crew did, or the crew's edit becomes a conflict."""
    office, crew = ("By the office", "By the crew") if field == "description" else (1, 5)
    tablet = world.tablet("alpha")
    seen = set()
    for _ in range(ROUNDS):
        work_order = world.create(crew_id=str(world.crews["alpha"]))
        tablet.exchange()

        def push(work_order: dict[str, Any] = work_order) -> dict[str, Any]:
            return tablet.edit("work_order", work_order["id"], "update", 1, **{field: crew})

        def send(work_order: dict[str, Any] = work_order) -> TestResponse:
            return world.ask("PATCH", f"/work-orders/{work_order['id']}", if_match='"1"', json={field: office})

        answer, verdict = at_once(send, push)
        stands = world.read(work_order["id"])["record"][field]
        if answer.status_code == 412:
            assert (verdict["verdict"], stands) == ("applied", crew)
            assert answer.json["current"]["record"][field] == crew
        else:
            assert (answer.status_code, verdict["verdict"], stands) == (200, "conflicted", office)
            assert [(c["kept"], c["other"]) for c in verdict["conflicts"]] == [(office, crew)]
        seen.add(answer.status_code)
    assert seen <= {200, 412}
