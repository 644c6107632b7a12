"""An older state of the database is restored: tablets offer again what it lacks, and everybody has everything."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from fieldsync.cluster import Databases
from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, end_app, make_app, make_world


def day(tablet: Tablet, jobs: list[str]) -> list[Document]:
    """Edits of one day: a new job, work on it and on older ones, a note."""
    job = str(new_id())
    jobs.append(job)
    edits = [tablet.edit("work_order", job, "create", tablet.world.job(title=f"Job {len(jobs)}"))]
    # Its versions are as the tablet saw them: after the restore they are ahead of the server's.
    edits += [
        tablet.edit("work_order", old, "update", {"resolution": f"{len(jobs)}"}, number + 1)
        for number, old in enumerate(jobs[-2:])
    ]
    return [*edits, tablet.edit("note", new_id(), "create", {"work_order_id": job, "body": "done"})]


def state(world: World) -> dict[str, Document]:
    """What people entered, without what the server adds."""
    names = ("kind", "title", "resolution", "status", "body", "crew_id", "seen_by")
    return {record_id: {n: record.get(n) for n in names} for record_id, record in laws.records(world).items()}


@pytest.mark.parametrize("epoch_is_changed", [True, False])
def test_tablets_bring_back_what_a_restore_lost(
    new_database: Callable[[], str], databases: Databases, epoch_is_changed: bool
) -> None:
    url = new_database()
    app = make_app(url)
    world = make_world(app)
    tablets = [world.tablet(), world.tablet()]
    queues: list[list[Document]] = [[], []]
    jobs: list[list[str]] = [[], []]

    def work() -> None:
        for tablet, queue, own in zip(tablets, queues, jobs, strict=True):
            edits = day(tablet, own)
            queue.extend(edits)
            assert {v["verdict"] for v in tablet.push(*edits)} <= {"applied", "merged"}
            tablet.pull()

    work()
    work()
    end_app(app)
    saved = len(queues[0])
    backup = f"fieldsync_backup_{uuid4().hex[:12]}"
    restored_url = databases.copy(urlsplit(url).path.removeprefix("/"), backup)
    try:
        work()
        work()
        expected = state(world)
        end_app(app)
        world.app = make_app(restored_url)
        if epoch_is_changed:
            world.run("UPDATE head SET epoch = gen_random_uuid()")
        assert state(world) != expected
        answers = [tablet.exchange(limit=500) for tablet in tablets]
        assert [(answer["reset"], answer["expected_seq"]) for answer in answers] == [(True, saved + 1)] * 2
        for tablet, queue in zip(tablets, queues, strict=True):
            # Some that are there still, too: the tablet does not have to know exactly.
            verdicts = tablet.push(*queue[saved - 3 :])
            assert [v["verdict"] for v in verdicts[:3]] == ["repeated"] * 3
            assert {v["verdict"] for v in verdicts[3:]} <= {"applied", "merged"}
        assert state(world) == expected
        laws.a_replay_gives_the_same(world)
        fresh = world.tablet()
        (tablet, other) = tablets
        tablet.cursor = None
        assert {c["id"] for c in tablet.pull()} == {c["id"] for c in fresh.pull()} >= set(expected)
        assert other.exchange(limit=500)["verdicts"] == []
        end_app(world.app)
    finally:
        databases.drop(backup)
