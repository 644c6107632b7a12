"""kill -9 of a worker, and of the whole database server, while tablets push: nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from fieldsync.cluster import Cluster, Home, Lock
from fieldsync.database import db, new_id
from fieldsync.server.up import run_command
from fieldsync.server.web import WebServer, listen, url_of
from tests.setup.processes import family, is_running, wait_until
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, end_app, make_app, make_world

BATCHES = 24
PATIENCE_S = 60


@dataclass
class Running:
    """A database and a web server of this test's own."""

    cluster: Cluster
    web: WebServer
    address: str
    world: World

    def kill_a_worker(self) -> None:
        workers = family(self._gunicorn()) - {self._gunicorn()}
        os.kill(min(workers), signal.SIGKILL)

    def kill_the_database(self) -> None:
        """The postmaster and everything that it started, at once; then start it again, as ``fieldsync up`` does."""
        assert self.cluster.pid is not None
        processes = family(self.cluster.pid)
        for pid in sorted(processes):
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(is_running(pid) for pid in processes))
        assert self.cluster.wait(10) is not None
        self.cluster.start()

    def _gunicorn(self) -> int:
        assert self.web._process is not None
        return self.web._process.pid


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="fieldsync-crash-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when we are root.
    try:
        with Lock(Home(folder / "home")) as lock, Cluster(lock.home) as cluster, listen("127.0.0.1", 0) as listener:
            url = cluster.databases.ensure("fieldsync")
            environ = {**os.environ, "FIELDSYNC_DATABASE_URL": url, "FIELDSYNC_WORKERS": "2"}
            environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
            run_command(["migrate"], environ)
            app = make_app(url)
            with WebServer(listener, environ, folder / "log") as web:
                web.await_readiness()
                yield Running(cluster, web, url_of(listener).removeprefix("http://"), make_world(app))
            end_app(app)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Pusher:
    """A tablet that sends one batch after the other, each until it is acknowledged."""

    address: str
    tablet: Tablet
    batches: list[list[Document]]
    acknowledged: dict[str, Document] = field(default_factory=dict)
    """Edit id -> the first verdict, as far as this tablet has been told."""
    statuses: set[int] = field(default_factory=set)
    troubles: int = 0

    def run(self) -> None:
        for batch in self.batches:
            deadline = time.monotonic() + PATIENCE_S
            while not self._acknowledged(batch):
                assert time.monotonic() < deadline
                self.troubles += 1
                time.sleep(0.05)

    def _acknowledged(self, batch: list[Document]) -> bool:
        connection = http.client.HTTPConnection(self.address, timeout=20)
        headers = self.tablet.headers | {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/sync", json.dumps(self.tablet.document(batch)), headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        self.statuses.add(response.status)
        if response.status != 200:
            return False
        for verdict in json.loads(body)["verdicts"]:
            self.acknowledged[verdict["edit_id"]] = verdict["recorded"] or laws.recorded(verdict)
        return True


def batches(tablet: Tablet, shared: list[UUID]) -> list[list[Document]]:
    """Each makes jobs with a task and a note, and edits jobs that other tablets edit, too."""
    made = []
    for number in range(BATCHES):
        edits = []
        for _ in range(4):
            job, task = new_id(), new_id()
            edits += [
                tablet.edit("work_order", job, "create", tablet.world.job()),
                tablet.edit("task", task, "create", {"work_order_id": str(job), "title": "dig"}),
                tablet.edit("task", task, "update", {"done": True}, 0),
                tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "done"}),
            ]
        for job in shared:
            edits.append(tablet.edit("work_order", job, "update", {"description": f"{tablet.device_id} {number}"}, 1))
        edits.append(tablet.edit("task", new_id(), "update", {"title": "of nothing"}, 1))
        made.append(edits)
    return made


def journalled(world: World) -> dict[str, tuple[str, int | None]]:
    """Edit id -> verdict and version, in the database."""
    statement = sa.text("SELECT edit_id, verdict, version FROM journal WHERE partnership_id = :p AND seq IS NOT NULL")
    for _ in range(20):
        try:
            with world.app.app_context():
                rows = db.session.execute(statement, {"p": world.partnership_id}).all()
            return {str(edit_id): (verdict, version) for edit_id, verdict, version in rows}
        except OperationalError:  # A connection of before the crash.
            time.sleep(0.1)
    raise AssertionError("The database does not come back.")


def test_nothing_acknowledged_is_lost(running: Running) -> None:
    world = running.world
    first = world.tablet()
    shared = [first.new_job() for _ in range(4)]
    pushers = []
    for _ in range(3):
        tablet = world.tablet()
        pushers.append(Pusher(running.address, tablet, batches(tablet, shared)))
    threads = [threading.Thread(target=pusher.run) for pusher in pushers]
    edits = sum(len(batch) for pusher in pushers for batch in pusher.batches)
    for thread in threads:
        thread.start()
    blows = [running.kill_a_worker, running.kill_the_database, running.kill_a_worker, running.kill_the_database]
    for number, strike in enumerate(blows, 1):
        # Not by the clock: somewhere within the work, however fast it goes.
        due = edits * number // (len(blows) + 1)
        assert wait_until(lambda due=due: sum(len(p.acknowledged) for p in pushers) >= due, PATIENCE_S)
        promised = {edit_id: verdict for pusher in pushers for edit_id, verdict in list(pusher.acknowledged.items())}
        strike()
        kept = journalled(world)
        for edit_id, verdict in promised.items():
            assert kept[edit_id] == (verdict["verdict"], verdict["version"])
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sum(pusher.troubles for pusher in pushers) > 0
    assert set().union(*[pusher.statuses for pusher in pushers]) <= {200, 503}
    kept = journalled(world)
    assert len(kept) == edits + len(shared)
    for pusher in pushers:
        queue = [edit for batch in pusher.batches for edit in batch]
        again = pusher.tablet.exchange(queue)["verdicts"]
        assert [verdict["verdict"] for verdict in again] == ["repeated"] * len(queue)
        assert [verdict["recorded"] for verdict in again] == [pusher.acknowledged[edit["edit_id"]] for edit in queue]
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p") == 3 * BATCHES * 4 + len(shared)
    assert world.value("SELECT count(*) FROM note WHERE partnership_id = :p") == 3 * BATCHES * 4
    laws.no_value_is_lost(world)
    laws.a_replay_gives_the_same(world)


def test_a_commit_is_on_the_disk_before_it_is_answered(running: Running) -> None:
    """A kill of processes cannot show a power cut; what protects from one is on, whatever the database's default is."""
    running.world.run("ALTER DATABASE fieldsync SET synchronous_commit = off")
    end_app(running.world.app)  # The setting is for new connections.
    shown = {name: running.world.value(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")}
    assert set(shown.values()) == {"on"}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_breaks_off_on_the_line(running: Running, chunked: bool) -> None:
    """The connection is cut within the body: nothing is written, and the batch can be sent again."""
    tablet = running.world.tablet()
    batch = [tablet.edit("work_order", new_id(), "create", running.world.job()) for _ in range(20)]
    body = json.dumps(tablet.document(batch)).encode()
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    sent = f"{len(body):x}\r\n".encode() + body[:-50] if chunked else body[:-50]
    host, port = running.address.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        head = f"POST /v1/sync HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{length}\r\n"
        line.sendall(head.encode() + f"Authorization: {tablet.headers['Authorization']}\r\n\r\n".encode() + sent)
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(200)
    assert answer == b"" or b" 400 " in answer.splitlines()[0]
    assert running.world.value("SELECT count(*) FROM journal WHERE author_id = :id", id=tablet.device_id) == 0
    assert [verdict["verdict"] for verdict in tablet.push(*batch)] == ["applied"] * 20
