"""The line breaks at any byte of a request or of its answer, or while the server works: the edits are taken once."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator

import pytest

from fieldsync.database import new_id
from tests.network.conftest import Held, Server
from tests.network.wire import LONG_S, Answer, answer_of, ask, connect, exchange, hang_up, request
from tests.setup.processes import wait_until
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World


def one_job(tablet: Tablet) -> Document:
    return tablet.edit("work_order", new_id(), "create", tablet.world.job())


def numbers(world: World, tablet: Tablet) -> list[int]:
    """The numbers that the journal holds of a tablet, in the order in which they were entered."""
    rows = world.rows("SELECT seq FROM journal WHERE author_id = :id ORDER BY entry", id=tablet.device_id)
    return [row["seq"] for row in rows]


def verdict_of(server: Server, data: bytes) -> str:
    """Send an exchange of one edit until it is answered; what it says of the edit, now or the first time."""

    def send() -> bool:
        answers.append(ask(server.address, data))
        assert answers[-1].status in (200, 429)  # What was cut off may still be under way.
        return answers[-1].status == 200

    answers: list[Answer] = []
    assert wait_until(send)
    (verdict,) = answers[-1].json["verdicts"]
    return str((verdict["recorded"] or verdict)["verdict"])


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_request_that_breaks_off_at_any_byte(impatient: Server, how: str) -> None:
    world = impatient.world()
    tablet = world.tablet()
    data = exchange(tablet, [one_job(tablet)])
    for cut in range(len(data)):
        with connect(impatient.address) as line:
            line.sendall(data[:cut])
            if how == "reset":
                hang_up(line)
            else:
                line.shutdown(socket.SHUT_WR)
    assert numbers(world, tablet) == []
    assert verdict_of(impatient, data) == "applied"
    assert numbers(world, tablet) == [1]


def test_an_answer_that_breaks_off_at_any_byte(impatient: Server) -> None:
    """A tablet that has not got all of its answer asks again, on another line: the same verdict, and nothing twice."""
    world = impatient.world()
    tablet = world.tablet()
    sent = 0
    for cut in range(0, 4_000, 7):
        data = exchange(tablet, [one_job(tablet)])
        sent += 1
        with connect(impatient.address) as line:
            line.sendall(data)
            got = 0
            while got < cut and select.select([line], [], [], 1 if got else LONG_S)[0]:
                got += len(line.recv(cut - got))
            hang_up(line)
        assert verdict_of(impatient, data) == "applied"
        if got < cut:
            break
    else:
        raise AssertionError("The answer is longer than that.")
    assert numbers(world, tablet) == list(range(1, sent + 1))
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p") == sent
    laws.a_replay_gives_the_same(world)


@pytest.fixture
def partnership(impatient: Server) -> World:
    return impatient.world()


@pytest.fixture
def held(impatient: Server, partnership: World) -> Iterator[Held]:
    held = Held(impatient, partnership)
    yield held
    held.close()


class TestClientGone:
    """The client hangs up while its transaction runs."""

    def test_its_edits_are_taken_once_and_the_numbers_stay_whole(
        self, impatient: Server, partnership: World, held: Held
    ) -> None:
        tablet = partnership.tablet()
        first = [one_job(tablet) for _ in range(3)]
        line = connect(impatient.address)
        line.sendall(exchange(tablet, first))
        assert wait_until(lambda: len(held.waiters()) == 1)
        hang_up(line)
        assert numbers(partnership, tablet) == []
        held.let_go()
        assert wait_until(lambda: numbers(partnership, tablet) == [1, 2, 3])
        # It has heard nothing, has entered more meanwhile, and sends all of it.
        queue = [*first, one_job(tablet)]
        answer = ask(impatient.address, exchange(tablet, queue))
        assert [verdict["verdict"] for verdict in answer.json["verdicts"]] == ["repeated"] * 3 + ["applied"]
        assert numbers(partnership, tablet) == [1, 2, 3, 4]
        laws.a_replay_gives_the_same(partnership)

    def test_one_that_asks_again_at_once_is_told_that_the_first_is_under_way(
        self, impatient: Server, partnership: World, held: Held
    ) -> None:
        """Asked until both workers have been met: one says so at once, the other's waits for the device's line."""
        tablet = partnership.tablet()
        data = exchange(tablet, [one_job(tablet)])
        gone = connect(impatient.address)
        gone.sendall(data)
        assert wait_until(lambda: len(held.waiters()) == 1)
        hang_up(gone)
        lines: list[socket.socket] = []

        def is_told() -> bool:
            lines.append(connect(impatient.address))
            lines[-1].sendall(data)
            return bool(select.select([lines[-1]], [], [], 0.3)[0])

        assert wait_until(is_told)
        answer = answer_of(lines[-1])
        assert answer is not None
        assert (answer.status, answer.json["code"]) == (429, "exchange_under_way")
        assert int(answer.headers["retry-after"]) >= 1
        held.let_go()
        for line in lines:
            line.close()
        assert verdict_of(impatient, data) == "applied"
        assert numbers(partnership, tablet) == [1]

    def test_many_that_hang_up_leave_room_for_others(self, impatient: Server, partnership: World, held: Held) -> None:
        """A partnership that is stuck, with tablets that give up and come again, does not stop the others."""
        crowd = [partnership.tablet() for _ in range(20)]
        batches = [exchange(tablet, [one_job(tablet)]) for tablet in crowd]
        for data in batches:
            line = connect(impatient.address)
            line.sendall(data)
            hang_up(line)
        assert wait_until(lambda: len(held.waiters()) >= 2)
        other = impatient.world().tablet()
        for _ in range(10):
            assert ask(impatient.address, exchange(other, [one_job(other)])).status == 200
        held.let_go()
        for tablet, data in zip(crowd, batches, strict=True):
            assert verdict_of(impatient, data) == "applied"
            assert numbers(partnership, tablet) == [1]

    def test_a_page_that_nobody_takes_costs_nothing(self, impatient: Server, partnership: World) -> None:
        tablet = partnership.tablet()
        tablet.push(*[one_job(tablet) for _ in range(50)])
        body = json.dumps(tablet.document(limit=500)).encode()
        for _ in range(20):
            line = connect(impatient.address)
            line.sendall(request("/v1/sync", body, token=tablet.token))
            hang_up(line)
        assert wait_until(lambda: ask(impatient.address, request("/v1/sync", body, token=tablet.token)).status == 200)
        assert len(tablet.pull()) >= 50
