"""An exchange takes a fixed number of SQL statements, however many edits it brings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa

from fieldsync.database import db, new_id
from fieldsync.journal.edits import Author, Edit, Verdict
from fieldsync.journal.enter import enter
from fieldsync.journal.prepare import prepare
from tests.sync_model.world import Document, Tablet, World, now

SIZES = (1, 10, 500)
STATEMENTS_MAX = 20
"""Nothing near this many is needed; above it, somebody has begun to ask one thing at a time."""


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, many: bool) -> None:
        assert not many, statement
        statements.append(statement)

    with world.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


class Scene:
    """Jobs with a task each, as many as the largest batch needs; two tablets, of which the other was there first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tablet, self.other = world.tablet(), world.tablet()
        self.jobs = [new_id() for _ in range(max(SIZES))]
        self.tasks = [new_id() for _ in self.jobs]
        push(self.other, [self.other.edit("work_order", job, "create", world.job()) for job in self.jobs])
        push(self.other, [
            self.other.edit("task", task, "create", {"work_order_id": str(job), "title": "t"})
            for job, task in zip(self.jobs, self.tasks, strict=True)
        ])  # fmt: skip

    def require(self, document: Document) -> None:
        """Let the service type of all jobs require this on completion."""
        self.world.run(
            "UPDATE service_type SET required_on_completion = CAST(:document AS jsonb) WHERE partnership_id = :p",
            document=json.dumps(document),
        )


REQUIRED = {"fields": ["resolution"], "tasks": {"all": True}, "entries": {"note": 1}}


def push(tablet: Tablet, edits: list[Document], limit: int = 0) -> list[Document]:
    verdicts: list[Document] = tablet.exchange(edits, limit=limit)["verdicts"]
    return verdicts


Make = Callable[[Scene, int], list[Document]]


def new_jobs(scene: Scene, count: int) -> list[Document]:
    return [scene.tablet.edit("work_order", new_id(), "create", scene.world.job()) for _ in range(count)]


def updates(scene: Scene, count: int) -> list[Document]:
    edit = scene.tablet.edit
    return [edit("work_order", job, "update", {"title": str(uuid4())}, 99) for job in scene.jobs[:count]]


def conflicts(scene: Scene, count: int) -> list[Document]:
    fields = {"description": str(uuid4())}
    push(scene.other, [scene.other.edit("work_order", job, "update", fields, 99) for job in scene.jobs[:count]])
    edit = scene.tablet.edit
    return [edit("work_order", job, "update", {"description": str(uuid4())}, 1) for job in scene.jobs[:count]]


def notes(scene: Scene, count: int) -> list[Document]:
    edit = scene.tablet.edit
    return [edit("note", new_id(), "create", {"work_order_id": str(job), "body": "n"}) for job in scene.jobs[:count]]


def tasks(scene: Scene, count: int) -> list[Document]:
    edit = scene.tablet.edit
    return [edit("task", task, "update", {"result": str(uuid4())}, 99) for task in scene.tasks[:count]]


def completed(scene: Scene, count: int) -> list[Document]:
    """Work that is done, with all that is required of it."""
    scene.require(REQUIRED)
    edit = scene.tablet.edit
    edits = [edit("task", task, "update", {"done": True}, 99) for task in scene.tasks[:count]] + notes(scene, count)
    done = {"status": "completed", "resolution": "Filled"}
    return edits + [edit("work_order", job, "update", done, 99) for job in scene.jobs[:count]]


def completed_too_early(scene: Scene, count: int) -> list[Document]:
    scene.require(REQUIRED)
    edit = scene.tablet.edit
    return [edit("work_order", job, "update", {"status": "completed"}, 99) for job in scene.jobs[:count]]


def refused(scene: Scene, count: int) -> list[Document]:
    return [scene.tablet.edit("task", new_id(), "update", {"title": "of nothing"}, 1) for _ in range(count)]


def mixed(scene: Scene, count: int) -> list[Document]:
    """A batch with something of each; ``count`` of each."""
    edits = conflicts(scene, count) + new_jobs(scene, count) + notes(scene, count) + tasks(scene, count)
    return edits + refused(scene, count)


MAKES = [new_jobs, updates, conflicts, notes, tasks, completed, completed_too_early, refused, mixed]


@pytest.mark.parametrize("make", MAKES, ids=lambda m: m.__name__)
def test_a_batch_of_any_size_takes_the_same_statements(world: World, make: Make) -> None:
    scene = Scene(world)
    taken: dict[int, list[str]] = {}
    for size in SIZES if make not in (mixed, completed) else (1, 10, 200):
        edits = make(scene, size)
        body = json.dumps(scene.tablet.document(edits, limit=500))
        with counted(world) as statements:
            response = scene.tablet.post(body)
        verdicts = {verdict["verdict"] for verdict in response.json["verdicts"]}
        expected = {conflicts: {"conflicted"}, refused: {"refused"}, completed_too_early: {"refused"},
                    mixed: {"conflicted", "applied", "refused"}}  # fmt: skip
        assert verdicts == expected.get(make, {"applied"})
        taken[size] = statements
        with counted(world) as statements:
            scene.tablet.post(body)
        taken[-size] = statements
    first, *others = [statements for size, statements in taken.items() if size > 0]
    assert [len(statements) for statements in others] == [len(first)] * len(others)
    assert others == [first] * len(others)
    assert len(first) <= STATEMENTS_MAX
    # And so does the same batch, repeated.
    assert len({len(statements) for size, statements in taken.items() if size < 0}) == 1


def test_what_is_required_is_read_only_where_somebody_completes(world: World) -> None:
    """One statement more where a batch completes, and a second one only where something is required."""
    scene = Scene(world)

    def asked(job: UUID, **fields: Any) -> tuple[bool, bool]:
        edit = scene.tablet.edit("work_order", job, "update", fields, 99)
        with counted(world) as statements:
            (verdict,) = scene.tablet.exchange([edit])["verdicts"]
        assert verdict["verdict"] == "applied"
        everything = "\n".join(statements)
        return "required_on_completion" in everything, "note_of_it" in everything

    scene.require(REQUIRED)
    assert asked(scene.jobs[0], status="in_progress", resolution="Begun") == (False, False)
    scene.require({})
    assert asked(scene.jobs[1], status="completed") == (True, False)
    scene.require({"fields": ["resolution"]})
    assert asked(scene.jobs[2], status="completed", resolution="Filled") == (True, True)


def test_handing_over_any_number_of_jobs_takes_the_same_statements(world: World) -> None:
    """With all that is recorded on them, into the hands of another crew."""
    scene = Scene(world)
    author = Author(world.staff_id, "office", world.partnership_id)
    taken = []
    for size in SIZES:
        jobs, scene.jobs = scene.jobs[:size], scene.jobs[size:] or scene.jobs
        with counted(world) as statements, world.session() as session:
            edits = [handed_over(job, world.crew_ids[1]) for job in jobs]
            outcome = enter(session, author, edits, now())
            assert {decision.verdict for decision in outcome.decisions} == {Verdict.APPLIED}
        taken.append(statements)
    assert taken == [taken[0]] * 3
    assert len(taken[0]) <= STATEMENTS_MAX


def handed_over(job: UUID, crew_id: UUID) -> Edit:
    raw = msgspec.Raw(json.dumps({"crew_id": str(crew_id)}).encode())
    return prepare("office", uuid4(), None, "work_order", job, "update", 1, now(), now(), raw)
