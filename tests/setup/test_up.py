"""``fieldsync up``, ``status`` and ``down``, as somebody in a terminal or a service manager uses them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from fieldsync.cluster import Home, Lock
from fieldsync.server.background import status
from fieldsync.server.up import _restart
from fieldsync.server.web import is_ready
from tests.setup.processes import family, is_running, wait_until

ROOT = Path(__file__).parents[2]


def environ(home: Home | None, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("FIELDSYNC_")}
    # One worker is enough here, and starts in half the time.
    ours["FIELDSYNC_WORKERS"] = "1"
    return ours | ({"FIELDSYNC_HOME": str(home.root)} if home else {}) | more


def fieldsync(home: Home | None, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fieldsync", *arguments],
        cwd=ROOT,
        env=environ(home, **more),
        capture_output=True,
        text=True,
    )


@contextmanager
def up(home: Home, *, clone: Path = ROOT, **more: str) -> Iterator[subprocess.Popen[str]]:
    """A running ``fieldsync up`` on a free port, once it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldsync", "up", "--port", "0"],
        cwd=clone,
        env=environ(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert wait_until(lambda: status(home).ready or process.poll() is not None, seconds=120)
        assert process.poll() is None, process.communicate()[0]
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(shared_home: Home, by: signal.Signals) -> None:
    with up(shared_home) as process:
        assert wait_until(lambda: worker_of(process) != 0)
        members = family(process.pid)
        assert len(members) > 6, "the process itself, gunicorn and its workers, the worker, PostgreSQL and its"
        process.send_signal(by)
        output, _ = process.communicate()
        assert process.returncode == 0
        assert output.endswith("FieldSync has stopped.\n")
        assert not any(is_running(member) for member in members)
        assert not (shared_home.data / "postmaster.pid").exists()
    log = (shared_home.logs / "postgresql.log").read_text(encoding="utf-8")
    assert log.rstrip().endswith("database system is shut down")


def test_a_kill_leaves_nothing_running(shared_home: Home) -> None:
    with up(shared_home) as process:
        members = family(process.pid)
        process.kill()
        process.communicate()
        assert wait_until(lambda: not any(is_running(member) for member in members))
    assert Lock(shared_home).holder() is None


def test_status_of_what_does_not_run(shared_home: Home) -> None:
    stopped = fieldsync(shared_home, "status")
    assert (stopped.returncode, "not running" in stopped.stdout) == (3, True)
    assert json.loads(fieldsync(shared_home, "status", "--json").stdout)["running"] is False
    assert "FIELDSYNC_DATABASE_URL" in fieldsync(shared_home, "migrate").stderr


@pytest.fixture(scope="class")
def process(shared_home: Home) -> Iterator[subprocess.Popen[str]]:
    """One start, for all tests of a class."""
    with up(shared_home) as process:
        yield process


class TestWhileItRuns:
    def test_status_says_so(self, shared_home: Home, process: subprocess.Popen[str]) -> None:
        running = fieldsync(shared_home, "status")
        assert (running.returncode, "is ready at http://127.0.0.1:" in running.stdout) == (0, True)
        facts = json.loads(fieldsync(shared_home, "status", "--json").stdout)
        assert (facts["ready"], facts["pid"]) == (True, process.pid)
        with psycopg.connect(facts["database_url"]) as session:
            assert session.execute("SELECT current_user").fetchone() == ("fieldsync",)

    @pytest.mark.parametrize("arguments", [["up"], ["up", "--detach"]])
    def test_a_second_is_refused(self, shared_home: Home, process: subprocess.Popen[str], arguments: list[str]) -> None:
        second = fieldsync(shared_home, *arguments, "--port", "0")
        assert second.returncode == 1
        assert f"already running for this project at {status(shared_home).url}" in second.stderr
        assert f"process {process.pid}" in second.stderr
        assert status(shared_home).ready

    def test_commands_find_its_database(self, shared_home: Home, process: subprocess.Popen[str]) -> None:
        assert fieldsync(shared_home, "migrate").returncode == 0

    def test_a_killed_database_comes_back(self, shared_home: Home, process: subprocess.Popen[str]) -> None:
        url = status(shared_home).url or ""
        pid_file = shared_home.data / "postmaster.pid"
        first = pid_file.read_text(encoding="utf-8").split()[0]
        os.kill(int(first), signal.SIGKILL)
        assert wait_until(lambda: pid_file.exists() and pid_file.read_text().split()[:1] not in ([], [first]))
        assert wait_until(lambda: is_ready(url))

    def test_a_killed_worker_comes_back(self, shared_home: Home, process: subprocess.Popen[str]) -> None:
        first = worker_of(process)
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: worker_of(process) not in (0, first))
        assert wait_until(lambda: not is_running(first))
        assert status(shared_home).ready


def worker_of(process: subprocess.Popen[str]) -> int:
    """The process of ``fieldsync worker`` that this ``fieldsync up`` keeps; 0 while there is none."""
    for pid in family(process.pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if is_running(pid) and words[1:4] == [b"-m", b"fieldsync", b"worker"]:
            return pid
    return 0


def test_in_the_background(shared_home: Home) -> None:
    started = fieldsync(shared_home, "up", "--detach", "--port", "0")
    assert started.returncode == 0, started.stderr
    members = family(status(shared_home).pid or 0)
    assert status(shared_home).ready
    ended = fieldsync(shared_home, "down")
    assert ended.stdout == "FieldSync has stopped.\n"
    assert wait_until(lambda: not any(is_running(member) for member in members))
    assert fieldsync(shared_home, "down").stdout == "FieldSync was not running.\n"


def test_a_background_start_that_fails_says_why(shared_home: Home, tmp_path: Path) -> None:
    failed = fieldsync(shared_home, "up", "--detach", "--port", "0", FIELDSYNC_PG_BINDIR=str(tmp_path))
    assert failed.returncode == 1
    assert "with PostGIS was not found" in failed.stderr


def test_a_taken_port_is_said_before_anything_starts(empty_home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = fieldsync(empty_home, "up", "--port", str(port))
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}: address already in use" in refused.stderr
    assert not empty_home.data.exists()


def test_a_named_database_is_used_and_no_cluster_is_started(empty_home: Home, new_database: Callable[[], str]) -> None:
    url = new_database()
    with up(empty_home, FIELDSYNC_DATABASE_URL=url):
        assert status(empty_home).ready
        assert not empty_home.data.exists()
        assert status(empty_home).database_url is None, "it may hold a password"


def test_a_database_whose_disk_is_full_is_started_when_there_is_room_again() -> None:
    class Filled:
        attempts = 0

        def start(self) -> None:
            self.attempts += 1
            if self.attempts < 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cluster = Filled()
    _restart(cluster)  # type: ignore[arg-type]
    assert cluster.attempts == 3


def test_nothing_is_left_in_the_users_folders(shared_home: Home, tmp_path: Path) -> None:
    stale = shared_home.metrics / "counter_1.db"
    stale.parent.mkdir(exist_ok=True)
    stale.write_bytes(b"of an earlier start")
    folders = {name: tmp_path / name for name in ("HOME", "XDG_RUNTIME_DIR", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    with up(shared_home, **{name: str(folder) for name, folder in folders.items()}):
        assert not stale.exists()
        assert [list(folder.iterdir()) for folder in folders.values()] == [[], [], []]


def test_a_clone_that_only_its_owner_may_enter(tmp_path: Path) -> None:
    clone = tmp_path / "private" / "clone"
    for name in ("fieldsync", "geo", "migrations"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, clone)
    (tmp_path / "private").chmod(0o700)
    home = Home.of_project(clone, environ(None))
    assert (clone in home.root.parents) == (os.geteuid() != 0)
    try:
        with up(home, clone=clone):
            assert status(home).ready
    finally:
        home.remove()
        assert not home.root.exists()
        assert not home.socket.exists()


def test_serve_takes_signals_itself(new_database: Callable[[], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldsync", "serve", "--port", str(port)],
        env=environ(None, FIELDSYNC_DATABASE_URL=new_database()),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_until(lambda: is_ready(f"http://127.0.0.1:{port}"))
    finally:
        process.terminate()
        _, output = process.communicate()
    assert process.returncode == 0
    assert "Worker exiting" in output
