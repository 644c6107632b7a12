"""Pushes from real threads on connections of their own, all at once, into the same records."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

from fieldsync.database import new_id
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World, now


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run the actions in a thread each, from the same moment on."""
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        barrier.wait(20)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(60) for future in [pool.submit(run, action) for action in actions]]


def a_day_s_batch(tablet: Tablet) -> list[Document]:
    """Creates, updates, what hangs on them, and two edits that are refused."""
    edits = []
    for number in range(6):
        job, task = new_id(), new_id()
        edits += [
            tablet.edit("work_order", job, "create", tablet.world.job(title=f"Job {number}")),
            tablet.edit("task", task, "create", {"work_order_id": str(job), "title": "dig"}),
            tablet.edit("task", task, "update", {"done": True}, 0),
            tablet.edit("note", new_id(), "create", {"work_order_id": str(job), "body": "wet"}),
            tablet.edit("work_order", job, "update", {"status": "in_progress", "tags": ["wet"]}, 0),
        ]
    edits.append(tablet.edit("note", new_id(), "create", {"work_order_id": str(uuid4()), "body": "of nothing"}))
    edits.append(tablet.edit("work_order", new_id(), "create", {"title": "Nowhere"}))
    return edits


def test_the_same_batch_eight_times_at_once_has_one_effect_and_one_answer(world: World) -> None:
    for _ in range(4):
        tablet = world.tablet()
        batch = a_day_s_batch(tablet)
        body = json.dumps(tablet.document(batch))
        responses = at_once(*[lambda body=body, tablet=tablet: tablet.post(body)] * 8)
        assert {response.status_code for response in responses} == {200}
        answers = [response.json["verdicts"] for response in responses]
        (fresh,) = [verdicts for verdicts in answers if verdicts[0]["verdict"] != "repeated"]
        assert [v["verdict"] for v in fresh] == ["applied"] * 30 + ["refused"] * 2
        for verdicts in answers:
            if verdicts is not fresh:
                assert [v["verdict"] for v in verdicts] == ["repeated"] * len(batch)
                assert [v["recorded"] for v in verdicts] == [laws.recorded(v) for v in fresh]
        entries = world.value("SELECT count(*) FROM journal WHERE author_id = :id", id=tablet.device_id)
        assert entries == len(batch)
    assert world.value("SELECT count(*) FROM work_order WHERE partnership_id = :p") == 4 * 6
    assert world.value("SELECT max(version) FROM work_order WHERE partnership_id = :p") == 2
    laws.no_value_is_lost(world)
    laws.a_replay_gives_the_same(world)


def test_overlapping_parts_of_one_queue_at_once(world: World) -> None:
    """Retries that cross on the way: every part is taken once, in order, or told where to begin."""
    tablet = world.tablet()
    queue = a_day_s_batch(tablet)
    parts = [queue[:10], queue[5:20], queue[:25], queue[8:], queue[20:], queue]
    bodies = [json.dumps(tablet.document(part)) for part in parts]
    responses = at_once(*[lambda body=body: tablet.post(body) for body in bodies])
    assert {response.status_code for response in responses} <= {200, 409}
    assert responses[-1].status_code == 200
    numbers = world.rows("SELECT seq FROM journal WHERE author_id = :id ORDER BY entry", id=tablet.device_id)
    assert [row["seq"] for row in numbers] == list(range(1, len(queue) + 1))
    laws.a_replay_gives_the_same(world)


def test_many_tablets_and_an_office_on_the_same_records(world: World) -> None:
    chance = random.Random(11)
    first = world.tablet()
    jobs = [first.new_job() for _ in range(5)]
    tasks = [new_id() for _ in jobs]
    first.push(*[
        first.edit("task", task, "create", {"work_order_id": str(job), "title": "t"})
        for job, task in zip(jobs, tasks, strict=True)
    ])  # fmt: skip

    def push_all(tablet: Tablet, batches: list[list[Document]]) -> None:
        for batch in batches:
            assert len(tablet.push(*batch)) == len(batch)

    def batches_of(tablet: Tablet) -> list[list[Document]]:
        def one() -> Document:
            which, base = chance.randrange(5), chance.randrange(12)
            if chance.random() < 0.4:
                return tablet.edit("task", tasks[which], "update", {"result": chance.choice("abc")}, base)
            fields = {"title": chance.choice("abc"), "tags": chance.sample(["x", "y", "z"], 2)}
            return tablet.edit("work_order", jobs[which], "update", fields, base)

        return [[one() for _ in range(6)] for _ in range(5)]

    def desk() -> None:
        for number in range(12):
            world.office("work_order", jobs[number % 5], "update", number, {"priority": 1 + number % 5})

    tablets = [world.tablet() for _ in range(5)]
    queues = [(tablet, batches_of(tablet)) for tablet in tablets]
    at_once(desk, *[lambda queue=queue: push_all(*queue) for queue in queues])
    assert world.value("SELECT count(*) FROM journal WHERE partnership_id = :p") == 10 + 5 * 30 + 12
    laws.no_value_is_lost(world)
    laws.a_replay_gives_the_same(world)
    # The feed's numbers: every change of the head left its mark, and no two commits share one.
    assert world.value("SELECT change FROM head WHERE partnership_id = :p") >= 6


def test_two_tablets_that_make_a_record_with_the_same_id(world: World) -> None:
    """One makes it, the other is refused, for that edit alone; nobody is told to come again."""
    for _ in range(6):
        ids = [new_id() for _ in range(4)]
        tablets = [world.tablet() for _ in range(3)]

        def push(tablet: Tablet, order: list[UUID]) -> list[str]:
            edits = [tablet.edit("work_order", record_id, "create", tablet.world.job()) for record_id in order]
            edits.append(tablet.edit("work_order", new_id(), "create", tablet.world.job()))
            return [verdict["verdict"] for verdict in tablet.push(*edits)]

        orders = [ids, ids[::-1], ids[2:] + ids[:2]]
        verdicts = at_once(*[lambda t=t, o=o: push(t, o) for t, o in zip(tablets, orders, strict=True)])
        assert [v[-1] for v in verdicts] == ["applied"] * 3
        by_id = [dict(zip(order, v, strict=False)) for order, v in zip(orders, verdicts, strict=True)]
        for record_id in ids:
            assert sorted(v[record_id] for v in by_id) == ["applied", "refused", "refused"]
    laws.a_replay_gives_the_same(world)


def test_two_tablets_that_use_the_same_edit_id(world: World) -> None:
    """An edit's id is its author's own."""
    job = world.tablet().new_job()
    edit_ids = [uuid4() for _ in range(5)]
    tablets = [world.tablet() for _ in range(4)]

    def push(tablet: Tablet) -> list[str]:
        note = {"work_order_id": str(job), "body": "seen"}
        edits = [tablet.edit("note", new_id(), "create", note, edit_id=edit_id) for edit_id in edit_ids]
        return [verdict["verdict"] for verdict in tablet.push(*edits)]

    assert at_once(*[lambda t=t: push(t) for t in tablets]) == [["applied"] * 5] * 4


def test_nobody_waits_for_each_other(world: World) -> None:
    """Tablets that edit tasks of many jobs, in any order, while the office moves these jobs to and fro."""
    chance = random.Random(3)
    first = world.tablet()
    jobs = [first.new_job() for _ in range(8)]
    tasks = [new_id() for _ in jobs]
    first.push(*[
        first.edit("task", task, "create", {"work_order_id": str(job), "title": "t"})
        for job, task in zip(jobs, tasks, strict=True)
    ])  # fmt: skip
    before = deadlocks(world)

    def crew(tablet: Tablet) -> set[int]:
        statuses = set()
        for _ in range(10):
            order = chance.sample(range(8), 6)
            edits = [tablet.edit("task", tasks[n], "update", {"position": chance.randrange(99)}, 1) for n in order]
            edits += [
                tablet.edit("note", new_id(), "create", {"work_order_id": str(jobs[n]), "body": "x"}) for n in order
            ]
            statuses.add(tablet.post(json.dumps(tablet.document(edits, limit=20))).status_code)
        return statuses

    def office() -> set[int]:
        for _ in range(25):
            crew_id = str(world.crew_ids[chance.randrange(2)])
            world.office("work_order", chance.choice(jobs), "update", 1, {"crew_id": crew_id}, at=now())
        return {200}

    tablets = [world.tablet(number % 2) for number in range(4)]
    statuses = at_once(office, office, *[lambda t=t: crew(t) for t in tablets])
    assert set().union(*statuses) == {200}
    assert deadlocks(world) == before
    laws.no_value_is_lost(world)
    laws.a_replay_gives_the_same(world)


def deadlocks(world: World) -> int:
    number: int = world.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return number
