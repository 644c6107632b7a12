"""What is announced, and when: after the commit, and only then."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import psycopg
import pytest

from fieldsync.database import db, transaction
from fieldsync.partnerships import announce
from fieldsync.partnerships.head import next_change
from tests.api.board.live import until
from tests.api.office.world import World, make_world
from tests.sync_model.world import end_app, make_app


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[set[UUID]]:
    """What is to be told, instead of telling it."""
    found: list[set[UUID]] = []

    class Teller:
        def announce(self, partnership_ids: Collection[UUID]) -> None:
            found.append(set(partnership_ids))

    monkeypatch.setattr(announce, "_announcer", lambda _engine: Teller())
    return found


def test_a_commit_is_told_once(world: World, elsewhere: World, told: list[set[UUID]]) -> None:
    with world.app.app_context():
        with transaction() as session:
            for one in (world, world, elsewhere):
                next_change(session, one.partnership_id)
            assert told == []
        assert told == [{world.partnership_id, elsewhere.partnership_id}]
        with transaction():
            pass
        assert len(told) == 1


def test_what_is_rolled_back_is_not_told(world: World, told: list[set[UUID]]) -> None:
    with world.app.app_context():
        session = db.session()
        next_change(session, world.partnership_id)
        session.rollback()
        with transaction():
            pass
    assert told == []


def test_a_savepoint_is_no_commit(world: World, told: list[set[UUID]]) -> None:
    with world.app.app_context(), transaction() as session:
        with session.begin_nested():
            next_change(session, world.partnership_id)
        assert told == []
    assert told == [{world.partnership_id}]


def test_who_listens_to_the_database_hears_the_head(world: World) -> None:
    with world.app.app_context():
        address = announce.address(db.engine)
    with announce.connect(address, "") as listening:
        listening.execute(f"LISTEN {announce.CHANNEL}")
        world.create()
        ((change,),) = world.rows("SELECT change FROM head WHERE partnership_id = :p")
        heard: set[str] = set()
        for notice in listening.notifies(timeout=20):
            heard.add(notice.payload)
            if f"{world.partnership_id} {change}" in heard:
                break
        assert f"{world.partnership_id} {change}" in heard


def test_the_thread_ends_when_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "IDLE_S", 0.0)
    monkeypatch.setattr(announce, "EVERY_S", 0.0)
    closed: list[bool] = []

    class Connection:
        def execute(self, *_: Any) -> None:
            pass

        def close(self) -> None:
            closed.append(True)

    class Engine:
        url = None
        dialect = type("", (), {"create_connect_args": staticmethod(lambda _url: ([], {}))})

    monkeypatch.setattr(announce, "connect", lambda *_: Connection())
    announcer = announce.Announcer(Engine())  # type: ignore[arg-type]
    announcer._runs = True  # the thread is this one
    announcer.announce({UUID(int=1)})
    announcer._run()
    assert (announcer._runs, closed) == (False, [True])


def test_a_connection_beside_the_pool_commits_by_itself(world: World) -> None:
    with world.app.app_context(), announce.connect(announce.address(db.engine), announce._OPTIONS) as connection:
        assert connection.autocommit
        row = connection.execute("SHOW synchronous_commit").fetchone()
        assert row == ("off",)
        assert isinstance(connection, psycopg.Connection)


def test_who_is_done_with_a_database_leaves_no_connection(new_database: Callable[[], str]) -> None:
    url = new_database()
    app = make_app(url)
    world = make_world(app)
    console = world.ask("GET", "/board/events")
    events = console.iter_encoded()
    next(events), next(events)
    world.create()
    assert b"event: change" in next(events)
    console.close()
    end_app(app)
    with psycopg.connect(url, autocommit=True) as other:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        until(lambda: other.execute(count).fetchone() == (1,))
