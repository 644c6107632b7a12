"""A server comes back from a backup: what its tablets have to do so that nothing is lost and nothing done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from fieldsync.backup.place import Place
from fieldsync.backup.restore import drop, kept, restore
from fieldsync.backup.save import save
from fieldsync.cluster import Databases
from fieldsync.tablet import JournalTooShort, NotEnrolled, Tablet
from tests.backup.crew import code, sync, tablet
from tests.sync_model import laws
from tests.sync_model.world import World, end_app, make_app, make_world


class Server:
    """A partnership's server, whose database is backed up and restored."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.world = make_world(make_app(place.url))
        self.said: list[str] = []

    def back_up(self, name: str = "backup") -> None:
        save(self.place, self.folder / name)

    def restore(self, name: str = "backup", *, as_in_backup: bool = False) -> None:
        """Stop it, restore it, start it again."""
        end_app(self.world.app)
        file = self.folder / name
        self.said = restore(self.place, file, commit=True, as_in_backup=as_in_backup, say=lambda _: None).said
        self.world.app = make_app(self.place.url)

    def describe(self, job: str, description: str) -> None:
        """The office describes a job, as it is now."""
        version = self.world.value("SELECT version FROM work_order WHERE id = :id AND partnership_id = :p", id=job)
        outcome = self.world.office("work_order", UUID(job), "update", version, {"description": description})
        assert outcome.decisions[0].version == version + 1

    def description(self, job: str) -> str | None:
        found: str | None = self.world.value(
            "SELECT description FROM work_order WHERE id = :id AND partnership_id = :p", id=job
        )
        return found

    def in_conflict(self) -> list[set[str]]:
        """The values of each conflict."""
        rows = self.world.rows(
            "SELECT kept_value, other_value FROM conflict WHERE partnership_id = :p ORDER BY created_at"
        )
        return [{row["kept_value"], row["other_value"]} for row in rows]

    def check(self, *tablets: Tablet) -> None:
        """The laws that can be read from the database, and that all tablets of a crew have the same."""
        sync(*tablets)
        sync(*tablets)
        laws.no_value_is_lost(self.world)
        laws.a_replay_gives_the_same(self.world)
        first = tablets[0].server_records()
        assert all(other.server_records() == first for other in tablets[1:])
        assert all(not each.waiting() and each.is_complete for each in tablets)


@pytest.fixture
def server(new_database: Callable[[], str], databases: Databases, tmp_path: Path) -> Iterator[Server]:
    place = Place(new_database(), databases.admin_url)
    server = Server(place, tmp_path)
    yield server
    end_app(server.world.app)
    drop(place, kept(place))


def report(world: World, crew: Tablet, title: str = "Hole") -> str:
    """A crew finds a job."""
    return crew.create("work_order", world.job(title=title))


def bodies(server: Server) -> list[str]:
    return sorted(row["body"] for row in server.world.rows("SELECT body FROM note WHERE partnership_id = :p"))


def note(crew: Tablet, job: str, body: str) -> None:
    crew.create("note", {"work_order_id": job, "body": body})


def test_a_tablet_that_was_away_for_two_restores_overwrites_nothing_unseen(server: Server, tmp_path: Path) -> None:
    """Versions are given three times, to three things. Each time only the tablet of that history has seen them."""
    one, two = tablet(server.world, tmp_path / "1"), tablet(server.world, tmp_path / "2")
    job = report(server.world, one)
    other_job = report(server.world, one, "Crack")
    sync(one, two)
    server.back_up("first")

    server.describe(job, "Lost with the first restore.")
    server.describe(other_job, "Lost, too.")
    sync(one, two)
    one.update("work_order", job, {"description": "By the first tablet."})  # on version 2, and it stays away
    two.update("work_order", other_job, {"description": "Acknowledged, and lost."})  # on version 2
    sync(two)

    server.restore("first")
    server.describe(job, "By the office, after the first restore.")  # another version 2
    server.back_up("second")
    two.update("work_order", job, {"address": "seen before it came back"})
    sync(two)
    assert server.description(other_job) == "Acknowledged, and lost."
    two.update("work_order", job, {"description": "Seen and replaced in the second history."})
    sync(two)
    assert server.in_conflict() == []

    server.restore("second")
    server.describe(other_job, "By the office, after the second restore.")  # another version 2 of that one
    sync(one)
    sync(two)
    server.check(one, two)
    held = server.in_conflict()
    assert {"By the office, after the first restore.", "By the first tablet."} in held
    assert {"By the office, after the second restore.", "Acknowledged, and lost."} in held
    assert len(held) == 2
    assert server.description(job) == "Seen and replaced in the second history."
    epochs = server.world.value("SELECT count(*) FROM past_epoch WHERE partnership_id = :p")
    assert epochs == 2


def test_who_may_come_in_is_as_it_was_before_the_restore(server: Server, tmp_path: Path) -> None:
    world = server.world
    changed, stolen = tablet(world, tmp_path / "changed"), tablet(world, tmp_path / "stolen")
    job = report(world, changed)
    sync(changed, stolen)
    server.back_up()

    note(changed, job, "with its old token")
    sync(changed)
    changed.rotate_token()
    note(changed, job, "with its new token")
    sync(changed)
    new = tablet(world, tmp_path / "new")
    note(new, job, "by a tablet that joined since")
    sync(new)
    world.run("UPDATE device SET revoked_at = now() WHERE id = :id AND partnership_id = :p", id=stolen.device_id)
    world.run("UPDATE staff SET disabled_at = now() WHERE partnership_id = :p")
    with pytest.raises(NotEnrolled):
        sync(stolen)

    server.restore()
    assert bodies(server) == []
    before = new.device_id
    server.check(changed, new)
    assert bodies(server) == ["by a tablet that joined since", "with its new token", "with its old token"]
    assert new.device_id == before
    with pytest.raises(NotEnrolled):
        sync(stolen)
    assert world.value("SELECT count(*) FROM staff WHERE disabled_at IS NULL AND partnership_id = :p") == 0
    told = "\n".join(server.said)
    assert "joined after the backup go on as they are, and offer all that they hold (1)" in told
    assert "revoked after the backup stay revoked (1)" in told
    assert "2 tokens that tablets were given" in told


def test_what_a_tablet_did_for_a_crew_that_it_was_moved_to_since_is_taken(server: Server, tmp_path: Path) -> None:
    """The move is lost with what else the office did; what the tablet did there is not."""
    world = server.world
    moved, there = tablet(world, tmp_path / "moved"), tablet(world, tmp_path / "there", 1)
    job = report(world, there)
    sync(there)
    server.back_up()
    world.run(
        "UPDATE device SET crew_id = :to, former_crew_ids = ARRAY[crew_id] WHERE id = :id AND partnership_id = :p",
        id=moved.device_id, to=world.crew_ids[1],
    )  # fmt: skip
    sync(moved)
    note(moved, job, "by the tablet that was moved")
    sync(moved)

    server.restore()
    assert bodies(server) == []
    sync(moved, there)
    assert bodies(server) == ["by the tablet that was moved"]
    (row,) = world.rows(
        "SELECT crew_id, former_crew_ids FROM device WHERE id = :id AND partnership_id = :p", id=moved.device_id
    )
    assert (row["crew_id"], row["former_crew_ids"]) == (world.crew_ids[0], [world.crew_ids[1]])


def test_the_backup_as_it_is_lets_in_who_could_come_in_then(server: Server, tmp_path: Path) -> None:
    """Also where the replaced database cannot be read. A tablet whose new token is unknown goes by the one before it;
    one that is unknown altogether joins anew, and its file brings everything back."""
    world = server.world
    changed, stolen = tablet(world, tmp_path / "changed"), tablet(world, tmp_path / "stolen")
    job = report(world, changed)
    sync(changed, stolen)
    changed.rotate_token()
    sync(changed)
    server.back_up()

    for number in range(3):
        changed.rotate_token()
        note(changed, job, f"with token {number}")
        sync(changed)
    new = tablet(world, tmp_path / "new")
    note(new, job, "by a tablet that joined since")
    new.rotate_token()
    sync(new)
    note(new, job, "not sent yet")
    world.run("UPDATE device SET revoked_at = now() WHERE id = :id AND partnership_id = :p", id=stolen.device_id)

    server.restore(as_in_backup=True)
    assert any("ARE LET IN AGAIN" in sentence for sentence in server.said)
    sync(stolen)
    device = changed.device_id
    sync(changed)
    assert changed.device_id == device
    changed.rotate_token()
    sync(changed)
    with pytest.raises(NotEnrolled):
        sync(new)
    new.enrol(code(world))
    server.check(changed, new, stolen)
    assert bodies(server) == [
        "by a tablet that joined since", "not sent yet", "with token 0", "with token 1", "with token 2"
    ]  # fmt: skip
    assert world.value("SELECT count(*) FROM journal WHERE verdict = 'refused' AND partnership_id = :p") == 0


def test_a_journal_that_is_too_short_is_told_and_joining_anew_saves_the_rest(server: Server, tmp_path: Path) -> None:
    world = server.world
    crew = tablet(world, tmp_path / "1")
    job = report(world, crew)
    note(crew, job, "before the backup")
    sync(crew)
    server.back_up()
    for number in range(4):
        note(crew, job, f"after it {number}")
    sync(crew)
    with crew._store.transaction() as connection:  # as days do
        connection.execute("DELETE FROM edit WHERE seq <= 4")
    note(crew, job, "waits")

    server.restore()
    with pytest.raises(JournalTooShort) as raised:
        sync(crew)
    assert (raised.value.expected_seq, raised.value.oldest_seq) == (3, 5)
    assert crew.server_records(), "its jobs come all the same"
    crew.enrol(code(world))
    server.check(crew)
    assert bodies(server) == ["after it 2", "after it 3", "before the backup", "waits"]


def test_a_tablet_that_joins_anew_sends_nothing_twice(server: Server, tmp_path: Path) -> None:
    """Its last batch arrived, and it did not hear of that; then its crew was given a new code."""
    world = server.world
    crew = tablet(world, tmp_path / "1")
    job = report(world, crew)
    sync(crew)
    note(crew, job, "arrived unheard")
    crew.update("work_order", job, {"title": "Large hole"})
    copy = Tablet(tmp_path / "1", "http://localhost", line=crew._line)
    before = [edit.seq for edit in copy.waiting()]
    # The exchange of another process of the same app; its answer is not stored here.
    sync(copy)
    with crew._store.transaction() as connection:
        connection.execute("UPDATE edit SET verdict = NULL WHERE seq IN (?, ?)", before)
        connection.execute("UPDATE state SET cursor = NULL")
    server.describe(job, "By the office.")
    note(crew, job, "not sent yet")
    old = crew._store.state()["token"]
    crew.enrol(code(world))
    server.check(crew)
    assert bodies(server) == ["arrived unheard", "not sent yet"]
    assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p AND side = 'crew'") == 4
    assert server.in_conflict() == []
    # Nothing can come in any more as the device that it was.
    assert world.value("SELECT count(*) FROM device WHERE partnership_id = :p AND revoked_at IS NULL") == 1
    headers = {"Authorization": f"Bearer {old}"}
    assert world.app.test_client().get("/v1/devices/current", headers=headers).status_code == 401
    copy.close()


def test_new_hardware_starts_clean_and_has_all_that_was_acknowledged(server: Server, tmp_path: Path) -> None:
    world = server.world
    lost = tablet(world, tmp_path / "lost")
    job = report(world, lost)
    note(lost, job, "acknowledged")
    lost.update("work_order", job, {"status": "in_progress", "tags": ["deep"]})
    sync(lost)
    sync(lost)
    had = lost.server_records()
    note(lost, job, "fell into the river with it")
    lost.close()
    world.run("UPDATE device SET revoked_at = now() WHERE id = :id AND partnership_id = :p", id=lost_id(world))

    replacement = tablet(world, tmp_path / "new")
    assert replacement.server_records() == had
    assert replacement.journal() == []
    note(replacement, job, "by the new one")
    server.check(replacement)
    assert bodies(server) == ["acknowledged", "by the new one"]


def lost_id(world: World) -> str:
    found: str = world.value("SELECT id FROM device WHERE partnership_id = :p")
    return found
