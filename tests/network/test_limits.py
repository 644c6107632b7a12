"""The limits that each answer tells, and exchanges that are above them: taken in part, and nothing is lost by that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fieldsync.config import CHANGES_PER_PAGE_MAX, EDITS_PER_EXCHANGE_MAX, Settings
from fieldsync.database import new_id
from fieldsync.sync.admission import gate_of
from fieldsync.sync.gate import LEVEL_MAX, MANY_EDITS
from fieldsync.tablet import HttpLine
from fieldsync.tablet import Tablet as ReferenceTablet
from tests.network.conftest import Server
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, end_app, make_app, make_world

MOST = 12


@pytest.fixture(scope="module")
def own_app(database_url: str) -> Iterator[Any]:
    app = make_app(database_url, edits_per_exchange=MOST)
    yield app
    end_app(app)


@pytest.fixture
def world(own_app: Any) -> World:
    gate_of(own_app)._level = 0
    return make_world(own_app)


def jobs(tablet: Tablet, count: int) -> list[Document]:
    return [tablet.edit("work_order", new_id(), "create", tablet.world.job()) for _ in range(count)]


def halved(world: World, level: int) -> None:
    """As if exchanges had waited too long a moment ago."""
    gate = gate_of(world.app)
    gate._level, gate._level_at = level, gate._clock()


def numbers(verdicts: list[Document]) -> list[int]:
    return [verdict["seq"] for verdict in verdicts]


def test_each_answer_tells_what_the_server_takes(world: World) -> None:
    told = world.tablet().exchange()["limits"]
    assert (told["edits"], told["changes"]) == (MOST, CHANGES_PER_PAGE_MAX)


def test_a_long_queue_is_told_to_send_less_for_the_sake_of_others_and_taken_whole(world: World) -> None:
    tablet, other = world.tablet(), world.tablet()
    world.app.config["FIELDSYNC"] = Settings(edits_per_exchange=EDITS_PER_EXCHANGE_MAX)
    try:
        gate_of(world.app)._others_at = float("-inf")
        assert tablet.exchange(jobs(tablet, 150))["limits"]["edits"] == EDITS_PER_EXCHANGE_MAX
        gate_of(world.app)._edit_s = 1.0  # A machine that is busy.
        assert other.exchange(jobs(other, 1))["limits"]["edits"] == MANY_EDITS
        assert len(tablet.exchange(jobs(tablet, 150))["verdicts"]) == 150
    finally:
        world.app.config["FIELDSYNC"] = Settings(edits_per_exchange=MOST)


def test_of_a_longer_exchange_the_first_are_taken(world: World) -> None:
    tablet = world.tablet()
    queue = jobs(tablet, MOST + 5)
    answer = tablet.exchange(queue)
    assert numbers(answer["verdicts"]) == list(range(1, MOST + 1))
    assert answer["expected_seq"] == MOST + 1
    rest = tablet.exchange(queue[MOST:])
    assert [verdict["verdict"] for verdict in rest["verdicts"]] == ["applied"] * 5
    assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p") == MOST + 5


def test_first_is_by_number_whatever_the_order_in_the_list(world: World) -> None:
    tablet = world.tablet()
    queue = jobs(tablet, 2 * MOST)
    assert numbers(tablet.exchange(queue[::-1])["verdicts"]) == list(range(1, MOST + 1))


def test_an_app_that_knows_no_limits_and_sends_all_again_comes_through(world: World) -> None:
    """It sends its whole queue each time, and drops what has a verdict: so do apps from before there were limits."""
    tablet = world.tablet()
    queue = jobs(tablet, 5 * MOST + 3)
    rounds = 0
    while queue:
        answered = set(numbers(tablet.exchange(queue)["verdicts"]))
        queue = [edit for edit in queue if edit["seq"] not in answered]
        rounds += 1
    assert rounds == 6
    laws.a_replay_gives_the_same(world)


def test_repetitions_count_too_and_it_still_comes_forward(world: World) -> None:
    tablet = world.tablet()
    queue = jobs(tablet, MOST + 4)
    tablet.exchange(queue[:MOST])
    answer = tablet.exchange(queue)  # The answer before was lost.
    assert [verdict["verdict"] for verdict in answer["verdicts"]] == ["repeated"] * MOST
    assert answer["expected_seq"] == MOST + 1
    assert numbers(tablet.exchange(queue[MOST:])["verdicts"]) == [MOST + 1, MOST + 2, MOST + 3, MOST + 4]


def test_an_edit_that_cannot_be_read_has_its_place_among_the_others(world: World) -> None:
    tablet = world.tablet()
    queue = jobs(tablet, MOST + 2)
    queue[3]["observed_at"] = "yesterday"
    queue[MOST]["observed_at"] = "tomorrow"
    verdicts = tablet.exchange(queue)["verdicts"]
    assert numbers(verdicts) == list(range(1, MOST + 1))
    assert [verdict["seq"] for verdict in verdicts if verdict["verdict"] == "refused"] == [4]
    assert [verdict["verdict"] for verdict in tablet.exchange(queue[MOST:])["verdicts"]] == ["refused", "applied"]


def test_a_gap_within_what_is_taken_is_a_gap(world: World) -> None:
    tablet = world.tablet()
    queue = jobs(tablet, MOST + 5)
    for hole, status in ((2, 409), (MOST + 2, 200)):
        body = json.dumps(tablet.document([edit for edit in queue if edit["seq"] != hole]))
        assert tablet.post(body).status_code == status


@pytest.mark.parametrize("level", range(LEVEL_MAX + 1))
def test_under_load_the_limits_are_halved(world: World, level: int) -> None:
    tablet = world.tablet()
    halved(world, level)
    answer = tablet.exchange(jobs(tablet, MOST))
    assert answer["limits"]["edits"] == len(answer["verdicts"]) == MOST >> level
    assert answer["limits"]["changes"] == CHANGES_PER_PAGE_MAX >> level


def test_a_page_is_no_longer_than_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tablet = world.tablet()
    for _ in range(2):
        tablet.push(*jobs(tablet, MOST))
    monkeypatch.setattr("fieldsync.sync.limits.CHANGES_PER_PAGE_MAX", 10)
    answer = tablet.exchange(limit=500)
    assert (len(answer["changes"]), answer["more"]) == (10, True)
    assert len(tablet.pull()) >= 2 * MOST


def test_the_reference_tablet_sends_what_is_taken(narrow: Server, tmp_path: Path) -> None:
    """The first exchange is longer than the server takes; afterwards the tablet knows, also after a restart."""
    world = narrow.world()
    device = world.tablet()
    sizes: list[int] = []

    class Watched(HttpLine):
        def send(self, method: str, path: str, headers: Any, body: bytes | None) -> Any:
            reply = super().send(method, path, headers, body)
            sizes.append(len(json.loads(reply.body)["verdicts"]))
            return reply

    server = f"http://{narrow.address}"
    for start in range(2):
        with closing(Watched(server)) as line, closing(ReferenceTablet(tmp_path / "t", server, line=line)) as tablet:
            with tablet._store.transaction() as connection:
                connection.execute("UPDATE state SET token = ?, device_id = ?", (device.token, str(device.device_id)))
            for _ in range(100):
                tablet.create("work_order", world.job())
            first = tablet.exchange()
            assert (first.edits, first.idle) == (40, False)
            tablet.sync()
            assert sizes[3 * start : 3 * start + 3] == [40, 40, 20]
            assert tablet.waiting() == []
            assert len(tablet.records("work_order")) == 100 * (start + 1)
