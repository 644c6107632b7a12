"""The feed while transactions overlap: real connections that are held at chosen steps.

Every writer also adds a row to a table with the cursors that are widely copied, within the same transaction. In the
same stories these lose rows, and the feed does not.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa

from fieldsync.database import new_id
from fieldsync.journal.edits import Author
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from tests.sync_model.world import Tablet, World, end_app, make_app, make_world

PATIENCE_S = 20

BY_SEQUENCE = "SELECT n, id FROM naive WHERE n > :cursor ORDER BY n"
BY_SNAPSHOT = "SELECT n, id FROM naive WHERE n > :cursor AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY n"


@pytest.fixture
def own_world(new_database: Callable[[], str]) -> Iterator[World]:
    """A partnership in a database of the test's own, which has the naive feed's table, too."""
    app = make_app(new_database())
    world = make_world(app)
    world.run(
        "CREATE TABLE naive (n bigint GENERATED ALWAYS AS IDENTITY, id uuid, xid xid8 DEFAULT pg_current_xact_id())"
    )
    yield world
    end_app(app)


class NaiveReader:
    """Remembers the highest number that it has seen, as most sync code does."""

    def __init__(self, world: World, sql: str) -> None:
        self.world, self.sql = world, sql
        self.cursor = 0
        self.has: set[UUID] = set()

    def read(self) -> None:
        for row in self.world.rows(self.sql, cursor=self.cursor):
            self.cursor = row["n"]
            self.has.add(row["id"])


class FeedReader:
    """A tablet."""

    def __init__(self, tablet: Tablet) -> None:
        self.tablet = tablet
        self.has: set[UUID] = set()

    def read(self, limit: int = 500) -> None:
        self.has |= {UUID(change["id"]) for change in self.tablet.pull(limit) if change["kind"] == "note"}


GATES = ("begun", "numbered", "all but the head", "all but the commit")


def write_note(world: World, job: UUID, note_id: UUID, pause: Callable[[str], None]) -> None:
    """A transaction that enters a note, and adds to the naive table; ``pause`` is called at each of the gates."""
    with world.session() as session:
        session.execute(sa.text("SELECT pg_current_xact_id()"))
        pause("begun")
        session.execute(sa.text("INSERT INTO naive (id) VALUES (:id)"), {"id": note_id})
        pause("numbered")

        def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("UPDATE head"):
                pause("all but the head")

        sa.event.listen(session.connection(), "before_cursor_execute", before)
        at = datetime.now(UTC)
        fields = msgspec.Raw(msgspec.json.encode({"work_order_id": job, "body": "written"}))
        edit = prepare("office", uuid4(), None, "note", note_id, "create", None, at, at, fields)
        author = Author(world.staff_id, "office", world.partnership_id)
        (decision,) = enter(session, author, [edit], at).decisions
        assert decision.verdict == "applied"
        pause("all but the commit")


class Writer:
    """Writes a note in a thread of its own, and stops at each gate until it is let on."""

    def __init__(self, world: World, job: UUID, pool: ThreadPoolExecutor) -> None:
        self.note_id = new_id()
        self.reached = {gate: threading.Event() for gate in GATES}
        self.open = {gate: threading.Event() for gate in GATES}
        self.ended: Future[None] = pool.submit(write_note, world, job, self.note_id, self._pause)

    def let_on_to(self, gate: str) -> None:
        """Open the gates before this one, and wait until it is reached."""
        for earlier in GATES[: GATES.index(gate)]:
            self.open[earlier].set()
        assert self.reached[gate].wait(PATIENCE_S)

    def let_go(self) -> None:
        for gate in GATES:
            self.open[gate].set()

    def finish(self) -> None:
        self.let_go()
        self.ended.result(PATIENCE_S)

    def _pause(self, gate: str) -> None:
        self.reached[gate].set()
        assert self.open[gate].wait(PATIENCE_S)


def waits_for_a_lock(world: World) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(world.value(waiting))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def readers(world: World) -> tuple[NaiveReader, NaiveReader, FeedReader]:
    return NaiveReader(world, BY_SEQUENCE), NaiveReader(world, BY_SNAPSHOT), FeedReader(world.tablet())


def test_who_was_numbered_first_and_commits_last_is_lost_by_a_sequence_and_not_by_the_feed(
    own_world: World, pool: ThreadPoolExecutor
) -> None:
    job = own_world.tablet().new_job()
    by_sequence, _, feed = readers(own_world)
    # Two jobs: the lock on a job would keep two writers of the same one apart.
    first, second = Writer(own_world, job, pool), Writer(own_world, own_world.tablet().new_job(), pool)
    first.let_on_to("all but the head")
    second.finish()
    for reader in (by_sequence, feed):
        reader.read()
    assert by_sequence.has == feed.has == {second.note_id}
    first.finish()
    for reader in (by_sequence, feed):
        reader.read()
    assert by_sequence.has == {second.note_id}  # lost, for ever
    assert feed.has == {first.note_id, second.note_id}


def test_a_snapshot_s_horizon_loses_rows_too_and_the_feed_does_not(own_world: World, pool: ThreadPoolExecutor) -> None:
    """The order of transaction numbers is not the order of sequence numbers."""
    one_job, other_job = own_world.tablet().new_job(), own_world.tablet().new_job()
    _, by_snapshot, feed = readers(own_world)
    older = Writer(own_world, one_job, pool)
    older.let_on_to("begun")
    younger = Writer(own_world, other_job, pool)
    younger.let_on_to("all but the head")
    older.finish()
    for reader in (by_snapshot, feed):
        reader.read()
    assert by_snapshot.has == feed.has == {older.note_id}
    younger.finish()
    for reader in (by_snapshot, feed):
        reader.read()
    assert by_snapshot.has == {older.note_id}  # lost, for ever
    assert feed.has == {older.note_id, younger.note_id}


def test_who_holds_the_head_makes_the_next_wait_and_readers_see_neither(
    own_world: World, pool: ThreadPoolExecutor
) -> None:
    one_job, other_job = own_world.tablet().new_job(), own_world.tablet().new_job()
    _, _, feed = readers(own_world)
    first = Writer(own_world, one_job, pool)
    first.let_on_to("all but the commit")
    second = Writer(own_world, other_job, pool)
    second.let_go()
    deadline = time.monotonic() + PATIENCE_S
    while not waits_for_a_lock(own_world) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not second.ended.done()
    feed.read()
    assert feed.has == set()
    first.finish()
    second.finish()
    feed.read()
    assert feed.has == {first.note_id, second.note_id}


def test_nothing_is_lost_however_writers_and_readers_overlap(own_world: World, pool: ThreadPoolExecutor) -> None:
    """Six writers that dawdle at random steps, and two tablets that read all the time, one of them in small pages."""
    chance = random.Random(7)
    jobs = [own_world.tablet().new_job() for _ in range(4)]
    feeds = [FeedReader(own_world.tablet()), FeedReader(own_world.tablet())]
    written: list[UUID] = []

    def dawdle(number: int) -> None:
        for turn in range(8):
            note_id = new_id()
            job = jobs[(number + turn) % 4]
            write_note(own_world, job, note_id, lambda _gate: time.sleep(chance.random() * 0.01))
            written.append(note_id)

    writing = [pool.submit(dawdle, number) for number in range(6)]
    while not all(future.done() for future in writing):
        feeds[0].read(2)
        feeds[1].read(500)
    for future in writing:
        future.result()
    for feed in feeds:
        feed.read(3)
        assert feed.has == set(written)
    assert len(written) == 48
