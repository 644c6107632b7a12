"""Apps that learn columns and kinds, and forget them again, while they read the feed: in the end each has what a new
download would bring to the same app, wherever pages were cut and whatever changed between them."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from fieldsync.database import Base, new_id
from fieldsync.journal.archive import thin
from fieldsync.partnerships.head import next_change
from fieldsync.sync import queries, schema
from fieldsync.sync.feed import Cursor, Fill, Place
from fieldsync.sync.schema import Step, added
from fieldsync.workorders.queries import HIDDEN
from tests.sync_model.world import Document, Tablet, World

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

FURTHER = {
    3: Step({"task": ("result",), "work_order": ("asset", "tags")}),
    4: Step({"service_type": ("skill",), "assignment": ("pinned",)}, frozenset({"note"})),
    5: Step(),
    6: Step({"note": ("body",), "work_order": ("address",)}),
}
"""Steps that a later server may have; the columns are there, so that the database need not be another one."""


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    queries.fill.cache_clear()
    monkeypatch.setattr(schema, "STEPS", schema.STEPS | FURTHER)
    monkeypatch.setattr(schema, "SCHEMA", max(FURTHER))
    yield
    queries.fill.cache_clear()


@dataclass
class App:
    """An app that keeps of a record what it knows, and gives up what a newer one had stored once it stores itself."""

    tablet: Tablet
    step: int
    file: dict[tuple[str, str], Document] = field(default_factory=dict)
    bytes: int = 0
    patches: int = 0
    pages: int = 0
    wholes: int = 0

    def known(self, kind: str, record: Document) -> Document:
        later = added(self.step, max(schema.STEPS))
        return {name: value for name, value in record.items() if name not in later.columns.get(kind, ())}

    def knows(self, kind: str) -> bool:
        return kind not in added(self.step, max(schema.STEPS)).kinds

    def read(self, limit: int, *, arrives: bool = True) -> bool:
        """One page; whether there is more."""
        response = self.tablet.post(json.dumps(self.tablet.document(limit=limit, schema=self.step)))
        assert response.status_code == 200, response.get_data(as_text=True)
        answer = response.json
        assert len(answer["changes"]) <= limit
        if arrives:
            self.bytes += len(response.data)
            self.pages += 1
            self.store(answer)
        return bool(answer["more"]) or not arrives

    def store(self, answer: Document) -> None:
        assert answer["reset"] == (answer["reset_because"] is not None)
        if answer["reset"]:
            self.file.clear()
        self.file = {
            (kind, id_): {"version": held["version"], "record": self.known(kind, held["record"])}
            for (kind, id_), held in self.file.items() if self.knows(kind)
        }  # fmt: skip
        for change in answer["changes"]:
            key = (change["kind"], change["id"])
            if "gone" in change:
                self.file.pop(key, None)
                for other in [
                    k for k, held in self.file.items() if held["record"].get("work_order_id") == change["id"]
                ]:
                    del self.file[other]
            elif "patch" in change:
                # For a record that it has, and at the version at which it has it.
                assert self.file[key]["version"] == change["version"]
                self.file[key]["record"] |= self.known(change["kind"], change["patch"])
                self.patches += 1
            elif self.knows(change["kind"]):
                self.wholes += 1
                record = self.known(change["kind"], change["record"])
                self.file[key] = {"version": change["version"], "record": record}
        self.tablet.cursor = answer["cursor"]

    def drain(self, limit: int = 500) -> None:
        while self.read(limit):
            assert self.pages < 5_000, "a download that never ends"


class Office:
    """Changes what the crews see."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.hand = world.tablet(0)
        self.jobs: list[UUID] = []
        self.tasks: list[UUID] = []
        self.planned = 0
        for _ in range(4):
            self.make()

    def make(self) -> None:
        self.jobs.append(new_id())
        crew = str(self.world.crew_ids[self.chance.randrange(2)])
        asset, tags = f"A{len(self.jobs)}", ["wet"] * self.chance.randrange(2)
        self.office("work_order", self.jobs[-1], "create", crew_id=crew, asset=asset, tags=tags, **self.world.job())
        self.task()
        self.note()

    def task(self) -> None:
        self.tasks.append(new_id())
        job = str(self.chance.choice(self.jobs))
        self.office("task", self.tasks[-1], "create", work_order_id=job, title="dig", result=f"r{len(self.tasks)}")

    def note(self) -> None:
        self.office("note", new_id(), "create", work_order_id=str(self.chance.choice(self.jobs)), body="wet")

    def change(self) -> None:
        job = self.chance.choice(self.jobs)
        self.office("work_order", job, "update", asset=f"B{self.chance.randrange(99)}", title="Hole")
        self.office("task", self.chance.choice(self.tasks), "update", done=self.chance.random() < 0.5)

    def move(self) -> None:
        crew = self.chance.choice([None, *map(str, self.world.crew_ids)])
        self.office("work_order", self.chance.choice(self.jobs), "update", crew_id=crew)

    def delete(self) -> None:
        self.office("task", self.chance.choice(self.tasks), "delete")

    def plan(self) -> None:
        """As an assignment leaves it."""
        self.planned += 1
        with self.world.session() as session:
            session.execute(
                sa.text(
                    "INSERT INTO assignment (partnership_id, id, version, change, scope_crew_id, work_order_id,"
                    " crew_id, starts_at, ends_at, minutes, state, created_at, updated_at)"
                    " SELECT :p, :id, 1, :change, crew_id, id, crew_id, CAST(:t AS timestamptz),"
                    " CAST(:t AS timestamptz) + interval '5 minutes', 5, 'planned', now(), now() FROM work_order"
                    " WHERE partnership_id = :p AND id = :job AND crew_id IS NOT NULL"
                ),
                {"p": self.world.partnership_id, "id": new_id(), "t": BEGINNING + timedelta(hours=self.planned),
                 "job": self.chance.choice(self.jobs), "change": next_change(session, self.world.partnership_id)},
            )  # fmt: skip

    def train(self) -> None:
        """A service type is changed."""
        with self.world.session() as session:
            change = next_change(session, self.world.partnership_id)
            session.execute(
                sa.text("UPDATE service_type SET skill = :skill, minutes = :n, change = :c WHERE partnership_id = :p"),
                {"p": self.world.partnership_id, "skill": f"s{change}", "n": change, "c": change},
            )

    def thin(self) -> None:
        """What has left up to now is not told any more, from one moment to the next."""
        self.world.run("UPDATE head SET thinned = change WHERE partnership_id = :p")
        with self.world.session() as session:
            upto = session.execute(sa.text("SELECT thinned FROM head WHERE partnership_id = :p"),
                                   {"p": self.world.partnership_id}).scalar_one()  # fmt: skip
            while thin(session, self.world.partnership_id, upto, 2):
                pass

    def office(self, kind: str, record_id: UUID, action: str, **fields: Any) -> None:
        self.world.office(kind, record_id, action, None if action == "create" else 9_999, fields)

    def work(self) -> None:
        self.chance.choice([self.make, self.task, self.note, self.change, self.change, self.move, self.move, self.move,
                            self.delete, self.plan, self.plan, self.train])()  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_every_app_ends_with_what_a_new_download_brings(world: World, steps: None, seed: int) -> None:
    chance = random.Random(seed)
    office = Office(world, chance)
    apps = [App(world.tablet(crew), chance.randint(1, 6)) for crew in (0, 0, 1)]
    for _ in range(120):
        match chance.randrange(12):
            case 0 | 1 | 2:
                office.work()
            case 3:
                app = chance.choice(apps)  # also newer than the server
                app.step = min(7, max(1, app.step + chance.choice([-2, -1, 1, 1, 2])))
            case 4 if seed % 3 == 0 and chance.random() < 0.3:
                office.thin()
            case _:
                app = chance.choice(apps)
                app.read(chance.choice([1, 1, 2, 3, 7]), arrives=chance.random() < 0.8)
    apps[0].drain()
    apps[0].step = chance.randint(1, 2)
    apps[0].read(1)
    apps[0].step = chance.randint(3, 6)
    before = apps[0].patches
    for app in apps:
        for limit in (chance.choice([1, 2, 5]), 500):
            app.drain(limit)
        fresh = App(Tablet(world, app.tablet.device_id, app.tablet.token, app.tablet.skew), app.step)
        fresh.drain()
        assert app.file == fresh.file
        # It is told once.
        told = app.patches, app.wholes
        app.drain()
        assert (app.patches, app.wholes) == told
    assert apps[0].patches > before


def test_only_what_was_added_comes(world: World) -> None:
    """After the update of an app of the first step: no record again, but what its records lack, and the new kinds."""
    office = Office(world, random.Random(1))
    for _ in range(60):
        office.make()
        office.plan()
    app, fresh = App(world.tablet(0), 1), App(world.tablet(0), 2)
    app.drain()
    assert {kind for kind, _ in app.file}.isdisjoint({"assignment"})
    app.bytes = app.wholes = 0
    app.step = 2
    assert app.read(500) is False
    fresh.drain()
    assert app.file == fresh.file
    kinds = [kind for kind, _ in fresh.file]
    assert app.wholes == kinds.count("assignment")
    assert app.patches == kinds.count("work_order") + kinds.count("service_type")
    assert app.bytes < fresh.bytes * 0.6
    # Down and up again: the same once more, and nothing else.
    for step in (1, 2):
        app.step = step
        app.drain()
    assert app.file == fresh.file


def test_a_cursor_of_before_there_were_steps_is_gone_on_with(world: World) -> None:
    office = Office(world, random.Random(2))
    office.plan()
    app = App(world.tablet(0), 1)
    app.drain()
    known = Cursor.decode(app.tablet.cursor or "")
    assert known is not None
    change, record_id, kind = known.place
    packed = struct.pack(">B16s16sQ16sB", 1, known.epoch.bytes, known.crew_id.bytes, change, record_id.bytes, kind)
    app.tablet.cursor = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    app.step = 2
    office.change()
    answer = app.tablet.exchange(limit=500, schema=2)
    assert answer["reset"] is False
    app.store(answer)
    fresh = App(world.tablet(0), 2)
    fresh.drain()
    assert app.file == fresh.file


@pytest.mark.parametrize("cursor", [
    Cursor(new_id(), new_id()),
    Cursor(new_id(), new_id(), Place(5, new_id(), 3), 7, 9),
    Cursor(new_id(), new_id(), Place(2**63 - 1, UUID(int=2**128 - 1), 255), 2, 0, Fill(3, Place(1, new_id(), 1))),
])  # fmt: skip
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    text = cursor.encode()
    assert len(text) <= 200
    assert Cursor.decode(text) == cursor
    for cut in range(len(text)):
        assert Cursor.decode(text[:cut]) is None
    assert Cursor.decode(text + "A") is None


def test_a_cursor_of_no_step_is_none_of_ours(world: World) -> None:
    """Anybody can make one up: it begins a download, and is no fault of the server's."""
    tablet = world.tablet()
    tablet.pull()
    known = Cursor.decode(tablet.cursor or "")
    assert known is not None
    tablet.cursor = replace(known, schema=0).encode()
    answer = tablet.exchange(limit=500, schema=2)
    assert (answer["reset"], answer["reset_because"]) == (True, "unknown_cursor")


def test_the_steps_name_what_is_there() -> None:
    """Each column and kind of a step is one that the feed brings; nobody renamed it or took it away."""
    for step in schema.STEPS.values():
        assert step.kinds <= set(queries.FEED_KINDS)
        for kind, columns in step.columns.items():
            there = {column.name for column in Base.metadata.tables[kind].c} - HIDDEN
            assert kind in queries.FEED_KINDS
            assert set(columns) <= there


FIRST = {
    "work_order": {
        "title", "description", "service_type_id", "status", "priority", "address", "due_at", "crew_id", "tags",
        "resolution", "asset", "requester", "started_at", "completed_at", "jurisdiction_id", "placed_by", "triage",
        "created_at", "updated_at",
    },
    "task": {"title", "position", "done", "result", "work_order_id", "created_at", "updated_at"},
    "note": {"body", "work_order_id", "created_at", "updated_at"},
    "labor_entry": {
        "member_id", "worker", "activity", "started_at", "minutes", "work_order_id", "created_at", "updated_at",
    },
    "equipment_entry": {"equipment", "started_at", "minutes", "work_order_id", "created_at", "updated_at"},
    "material_entry": {"material", "quantity", "unit", "work_order_id", "created_at", "updated_at"},
    "jurisdiction": {"code", "name", "retired"},
    "service_type": {"code", "name", "skill", "priority", "target_hours", "retired"},
}  # fmt: skip
"""What the first apps knew."""


def test_whatever_tablets_see_is_in_a_step() -> None:
    """Whoever adds a column or a kind adds a step: older apps would never get it otherwise."""
    all_of_them = added(1, schema.SCHEMA)
    assert set(queries.FEED_KINDS) - {"gone"} == FIRST.keys() | all_of_them.kinds
    for kind, first in FIRST.items():
        there = {column.name for column in Base.metadata.tables[kind].c} - HIDDEN
        assert there == first | set(all_of_them.columns.get(kind, ())), kind


def test_steps_add_up() -> None:
    two = Step({"a": ("x",), "b": ("y",)}, frozenset({"k"}))
    three = Step({"a": ("z",), "k": ("n",), "c": ("w",)}, frozenset({"b"}))
    assert two.plus(three) == Step({"a": ("x", "z"), "c": ("w",)}, frozenset({"k", "b"}))
    assert added(1, 1) == Step()
