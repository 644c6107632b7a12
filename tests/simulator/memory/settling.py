"""What statements do by which a dispatcher settles a conflict."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fieldsync.office import queries as office
from fieldsync.office.conflicts import queries
from tests.simulator.memory.session import Bound, answers, as_row, rows_of, texts
from tests.simulator.memory.tables import Tables, spelled


@answers(queries.FIND)
def _find(tables: Tables, bound: Bound) -> Any:
    row = tables["conflict"].get(str(bound["id"]))
    return [(UUID(row["work_order_id"]),)] if row is not None else []


@answers(office.LOCK)
def _lock_work_order(tables: Tables, bound: Bound) -> None:
    """Nobody else is there."""


@answers(office.READ["work_order"])
def _read_work_order(tables: Tables, bound: Bound) -> Any:
    """Whether she may see it is all that settling asks; the document is for people."""
    row = tables["work_order"].get(str(bound["id"]))
    return [as_row(version=row["version"], deleted=row["deleted_at"] is not None, sent="{}")] if row is not None else []


_LOCKED = ("version", "state", "sort", "kind", "field", "policy", "kept_value", "kept_side", "other_value",
           "other_side", "other_at")  # fmt: skip


@answers(queries.LOCK)
def _lock(tables: Tables, bound: Bound) -> Any:
    found = (tables["conflict"].get(one) for one in texts(bound["ids"]))
    return [
        as_row(**{name: row[name] for name in _LOCKED}, id=UUID(row["id"]), record_id=UUID(row["record_id"]),
               work_order_id=UUID(row["work_order_id"]))
        for row in found
        if row is not None and row["work_order_id"] == str(bound["work_order_id"])
    ]  # fmt: skip


@answers(queries.STANDING["work_order"])
def _standing(tables: Tables, bound: Bound) -> Any:
    found = (tables["work_order"][one] for one in texts(bound["ids"]))
    return [
        as_row(id=UUID(row["id"]), version=row["version"], deleted=row["deleted_at"] is not None, status=row["status"])
        for row in found
    ]


@answers(office.RETIRED)
def _nothing_is_retired(tables: Tables, bound: Bound) -> Any:
    return []


@answers(queries.SETTLE)
def _settle(tables: Tables, bound: Bound) -> None:
    for given in rows_of(bound):
        row = tables["conflict"][given["id"]]
        decided = {"state": "settled", "settled_as": given["choice"], "settled_value": given["value"],
                   "settled_by": str(bound["staff_id"]), "settled_at": spelled(bound["now"]),
                   "settling_edit_id": given["edit_id"], "reason": bound["reason"]}  # fmt: skip
        tables.put("conflict", row["id"], row | decided | {"version": row["version"] + 1})
