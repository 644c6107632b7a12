"""``fieldsync backup``, ``restore`` and ``restored`` on the private cluster, as somebody in a terminal uses them."""

from __future__ import annotations

from pathlib import Path

import psycopg

from fieldsync.cluster import Cluster, Home, Lock
from tests.setup.test_up import fieldsync, up


def partnerships(home: Home) -> str:
    """The short names of the partnerships in the cluster's database."""
    with Lock(home), Cluster(home) as cluster, psycopg.connect(cluster.databases.url("fieldsync")) as connection:
        return " ".join(str(row[0]) for row in connection.execute("SELECT slug FROM partnership ORDER BY slug"))


def test_a_backup_of_the_running_server_is_restored_once_it_is_down(shared_home: Home, tmp_path: Path) -> None:
    file = str(tmp_path / "one.dump")
    with up(shared_home):
        assert fieldsync(shared_home, "partnership", "create", "before", "Before").returncode == 0
        saved = fieldsync(shared_home, "backup", file)
        assert saved.returncode == 0, saved.stderr
        assert "before: newest edit none" in saved.stdout
        assert fieldsync(shared_home, "partnership", "create", "after", "After").returncode == 0
        again = fieldsync(shared_home, "backup", file)
        assert (again.returncode, "is there already" in again.stderr) == (1, True), again.stderr
        tried = fieldsync(shared_home, "restore", file)
        assert tried.returncode == 0, tried.stderr
        assert "after: is not in the backup" in tried.stdout
        assert "has not been changed" in tried.stdout
        for command in (["restore", file, "--commit"], ["restored", "--commit"]):
            refused = fieldsync(shared_home, *command)
            assert refused.returncode == 1
            assert "already running" in refused.stderr, refused.stderr
    assert partnerships(shared_home) == "after before"

    done = fieldsync(shared_home, "restore", file, "--commit")
    assert done.returncode == 0, done.stderr
    assert "is kept as fieldsync_replaced_" in done.stdout
    assert partnerships(shared_home) == "before"
    with up(shared_home):
        assert fieldsync(shared_home, "backup", str(tmp_path / "two.dump")).returncode == 0

    assert fieldsync(shared_home, "restore", "--drop-replaced").stdout.startswith("fieldsync_replaced_")
    assert "Removed." in fieldsync(shared_home, "restore", "--drop-replaced", "--commit").stdout
    assert "No restore has left" in fieldsync(shared_home, "restore", "--drop-replaced").stdout
    assert "1 partnerships would begin" in fieldsync(shared_home, "restored").stdout
    assert "before: epoch " in fieldsync(shared_home, "restored", "--commit").stdout


def test_a_backup_is_restored_where_nothing_has_run_yet(shared_home: Home, empty_home: Home, tmp_path: Path) -> None:
    file = str(tmp_path / "one.dump")
    with up(shared_home):
        fieldsync(shared_home, "partnership", "create", "moved", "Moved")
    assert fieldsync(shared_home, "backup", file).returncode == 0, "also while it does not run"
    done = fieldsync(empty_home, "restore", file, "--commit")
    assert done.returncode == 0, done.stderr
    assert "moved" in partnerships(empty_home)


def test_without_a_database_there_is_nothing_to_back_up(empty_home: Home, tmp_path: Path) -> None:
    refused = fieldsync(empty_home, "backup", str(tmp_path / "one.dump"))
    assert refused.returncode == 1
    assert "There is no database in" in refused.stderr
    assert fieldsync(empty_home, "restore").returncode == 2
