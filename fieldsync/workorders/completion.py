"""What must be there before a work order may be completed. Pure.

A service type says it in ``required_on_completion``. The journal asks ``missing`` when an edit takes a work order to
``completed``, and refuses the edit with what is missing; a tablet asks the same before its crew taps "completed".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from fieldsync.workorders.kinds import KINDS

FieldName = Literal[
    "description", "address", "tags", "resolution", "asset", "requester", "started_at", "completed_at"
]  # fmt: skip
"""The fields that may be empty, and that a crew may enter: whatever else is required, it could never supply."""

FIELDS: tuple[str, ...] = get_args(FieldName)
"""In the order in which they stand on a work order."""

ENTRY_KINDS = tuple(kind.name for kind in KINDS.values() if kind.appends_only)

NAMED_TASKS_MAX = 50
"""More steps than any work order can be expected to name; they are all looked for in one edit's decision."""
ENTRIES_MAX = 100
"""So many entries are counted at most, whatever is recorded."""
TOLD_MAX = 100
"""So much of what is missing is named in a refusal: a work order may have any number of tasks."""

Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000]*$")]
Least = Annotated[int, Meta(ge=0, le=ENTRIES_MAX)]


class RequiredTasks(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which tasks must be done."""

    all: bool = False
    """None of the work order's tasks may be left undone. One that has no tasks lacks nothing."""
    named: Annotated[list[Title], Meta(max_length=NAMED_TASKS_MAX)] = field(default_factory=list)
    """A task with exactly this title must be there, and done."""


class RequiredEntries(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many of each kind must be recorded at least."""

    note: Least = 0
    labor_entry: Least = 0
    equipment_entry: Least = 0
    material_entry: Least = 0


class RequiredOnCompletion(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Without what a work order may not be completed. What is left out is not required."""

    fields: Annotated[list[FieldName], Meta(max_length=len(FIELDS))] = field(default_factory=list)
    """These must hold something: not null, no empty list, no text of nothing but white space."""
    tasks: RequiredTasks = RequiredTasks()
    entries: RequiredEntries = RequiredEntries()


class Task(Struct, frozen=True, gc=False):
    """What counts of a task that is not deleted."""

    title: str
    done: bool
    position: int = 0


class Missing(Struct, frozen=True):
    """One thing without which a work order may not be completed, and which it lacks."""

    code: Literal["field_empty", "task_absent", "task_not_done", "entries_too_few"]
    detail: str
    """A sentence."""
    field: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    """Of the task."""
    kind: str | UnsetType = UNSET
    """Of the entries; ``least`` are needed, and ``there`` are recorded."""
    least: int | UnsetType = UNSET
    there: int | UnsetType = UNSET

    def document(self) -> dict[str, Any]:
        """As it stands in a refusal: what does not apply is left out."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


def parse(document: Any) -> RequiredOnCompletion:
    """The requirements that a JSON document states.

    Raises:
        msgspec.ValidationError: it is none; the message ends in the path of what is wrong.
    """
    required = msgspec.convert(document, RequiredOnCompletion)
    for path, names in (("fields", required.fields), ("tasks.named", required.tasks.named)):
        if len(set(names)) < len(names):
            raise msgspec.ValidationError(f"Each can be named once - at `$.{path}`")
    return required


def stated(required: RequiredOnCompletion) -> dict[str, Any]:
    """The JSON document that states requirements, without what they do not ask for: ``{}`` where that is nothing."""
    return {name: part for name, part in msgspec.to_builtins(required).items() if part}


def missing(
    required: RequiredOnCompletion, values: Mapping[str, Any], tasks: Sequence[Task], counts: Mapping[str, int]
) -> list[Missing]:
    """What a work order lacks, in this order: fields as they stand on a work order; the tasks that are named, in the
    order in which they are named; all other tasks by position and title; entries by kind.

    Args:
        values: the work order's fields; one that is not there counts as empty.
        tasks: its tasks, in any order, without deleted ones. Of several with one title, one that is done is enough
            where the title is named, and the title is told once.
        counts: kind of entry -> how many are recorded.
    """
    found = [_empty(name) for name in FIELDS if name in required.fields and is_empty(values.get(name))]
    found += _tasks(required.tasks, tasks)
    for kind in ENTRY_KINDS:
        least, there = getattr(required.entries, kind), counts.get(kind, 0)
        if there < least:
            detail = f"{there} of {least} {_several(kind)} are recorded."
            found.append(Missing("entries_too_few", detail, kind=kind, least=least, there=there))
    return found


def is_empty(value: Any) -> bool:
    """Whether a field's value is as good as none."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def told(found: Sequence[Missing]) -> tuple[str, list[dict[str, Any]]]:
    """What is missing, for a refusal: a sentence or two, and the list of it."""
    first = " ".join(one.detail for one in found[:3])
    more = f" And {len(found) - 3} more." if len(found) > 3 else ""
    return f"It is not complete yet. {first}{more}", [one.document() for one in found[:TOLD_MAX]]


def _tasks(required: RequiredTasks, tasks: Sequence[Task]) -> Iterable[Missing]:
    if not (required.all or required.named):
        return
    there = {task.title for task in tasks}
    done = {task.title for task in tasks if task.done}
    undone = [title for title in required.named if title not in done]
    if required.all:
        undone += [task.title for task in sorted(tasks, key=_place) if not task.done]
    for title in dict.fromkeys(undone):
        if title in there:
            yield Missing("task_not_done", f"The task “{title}” is not done.", title=title)
        else:
            yield Missing("task_absent", f"There is no task “{title}”.", title=title)


def _place(task: Task) -> tuple[int, str]:
    return task.position, task.title


def _empty(name: str) -> Missing:
    return Missing("field_empty", f"Nothing is entered for {name}.", field=name)


def _several(kind: str) -> str:
    """``labor entries`` for ``labor_entry``."""
    words = kind.replace("_", " ")
    return words.removesuffix("y") + "ies" if words.endswith("y") else words + "s"
