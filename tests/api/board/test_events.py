"""Server-sent events from a real server: what other processes change is heard, and nothing is lost on the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue
from uuid import UUID

import psycopg
import pytest
import urllib3
from flask import Flask
from werkzeug.test import TestResponse

from fieldsync.auth import tokens
from fieldsync.auth.models import Token
from fieldsync.database import db, new_id, transaction
from fieldsync.dispatch.board import streams
from fieldsync.dispatch.board.streams import PLACES
from fieldsync.partnerships import announce
from tests.api.board.live import STREAMS, Console, Server, serving, until
from tests.api.office.world import World, make_world

SOMEBODY = UUID(int=1)


@contextmanager
def listening(server: Server, world: World, last: int | None = None, by: str = "dispatcher") -> Iterator[Console]:
    console = Console(server, world, last, by)
    try:
        yield console
    finally:
        console.hang_up()


@contextmanager
def reading(world: World, by: str = "dispatcher", last: str = "") -> Iterator[Iterator[int]]:
    """The numbers of the events of a stream within this process."""
    answer = world.ask("GET", "/board/events", by, headers={"Last-Event-ID": last})
    assert answer.status_code == 200
    parts = answer.iter_encoded()
    yield (json.loads(part.split(b"data: ")[1])["change"] for part in parts if b"event: change" in part)
    answer.close()


@contextmanager
def taken(world: World, by: str) -> Iterator[TestResponse]:
    """A stream within this process that nobody reads."""
    answer = world.ask("GET", "/board/events", by)
    assert answer.status_code == 200, answer.json
    yield answer
    answer.close()


def head(world: World) -> int:
    ((change,),) = world.rows("SELECT change FROM head WHERE partnership_id = :p")
    return int(change)


def streams_of(server: Server) -> int:
    """How many the server says there are."""
    connection, response = server.get("/metrics", "")
    lines = response.read().decode().splitlines()
    connection.close()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("fieldsync_board_streams")))


class TestListening:
    def test_the_first_event_says_where_the_partnership_stands(self, server: Server, world: World) -> None:
        with listening(server, world) as console:
            assert console.status == 200
            assert console.response.headers["Content-Type"].startswith("text/event-stream")
            assert console.response.headers["Cache-Control"] == "no-store"
            assert console.response.headers["X-Accel-Buffering"] == "no"
            assert "Content-Encoding" not in console.response.headers
            first = console.next()
            assert first is not None
            assert 2_000 <= int(first["retry"]) <= 5_000
            assert console.change() == head(world)

    def test_what_another_process_changes_is_heard(self, server: Server, world: World) -> None:
        with listening(server, world) as console, listening(server, world, by="of east") as other:
            console.change()
            other.change()
            # By this process; the server is another one.
            world.create()
            console.up_to(head(world))
            other.up_to(head(world))
            tablet = world.tablet("alpha")
            job = world.create(crew_id=str(world.crews["alpha"]))
            tablet.edit("work_order", job["id"], "update", 1, description="deep")
            console.up_to(head(world))

    def test_who_knows_the_head_hears_nothing_until_it_moves(self, server: Server, world: World) -> None:
        with listening(server, world, last=head(world)) as console:
            assert console.is_silent(2)
            world.create()
            console.up_to(head(world))

    def test_who_comes_back_is_told_at_once_what_was_missed(self, server: Server, world: World) -> None:
        seen = head(world)
        world.create()
        with listening(server, world, last=seen) as console:
            assert console.change() == head(world)

    def test_a_number_from_before_a_restore_is_answered_with_the_head(self, server: Server, world: World) -> None:
        with listening(server, world, last=1_000_000) as console:
            assert console.change() == head(world)

    def test_other_partnerships_are_not_heard(self, server: Server, world: World, elsewhere: World) -> None:
        with listening(server, world) as console:
            console.change()
            elsewhere.create()
            assert console.is_silent(1.5)

    def test_many_commits_are_told_as_one(self, server: Server, world: World) -> None:
        with listening(server, world) as console:
            console.change()
            for _ in range(20):
                world.create()
            last, told = head(world), 1
            while console.change() < last:
                told += 1
            assert told < 20

    @pytest.mark.parametrize("last", ["", "abc", "-1", "9" * 30, "1.5"])
    def test_what_is_no_number_of_ours_counts_as_none(self, world: World, last: str) -> None:
        with reading(world, last=last) as events:
            assert next(events) == head(world)


class TestWhenThingsGoWrong:
    def test_a_lost_connection_is_made_again_and_nothing_is_missed(self, server: Server, world: World) -> None:
        with listening(server, world) as console:
            console.change()
            world.create()
            console.up_to(head(world))
            ended = world.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'fieldsync notices' AND datname = current_database()"
            )
            assert ended
            world.create()
            console.up_to(head(world))
            world.create()
            console.up_to(head(world))

    def test_without_any_announcement_the_stream_looks_itself(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(streams, "LOOK_S", 0.2)
        with reading(world) as events:
            assert next(events) == head(world)
            # Nobody tells of this one.
            world.rows("UPDATE head SET change = change + 1 WHERE partnership_id = :p RETURNING change")
            assert next(events) == head(world)

    def test_a_database_that_is_away_does_not_hurt_who_announces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(announce, "AWAY_S", 0.05)
        tried = threading.Semaphore(0)

        def refuse(*_: object) -> None:
            tried.release()
            raise psycopg.OperationalError("no route")

        class Away:
            dialect = type("", (), {"create_connect_args": staticmethod(lambda url: ([], {}))})
            url = None

        monkeypatch.setattr(announce, "connect", refuse)
        announcer = announce.Announcer(Away())  # type: ignore[arg-type]
        for _ in range(3):
            announcer.announce([])
            announcer.announce({SOMEBODY})
            assert tried.acquire(timeout=10)
        # It is there again: what waited is told.
        told: Queue[list[object]] = Queue()

        class Connection:
            def execute(self, _statement: str, bound: list[object]) -> None:
                told.put(bound)

            def close(self) -> None:
                pass

        monkeypatch.setattr(announce, "connect", lambda *_: Connection())
        assert told.get(timeout=10) == [[SOMEBODY]]


class TestTheEnd:
    @pytest.mark.parametrize(
        "end",
        [
            "UPDATE token SET revoked_at = now() WHERE partnership_id = :p AND staff_id = :id RETURNING id",
            "UPDATE token SET expires_at = now() WHERE partnership_id = :p AND staff_id = :id RETURNING id",
            "UPDATE staff SET disabled_at = now() WHERE partnership_id = :p AND id = :id RETURNING id",
            "UPDATE staff_role SET role = 'finance' WHERE partnership_id = :p AND staff_id = :id RETURNING id",
        ],
        ids=["token revoked", "token expired", "person gone", "role taken"],
    )
    def test_of_what_lets_her_listen(self, world: World, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "LOOK_S", 0.2)
        with reading(world, by="second") as events:
            next(events)
            assert world.rows(end, id=world.staff["second"])
            assert list(events) == []
        assert world.ask("GET", "/board/events", by="second").status_code in (401, 403)

    def test_of_the_console(self, server: Server, world: World) -> None:
        until(lambda: streams_of(server) == 0)
        with listening(server, world) as console:
            console.change()
            assert streams_of(server) == 1
        until(lambda: streams_of(server) == 0)

    def test_of_the_server(self, database_url: str, world: World, tmp_path: Path) -> None:
        headers = {"Authorization": f"Bearer {world.tokens['dispatcher']}"}
        with serving(database_url, tmp_path) as server:
            url = f"http://{server.address}/v1/board/events"
            answer = urllib3.request("GET", url, headers=headers, preload_content=False)
            parts = answer.stream()
            assert next(parts).startswith(b"retry:")
            server.web.stop()
            # It is ended by itself: a worker that waited for it would have been killed, and the answer cut off.
            assert b"event: change" in b"".join(parts)
        assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")

    def test_after_a_while(self, office_app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fieldsync.dispatch.board.events_api.MINUTE_S", 0.02)
        answer = world.ask("GET", "/board/events")
        assert b"".join(answer.iter_encoded()).startswith(b"retry:")
        answer.close()


class TestHowMany:
    def test_beyond_the_bound_the_console_is_to_ask_itself(
        self, server: Server, world: World, elsewhere: World, office_app: Flask
    ) -> None:
        until(lambda: streams_of(server) == 0)
        with ExitStack() as opened:
            for one in (world, elsewhere):
                for _ in range(STREAMS // 2):
                    opened.enter_context(listening(server, one)).change()
            with listening(server, make_world(office_app)) as one_more:
                assert one_more.status == 503
                assert one_more.response.headers["Retry-After"] == "30"
                assert json.loads(one_more.response.read())["code"] == "streams_taken"
            # All others are served as ever.
            connection, response = server.get("/v1/work-orders", world.tokens["dispatcher"])
            assert response.status == 200
            connection.close()
        until(lambda: streams_of(server) == 0)
        with listening(server, world) as console:
            console.change()

    def test_one_person_does_not_take_everybodys(self, world: World) -> None:
        with world.app.app_context(), transaction() as session:
            world.tokens["another"], token_hash = tokens.make("api", world.partnership_id)
            own = {"partnership_id": world.partnership_id, "staff_id": world.staff["of west"]}
            session.add(Token(**own, token_hash=token_hash, id=new_id(), purpose="api"))
        with ExitStack() as opened:
            mine = [opened.enter_context(taken(world, by)) for by in ["of west", "another"] * (streams.PER_PERSON // 2)]
            for by in ("of west", "another"):
                self.expect_taken(world, by)
            opened.enter_context(taken(world, "of east"))
            mine[0].close()
            opened.enter_context(taken(world, "another"))
            self.expect_taken(world, "of west")

    def test_one_partnership_does_not_take_everybodys(self, world: World, elsewhere: World) -> None:
        half = world.app.config["FIELDSYNC"].board_streams // 2
        people = [by for by in ("dispatcher", "second", "of west", "of east") for _ in range(streams.PER_PERSON)]
        assert len(people) == half
        with ExitStack() as opened:
            for by in people:
                opened.enter_context(taken(world, by))
            self.expect_taken(world, "admin")
            opened.enter_context(taken(elsewhere, "admin"))
        with taken(world, "admin"):
            pass

    def expect_taken(self, world: World, by: str) -> None:
        answer = world.ask("GET", "/board/events", by)
        assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "streams_taken", "30")

    def test_a_stream_that_waits_holds_no_connection(self, office_app: Flask, world: World) -> None:
        with office_app.app_context():
            pool = db.engine.pool
        before = PLACES.count
        answer = world.ask("GET", "/board/events")
        parts = answer.iter_encoded()
        next(parts), next(parts)
        assert pool.checkedout() == 0  # type: ignore[attr-defined]
        assert PLACES.count == before + 1
        answer.close()
        assert PLACES.count == before

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_one_that_is_never_read_gives_its_place_back(self, world: World, method: str) -> None:
        before = PLACES.count
        world.ask(method, "/board/events").close()
        assert PLACES.count == before

    def test_nobody_else_listens(self, world: World) -> None:
        assert world.ask("GET", "/board/events", by="gis").status_code == 403
        assert world.ask("GET", "/board/events", by="alpha").status_code == 403
