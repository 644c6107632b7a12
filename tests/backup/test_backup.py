"""Writing a backup and putting it back: what is there before and after, whoever is killed on the way."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from fieldsync.backup.place import Place
from fieldsync.backup.problems import BackupProblem
from fieldsync.backup.programs import Programs
from fieldsync.backup.restore import RESTORING, begin_anew, drop, kept, restore
from fieldsync.backup.save import _beside, save
from fieldsync.cluster import Databases
from tests.sync_model import laws
from tests.sync_model.world import World, end_app, make_app, make_world, now


@pytest.fixture
def place(new_database: Callable[[], str], databases: Databases) -> Iterator[Place]:
    """A database of the test's own, with what restores leave of it removed afterwards."""
    found = Place(new_database(), databases.admin_url)
    yield found
    drop(found, kept(found))


def names(place: Place) -> set[str]:
    """The databases of the server that are called as this one, or nearly so."""
    with place.administer() as admin:
        rows = admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [place.name])
        return {str(row[0]).removeprefix(place.name) for row in rows.fetchall()}


def at_work(place: Place) -> World:
    """A partnership with a job."""
    world = make_world(make_app(place.url))
    world.tablet().new_job(title="Before the backup")
    return world


def dump(world: World) -> dict[str, object]:
    """All that people entered, and what the server made of it."""
    return {"records": laws.records(world), "journal": world.rows("SELECT * FROM journal WHERE partnership_id = :p")}


def silent(sentence: str) -> None:
    """What is told of the progress is not for us."""


def test_a_backup_is_whole_private_and_replaces_nothing(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    file = tmp_path / "one.dump"
    saved = save(place, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert saved.bytes == file.stat().st_size > 10_000
    assert [found.received_at for found in saved.newest] == [world.value("SELECT max(received_at) FROM journal")]
    assert [found.name for found in tmp_path.iterdir()] == ["one.dump"]
    with pytest.raises(BackupProblem, match="is there already"):
        save(place, file)
    end_app(world.app)


@pytest.mark.parametrize("late", ["opened", "not opened"])
def test_two_of_one_name_do_not_touch_what_the_other_has_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """The first is done between two looks of the second: after that has opened the file, or just before."""
    file = tmp_path / "one.dump"

    def finish(descriptor: int, how: int) -> None:
        if late == "opened":
            (tmp_path / ".one.dump.unfinished").rename(file)
        file.write_bytes(b"whole")

    monkeypatch.setattr("fieldsync.backup.save.fcntl.flock", finish)
    with pytest.raises(BackupProblem, match="just been written"), _beside(file):
        pytest.fail("It would be written over.")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("one.dump", b"whole")]


def test_a_backup_that_fails_leaves_no_file(place: Place, tmp_path: Path, databases: Databases) -> None:
    empty = databases.copy("template1", f"fieldsync_empty_{uuid4().hex[:8]}")
    try:
        with pytest.raises(BackupProblem, match="no FieldSync in it"):
            save(Place(empty, databases.admin_url), tmp_path / "one.dump")
        with pytest.raises(BackupProblem, match="cannot be reached"):
            save(place.of("fieldsync_nowhere"), tmp_path / "one.dump")
        with pytest.raises(BackupProblem, match="cannot be written"):
            save(place, tmp_path / "nowhere" / "one.dump")
        assert not list(tmp_path.iterdir())
    finally:
        databases.drop(urlsplit(empty).path[1:])


def test_a_backup_is_what_was_there_at_one_moment(place: Place, tmp_path: Path) -> None:
    """The server goes on meanwhile."""
    world = at_work(place)
    before = dump(world)
    with place.connect() as other:
        # Not committed by then, so not in it; and nobody waits for it.
        other.execute("UPDATE work_order SET title = 'later'")
        save(place, tmp_path / "one.dump")
    end_app(world.app)
    restore(place, tmp_path / "one.dump", commit=True, say=silent)
    assert dump(world) == before
    end_app(world.app)


def test_without_commit_nothing_changes(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    save(place, tmp_path / "one.dump")
    world.tablet().new_job(title="After the backup")
    before = dump(world)
    # Somebody may be connected: nothing is taken from them.
    told = restore(place, tmp_path / "one.dump", commit=False, say=silent)
    assert dump(world) == before
    assert names(place) == {""}
    assert told.replaced is None
    assert any("1 edits of crews came after it" in sentence for sentence in told.said), told.said
    end_app(world.app)


def test_the_replaced_database_is_kept_until_it_is_dropped(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    then = dump(world)
    save(place, tmp_path / "one.dump")
    world.tablet().new_job(title="After the backup")
    last = dump(world)
    epoch = world.value("SELECT epoch FROM head WHERE partnership_id = :p")
    end_app(world.app)
    done = restore(place, tmp_path / "one.dump", commit=True, say=silent)
    assert done.replaced is not None
    assert kept(place) == [done.replaced]
    assert dump(world) == then
    assert world.value("SELECT epoch FROM head WHERE partnership_id = :p") == done.epochs[world.partnership_id] != epoch
    end_app(world.app)
    world.app = make_app(place.of(done.replaced).url)
    assert dump(world) == last
    end_app(world.app)
    drop(place, kept(place))
    assert names(place) == {""}


def test_nobody_may_be_connected(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    save(place, tmp_path / "one.dump")
    before = dump(world)
    with pytest.raises(BackupProblem, match=r"Somebody is connected.*fieldsync on this machine"):
        restore(place, tmp_path / "one.dump", commit=True, say=silent)
    with pytest.raises(BackupProblem, match="Somebody is connected"):
        begin_anew(place, commit=True)
    assert dump(world) == before
    end_app(world.app)


def test_somebody_who_connects_meanwhile_keeps_the_database(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    save(place, tmp_path / "one.dump")
    end_app(world.app)
    late: list[psycopg.Connection[tuple[object, ...]]] = []
    with pytest.raises(BackupProblem, match="has connected"):
        restore(place, tmp_path / "one.dump", commit=True, say=lambda _: late.append(psycopg.connect(place.url)))
    late[0].close()
    assert names(place) == {""}


def test_two_restores_do_not_meet(place: Place, tmp_path: Path) -> None:
    end_app(at_work(place).app)
    save(place, tmp_path / "one.dump")

    def another(_: str) -> None:
        with pytest.raises(BackupProblem, match="Another restore"):
            restore(place, tmp_path / "one.dump", commit=True, say=silent)

    assert restore(place, tmp_path / "one.dump", commit=True, say=another).replaced


@pytest.mark.parametrize("damage", ["cut", "not ours", "no archive"])
def test_what_is_no_backup_is_refused(place: Place, tmp_path: Path, databases: Databases, damage: str) -> None:
    world = at_work(place)
    file = tmp_path / "one.dump"
    if damage == "not ours":
        with place.administer() as admin:
            file.touch()
            Programs.of(admin).dump(databases.admin_url, file, "--format=custom")
    else:
        save(place, file)
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"not an archive")
    before = dump(world)
    end_app(world.app)
    with pytest.raises(BackupProblem):
        restore(place, file, commit=True, say=silent)
    assert dump(world) == before
    assert names(place) == {""}
    end_app(world.app)


def test_a_backup_of_a_newer_version_is_refused(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    world.run("UPDATE alembic_version SET version_num = '9999'")
    save(place, tmp_path / "one.dump")
    end_app(world.app)
    with pytest.raises(BackupProblem, match="newer version"):
        restore(place, tmp_path / "one.dump", commit=True, say=silent)


def test_where_there_is_no_database_it_is_made(place: Place, tmp_path: Path, databases: Databases) -> None:
    world = at_work(place)
    then = dump(world)
    save(place, tmp_path / "one.dump")
    end_app(world.app)
    databases.drop(place.name)
    assert restore(place, tmp_path / "one.dump", commit=True, say=silent).replaced is None
    assert dump(world) == then
    end_app(world.app)


def test_a_replaced_database_that_cannot_be_read_is_kept_all_the_same(place: Place, tmp_path: Path) -> None:
    world = at_work(place)
    save(place, tmp_path / "one.dump")
    world.run("DROP TABLE head CASCADE")
    end_app(world.app)
    done = restore(place, tmp_path / "one.dump", commit=True, say=silent)
    assert any("cannot be read" in sentence for sentence in done.said)
    assert any("ARE LET IN AGAIN" in sentence for sentence in done.said)
    assert kept(place) == [done.replaced]


@pytest.mark.parametrize("after_s", [0.0, 0.6, 1.8, 3.0])
def test_a_restore_that_is_killed_leaves_a_whole_database(place: Place, tmp_path: Path, after_s: float) -> None:
    """Whenever that is: the one that was there, or the restored one with a new epoch; and the next restore succeeds."""
    world = at_work(place)
    save(place, tmp_path / "one.dump")
    world.tablet().new_job(title="After the backup")
    later = dump(world)
    epoch = world.value("SELECT epoch FROM head WHERE partnership_id = :p")
    end_app(world.app)
    environ = os.environ | {"FIELDSYNC_DATABASE_URL": place.url, "FIELDSYNC_ADMIN_URL": place.admin_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldsync", "restore", str(tmp_path / "one.dump"), "--commit"],
        env=environ, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Restoring")
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    present = dump(world)
    replaced = world.value("SELECT epoch FROM head WHERE partnership_id = :p") != epoch
    assert replaced == (present != later) == bool(kept(place))
    end_app(world.app)
    # What the killed one had started ends by itself.
    done = _as_soon_as_it_is_free(place, tmp_path / "one.dump")
    assert done
    assert RESTORING not in names(place)


def _as_soon_as_it_is_free(place: Place, file: Path) -> bool:
    for _ in range(100):
        try:
            return bool(restore(place, file, commit=True, say=silent).replaced)
        except BackupProblem as problem:
            if "Another restore" not in str(problem):
                raise
            with place.administer() as admin:
                admin.execute("SELECT pg_sleep(0.1)")
    return False


def test_what_was_restored_by_other_means_begins_anew_once_told(place: Place) -> None:
    world = at_work(place)
    epoch = world.value("SELECT epoch FROM head WHERE partnership_id = :p")
    entry = world.value("SELECT max(entry) FROM journal")
    end_app(world.app)
    begin_anew(place, commit=False)
    assert world.value("SELECT epoch FROM head WHERE partnership_id = :p") == epoch
    end_app(world.app)
    (told,) = begin_anew(place, commit=True).values()
    assert world.value("SELECT epoch FROM head WHERE partnership_id = :p") == told != epoch
    assert world.rows("SELECT epoch, entry FROM past_epoch") == [{"epoch": epoch, "entry": entry}]
    end_app(world.app)


def test_log_ins_and_codes_end_with_the_history(place: Place) -> None:
    """Pages that are open show versions of a history that has ended; a code that was used since would be good again."""
    world = at_work(place)
    ids = {"staff": world.staff_id, "crew": world.crew_ids[0], "at": now(), "id": uuid4(), "other": uuid4()}
    world.run(
        "INSERT INTO token (partnership_id, token_hash, id, staff_id, purpose, created_at) VALUES"
        " (:p, 'session', :id, :staff, 'session', :at), (:p, 'api', :other, :staff, 'api', :at)", **ids,
    )  # fmt: skip
    world.run(
        "INSERT INTO enrolment (partnership_id, code_hash, id, crew_id, device_name, created_by, expires_at)"
        " VALUES (:p, 'code', :id, :crew, 'Truck', :staff, :at + interval '1 day')", **ids,
    )  # fmt: skip
    end_app(world.app)
    begin_anew(place, commit=True)
    ended = world.rows("SELECT purpose FROM token WHERE partnership_id = :p AND revoked_at IS NOT NULL")
    assert [row["purpose"] for row in ended] == ["session"]
    assert world.value("SELECT count(*) FROM enrolment WHERE expires_at > now()") == 0
    end_app(world.app)
