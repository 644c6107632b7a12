"""Every refusal that the code knows stands in docs/problems.md, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldsync import create_app
from fieldsync.boundaries.problems import BoundariesRefused
from fieldsync.config import Settings
from fieldsync.journal.edits import REFUSALS
from fieldsync.office.refused import REFUSED, EditRefused
from fieldsync.problems import Problem, every_problem
from fieldsync.reference.document import title_of
from geo.refusals import BoundaryRefusal, FileRefused

BOUNDARIES = Path(__file__).parents[2] / "docs" / "boundaries.md"
TEXT = (Path(__file__).parents[2] / "docs" / "problems.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+) \|$", re.MULTILINE)
REQUESTS, EDITS = (ROW.findall(part) for part in TEXT.split("## Refused edits"))

# With everything that is registered, every problem of ours has been imported.
create_app(Settings(database_url="postgresql://", log_level="CRITICAL"))


def problems() -> list[type[Problem]]:
    """Those that stand for a request, not for an edit or for boundaries."""
    refusals = (EditRefused, BoundariesRefused)
    return [
        problem for problem in every_problem()
        if problem.__module__.startswith("fieldsync.")
        and (not issubclass(problem, refusals) or problem in refusals)
    ]  # fmt: skip


def test_every_problem_of_a_request_is_documented() -> None:
    known = {(problem.code, str(problem.status), title_of(problem)) for problem in problems()}
    assert {(code, status, meaning) for code, status, meaning, _ in REQUESTS} == known
    assert [int(status) for _, status, _, _ in REQUESTS] == sorted(int(status) for _, status, _, _ in REQUESTS)


def test_a_code_means_one_thing() -> None:
    codes = [problem.code for problem in problems()]
    assert sorted(codes) == sorted(set(codes))


def test_every_refusal_of_boundaries_is_documented_beside_them() -> None:
    text = BOUNDARIES.read_text(encoding="utf-8")
    documented = {
        code for row in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)
    }
    known = {refusal.code for refusal in every_refusal() if refusal not in (BoundaryRefusal, FileRefused)}
    assert documented == known


def every_refusal(root: type[BoundaryRefusal] = BoundaryRefusal) -> Iterator[type[BoundaryRefusal]]:
    yield root
    for refusal in root.__subclasses__():
        yield from every_refusal(refusal)


def test_every_refusal_of_an_edit_is_documented_in_its_order() -> None:
    known = [(code, str(REFUSED[code].status), title) for code, title in REFUSALS.items()]
    assert [(code, status, meaning) for code, status, meaning, _ in EDITS] == known


@pytest.mark.parametrize("row", REQUESTS + EDITS, ids=lambda row: row[0])
def test_it_says_what_to_do(row: tuple[str, ...]) -> None:
    assert row[3].endswith(".")
