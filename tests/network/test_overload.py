"""More than the server can do: it does what it can, in a fair order, says the rest when to come again, and recovers."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from fieldsync.database import new_id
from fieldsync.tablet import HttpLine, Tablet, Unreachable
from tests.api.office import world as offices
from tests.network.conftest import Held, Server
from tests.network.wire import LONG_S, answer_of, ask, connect, exchange, request
from tests.setup.processes import wait_until
from tests.sync_model import laws
from tests.sync_model import world as worlds
from tests.sync_model.world import Document, World

CROWD = 50
EACH = 30


@pytest.fixture
def world(narrow: Server) -> World:
    return narrow.world()


@pytest.fixture
def held(narrow: Server, world: World) -> Iterator[Held]:
    held = Held(narrow, world)
    yield held
    held.close()


def one_job(tablet: worlds.Tablet) -> Document:
    return tablet.edit("work_order", new_id(), "create", tablet.world.job())


def metric(server: Server, name: str) -> float:
    """A metric of all workers together."""
    text = ask(server.address, request("/metrics", method="GET")).body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def test_a_full_line_sends_away_at_once_and_lets_in_who_waits(narrow: Server, world: World, held: Held) -> None:
    tablets = [world.tablet() for _ in range(4)]
    data = [exchange(tablet, [one_job(tablet)]) for tablet in tablets]
    with ExitStack() as open_lines:
        lines = [open_lines.enter_context(connect(narrow.address)) for _ in tablets[:3]]
        for line, each in zip(lines, data, strict=False):
            line.sendall(each)
        assert wait_until(lambda: metric(narrow, "fieldsync_exchanges_waiting") == 2)
        refused = ask(narrow.address, data[3])
        assert (refused.status, refused.json["code"]) == (503, "overloaded")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        # Who waits at the gate holds no connection; the reserve is for others.
        whoami = request("/v1/devices/current", method="GET", token=tablets[3].token)
        assert ask(narrow.address, whoami).status == 200
        assert ask(narrow.address, request("/readyz", method="GET")).status == 200
        held.let_go()
        answers = [answer_of(line) for line in lines]
    assert [answer.status for answer in answers if answer] == [200] * 3
    assert ask(narrow.address, data[3]).status == 200
    assert wait_until(lambda: metric(narrow, "fieldsync_exchanges_under_way") == 0)
    assert metric(narrow, 'fieldsync_exchanges_sent_away_total{code="overloaded"}') >= 1


def test_who_gave_up_waiting_costs_nothing(narrow: Server, world: World, held: Held) -> None:
    """Exchanges that waited at the gate and whose tablet has gone are not carried out: it asks again."""
    tablets = [world.tablet() for _ in range(3)]
    data = [exchange(tablet, [one_job(tablet)]) for tablet in tablets]
    with connect(narrow.address) as first:
        first.sendall(data[0])
        assert wait_until(lambda: len(held.waiters()) == 1)
        for each in data[1:]:
            with connect(narrow.address) as line:
                line.sendall(each)
                waiting = data.index(each)
                assert wait_until(lambda n=waiting: metric(narrow, "fieldsync_exchanges_waiting") == n)
        held.let_go()
        answer = answer_of(first)
    assert answer is not None
    assert answer.status == 200
    assert wait_until(lambda: metric(narrow, "fieldsync_exchanges_waiting") == 0)
    for tablet, each in zip(tablets[1:], data[1:], strict=True):
        (verdict,) = ask(narrow.address, each).json["verdicts"]
        assert (verdict["verdict"], tablet.seq) == ("applied", 1)


def test_a_made_up_token_is_refused_as_ever(narrow: Server, world: World) -> None:
    tablet = world.tablet()
    body = json.dumps(tablet.document([one_job(tablet)])).encode()
    forged = tablet.token[:-10] + "A" * 10
    for token in (forged, "fsd_nonsense", None):
        answer = ask(narrow.address, request("/v1/sync", body, token=token))
        assert (answer.status, answer.json["code"]) == (401, "not_authenticated")
    assert ask(narrow.address, request("/v1/sync", body, token=tablet.token)).status == 200


def test_consoles_on_all_streams_leave_threads_for_tablets(narrow: Server) -> None:
    consoles = [offices.make_world(narrow.app) for _ in range(2)]
    tablet = narrow.world().tablet()
    with ExitStack() as open_lines:
        for console in consoles:
            for _ in range(2):
                line = open_lines.enter_context(connect(narrow.address))
                line.sendall(request("/v1/board/events", method="GET", token=console.tokens["dispatcher"]))
                assert b" 200 " in line.recv(100)
        full = ask(narrow.address, request("/v1/board/events", method="GET", token=consoles[0].tokens["dispatcher"]))
        assert full.status == 503
        for _ in range(5):
            assert ask(narrow.address, exchange(tablet, [one_job(tablet)])).status == 200
            assert ask(narrow.address, request("/readyz", method="GET")).status == 200


def test_fifty_tablets_at_once(impatient: Server, tmp_path: Path) -> None:
    """All of a depot come into coverage together: everything is taken, once; the office hardly notices."""
    world = impatient.world()
    statuses: Counter[int] = Counter()
    done = threading.Event()

    def office() -> None:
        reader = world.tablet()
        while not done.is_set():
            whoami = request("/v1/devices/current", method="GET", token=reader.token)
            statuses[ask(impatient.address, whoami).status] += 1

    def sync(number: int, device: worlds.Tablet) -> list[str]:
        line = HttpLine(f"http://{impatient.address}")
        with (
            closing(line),
            closing(Tablet(tmp_path / f"{number}", f"http://{impatient.address}", line=line, edits_max=20)) as tablet,
        ):
            with tablet._store.transaction() as connection:
                connection.execute("UPDATE state SET token = ?, device_id = ?", (device.token, str(device.device_id)))
            for _ in range(EACH):
                tablet.create("work_order", world.job())
            barrier.wait(LONG_S)
            chance = random.Random(number)
            tablet.sync(patience=100, wait=lambda pause_s: threading.Event().wait(min(pause_s, chance.uniform(0, 0.5))))
            return [edit.verdict.verdict for edit in tablet.journal() if edit.verdict]

    barrier = threading.Barrier(CROWD)
    devices = [world.tablet() for _ in range(CROWD)]
    with ThreadPoolExecutor(CROWD + 1) as pool:
        watching = pool.submit(office)
        try:
            verdicts = list(pool.map(sync, range(CROWD), devices))
        finally:
            done.set()
        watching.result()
    assert verdicts == [["applied"] * EACH] * CROWD
    assert set(statuses) == {200}
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p") == CROWD * EACH
    for device in devices:
        rows = world.rows("SELECT seq FROM journal WHERE author_id = :id ORDER BY entry", id=device.device_id)
        assert [row["seq"] for row in rows] == list(range(1, EACH + 1))
    laws.no_value_is_lost(world)


def test_a_tablet_that_is_sent_away_keeps_all_and_waits_as_long_as_it_is_told(
    narrow: Server, world: World, held: Held, tmp_path: Path
) -> None:
    line = HttpLine(f"http://{narrow.address}")
    others = [world.tablet() for _ in range(3)]
    opened = Tablet(tmp_path / "t", f"http://{narrow.address}", line=line)
    with ExitStack() as open_lines, closing(line), closing(opened) as tablet:
        device = world.tablet()
        with tablet._store.transaction() as connection:
            connection.execute("UPDATE state SET token = ?, device_id = ?", (device.token, str(device.device_id)))
        tablet.create("work_order", world.job())
        for other in others:
            busy = open_lines.enter_context(connect(narrow.address))
            busy.sendall(exchange(other, [one_job(other)]))
        assert wait_until(lambda: metric(narrow, "fieldsync_exchanges_waiting") == 2)
        with pytest.raises(Unreachable) as sent_away:
            tablet.exchange()
        assert sent_away.value.retry_after_s is not None
        assert sent_away.value.retry_after_s >= 1
        assert len(tablet.waiting()) == 1
        held.let_go()
        tablet.sync(wait=lambda pause_s: threading.Event().wait(0.2))
        assert tablet.waiting() == []
