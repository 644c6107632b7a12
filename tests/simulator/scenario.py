"""What happens in a scenario: steps drawn from a seed before anything is played.

A step names what it is about by numbers, which choose among what there is when it is played. So any step can be left
out, and the others still mean something.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

TABLETS = 3
STATUSES = ["open", "in_progress", "in_progress", "on_hold", "completed", "completed", "closed", "cancelled"]
VALUES: dict[str, list[Any]] = {
    "status": STATUSES,
    "title": ["Hole", "Crack", 'Größerer Riß \\ "é" 🕳'],
    "description": [None, "By the school. Deep.", "By the school. Very deep.", "Near the school. Deep.", "Deep. Wide."],
    "priority": [1, 2, 3],
    "location": [{"lon": -80.0, "lat": 40.44}, {"lon": -79.9, "lat": 40.5}, {"lon": 0.1, "lat": -0.3}],
    "address": [None, "12 Main St", "14 Main St"],
    "tags": [["wet"], ["dark", "wet"], ["deep", "dark"], [], ["dark", "deep", "wet"]],
    "resolution": [None, "Filled.", "Filled. Swept."],
    "asset": [None, "A1", "A2"],
    "started_at": [None, "2026-03-01T08:00:00Z", "2026-03-01T09:30:00Z"],
}
"""Few, so that people run into each other all the time."""

CONTESTED = {"tags", "description", "title", "status", "result", "done"}
"""What everybody changes."""

TASK_VALUES: dict[str, list[Any]] = {
    "title": ["dig", "fill"],
    "position": [0, 1],
    "done": [True, False],
    "result": [None, "good", "bad"],
}

REQUIREMENTS: list[dict[str, Any]] = [
    {},
    {"fields": ["resolution"]},
    {"tasks": {"all": True}},
    {"entries": {"labor_entry": 1}},
    {"fields": ["started_at"], "tasks": {"named": ["dig"]}, "entries": {"note": 1}},
]

CHOICES: list[tuple[str, str, list[str]]] = [
    ("work_order", "title", ["latest", "office", "crew", "review"]),
    ("work_order", "description", ["text", "review", "latest", "crew"]),
    ("work_order", "status", ["lifecycle", "review"]),
    ("work_order", "tags", ["union", "latest", "review"]),
    ("work_order", "priority", ["office", "crew"]),
    ("task", "done", ["crew", "latest", "review"]),
    ("task", "result", ["text", "office"]),
]
"""Kind, field, and some of the policies that a partnership may choose for it."""

FATES = [
    "arrives", "arrives", "arrives", "is lost", "is held up", "kills the server", "answer lost", "answer cut",
    "comes twice", "is overtaken", "is refused for now", "meets a portal",
]  # fmt: skip
"""What may become of a request."""


@dataclass(frozen=True)
class Step:
    """One thing that happens. ``who`` and ``which`` choose, modulo, among those that there are."""

    what: str
    who: int = 0
    which: int = 0
    more: dict[str, Any] = field(default_factory=dict)


Draw = Callable[[random.Random], Step]


def _some(chance: random.Random, values: dict[str, list[Any]], most: int) -> dict[str, Any]:
    names = chance.sample(sorted(values), chance.randint(1, most))
    if chance.random() < 0.5:
        names.append(chance.choice(sorted(values.keys() & CONTESTED)))
    return {name: chance.choice(values[name]) for name in names}


def _work(chance: random.Random) -> Step:
    """A person enters something on a tablet."""
    what = chance.choice(
        ["edit_job"] * 8 + ["edit_task"] * 4
        + ["make_job", "make_task", "delete_task", "note", "labor", "equipment", "material", "poison", "make_again",
           "stranger"]
    )  # fmt: skip
    more: dict[str, Any] = {}
    if what in ("edit_job", "make_job"):
        more = {"fields": _some(chance, VALUES, 4)}
    elif what in ("edit_task", "make_task"):
        more = {"fields": _some(chance, TASK_VALUES, 2)}
    more["late_s"] = chance.choice([0, 0, 7, 14, 3600, -50])
    return Step(what, chance.randrange(TABLETS), chance.randrange(60), more)


AFTERWARDS: list[dict[str, Any]] = [
    {"location": VALUES["location"][1]},
    {"status": "in_progress"},
    {"resolution": "Filled. Swept."},
    {"tags": ["wet"]},
]


def _finish(chance: random.Random) -> Step:
    """A crew begins a job, works on it, says that it is done, and has something to correct."""
    between = [_some(chance, VALUES, 1) for _ in range(chance.randint(0, 2))]
    afterwards = chance.sample(AFTERWARDS, chance.randint(0, 2))
    fields = [{"status": "in_progress"}, *between, {"status": "completed"}, *afterwards]
    return Step("finish", chance.randrange(TABLETS), chance.randrange(60), {"edits": fields, "late_s": 0})


def _exchange(chance: random.Random) -> Step:
    more = {"fate": chance.choice(FATES), "page": chance.choice([1, 2, 3, 7, 500]), "edits": chance.choice([1, 3, 500]),
            "at": chance.randrange(1, 40)}  # fmt: skip
    return Step("exchange", chance.randrange(TABLETS), chance.randrange(60), more)


def _sync(chance: random.Random) -> Step:
    return Step("sync", chance.randrange(TABLETS), 0, {"page": chance.choice([2, 7, 500])})


def _office(chance: random.Random) -> Step:
    what = chance.choice(
        ["edit_job"] * 9 + ["assign"] * 3
        + ["office_job", "make_task", "edit_task", "delete_job", "restore_job", "delete_task", "restore_task"]
    )  # fmt: skip
    more: dict[str, Any] = {
        "do": what,
        "behind": chance.choice([0, 0, 0, 0, 1]),
        "crew": chance.choice([0, 0, 1, 1, 2, 6]),
    }
    if what in ("edit_job", "office_job"):
        more["fields"] = _some(chance, VALUES, 4)
    elif what in ("make_task", "edit_task"):
        more["fields"] = _some(chance, TASK_VALUES, 2)
    return Step("office", chance.randrange(6), chance.randrange(60), more)


def _plain(what: str, **choices: Sequence[Any]) -> Draw:
    def draw(chance: random.Random) -> Step:
        more = {name: chance.choice(values) for name, values in choices.items()}
        return Step(what, chance.randrange(TABLETS), chance.randrange(60), more)

    return draw


ALWAYS: list[tuple[float, Draw]] = [
    (11, _work),
    (1, _finish),
    (5, _exchange),
    (2, _sync),
    (4, _office),
    (1, _plain("wait", seconds=[1, 90, 4_000, 90_000])),
]
SOMETIMES: dict[str, list[tuple[float, Draw]]] = {
    "strays": [(2, _plain("deliver_stray")), (1, _plain("forge")), (0.5, _plain("leave_a_gap"))],
    "clocks": [(1, _plain("clock", seconds=[-90_000, -60, 0, 300, 7 * 86_400]))],
    "deaths": [(2, _plain("die", at=range(1, 400)))],
    "old files": [(0.7, _plain("copy_file")), (0.7, _plain("old_file"))],
    "offers": [(0.7, _plain("offer_again"))],
    "requirements": [(1, _plain("require", document=REQUIREMENTS))],
    "publications": [(1.5, _plain("publish", line=[-79.95, -70.0, -85.0], release=[True, False]))],
    "agreements": [(0.7, _plain("end_agreement"))],
    "moves": [(1.2, _plain("move", crew=range(3)))],
    "restores": [(1, _plain("back_up")), (0.7, _plain("restore", replaced_is_known=[True, False]))],
    "disbanding": [(0.8, _plain("disband")), (0.6, _plain("reinstate"))],
    "lost tablets": [
        (0.7, _plain("revoke", quarantine=[True, True, False], waits=[True, False])),
        (0.7, _plain("release", through=range(1, 6), reject=range(4))),
    ],
    "policies": [(1.5, _plain("choose_policy", choice=range(40)))],
    "old apps": [(1.5, _plain("update_app", schema=[1, 2]))],
    "overload": [(1, _plain("take_at_most", edits=[1, 2, 1_000]))],
    "decisions": [(1.5, _plain("settle", choice=["kept", "other"]))],
    "retention": [(0.8, _plain("keep_short", days=[1, 100, 200]))],
}
"""Each scenario has some of these: with all of them at once, nothing has the time to become interesting."""

STEPS = (12, 45)
"""Fewest and most steps of a scenario, but for those by which it begins."""


def draw(seed: int) -> list[Step]:
    """The scenario of a seed."""
    chance = random.Random(f"scenario {seed}")
    drawn = list(ALWAYS)
    chosen = [name for name in SOMETIMES if chance.random() < 0.35]
    for name in chosen:
        drawn += SOMETIMES[name]
    weights, draws = [weight for weight, _ in drawn], [one for _, one in drawn]
    began = [
        Step("office", 0, number, {"do": "office_job", "crew": number % 2, "fields": {}, "behind": 0})
        for number in range(3)
    ]
    began += [
        Step("office", 0, number, {"do": "make_task", "crew": 0, "fields": {}, "behind": 0}) for number in range(2)
    ]
    if "publications" in chosen:
        began.append(Step("publish", 0, 0, {"line": chance.choice([-79.95, -70.0]), "release": False}))
    began += [Step("sync", number, 0, {"page": 500}) for number in range(TABLETS)]
    number = chance.randint(*STEPS)
    return began + [one(chance) for one in chance.choices(draws, weights, k=number)]
