"""docs/sync.md against the code: nothing in it may be out of date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from fieldsync import problems
from fieldsync.config import CHANGES_PER_PAGE_MAX, EDITS_PER_EXCHANGE_MAX, Settings
from fieldsync.journal.edits import REFUSALS, Refusal, Verdict
from fieldsync.sync.exchange import Answer, EditVerdict, Exchange, QueuedEdit, Recorded, VerdictConflict, read
from fieldsync.sync.limits import ACKNOWLEDGED_EDITS
from fieldsync.tablet import backoff, edits
from fieldsync.tablet.answer import checked
from fieldsync.workorders.completion import ENTRY_KINDS, FIELDS, TOLD_MAX, Missing, missing, parse, stated, told
from fieldsync.workorders.kinds import KINDS, Policy
from fieldsync.workorders.rules import FIRST, TRANSITIONS, Status

DOC = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOC, re.MULTILINE | re.DOTALL))


def first_column(section: str) -> list[str]:
    """What stands in backquotes at the beginning of table rows."""
    return re.findall(r"^\| `(\w+)`", SECTIONS[section], re.MULTILINE)


def test_refusals_are_all_there_in_their_order() -> None:
    assert first_column("Refusals") == list(REFUSALS)


def test_verdicts_are_all_there_by_precedence() -> None:
    assert first_column("Verdicts")[-len(Verdict) :] == list(Verdict)


def test_policies_are_all_there() -> None:
    assert set(first_column("Merging")) == set(Policy)


def test_every_field_has_its_policy() -> None:
    rows = re.findall(r"^\| `(\w+)`\*? \| .+ \| (\w+) \|$", SECTIONS["Edits"], re.MULTILINE)
    assert dict(rows) == {name: str(policy) for name, policy in KINDS["work_order"].policies.items()}
    for name, policy in KINDS["task"].policies.items():
        assert re.search(rf"`{name}`\*?\s\([^)]*{policy}\)", SECTIONS["Edits"]), name


def test_every_kind_and_field_is_named_and_marked_where_it_must_be_given() -> None:
    for kind in KINDS.values():
        assert f"**{kind.name}**" in SECTIONS["Edits"]
        for name in kind.names:
            assert f"`{name}`" in SECTIONS["Edits"], name
        for name in kind.required:
            assert f"`{name}`*" in SECTIONS["Edits"], name


def test_transitions_are_those_of_the_rules() -> None:
    table = SECTIONS["Edits"].partition("| from |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1:4] for line in table.splitlines()[2:]]
    found = {word(status)[0]: (set(word(crew)), set(word(office))) for status, crew, office in cells}
    crew, office = TRANSITIONS["crew"], TRANSITIONS["office"]
    assert found == {status: (set(crew[status]), set(office[status] - crew[status])) for status in Status}
    assert {Status.OPEN, Status.IN_PROGRESS, Status.COMPLETED} == FIRST


def word(cell: str) -> list[str]:
    return re.findall(r"\w+", cell)


@pytest.mark.parametrize("shape", [Exchange, QueuedEdit, Answer, EditVerdict, Recorded, VerdictConflict])
def test_every_field_of_a_message_is_described(shape: type) -> None:
    for name in shape.__struct_fields__:  # type: ignore[attr-defined]
        assert f"`{name}`" in DOC, name


def test_problems_that_are_named_exist() -> None:
    codes = {(problem.status, problem.code) for problem in problems.every_problem()}
    named = re.findall(r"\b(4\d\d|5\d\d) `(\w+)`", DOC)
    assert len(named) > 10
    for status, code in named:
        assert (int(status), code) in codes, (status, code)


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {EDITS_PER_EXCHANGE_MAX:,}, in the order" in DOC
    assert f"0 to {CHANGES_PER_PAGE_MAX:,} (500 if left out)" in DOC
    assert Exchange.__struct_defaults__[2] == 500
    assert f"Up to {edits.BATCH_EDITS_MAX} edits" in DOC
    assert f"`acknowledged_days` ({edits.JOURNAL_DAYS} unless" in DOC
    assert f"`acknowledged_edits` ({edits.JOURNAL_EDITS:,})" in DOC
    assert (Settings().acknowledged_days, ACKNOWLEDGED_EDITS) == (edits.JOURNAL_DAYS, edits.JOURNAL_EDITS)
    assert f"smaller of {backoff.LONGEST_S:.0f} s and {backoff.FIRST_S:.0f} s × 2^(n−1)" in DOC


def examples(section: str) -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SECTIONS[section], re.DOTALL)]


def test_what_completing_needs_is_as_described() -> None:
    required, problem = examples("Edits")
    assert stated(parse(required)) == required
    needed = parse({"fields": ["resolution"], "entries": {"labor_entry": 1}})
    detail, listed = told(missing(needed, {}, [], {}))
    assert problem == Refusal("completion_requirements", detail, "status", missing=listed).problem()
    part = SECTIONS["Edits"].partition("### Required on completion")[2]
    assert all(f"`{name}`" in part for name in (*FIELDS, *ENTRY_KINDS, *get_args(get_type_hints(Missing)["code"])))
    assert f"up to {TOLD_MAX} things" in part


def test_the_worked_example_is_understood_by_both_sides() -> None:
    blocks = examples("A worked example")
    request, answer, *_ = blocks
    exchange, unreadable = read(json.dumps(request).encode())
    assert (len(exchange.edits), unreadable) == (3, [])
    assert checked(answer).expected_seq == 4
    assert len(blocks) >= 6
