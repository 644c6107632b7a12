"""Each limit of the database and the pool: what the tablet gets, that nothing is half-written, that the next works."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from fieldsync.database import new_id
from tests.network.conftest import Held, Server
from tests.network.wire import Answer, answer_of, ask, connect, exchange, request
from tests.setup.processes import wait_until
from tests.sync_model.world import Document, Tablet, World

_SLOW = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END'",
    "CREATE TRIGGER slow AFTER INSERT ON journal FOR EACH STATEMENT EXECUTE FUNCTION slow()",
)
_QUICK = ("DROP TRIGGER slow ON journal", "DROP FUNCTION slow()")


@pytest.fixture
def world(narrow: Server) -> World:
    return narrow.world()


@pytest.fixture
def held(narrow: Server, world: World) -> Iterator[Held]:
    held = Held(narrow, world)
    yield held
    held.close()


def one_job(tablet: Tablet) -> Document:
    return tablet.edit("work_order", new_id(), "create", tablet.world.job())


def is_asked_to_come_again(answer: Answer | None, code: str = "come_again") -> bool:
    assert answer is not None
    return (answer.status, answer.json["code"]) == (503, code) and int(answer.headers["retry-after"]) >= 1


def nothing_is_written_and_the_next_works(server: Server, tablet: Tablet, data: bytes) -> None:
    """The same exchange again is the first that the journal hears of."""
    count = "SELECT count(*) FROM journal WHERE author_id = :id"
    assert tablet.world.value(count, id=tablet.device_id) == 0
    (verdict,) = ask(server.address, data).json["verdicts"]
    assert verdict["verdict"] == "applied"
    assert tablet.world.value(count, id=tablet.device_id) == 1


def test_a_lock_that_is_not_given(narrow: Server, world: World, held: Held) -> None:
    tablet = world.tablet()
    data = exchange(tablet, [one_job(tablet)])
    assert is_asked_to_come_again(ask(narrow.address, data))
    held.let_go()
    nothing_is_written_and_the_next_works(narrow, tablet, data)


def test_a_statement_that_takes_too_long(narrow: Server, world: World) -> None:
    tablet = world.tablet()
    data = exchange(tablet, [one_job(tablet)])
    for statement in _SLOW:
        world.run(statement)
    try:
        assert is_asked_to_come_again(ask(narrow.address, data))
    finally:
        for statement in _QUICK:
            world.run(statement)
    nothing_is_written_and_the_next_works(narrow, tablet, data)


def test_a_transaction_that_does_nothing(narrow: Server, world: World, held: Held) -> None:
    """The server's process stands still in the midst of a transaction: its locks must not stand with it."""
    tablet = world.tablet()
    data = exchange(tablet, [one_job(tablet)])
    with connect(narrow.address) as line:
        line.sendall(data)
        assert wait_until(lambda: len(held.waiters()) == 1)
        (database_process,) = held.waiters()
        (worker,) = narrow.workers
        os.kill(worker, signal.SIGSTOP)
        try:
            held.let_go()
            assert wait_until(lambda: not held.is_there(database_process))
        finally:
            os.kill(worker, signal.SIGCONT)
        assert is_asked_to_come_again(answer_of(line))
    nothing_is_written_and_the_next_works(narrow, tablet, data)
    assert narrow.workers == [worker]


def test_a_connection_that_the_database_ends(narrow: Server, world: World, held: Held) -> None:
    tablet = world.tablet()
    data = exchange(tablet, [one_job(tablet)])
    with connect(narrow.address) as line:
        line.sendall(data)
        assert wait_until(lambda: len(held.waiters()) == 1)
        (database_process,) = held.waiters()
        held.also("SELECT pg_terminate_backend(%s)", database_process)
        assert is_asked_to_come_again(answer_of(line))
    held.let_go()
    nothing_is_written_and_the_next_works(narrow, tablet, data)


def test_a_pool_that_is_exhausted_recovers(narrow: Server, world: World, held: Held) -> None:
    """Others hold all connections, waiting for a lock: who comes is asked to come again, and health says how it is."""
    tablet, others = world.tablet(), [world.tablet() for _ in range(2)]
    data = exchange(tablet, [one_job(tablet)])
    lines = [connect(narrow.address) for _ in others]
    for line, other in zip(lines, others, strict=True):
        held.also("SELECT FROM device WHERE id = %s FOR UPDATE", other.device_id)
        line.sendall(request("/v1/devices/current/token", token=other.token))
    assert wait_until(lambda: len(held.waiters()) == 2)
    assert is_asked_to_come_again(ask(narrow.address, data))
    assert ask(narrow.address, request("/healthz", method="GET")).status == 200
    for line in lines:
        assert is_asked_to_come_again(answer_of(line))  # In the end they give up, too.
        line.close()
    held.let_go()
    nothing_is_written_and_the_next_works(narrow, tablet, data)
    for other in others:
        answer = ask(narrow.address, request("/v1/devices/current/token", token=other.token))
        assert answer.status == 201
