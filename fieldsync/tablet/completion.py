"""What a work order still lacks before it may be completed: to be shown before the crew taps "completed".

The server decides, by what its service type requires when the edit arrives and by what others have recorded by then.
What this says is what the tablet can know: the records that it has, with its own waiting edits drawn over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fieldsync.tablet import replica

FIELDS = ("description", "address", "tags", "resolution", "asset", "requester", "started_at", "completed_at")
"""In the order in which they are told."""

ENTRIES = ("note", "labor_entry", "equipment_entry", "material_entry")


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that is missing: the codes and facts of the server's refusal."""

    code: str
    """``field_empty``, ``task_absent``, ``task_not_done`` or ``entries_too_few``."""
    name: str
    """The field, the task's title, or the kind of entry."""
    least: int | None = None
    there: int | None = None
    """Of the entries: how many are needed, and how many are recorded."""


def lacking(connection: sqlite3.Connection, work_order_id: str, changes: Mapping[str, Any]) -> list[Lacking]:
    """What the work order lacks once ``changes`` are made. Nothing where the tablet does not have it, or not its
    service type: then the server will tell."""
    work_order = replica.record(connection, replica.WORK_ORDER, work_order_id)
    if work_order is None:
        return []
    fields = work_order.fields | dict(changes)
    service_type = replica.record(connection, "service_type", str(fields.get("service_type_id")))
    required = {} if service_type is None else service_type.fields.get("required_on_completion") or {}
    if not required:
        return []
    tasks = replica.records(connection, "task", work_order_id)
    counts = {kind: len(replica.records(connection, kind, work_order_id)) for kind in required.get("entries", {})}
    return missing(required, fields, [task.fields for task in tasks], counts)


def missing(
    required: Mapping[str, Any],
    fields: Mapping[str, Any],
    tasks: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
) -> list[Lacking]:
    """What is missing by ``required``, a service type's ``required_on_completion``; docs/sync.md describes it.

    ``tasks``: the fields of the work order's tasks. ``counts``: kind of entry -> how many are recorded.
    """
    wanted = required.get("fields", ())
    found = [Lacking("field_empty", name) for name in FIELDS if name in wanted and _is_empty(fields.get(name))]
    steps = required.get("tasks", {})
    there = {task["title"] for task in tasks}
    done = {task["title"] for task in tasks if task.get("done")}
    titles = [title for title in steps.get("named", ()) if title not in done]
    if steps.get("all"):
        in_order = sorted(tasks, key=lambda task: (task.get("position", 0), task["title"]))
        titles += [task["title"] for task in in_order if not task.get("done")]
    found += [Lacking("task_not_done" if title in there else "task_absent", title) for title in dict.fromkeys(titles)]
    for kind in ENTRIES:
        least, number = required.get("entries", {}).get(kind, 0), counts.get(kind, 0)
        if number < least:
            found.append(Lacking("entries_too_few", kind, least, number))
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())
