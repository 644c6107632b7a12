"""What the protocol promises of kinds, fields and statuses, written from docs/sync.md. Nothing of the application."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]

POLICIES: dict[str, dict[str, str]] = {
    "work_order": {
        "title": "latest", "description": "text", "service_type_id": "office", "status": "lifecycle",
        "priority": "office", "location": "crew", "address": "latest", "due_at": "office", "crew_id": "office",
        "tags": "union", "resolution": "text", "asset": "crew", "requester": "office", "started_at": "crew",
        "completed_at": "crew",
    },
    "task": {"title": "latest", "position": "latest", "done": "crew", "result": "text"},
    "note": {}, "labor_entry": {}, "equipment_entry": {}, "material_entry": {},
}  # fmt: skip

REQUIRED: dict[str, set[str]] = {
    "work_order": {"title", "service_type_id", "location"},
    "task": {"work_order_id", "title"},
    "note": {"work_order_id", "body"},
    "labor_entry": {"work_order_id", "minutes"},
    "equipment_entry": {"work_order_id", "equipment", "minutes"},
    "material_entry": {"work_order_id", "material", "quantity", "unit"},
}

BLANK: dict[str, Fields] = {
    "work_order": {**dict.fromkeys(POLICIES["work_order"]), "status": "open", "priority": 3, "tags": []},
    "task": {"position": 0, "done": False, "result": None},
    "note": {},
    "labor_entry": dict.fromkeys(("member_id", "worker", "activity", "started_at")),
    "equipment_entry": {"started_at": None},
    "material_entry": {},
}

CREW_STEPS = {
    ("open", "in_progress"), ("open", "on_hold"), ("open", "completed"), ("in_progress", "on_hold"),
    ("in_progress", "completed"), ("in_progress", "open"), ("on_hold", "in_progress"), ("on_hold", "completed"),
    ("on_hold", "open"), ("completed", "in_progress"),
}  # fmt: skip
OFFICE_STEPS = CREW_STEPS | {
    ("open", "cancelled"), ("in_progress", "cancelled"), ("on_hold", "cancelled"), ("completed", "closed"),
    ("completed", "open"), ("closed", "open"), ("cancelled", "open"),
}  # fmt: skip
DONE = {"completed", "closed", "cancelled"}
FIRST = {"open", "in_progress", "completed"}
OFFICE_ONLY = {"crew_id", "due_at"}
PLACED_BY = {"location", "service_type_id"}


def may_step(side: str, current: str, wanted: str) -> bool:
    """Whether a side may take a job from one status to another."""
    return current == wanted or (current, wanted) in (CREW_STEPS if side == "crew" else OFFICE_STEPS)


def united(base: list[str], current: list[str], mine: list[str]) -> list[str]:
    """What either side added is there; what either side removed is gone."""
    if base == current:
        return list(mine)
    stays = [item for item in current if item in mine or item not in base]
    return stays + [item for item in mine if item not in base and item not in stays]


def ill_formed(edit: Fields) -> tuple[str | None, set[str]]:
    """The refusal that an edit's form alone calls for, if any; and the fields that nobody knows."""
    kind, action, fields = edit["kind"], edit["action"], edit["fields"]
    if kind not in POLICIES:
        return "unknown_kind", set()
    if action not in _ALLOWED[kind]:
        return "action_not_allowed", set()
    known = set(POLICIES[kind]) | set(BLANK[kind]) | REQUIRED[kind]
    unknown = set(fields) - known
    if unknown and (action == "delete" or not fields.keys() & known):
        return "unknown_field", set()
    if any(_is_wrong(name, value) for name, value in fields.items()):
        return ("unknown_field" if unknown else "invalid_value"), set()
    if action == "create" and unknown and REQUIRED[kind] - fields.keys():
        return "missing_field", set()
    return None, unknown


_ALLOWED = {kind: {"create"} for kind in POLICIES} | {
    "work_order": {"create", "update"},
    "task": {"create", "update", "delete"},
}
"""What a crew may do."""


def _is_wrong(name: str, value: Any) -> bool:
    """Whether a value is none of its field's: of those that the plans ever enter."""
    return (name == "title" and value == "") or (name == "priority" and not 1 <= value <= 5)
