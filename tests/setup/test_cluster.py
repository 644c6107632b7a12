"""The private cluster: it keeps its data, keeps to itself, and ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from fieldsync.cluster import Cluster, ClusterProblem, Home, Lock, LockedBy
from fieldsync.cluster.home import SOCKET_NAME, SOCKET_PATH_MAX
from fieldsync.cluster.owner import Owner
from tests.setup.processes import is_running, wait_until

SUPERVISOR = """
import sys, time
from pathlib import Path
from fieldsync.cluster import Cluster, Home, Lock
with Lock(Home(Path(sys.argv[1]))) as lock, Cluster(lock.home) as cluster:
    print(cluster.pid, flush=True)
    time.sleep(600)
"""


def supervisor(home: Home) -> tuple[subprocess.Popen[str], int]:
    """A process of its own that runs the home's cluster, and that cluster's process number."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(home.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


def write(cluster: Cluster, text: str) -> None:
    with psycopg.connect(cluster.databases.url("kept")) as session:
        session.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        session.execute("INSERT INTO note VALUES (%s)", [text])


def read(cluster: Cluster) -> list[str]:
    with psycopg.connect(cluster.databases.url("kept")) as session:
        return [text for (text,) in session.execute("SELECT text FROM note ORDER BY 1")]


def setting(cluster: Cluster, name: str) -> str:
    with psycopg.connect(cluster.databases.admin_url) as session:
        row = session.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row
    return str(row[0])


def test_a_restart_keeps_the_data(empty_home: Home) -> None:
    with Lock(empty_home):
        with Cluster(empty_home) as cluster:
            cluster.databases.ensure("kept")
            write(cluster, "before")
            first = cluster.pid
        with Cluster(empty_home) as cluster:
            assert read(cluster) == ["before"]
            assert cluster.pid != first


def test_it_keeps_its_promises(empty_home: Home) -> None:
    with Lock(empty_home), Cluster(empty_home) as cluster:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert setting(cluster, name) == "on", name
        assert setting(cluster, "listen_addresses") == ""
        assert setting(cluster, "server_encoding") == "UTF8"
        assert setting(cluster, "lc_collate") == "C.UTF-8"
        with psycopg.connect(cluster.databases.ensure("kept")) as session:
            assert session.execute("SELECT ST_AsText(ST_Point(1, 2))").fetchone() == ("POINT(1 2)",)
            is_superuser = session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            assert is_superuser.fetchone() == (False,)


def test_only_its_owner_can_reach_it(home: Home) -> None:
    with Lock(home), Cluster(home) as cluster:
        owner = Owner.choose()
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == owner.uid != 0
        for folder in (home.data, home.socket):
            assert (folder.stat().st_uid, folder.stat().st_mode & 0o777) == (owner.uid, 0o700)


def test_two_projects_side_by_side(home: Home, other_home: Home) -> None:
    with Lock(home), Lock(other_home), Cluster(home) as one, Cluster(other_home) as other:
        one.databases.ensure("of one")
        assert not other.databases.exists("of one")


def test_two_clones_have_two_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIELDSYNC_HOME", raising=False)
    clones = [tmp_path / "one" / "clone", tmp_path / "two" / "clone"]
    for clone in clones:
        clone.mkdir(parents=True)
    homes = [Home.of_project(clone) for clone in clones]
    assert homes[0].root != homes[1].root
    assert homes[0].socket != homes[1].socket


def test_the_second_to_come_is_told_who_runs(home: Home) -> None:
    process, _ = supervisor(home)
    try:
        with pytest.raises(LockedBy, match=f"process {process.pid}"), Lock(home):
            pass
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_process_that_started_it(home: Home, by: signal.Signals) -> None:
    process, server = supervisor(home)
    process.send_signal(by)
    process.communicate()
    assert wait_until(lambda: not is_running(server))
    assert not (home.data / "postmaster.pid").exists()


def test_a_kill_of_everything_loses_nothing_committed(home: Home) -> None:
    with Lock(home):
        cluster = Cluster(home)
        cluster.start()
        write(cluster, "committed")
        assert cluster.pid
        os.kill(cluster.pid, signal.SIGKILL)
        assert cluster.wait(10) == -signal.SIGKILL
        assert (home.data / "postmaster.pid").exists()
        assert wait_until(lambda: started(cluster))
        assert read(cluster) == ["committed"]
        cluster.stop()


def started(cluster: Cluster) -> bool:
    """PostgreSQL refuses while processes of the killed server are still ending."""
    try:
        cluster.start()
    except ClusterProblem:
        return False
    return True


def test_a_start_ends_a_server_left_behind_by_a_killed_process(home: Home) -> None:
    process, server = supervisor(home)
    process.kill()
    process.communicate()
    # At once: the old server may still be writing its last checkpoint.
    with Lock(home), Cluster(home) as cluster:
        assert cluster.pid != server
        assert not is_running(server)


def test_a_half_made_data_folder_is_made_anew(empty_home: Home) -> None:
    empty_home.make()
    unfinished = empty_home.root / "data.new"
    Owner.choose().make_folder(unfinished)
    (unfinished / "PG_VERSION").write_text("15\n")
    with Lock(empty_home), Cluster(empty_home) as cluster:
        assert setting(cluster, "data_checksums") == "on"


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    assert home.root not in home.socket.parents
    assert len(os.fsencode(home.socket / SOCKET_NAME)) <= SOCKET_PATH_MAX
    assert Home(tmp_path / ("long" * 31)).socket != home.socket


def test_a_socket_folder_of_somebody_else_is_refused(empty_home: Home) -> None:
    empty_home.make()
    empty_home.socket.mkdir(mode=0o777)
    empty_home.socket.chmod(0o777)
    with Lock(empty_home), pytest.raises(ClusterProblem, match=r"only .* may enter"):
        Cluster(empty_home).start()


def test_a_home_that_postgresql_cannot_enter_is_named(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs PostgreSQL as another user")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = Home(private / "home")
    with Lock(home), pytest.raises(ClusterProblem, match="FIELDSYNC_HOME"):
        Cluster(home).start()


def test_missing_programs_are_named(empty_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIELDSYNC_PG_BINDIR", str(tmp_path))
    with Lock(empty_home), pytest.raises(ClusterProblem, match="postgis"):
        Cluster(empty_home).start()
