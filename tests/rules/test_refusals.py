"""Why an edit is refused: every reason alone, and of any two the one that stands first in ``REFUSALS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from uuid import UUID

import msgspec
import pytest

from fieldsync.journal.edits import REFUSALS, Author, Decision, Known, Refusal, Verdict
from fieldsync.journal.merge import decide
from fieldsync.workorders.completion import RequiredOnCompletion
from tests.rules.stage import JOB, MARIA, NOTE, OFFICE, POTHOLE, TABLET, TASK, at, edit, job, known, named, plain, task


@dataclass
class Attempt:
    """An edit that would be accepted, until something is wrong with it."""

    kind: str
    record_id: UUID
    action: str
    fields: dict[str, Any]
    base: int | None = None
    author: Author = TABLET
    refusal: Refusal | None = None
    knows: Known = field(default_factory=lambda: known(job(), task()))

    def decision(self) -> Decision:
        made = edit(self.author, self.action, self.base, kind=self.kind, record_id=self.record_id,
                    refusal=self.refusal, **self.fields)  # fmt: skip
        return decide(self.author, [made], self.knows).decisions[0]


Spoil = Callable[[Attempt], None]
PLACE = {"lon": -80, "lat": 40}


def reused(attempt: Attempt) -> None:
    attempt.refusal = Refusal("edit_reused", "Used before.")


def without_base(attempt: Attempt) -> None:
    attempt.base = None


def with_unknown_action(attempt: Attempt) -> None:
    attempt.action = "explode"


def of_kind(name: str) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        attempt.kind = name

    return spoil


def with_action(name: str) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        attempt.action, attempt.base = name, 1

    return spoil


def with_field(name: str, value: Any) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        attempt.fields[name] = value

    return spoil


def lacking(name: str) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        del attempt.fields[name]

    return spoil


def taken(attempt: Attempt) -> None:
    if attempt.kind == "labor_entry":
        attempt.knows.existing["labor_entry"] = {NOTE}
    else:
        attempt.knows.records[attempt.kind, attempt.record_id] = job()


def completing_too_early(attempt: Attempt) -> None:
    """It would complete a work order of which a resolution is required."""
    attempt.fields.setdefault("status", "completed")
    attempt.knows.required = {POTHOLE: RequiredOnCompletion(fields=["resolution"])}


def creation_refused(of: UUID) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        attempt.knows.refused_creates.add(of)
        unknown(of)(attempt)

    return spoil


def unknown(of: UUID) -> Spoil:
    def spoil(attempt: Attempt) -> None:
        for key in [key for key in attempt.knows.records if key[1] == of]:
            del attempt.knows.records[key]

    return spoil


def labor() -> Attempt:
    return Attempt("labor_entry", NOTE, "create", {"work_order_id": str(JOB), "minutes": 30, "member_id": str(MARIA)})


def new_job() -> Attempt:
    fields = {"title": "Hole", "service_type_id": str(POTHOLE), "location": PLACE}
    return Attempt("work_order", named("new job"), "create", fields)


def job_edit() -> Attempt:
    return Attempt("work_order", JOB, "update", {"title": "Deep hole"}, 1)


def task_edit() -> Attempt:
    return Attempt("task", TASK, "update", {"done": True}, 1)


ATTEMPTS: dict[Callable[[], Attempt], list[tuple[str, Spoil, str | None]]] = {
    labor: [
        ("edit_reused", reused, None),
        ("malformed_edit", with_unknown_action, "action"),
        ("unknown_kind", of_kind("invoice"), "kind"),
        ("read_only_kind", of_kind("service_type"), "kind"),
        ("action_not_allowed", with_action("update"), "action"),
        ("unknown_field", with_field("no name", 1), "no name"),
        ("invalid_value", with_field("worker", 7), "worker"),
        ("missing_field", lacking("minutes"), "minutes"),
        ("record_exists", taken, "record_id"),
        ("depends_on", creation_refused(JOB), "work_order_id"),
        ("unknown_record", unknown(JOB), "work_order_id"),
        ("unknown_reference", with_field("member_id", str(named("nobody"))), "member_id"),
    ],
    new_job: [
        ("edit_reused", reused, None),
        ("malformed_edit", with_unknown_action, "action"),
        ("unknown_kind", of_kind("invoice"), "kind"),
        ("action_not_allowed", with_action("restore"), "action"),
        ("unknown_field", with_field("zip-code", 1), "zip-code"),
        ("invalid_value", with_field("description", 7), "description"),
        ("missing_field", lacking("title"), "title"),
        ("field_not_yours", with_field("due_at", None), "due_at"),
        ("record_exists", taken, "record_id"),
        ("unknown_reference", with_field("service_type_id", str(named("nothing"))), "service_type_id"),
        ("illegal_transition", with_field("status", "closed"), "status"),
        ("completion_requirements", completing_too_early, "status"),
    ],
    job_edit: [
        ("edit_reused", reused, None),
        ("malformed_edit", without_base, "base_version"),
        ("unknown_kind", of_kind("invoice"), "kind"),
        ("read_only_kind", of_kind("jurisdiction"), "kind"),
        ("action_not_allowed", with_action("delete"), "action"),
        ("unknown_field", with_field("zip-code", 1), "zip-code"),
        ("invalid_value", with_field("location", {"lon": 181, "lat": 0}), "location.lon"),
        ("field_not_yours", with_field("crew_id", None), "crew_id"),
        ("depends_on", creation_refused(JOB), "record_id"),
        ("unknown_record", unknown(JOB), "record_id"),
        ("unknown_reference", with_field("service_type_id", str(named("nothing"))), "service_type_id"),
        ("illegal_transition", with_field("status", "closed"), "status"),
        ("completion_requirements", completing_too_early, "status"),
    ],
    task_edit: [
        ("edit_reused", reused, None),
        ("malformed_edit", without_base, "base_version"),
        ("unknown_kind", of_kind("invoice"), "kind"),
        ("action_not_allowed", with_action("restore"), "action"),
        ("unknown_field", with_field("zip-code", 1), "zip-code"),
        ("invalid_value", with_field("result", 7), "result"),
        ("create_only_field", with_field("work_order_id", str(JOB)), "work_order_id"),
        ("depends_on", creation_refused(TASK), "record_id"),
        ("unknown_record", unknown(TASK), "record_id"),
    ],
}  # fmt: skip

ALONE = [(make, code, spoil, where) for make, spoils in ATTEMPTS.items() for code, spoil, where in spoils]
PAIRS = [(make, *pair) for make, spoils in ATTEMPTS.items() for pair in combinations(spoils, 2)]
PRECEDENCE = list(REFUSALS)


def name_of(case: Any) -> str:
    return getattr(case, "__name__", None) or (case if isinstance(case, str) else case[0] if case else "")


@pytest.mark.parametrize("make", ATTEMPTS, ids=name_of)
def test_what_nothing_is_wrong_with_is_accepted(make: Callable[[], Attempt]) -> None:
    assert make().decision().verdict is Verdict.APPLIED


@pytest.mark.parametrize(("make", "code", "spoil", "where"), ALONE, ids=name_of)
def test_every_reason_alone(make: Callable[[], Attempt], code: str, spoil: Spoil, where: str | None) -> None:
    attempt = make()
    spoil(attempt)
    before = {key: plain(record.values) for key, record in attempt.knows.records.items()}
    decision = attempt.decision()
    assert decision.verdict is Verdict.REFUSED
    assert decision.problem is not None
    assert (decision.problem["code"], decision.problem.get("field")) == (code, where)
    assert decision.problem["title"] == REFUSALS[code]
    assert decision.problem["detail"]
    assert (decision.version, decision.before, decision.after, decision.clashes) == (None, None, None, [])
    # Nothing of it is done.
    assert {key: plain(record.values) for key, record in attempt.knows.records.items()} == before


@pytest.mark.parametrize(("make", "first", "second"), PAIRS, ids=name_of)
def test_of_two_reasons_the_first_is_given(
    make: Callable[[], Attempt], first: tuple[str, Spoil, str], second: tuple[str, Spoil, str]
) -> None:
    """Whatever else is wrong, and in whatever order it went wrong."""
    assert PRECEDENCE.index(first[0]) < PRECEDENCE.index(second[0])
    for spoils in ((first, second), (second, first)):
        attempt = make()
        for _, spoil, _ in spoils:
            spoil(attempt)
        problem = attempt.decision().problem
        if problem is not None and problem["code"] not in (first[0], second[0]):
            pytest.skip("the two cannot be wrong at once")
        assert problem is not None
        both_say_kind_or_action = {first[0], second[0]} <= {
            "malformed_edit", "unknown_kind", "read_only_kind", "action_not_allowed",
        }  # fmt: skip
        if not both_say_kind_or_action:
            assert problem["code"] == first[0]


def test_every_reason_is_in_the_table() -> None:
    assert {code for _, code, _, _ in ALONE} == set(REFUSALS) - {"not_released"}  # which a person decides


def test_a_refused_creation_takes_what_depends_on_it_along() -> None:
    """…and blocks nothing else in the batch."""
    knows = known(job())
    lost = named("lost job")
    made = [
        edit(TABLET, "create", None, record_id=lost, title=""),
        edit(TABLET, "update", 0, record_id=lost, title="x"),
        edit(TABLET, "create", None, kind="note", record_id=NOTE, work_order_id=str(lost), body="x"),
        edit(TABLET, "update", 1, title="Deep hole"),
    ]
    decisions = decide(TABLET, made, knows).decisions
    assert [d.problem and d.problem["code"] for d in decisions] == ["invalid_value", "depends_on", "depends_on", None]


def test_nobody_else_learns_that_a_record_exists() -> None:
    """Unknown, of another crew, or of a jurisdiction that is not hers: the same answer."""
    stranger = Author(named("stranger"), "crew", TABLET.partnership_id, named("strange crew"))
    scoped = Author(named("scoped"), "office", OFFICE.partnership_id, None, frozenset({named("her town")}))
    for author in (stranger, scoped):
        problems = []
        for knows in (known(job()), known()):
            decision = decide(author, [edit(author, "update", 1, title="x")], knows).decisions[0]
            problems.append(decision.problem)
        assert problems[0] == problems[1]
        assert problems[0] is not None
        assert problems[0]["code"] == "unknown_record"


def test_an_edit_keeps_what_was_sent_whatever_was_wrong() -> None:
    raw = msgspec.Raw(b'{"title": 7, "zip": [1, 2]}')
    made = edit(TABLET, "update", 1, 5, title=7, zip=[1, 2])
    assert plain(made.raw) == plain(raw)
    assert (made.values, made.observed_at) == ({}, at(5))
