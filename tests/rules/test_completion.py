"""What a work order lacks before it may be completed, by what its service type requires."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.workorders.completion import (
    ENTRIES_MAX,
    ENTRY_KINDS,
    FIELDS,
    TOLD_MAX,
    Missing,
    RequiredEntries,
    RequiredOnCompletion,
    RequiredTasks,
    Task,
    missing,
    parse,
    stated,
    told,
)
from fieldsync.workorders.kinds import KINDS

# --- what is missing ----------------------------------------------------------------------------------------------

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[Task], dict[str, int], list[str]]] = {
    "nothing is required": ({}, {}, [Task("Dig", False)], {}, []),
    "a field is null": ({"fields": ["resolution"]}, {"resolution": None}, [], {}, ["field_empty resolution"]),
    "a field is not there": ({"fields": ["started_at"]}, {}, [], {}, ["field_empty started_at"]),
    "a text of nothing": ({"fields": ["asset"]}, {"asset": ""}, [], {}, ["field_empty asset"]),
    "a text of white space": ({"fields": ["asset"]}, {"asset": " \t\u00a0\n"}, [], {}, ["field_empty asset"]),
    "an empty list": ({"fields": ["tags"]}, {"tags": []}, [], {}, ["field_empty tags"]),
    "a field holds something": ({"fields": ["tags", "asset"]}, {"tags": ["wet"], "asset": "0"}, [], {}, []),
    "another field does not help": (
        {"fields": ["address"]}, {"description": "Mill Rd"}, [], {}, ["field_empty address"],
    ),
    "fields in their own order": (
        {"fields": ["completed_at", "asset", "description"]}, {}, [], {},
        ["field_empty description", "field_empty asset", "field_empty completed_at"],
    ),
    "a named task is not there": (
        {"tasks": {"named": ["Dig"]}}, {}, [Task("dig", True), Task("Dig ", True)], {}, ["task_absent Dig"],
    ),
    "a named task is not done": ({"tasks": {"named": ["Dig"]}}, {}, [Task("Dig", False)], {}, ["task_not_done Dig"]),
    "a named task is done": ({"tasks": {"named": ["Dig"]}}, {}, [Task("Dig", True)], {}, []),
    "one of two with the name is done": (
        {"tasks": {"named": ["Dig"]}}, {}, [Task("Dig", False), Task("Dig", True)], {}, [],
    ),
    "others do not matter": ({"tasks": {"named": ["Dig"]}}, {}, [Task("Dig", True), Task("Fill", False)], {}, []),
    "all of none": ({"tasks": {"all": True}}, {}, [], {}, []),
    "all are done": ({"tasks": {"all": True}}, {}, [Task("Dig", True), Task("Fill", True)], {}, []),
    "all but one": (
        {"tasks": {"all": True}}, {}, [Task("Dig", True), Task("Fill", False)], {}, ["task_not_done Fill"],
    ),
    "by position, then title": (
        {"tasks": {"all": True}}, {}, [Task("C", False, 2), Task("B", False, 1), Task("A", False, 2)], {},
        ["task_not_done B", "task_not_done A", "task_not_done C"],
    ),
    "each title once": (
        {"tasks": {"all": True}}, {}, [Task("Dig", False), Task("Dig", False), Task("Dig", True)], {},
        ["task_not_done Dig"],
    ),
    "the named ones first, in their order": (
        {"tasks": {"all": True, "named": ["Photograph", "Clean"]}}, {}, [Task("Dig", False), Task("Clean", False)], {},
        ["task_absent Photograph", "task_not_done Clean", "task_not_done Dig"],
    ),
    "a named one is done, another of that title is not": (
        {"tasks": {"all": True, "named": ["Dig"]}}, {}, [Task("Dig", True), Task("Dig", False)], {},
        ["task_not_done Dig"],
    ),
    "no entries": ({"entries": {"note": 1}}, {}, [], {}, ["entries_too_few note 0/1"]),
    "too few": ({"entries": {"labor_entry": 3}}, {}, [], {"labor_entry": 2}, ["entries_too_few labor_entry 2/3"]),
    "enough": ({"entries": {"labor_entry": 2}}, {}, [], {"labor_entry": 2}, []),
    "more than enough": ({"entries": {"labor_entry": 2}}, {}, [], {"labor_entry": 7, "note": 1}, []),
    "another kind does not help": (
        {"entries": {"material_entry": 1}}, {}, [], {"equipment_entry": 5}, ["entries_too_few material_entry 0/1"],
    ),
    "everything, in the order that is promised": (
        {"entries": {"material_entry": 1, "note": 2}, "tasks": {"all": True, "named": ["Clean"]}, "fields": ["asset"]},
        {"asset": None}, [Task("Dig", False)], {"note": 1},
        ["field_empty asset", "task_absent Clean", "task_not_done Dig", "entries_too_few note 1/2",
         "entries_too_few material_entry 0/1"],
    ),
}  # fmt: skip


def spelled(one: Missing) -> str:
    document = one.document()
    assert document.pop("detail").endswith(".")
    if "least" in document:
        return "{code} {kind} {there}/{least}".format(**document)
    code, what = document.values()
    return f"{code} {what}"


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing(case: str) -> None:
    required, values, tasks, counts, expected = CASES[case]
    assert [spelled(one) for one in missing(parse(required), values, tasks, counts)] == expected


def test_the_sentences() -> None:
    required = parse({"fields": ["resolution"], "tasks": {"named": ["Dig", "Fill"]}, "entries": {"labor_entry": 2}})
    sentence, listed = told(missing(required, {}, [Task("Fill", False)], {"labor_entry": 1}))
    assert sentence == (
        "It is not complete yet. Nothing is entered for resolution. There is no task “Dig”. The task “Fill” is not "
        "done. And 1 more."
    )
    assert listed[-1] == {
        "code": "entries_too_few", "kind": "labor_entry", "least": 2, "there": 1,
        "detail": "1 of 2 labor entries are recorded.",
    }  # fmt: skip
    assert len(listed) == 4


def test_a_refusal_stays_small() -> None:
    found = missing(parse({"tasks": {"all": True}}), {}, [Task(str(number), False) for number in range(5_000)], {})
    sentence, listed = told(found)
    assert (len(found), len(listed)) == (5_000, TOLD_MAX)
    assert sentence.endswith("And 4997 more.")


# --- stating it ---------------------------------------------------------------------------------------------------


def test_what_may_be_required_is_what_a_crew_can_supply() -> None:
    kind = KINDS["work_order"]
    may_be_empty = [name for name in kind.policies if kind.blank[name] in (None, []) and name not in kind.required]
    assert [name for name in may_be_empty if name not in kind.office_only] == list(FIELDS)
    assert RequiredEntries.__struct_fields__ == ENTRY_KINDS


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], ""), (None, ""), ("all", ""), ({"photos": 1}, ""),
        ({"fields": "resolution"}, "$.fields"), ({"fields": ["title"]}, "$.fields[0]"),
        ({"fields": ["crew_id"]}, "$.fields[0]"), ({"fields": ["asset", "asset"]}, "$.fields"),
        ({"tasks": True}, "$.tasks"), ({"tasks": {"all": 1}}, "$.tasks.all"), ({"tasks": {"some": True}}, "$.tasks"),
        ({"tasks": {"named": [""]}}, "$.tasks.named[0]"), ({"tasks": {"named": ["x" * 201]}}, "$.tasks.named[0]"),
        ({"tasks": {"named": ["a\0"]}}, "$.tasks.named[0]"), ({"tasks": {"named": ["a", "a"]}}, "$.tasks.named"),
        ({"tasks": {"named": [str(number) for number in range(51)]}}, "$.tasks.named"),
        ({"entries": {"photo": 1}}, "$.entries"), ({"entries": {"note": -1}}, "$.entries.note"),
        ({"entries": {"note": ENTRIES_MAX + 1}}, "$.entries.note"), ({"entries": {"note": 1.5}}, "$.entries.note"),
        ({"entries": {"note": "1"}}, "$.entries.note"), ({"entries": {"task": 1}}, "$.entries"),
    ],
)  # fmt: skip
def test_what_cannot_be_required(document: Any, where: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        parse(document)
    assert str(raised.value).partition(" - at ")[2].strip("`") == where


TITLES = st.sampled_from(["Dig", "Fill", "Clean", "Photograph"])
REQUIRED = st.builds(
    RequiredOnCompletion,
    st.lists(st.sampled_from(FIELDS), unique=True),
    st.builds(RequiredTasks, st.booleans(), st.lists(TITLES, unique=True)),
    st.builds(RequiredEntries, *[st.integers(0, 3)] * len(ENTRY_KINDS)),
)
HELD = st.sampled_from([None, "", "  ", [], "x", ["x"]])
THINGS = st.dictionaries(st.sampled_from(FIELDS), HELD)
TASKS = st.lists(st.builds(Task, TITLES, st.booleans(), st.integers(0, 2)), max_size=6)
COUNTS = st.dictionaries(st.sampled_from(ENTRY_KINDS), st.integers(0, 4))


@given(REQUIRED)
def test_what_is_stated_is_read_again(required: RequiredOnCompletion) -> None:
    document = stated(required)
    assert parse(document) == required
    assert all(document.values()), "nothing is said of what is not required"


# --- laws of what is missing --------------------------------------------------------------------------------------


@given(REQUIRED, THINGS, TASKS, COUNTS, st.data())
def test_whoever_adds_something_never_makes_anything_missing(
    required: RequiredOnCompletion,
    values: dict[str, Any],
    tasks: list[Task],
    counts: dict[str, int],
    data: st.DataObject,
) -> None:
    """A field entered, a task done (a new one, or one that was there), an entry recorded."""
    before = {_what(one) for one in missing(required, values, tasks, counts)}
    what = data.draw(st.sampled_from(["field", "task", "new task", "entry"]))
    if what == "field":
        values = values | {data.draw(st.sampled_from(FIELDS)): "x"}
    elif what == "task" and tasks:
        which = data.draw(st.integers(0, len(tasks) - 1))
        tasks = [*tasks[:which], Task(tasks[which].title, True), *tasks[which + 1 :]]
    elif what == "entry":
        kind = data.draw(st.sampled_from(ENTRY_KINDS))
        counts = counts | {kind: counts.get(kind, 0) + 1}
    else:
        tasks = [*tasks, Task(data.draw(TITLES), True)]
    assert {_what(one) for one in missing(required, values, tasks, counts)} <= before


def _what(one: Missing) -> tuple[Any, ...]:
    """Which thing it is: a task that is there now, though undone, is the one that was absent."""
    return one.field, one.title, one.kind


@given(REQUIRED, THINGS, TASKS, COUNTS)
def test_what_is_named_is_what_it_takes(
    required: RequiredOnCompletion, values: dict[str, Any], tasks: list[Task], counts: dict[str, int]
) -> None:
    """All of it done, nothing is missing; all but one, that one is."""
    found = missing(required, values, tasks, counts)
    assert len({_what(one) for one in found}) == len(found)
    assert missing(required, *_supplied(values, tasks, counts, found)) == []
    for one in found:
        rest = [other for other in found if other is not one]
        assert missing(required, *_supplied(values, tasks, counts, rest)) == [one]


def _supplied(
    values: dict[str, Any], tasks: list[Task], counts: dict[str, int], found: list[Missing]
) -> tuple[dict[str, Any], list[Task], dict[str, int]]:
    documents = [one.document() for one in found]
    undone = {one["title"] for one in documents if one["code"] == "task_not_done"}
    absent = [Task(one["title"], True) for one in documents if one["code"] == "task_absent"]
    return (
        values | {one["field"]: "x" for one in documents if "field" in one},
        [Task(task.title, task.done or task.title in undone, task.position) for task in tasks] + absent,
        counts | {one["kind"]: one["least"] for one in documents if "kind" in one},
    )


@given(REQUIRED, THINGS, TASKS, COUNTS, st.randoms(use_true_random=False))
def test_the_order_in_which_tasks_are_read_does_not_matter(
    required: RequiredOnCompletion, values: dict[str, Any], tasks: list[Task], counts: dict[str, int], chance: Any
) -> None:
    shuffled = list(tasks)
    chance.shuffle(shuffled)
    assert missing(required, values, shuffled, counts) == missing(required, values, tasks, counts)
