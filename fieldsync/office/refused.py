"""A refused edit of the office as an HTTP problem: the only place that gives refusals a status.

A tablet sends its edits hours after they were made, so a refused one is kept in the journal with its verdict. A person
at a desk is told at once and still has what she typed: the transaction is rolled back and nothing is journalled, so the
history of a work order is not filled with slips of the pen.
"""

from __future__ import annotations

from typing import Any

from fieldsync.journal.edits import REFUSALS
from fieldsync.problems import Problem


class EditRefused(Problem):
    """The edit cannot be accepted."""

    status = 422
    code = "edit_refused"


_STATUS = {
    "unknown_record": 404,
    "edit_reused": 409,
    "depends_on": 409,
    "record_exists": 409,
    "illegal_transition": 409,
    "completion_requirements": 409,
}
"""Refusals that are about what is there already; every other one is about a value in the request (422)."""


def _problem(code: str, title: str) -> type[EditRefused]:
    name = "".join(word.capitalize() for word in code.split("_")) + "Refused"
    return type(name, (EditRefused,), {"__doc__": title, "code": code, "status": _STATUS.get(code, EditRefused.status)})


REFUSED: dict[str, type[EditRefused]] = {code: _problem(code, title) for code, title in REFUSALS.items()}
"""Refusal code -> the problem with the same code and title."""


def refused(problem: dict[str, Any]) -> EditRefused:
    """The HTTP problem for the ``problem`` of a refused decision (``Refusal.problem()``)."""
    facts = {name: fact for name, fact in problem.items() if name not in ("code", "title", "detail", "field")}
    return REFUSED[problem["code"]](problem["detail"], field=problem.get("field"), **facts)


A_STATUS_REFUSED = (REFUSED["illegal_transition"], REFUSED["completion_requirements"])
"""Why a work order may not have the status that it is given."""


A_VALUE_REFUSED = (
    REFUSED["unknown_field"], REFUSED["invalid_value"], REFUSED["missing_field"], REFUSED["create_only_field"],
    REFUSED["unknown_reference"],
)  # fmt: skip
"""What may be wrong with fields that are entered."""
