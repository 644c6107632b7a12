"""Every reason to refuse an edit, met through the exchange; and of two, the one that stands first in ``REFUSALS``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from fieldsync.database import new_id
from fieldsync.journal.edits import REFUSALS
from tests.sync_model import laws
from tests.sync_model.world import Document, Tablet, World


class Scene:
    """A tablet with a job and a task; a job of another crew; a create that was refused; an edit id that is used."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tablet: Tablet = world.tablet()
        self.job, self.foreign = self.tablet.new_job(), world.tablet(1).new_job()
        self.task, self.refused = new_id(), new_id()
        self.used_id = uuid4()
        verdicts = self.tablet.push(
            self.tablet.edit("task", self.task, "create", {"work_order_id": str(self.job), "title": "dig"}),
            self.tablet.edit("work_order", self.refused, "create", {"title": "no place"}),
            self.tablet.edit("note", new_id(), "create", self.on(self.job) | {"body": "x"}, edit_id=self.used_id),
        )
        assert [v["verdict"] for v in verdicts] == ["applied", "refused", "applied"]

    def on(self, job: Any) -> Document:
        return {"work_order_id": str(job)}

    def edit(self, kind: str, record_id: Any, action: str, fields: Any, base: int | None = None) -> Document:
        return self.tablet.edit(kind, record_id, action, fields, base)

    def completing(self, record_id: Any, action: str, fields: Any, base: int | None = None) -> Document:
        """An edit that completes a work order, where a photograph was to be taken before."""
        required = '{"tasks": {"named": ["photograph"]}}'
        self.world.run("UPDATE service_type SET required_on_completion = :r WHERE partnership_id = :p", r=required)
        return self.edit("work_order", record_id, action, fields | {"status": "completed"}, base)

    def cancelled(self) -> UUID:
        """The job, which the office has cancelled; at version 2."""
        self.world.office("work_order", self.job, "update", 1, {"status": "cancelled"})
        return self.job


Case = Callable[[Scene], Document]

CASES: dict[str, list[Case]] = {
    "malformed_edit": [
        lambda s: s.edit("work_order", "no id", "update", {}, 1),
        lambda s: s.edit("work_order", s.job, "explode", {}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"title": "x"}),
        lambda s: s.edit("Work order", s.job, "update", {}, 1),
        lambda s: s.edit("work_order", s.job, "update", {}, -1),
        lambda s: s.edit("work_order", s.job, "update", {}, 2**31),
        lambda s: s.edit("work_order", s.job, "update", {}, 1) | {"observed_at": "2026-03-01T08:00:00"},
        lambda s: s.edit("work_order", s.job, "update", {}, 1) | {"observed_at": "1969-12-31T23:59:59Z"},
        lambda s: s.edit("work_order", s.job, "update", {}, 1) | {"observed_at": "2200-01-02T00:00:00Z"},
        lambda s: s.edit("work_order", s.job, "update", {}, 1) | {"edit_id": "none"},
    ],
    "edit_reused": [
        lambda s: s.edit("work_order", s.job, "update", {"title": "x"}, 1) | {"edit_id": str(s.used_id)},
        lambda s: s.edit("work_order", s.job, "update", {"title": "x"}, 1) | {"seq": 1},
    ],
    "unknown_kind": [lambda s: s.edit("spaceship", s.job, "update", {}, 1)],
    "read_only_kind": [
        lambda s: s.edit("service_type", s.world.service_type_id, "update", {"name": "x"}, 1),
        lambda s: s.edit("jurisdiction", new_id(), "create", {"name": "x"}),
    ],
    "action_not_allowed": [
        lambda s: s.edit("work_order", s.job, "delete", {}, 1),
        lambda s: s.edit("work_order", s.job, "restore", {}, 1),
        lambda s: s.edit("task", s.task, "restore", {}, 1),
        lambda s: s.edit("note", new_id(), "update", {"body": "x"}, 1),
        lambda s: s.edit("labor_entry", new_id(), "delete", {}, 1),
    ],
    "unknown_field": [
        lambda s: s.edit("work_order", s.job, "update", {"colour": "red"}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"jurisdiction_id": str(s.world.jurisdiction_id)}, 1),
        lambda s: s.edit("task", s.task, "delete", {"title": "x"}, 1),
        # With something that we know beside it, but without what a new one needs, or not of an app of ours.
        lambda s: s.edit("work_order", new_id(), "create", s.world.job(location={"lon": 1, "lat": 1, "alt": 1})),
        lambda s: s.edit("work_order", s.job, "update", {"title": "x", "a name": 1}, 1),
    ],
    "invalid_value": [
        lambda s: s.edit("work_order", s.job, "update", {"priority": 6}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"title": None}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"title": "a\0b"}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"status": "paused"}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"location": {"lon": 181, "lat": 0}}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"started_at": "2026-03-01T08:00:00"}, 1),
        lambda s: s.edit("work_order", s.job, "update", {"tags": ["x"] * 51}, 1),
    ],
    "missing_field": [
        lambda s: s.edit("work_order", new_id(), "create", {"title": "x"}),
        lambda s: s.edit("note", new_id(), "create", s.on(s.job)),
        lambda s: s.edit("note", new_id(), "create", {"body": "x"}),
    ],
    "field_not_yours": [
        lambda s: s.edit("work_order", s.job, "update", {"crew_id": None}, 1),
        lambda s: s.edit("work_order", new_id(), "create", s.world.job(due_at="2026-03-01T08:00:00Z")),
    ],
    "create_only_field": [lambda s: s.edit("task", s.task, "update", s.on(s.job), 1)],
    "record_exists": [
        lambda s: s.edit("work_order", s.job, "create", s.world.job()),
        lambda s: s.edit("work_order", s.foreign, "create", s.world.job()),
        lambda s: s.edit("task", s.task, "create", s.on(s.job) | {"title": "x"}),
    ],
    "depends_on": [
        lambda s: s.edit("work_order", s.refused, "update", {"title": "x"}, 0),
        lambda s: s.edit("task", new_id(), "create", s.on(s.refused) | {"title": "x"}),
    ],
    "unknown_record": [
        lambda s: s.edit("work_order", new_id(), "update", {"title": "x"}, 1),
        lambda s: s.edit("work_order", s.foreign, "update", {"title": "x"}, 1),
        lambda s: s.edit("task", s.job, "update", {"title": "x"}, 1),
        lambda s: s.edit("note", new_id(), "create", s.on(s.foreign) | {"body": "x"}),
        lambda s: s.edit("task", new_id(), "delete", {}, 1),
    ],
    "unknown_reference": [
        lambda s: s.edit("work_order", s.job, "update", {"service_type_id": str(new_id())}, 1),
        lambda s: s.edit("labor_entry", new_id(), "create", s.on(s.job) | {"minutes": 5, "member_id": str(new_id())}),
    ],
    "illegal_transition": [
        lambda s: s.edit("work_order", s.job, "update", {"status": "closed"}, 1),
        lambda s: s.edit("work_order", new_id(), "create", s.world.job(status="cancelled")),
    ],
    "completion_requirements": [
        lambda s: s.completing(s.job, "update", {}, 1),
        lambda s: s.completing(s.job, "update", {"resolution": "Filled", "title": "x"}, 0),
        lambda s: s.completing(new_id(), "create", s.world.job()),
    ],
}

BOTH: dict[tuple[str, str], Case] = {
    ("malformed_edit", "unknown_kind"): lambda s: s.edit("spaceship", s.job, "explode", {}, 1),
    ("malformed_edit", "read_only_kind"): lambda s: s.edit("service_type", s.job, "update", {}),
    ("unknown_kind", "action_not_allowed"): lambda s: s.edit("spaceship", s.job, "delete", {}, 1),
    ("malformed_edit", "action_not_allowed"): lambda s: s.edit("work_order", s.job, "delete", {}),
    ("edit_reused", "unknown_kind"): lambda s: (
        s.edit("spaceship", s.job, "update", {}, 1) | {"edit_id": str(s.used_id)}
    ),
    ("action_not_allowed", "unknown_field"): lambda s: s.edit("note", s.job, "update", {"colour": 1}, 1),
    ("unknown_field", "invalid_value"): lambda s: s.edit(
        "work_order", s.job, "update", {"priority": 9, "no-name": 1}, 1
    ),
    ("invalid_value", "missing_field"): lambda s: s.edit("work_order", new_id(), "create", {"title": ""}),
    ("missing_field", "field_not_yours"): lambda s: s.edit("work_order", new_id(), "create", {"due_at": None}),
    ("field_not_yours", "record_exists"): lambda s: s.edit("work_order", s.job, "create", s.world.job(due_at=None)),
    ("field_not_yours", "unknown_record"): lambda s: s.edit("work_order", s.foreign, "update", {"due_at": None}, 1),
    ("create_only_field", "unknown_record"): lambda s: s.edit("task", new_id(), "update", s.on(s.job), 1),
    ("record_exists", "depends_on"): lambda s: s.edit("task", s.task, "create", s.on(s.refused) | {"title": "x"}),
    ("record_exists", "unknown_record"): lambda s: s.edit("task", s.task, "create", s.on(new_id()) | {"title": "x"}),
    ("record_exists", "illegal_transition"): lambda s: s.edit(
        "work_order", s.foreign, "create", s.world.job(status="closed")
    ),
    ("depends_on", "unknown_reference"): lambda s: s.edit(
        "labor_entry", new_id(), "create", s.on(s.refused) | {"minutes": 1, "member_id": str(new_id())}
    ),
    ("unknown_record", "unknown_reference"): lambda s: s.edit(
        "work_order", s.foreign, "update", {"service_type_id": str(new_id())}, 1
    ),
    ("unknown_reference", "illegal_transition"): lambda s: s.edit(
        "work_order", new_id(), "create", s.world.job(service_type_id=str(new_id()), status="closed")
    ),
    ("illegal_transition", "completion_requirements"): lambda s: s.completing(s.cancelled(), "update", {}, 2),
    ("record_exists", "completion_requirements"): lambda s: s.completing(s.job, "create", s.world.job()),
}


DECIDED = [code for code in REFUSALS if code != "not_released"]
"""Those that an exchange can answer; that one is a dispatcher's decision on a revoked device's edits."""


def test_every_code_has_a_case() -> None:
    assert CASES.keys() == set(DECIDED)


@pytest.mark.parametrize("code", DECIDED)
def test_a_refused_edit(world: World, code: str) -> None:
    for case in CASES[code]:
        scene = Scene(world)
        tablet = scene.tablet
        edit = case(scene)
        reuses_a_number = edit["seq"] == 1
        if reuses_a_number:
            tablet.seq -= 1
        behind = tablet.edit("note", new_id(), "create", scene.on(scene.job) | {"body": "behind"})
        before = world.value("SELECT version FROM work_order WHERE partnership_id = :p AND id = :id", id=scene.job)
        verdicts = {verdict["seq"]: verdict for verdict in tablet.push(edit, behind)}
        verdict = verdicts[edit["seq"]]
        assert (verdict["verdict"], verdict["problem"]["code"]) == ("refused", code), edit
        assert verdict["problem"]["title"] == REFUSALS[code]
        assert len(verdict["problem"]["detail"]) > 10
        assert (verdict["version"], verdict["conflicts"]) == (None, [])
        # It does not block what is behind it, and changes nothing.
        assert verdicts[behind["seq"]]["verdict"] == "applied"
        after = world.value("SELECT version FROM work_order WHERE partnership_id = :p AND id = :id", id=scene.job)
        assert after == before
        again = {repeated["seq"]: repeated for repeated in tablet.push(edit, behind)}[edit["seq"]]
        if reuses_a_number:
            assert (again["verdict"], again["problem"]["code"]) == ("refused", code)
        else:
            assert (again["verdict"], again["recorded"]) == ("repeated", laws.recorded(verdict))


@pytest.mark.parametrize(("first", "second"), BOTH)
def test_the_first_reason_is_given(world: World, first: str, second: str) -> None:
    codes = list(REFUSALS)
    assert codes.index(first) < codes.index(second)
    scene = Scene(world)
    (verdict,) = scene.tablet.push(BOTH[first, second](scene))
    assert verdict["problem"]["code"] == first


def test_neighbours_in_the_list_are_compared() -> None:
    """Where one edit can deserve both at all."""
    never = {
        ("edit_reused", "malformed_edit"),  # test_an_unreadable_edit_with_a_used_id
        ("unknown_kind", "read_only_kind"),
        ("read_only_kind", "action_not_allowed"),
        ("missing_field", "create_only_field"),
        ("create_only_field", "field_not_yours"),
        ("depends_on", "unknown_record"),
    }
    assert set(pairwise(DECIDED)) <= never | BOTH.keys()


def test_an_unreadable_edit_with_a_used_id(world: World) -> None:
    """Its id is all that it has in common with the first one."""
    scene = Scene(world)
    edit = scene.edit("work_order", "no id", "update", {}, 1) | {"edit_id": str(scene.used_id)}
    (verdict,) = scene.tablet.push(edit)
    assert (verdict["verdict"], verdict["problem"]["code"]) == ("refused", "edit_reused")
