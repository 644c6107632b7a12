"""What people enter: plans drawn by Hypothesis, which become edits once a tablet or the office is told to make them.

Few records and few values, so that people run into each other all the time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

STATUSES = ["open", "in_progress", "on_hold", "completed", "closed", "cancelled"]
TITLES = ["Hole", "Crack", 'Größerer Riß \\ "é" 🕳']
DESCRIPTIONS = [
    None, "by the school", "by the bridge", "Wet. Deep.", "Wet. Very deep.", "Wet. Deep. Fenced.", "Big! Wet. Deep.",
]  # fmt: skip
RESOLUTIONS = [None, "filled", "filled\nsealed", "dug\nfilled", "dug\nfilled\nsealed\n"]
RESULTS = [None, "good", "bad", "Good. Dry.", "Very good. Dry.", "Good. Dry. Level."]
PLACES = [{"lon": -80.0, "lat": 40.44}, {"lon": -79.9, "lat": 40.5}, {"lon": 0.1, "lat": -0.3}]
NEWER_PLACE = {"lon": -79.9, "lat": 40.5, "alt": 231.5}
"""With a part that the server does not know."""
NEWER = [7, None, "Größe 🕳", {"depth_cm": [40, 1e300], "title": None}, 10**30]
"""Of fields that only a newer app has."""
ADDRESSES = [None, "12 Main St", "14 Main St"]
TIMES = [None, "2026-03-01T08:00:00Z", "2026-03-01T09:30:00Z"]

WORK_ORDER_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(STATUSES),
    "title": st.sampled_from(TITLES),
    "description": st.sampled_from(DESCRIPTIONS),
    "priority": st.integers(1, 3),
    "location": st.sampled_from([*PLACES, NEWER_PLACE]),
    "address": st.sampled_from(ADDRESSES),
    "tags": st.lists(st.sampled_from(["wet", "dark", "deep"]), max_size=3, unique=True),
    "resolution": st.sampled_from(RESOLUTIONS),
    "asset": st.sampled_from([None, "A1", "A2"]),
    "started_at": st.sampled_from(TIMES),
    "hazard": st.sampled_from(NEWER),
}
TASK_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["dig", "fill", "clean"]),
    "position": st.integers(0, 2),
    "done": st.booleans(),
    "result": st.sampled_from(RESULTS),
    "assignee": st.sampled_from(NEWER),
}


def some_of(values: dict[str, st.SearchStrategy[Any]], most: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    names = st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


POISONS: list[tuple[str, dict[str, Any]]] = [
    ("malformed_edit", {"record_id": "not an id"}),
    ("malformed_edit", {"observed_at": "2026-03-01T08:00:00"}),
    ("malformed_edit", {"observed_at": "1950-03-01T08:00:00Z"}),
    ("malformed_edit", {"action": "explode"}),
    ("malformed_edit", {"action": "update", "base_version": None}),
    ("malformed_edit", {"kind": "Work Order"}),
    ("malformed_edit", {"edit_id": None}),
    ("unknown_kind", {"kind": "spaceship"}),
    ("read_only_kind", {"kind": "service_type"}),
    ("action_not_allowed", {"kind": "work_order", "action": "delete", "fields": {}}),
    ("action_not_allowed", {"kind": "note", "action": "update", "fields": {"body": "changed"}}),
    ("action_not_allowed", {"kind": "task", "action": "restore", "fields": {}}),
    ("unknown_field", {"kind": "work_order", "action": "create", "fields": {"title": "x", "location": NEWER_PLACE}}),
    ("unknown_field", {"kind": "work_order", "action": "update", "fields": {"colour": "red"}}),
    ("unknown_field", {"kind": "work_order", "action": "update", "fields": {"title": "x", "co\0": "red"}}),
    ("unknown_field", {"kind": "task", "action": "delete", "fields": {"title": "x"}}),
    ("invalid_value", {"kind": "work_order", "action": "create", "fields": {"title": "a\0b"}}),
    ("invalid_value", {"kind": "work_order", "action": "create", "fields": {"title": "cut \ud83d"}}),
    ("invalid_value", {"kind": "work_order", "action": "update", "fields": {"priority": 10**30}}),
    ("invalid_value", {"kind": "work_order", "action": "update", "fields": None}),
    ("missing_field", {"kind": "task", "action": "create", "fields": {"title": "of nothing"}}),
    ("field_not_yours", {"kind": "work_order", "action": "update", "fields": {"crew_id": None}}),
]
"""Refusal code, and what to change in an edit to deserve it from a crew."""


CHOSEN: list[tuple[str, str, str | None, str]] = [
    ("work_order", "description", "latest", "merge"), ("work_order", "description", None, "merge"),
    ("work_order", "description", "review", "review"), ("work_order", "resolution", "crew", "review"),
    ("work_order", "resolution", None, "review"), ("work_order", "title", "review", "merge"),
    ("work_order", "title", "office", "review"), ("work_order", "title", None, "review"),
    ("work_order", "status", "review", "merge"), ("work_order", "status", None, "merge"),
    ("work_order", "tags", "latest", "merge"), ("work_order", "tags", None, "merge"),
    ("work_order", "location", "latest", "merge"), ("task", "done", "office", "merge"),
    ("task", "result", None, "merge"),
]  # fmt: skip
"""Kind, field, policy and custody, as a partnership may choose them at one time or another."""

REQUIRED: list[dict[str, Any]] = [
    {},
    {"fields": ["resolution"]},
    {"tasks": {"all": True}},
    {"entries": {"labor_entry": 1}},
    {"fields": ["started_at"], "tasks": {"named": ["dig"]}, "entries": {"note": 1}},
]
"""What the service type may require on completion, at one time or another."""


@dataclass(frozen=True)
class Plan:
    """One edit to be made. Numbers choose among what there is at that moment, modulo its count."""

    what: str
    which: int
    fields: dict[str, Any]
    base: int | None
    """How many versions behind the present one; None: the version on the tablet (the office: the present one)."""
    late_s: int
    """How long before it is queued it was observed, in seconds; below 0: by a clock that was put back since."""
    reuse: bool
    """It bears the id of an edit that the tablet made before."""


def plans(*whats: str) -> st.SearchStrategy[Plan]:
    def planned(what: str) -> st.SearchStrategy[Plan]:
        fields: st.SearchStrategy[dict[str, Any]] = st.just({})
        if what in ("make_job", "edit_job", "office_job"):
            fields = some_of(WORK_ORDER_VALUES)
        elif what in ("make_task", "edit_task"):
            fields = some_of(TASK_VALUES, 2)
        return st.builds(
            Plan, st.just(what), st.integers(0, 59), fields, st.sampled_from(BEHIND), st.sampled_from(LATE_S),
            st.sampled_from(REUSED),
        )  # fmt: skip

    return st.sampled_from(whats).flatmap(planned)


FINISHING = [
    Plan("edit_job", 0, {"resolution": "filled"}, None, 0, False),
    Plan("edit_job", 0, {"started_at": TIMES[1]}, None, 0, False),
    Plan("make_task", 0, {"title": "dig", "done": True}, None, 0, False),
    Plan("make_task", 0, {"title": "fill"}, None, 0, False),
    Plan("edit_task", 0, {"done": True}, None, 0, False),
    Plan("delete_task", 0, {}, None, 0, False),
    Plan("note", 0, {}, None, 0, False),
    Plan("labor", 1, {}, None, 0, False),
]
"""What a crew does before it says that a job is done; some of it may be required."""

BEHIND = [None, None, None, None, 0, 1, 2, 4]
LATE_S = [0, 0, 5, 3600, -50]
REUSED = [False] * 19 + [True]
TABLET_WORK = [
    *["edit_job"] * 7, *["edit_task"] * 4, "make_job", "make_task", "delete_task", "note", "labor", "poison", "poison",
    "make_again", "stranger",
]  # fmt: skip
OFFICE_WORK = [
    *["edit_job"] * 4, *["assign"] * 3, "office_job", "make_task", "edit_task", "delete_job", "restore_job",
    "restore_job", "delete_task", "restore_task",
]  # fmt: skip
TABLET_PLANS = plans(*TABLET_WORK)
OFFICE_PLANS = plans(*OFFICE_WORK)

_VALUES: dict[str, list[Any]] = {
    "status": STATUSES, "title": TITLES, "description": DESCRIPTIONS, "priority": [1, 2, 3],
    "location": [*PLACES, NEWER_PLACE], "hazard": NEWER,
    "address": ADDRESSES, "tags": [["wet"], ["dark", "wet"], ["deep", "dark"], []], "resolution": RESOLUTIONS,
    "asset": [None, "A1", "A2"], "started_at": TIMES,
}  # fmt: skip


def at_random(chance: random.Random, work: list[str]) -> Plan:
    """A plan like those of the strategies, without a choice of Hypothesis for every part of it."""
    what = chance.choice(work)
    fields: dict[str, Any] = {}
    if what in ("make_job", "edit_job", "office_job"):
        fields = {name: chance.choice(_VALUES[name]) for name in chance.sample(sorted(_VALUES), chance.randint(1, 4))}
    elif what in ("make_task", "edit_task"):
        fields = {"done": chance.random() < 0.5, "result": chance.choice(RESULTS)}
    behind, late_s, reuse = chance.choice(BEHIND), chance.choice(LATE_S), chance.choice(REUSED)
    return Plan(what, chance.randrange(60), fields, behind, late_s, reuse)
