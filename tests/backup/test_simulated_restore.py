"""A simulated day on which the server is restored from a backup that was made in the middle of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fieldsync.backup.place import Place
from fieldsync.backup.restore import drop, kept, restore
from fieldsync.backup.save import save
from fieldsync.cluster import Databases
from fieldsync.demo.seed import seed
from fieldsync.server.web import WebServer, listen, url_of
from fieldsync.simulate.crew_tablet import CrewTablet
from fieldsync.simulate.database import check_database
from fieldsync.simulate.drive import Day, Nobody, begin, enrol, settle
from fieldsync.simulate.laws import check
from fieldsync.simulate.office import Office
from fieldsync.simulate.plan import Plan

PLAN = Plan(tablets=6, edits=480, seed=11, reread=60, batch=7, page=25)
TURNS = 4
OFFICE_OPERATIONS = 25


class Server:
    """gunicorn on an address that stays, whatever becomes of the database."""

    def __init__(self, place: Place, log: Path, listener: Any) -> None:
        self._place = place
        self.url = url_of(listener)
        environ = {**os.environ, "FIELDSYNC_DATABASE_URL": place.url, "PROMETHEUS_MULTIPROC_DIR": str(log.parent)}
        self.web = WebServer(listener, environ, log)
        self.start()

    def start(self) -> None:
        self.web.start()
        self.web.await_readiness()

    def next_seq(self, device_id: str | None) -> int:
        with self._place.connect() as connection:
            row = connection.execute("SELECT next_seq FROM device WHERE id = %s", [device_id]).fetchone()
        assert row is not None
        return int(str(row[0]))


@pytest.fixture
def place(databases: Databases, template_database: str) -> Iterator[Place]:
    name = "fieldsync_simulated_restore"
    place = Place(databases.copy(template_database, name), databases.admin_url)
    yield place
    databases.drop(name)
    drop(place, kept(place))


@contextmanager
def at_work(day: Day, pool: ThreadPoolExecutor, turn: int) -> Iterator[None]:
    """All tablets work and sync during the block, on a bad network; they are done after it."""

    def work(tablet: CrewTablet) -> None:
        number = day.tablets.index(tablet)
        for part in range(4):
            tablet.work(day.plan.edits_of(number) // TURNS // 4 + (part == 0 and turn == 0))
            tablet.sync()

    began = [pool.submit(work, tablet) for tablet in day.tablets]
    yield
    for done in began:
        done.result()


def at_the_desk(day: Day) -> None:
    day.dispatcher.work(OFFICE_OPERATIONS, threading.Event())
    assert day.dispatcher.error is None


def forget_what_was_lost(day: Day, server: Server, claims: int) -> int:
    """What the office entered after the backup is lost; what the tablets had acknowledged is decided anew. Returns how
    many edits that is."""
    del day.dispatcher.claims[claims:]
    lost = 0
    for tablet in day.tablets:
        assert tablet.line.witness.contradictions == []
        first = server.next_seq(tablet.tablet.device_id)
        for edit in tablet.tablet.journal():
            if edit.seq >= first:
                lost += tablet.line.witness.first.pop(edit.edit_id, None) is not None
    return lost


def test_a_restore_in_the_middle_of_a_day(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    demo = seed(place.url, work_orders=80)
    with listen("127.0.0.1", 0) as listener, ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(8) as beside:
        server = Server(place, tmp_path / "log", listener)
        try:
            day = begin(PLAN, server.url, Office(server.url, demo.dispatcher_token), tmp_path)
            enrol(day, pool, beside, Nobody())
            with at_work(day, pool, 0):
                at_the_desk(day)
            with at_work(day, pool, 1):
                save(place, file)
                claims = len(day.dispatcher.claims)
            with at_work(day, pool, 2):
                at_the_desk(day)
            with at_work(day, pool, 3):
                time.sleep(0.1)
                server.web.stop()
                # Whoever asks now waits for an answer; those that were given have been heard.
                time.sleep(0.3)
                restore(place, file, commit=True, say=lambda _: None)
                lost = forget_what_was_lost(day, server, claims)
                server.start()
                began, day.dispatcher.at_first = day.dispatcher.at_first, {}
                day.dispatcher.look([crew.id for crew in day.crews])
                day.dispatcher.at_first = began
                at_the_desk(day)
            settle(day, pool, Nobody())
            laws = [*check(day).laws, check_database(day, place.url)]
            assert {law.name: law.findings for law in laws if not law.holds} == {}
            assert lost > 20, "it was a day that lost something"
            assert len({tablet.tablet.device_id for tablet in day.tablets}) == PLAN.tablets
        finally:
            server.web.stop()
    day.close()
