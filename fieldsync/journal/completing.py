"""Whether a work order has what it must have before it may be completed. Pure."""

from __future__ import annotations

from fieldsync.journal.edits import Known, Record, Recorded, Refusal
from fieldsync.workorders.completion import Task, missing, told
from fieldsync.workorders.kinds import Values
from fieldsync.workorders.rules import Status


def check_completion(known: Known, record: Record, changes: Values) -> None:
    """Refuse an edit that would complete a work order without what its service type requires.

    ``changes``: the fields that the edit changes, with the values that would stand after it. These count, the service
    type among them, and everything else as the edits before have left it.

    Raises:
        Refusal: ``completion_requirements``, with the list of what is ``missing``.
    """
    if changes.get("status") != Status.COMPLETED:
        return
    there = known.recorded.get(record.id) or Recorded()
    values: Values = there.values | record.values | changes
    required = known.required.get(values["service_type_id"])
    if required is None:
        return
    edited = [_task(stood | task.values) for stood, task in there.edited if not task.deleted]
    if found := missing(required, values, [*there.tasks, *edited], there.entries):
        detail, listed = told(found)
        raise Refusal("completion_requirements", detail, "status", missing=listed)


def remember(known: Known, made: Record) -> None:
    """Count a record that the batch has made, for edits behind it that complete its work order."""
    if not made.kind.is_child:
        known.recorded[made.id] = Recorded()
    elif (there := known.recorded.get(made.work_order_id)) is None:
        return
    elif made.kind.appends_only:
        there.entries[made.kind.name] = there.entries.get(made.kind.name, 0) + 1
    else:
        there.edited.append(({}, made))


def _task(values: Values) -> Task:
    return Task(values["title"], values["done"], values["position"])
