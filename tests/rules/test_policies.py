"""Who wins when two people gave one field two values: a table for each policy."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from fieldsync.journal.edits import Author, Verdict
from fieldsync.workorders.completion import RequiredOnCompletion
from fieldsync.workorders.kinds import KINDS, Policy
from fieldsync.workorders.rules import Status
from tests.rules.stage import (
    JOB,
    OFFICE,
    OTHER_CREW,
    POTHOLE,
    SECOND_OFFICE,
    SECOND_TABLET,
    TABLET,
    TASK,
    Journal,
    decided,
    edit,
    job,
    known,
    open_job,
    task,
)

EARLY, LATE = 10, 20
FIRST, SECOND = "the first received stays", "the second wins"


def meet(
    policy: Policy, first: Author, first_at: int, second: Author, second_at: int, name: str = "title"
) -> tuple[str, Any]:
    """Two edits of one field on version 1, received one after the other: who stands, and the clash."""
    journal = Journal(job(), {("work_order", name): policy})
    journal.enter(first, edit(first, "update", 1, first_at, **{name: "first"}))
    (decision,) = journal.enter(second, edit(second, "update", 1, second_at, **{name: "second"})).decisions
    assert decision.verdict is Verdict.CONFLICTED
    (clash,) = decision.clashes
    stands = journal.record.values[name]
    assert clash.kept == stands
    assert {clash.kept, clash.other} == {"first", "second"}
    assert clash.kept_is_mine == (stands == "second")
    assert (clash.sort, clash.field, clash.policy) == ("field", name, policy)
    assert clash.against is not None
    assert clash.against.author_id == first.id
    return (SECOND if stands == "second" else FIRST), clash


@pytest.mark.parametrize(("first_at", "second_at", "outcome"), [
    (EARLY, LATE, SECOND), (LATE, EARLY, FIRST), (EARLY, EARLY, FIRST),
])  # fmt: skip
@pytest.mark.parametrize("first", [TABLET, OFFICE])
@pytest.mark.parametrize("second", [SECOND_TABLET, SECOND_OFFICE])
def test_latest(first: Author, second: Author, first_at: int, second_at: int, outcome: str) -> None:
    """The value observed last; at the same moment the one received first."""
    found, clash = meet(Policy.LATEST, first, first_at, second, second_at)
    assert (found, clash.settled) == (outcome, True)


@pytest.mark.parametrize(("policy", "first", "first_at", "second", "second_at", "outcome"), [
    (Policy.OFFICE, OFFICE, EARLY, TABLET, LATE, FIRST),
    (Policy.OFFICE, OFFICE, LATE, TABLET, EARLY, FIRST),
    (Policy.OFFICE, TABLET, EARLY, OFFICE, LATE, SECOND),
    (Policy.OFFICE, TABLET, LATE, OFFICE, EARLY, SECOND),
    (Policy.OFFICE, OFFICE, EARLY, SECOND_OFFICE, LATE, SECOND),
    (Policy.OFFICE, OFFICE, LATE, SECOND_OFFICE, EARLY, FIRST),
    (Policy.OFFICE, TABLET, EARLY, SECOND_TABLET, LATE, SECOND),
    (Policy.OFFICE, TABLET, LATE, SECOND_TABLET, EARLY, FIRST),
    (Policy.CREW, TABLET, EARLY, OFFICE, LATE, FIRST),
    (Policy.CREW, TABLET, LATE, OFFICE, EARLY, FIRST),
    (Policy.CREW, OFFICE, EARLY, TABLET, LATE, SECOND),
    (Policy.CREW, OFFICE, LATE, TABLET, EARLY, SECOND),
    (Policy.CREW, TABLET, EARLY, SECOND_TABLET, LATE, SECOND),
    (Policy.CREW, TABLET, LATE, SECOND_TABLET, EARLY, FIRST),
    (Policy.CREW, OFFICE, EARLY, SECOND_OFFICE, LATE, SECOND),
    (Policy.CREW, OFFICE, LATE, SECOND_OFFICE, EARLY, FIRST),
])  # fmt: skip
def test_office_and_crew(
    policy: Policy, first: Author, first_at: int, second: Author, second_at: int, outcome: str
) -> None:
    """The side that it names; between two of the same side the latest."""
    found, clash = meet(policy, first, first_at, second, second_at)
    assert (found, clash.settled) == (outcome, True)


@pytest.mark.parametrize("first", [TABLET, OFFICE])
@pytest.mark.parametrize("second", [SECOND_TABLET, SECOND_OFFICE])
@pytest.mark.parametrize(("first_at", "second_at"), [(EARLY, LATE), (LATE, EARLY)])
def test_review(first: Author, second: Author, first_at: int, second_at: int) -> None:
    """The current value stays and a person decides."""
    found, clash = meet(Policy.REVIEW, first, first_at, second, second_at)
    assert (found, clash.settled) == (FIRST, False)


S = Status


@pytest.mark.parametrize(("office", "crew", "stands", "settled"), [
    (S.IN_PROGRESS, S.COMPLETED, S.COMPLETED, True),  # it can follow: it does
    (S.ON_HOLD, S.COMPLETED, S.COMPLETED, True),
    (S.COMPLETED, S.IN_PROGRESS, S.IN_PROGRESS, True),
    (S.CANCELLED, S.COMPLETED, S.CANCELLED, False),  # work done on what was called off: a person decides
    (S.CANCELLED, S.IN_PROGRESS, S.CANCELLED, False),
    (S.COMPLETED, S.ON_HOLD, S.COMPLETED, False),
])  # fmt: skip
def test_lifecycle(office: Status, crew: Status, stands: Status, settled: bool) -> None:
    """The state rules: the new status where it can follow the current one, else a person decides."""
    journal = open_job()
    journal.enter(OFFICE, edit(OFFICE, "update", 1, LATE, status=office))
    (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, EARLY, status=crew)).decisions
    (clash,) = decision.clashes
    assert (journal.record.values["status"], clash.settled) == (stands, settled)
    assert (clash.base, {clash.kept, clash.other}) == (S.OPEN, {office, crew})


@pytest.mark.parametrize(("base", "office", "crew", "stands"), [
    ([], ["a"], ["b"], ["a", "b"]),
    (["x"], ["x", "a"], ["x", "b"], ["x", "a", "b"]),
    (["x", "y"], ["y"], ["x"], []),  # each removed another one
    (["x"], ["x", "a"], [], ["a"]),  # removed, and added
    (["x"], [], ["x", "b"], ["b"]),
    (["x"], ["a"], ["a", "x"], ["a"]),  # both added the same
])  # fmt: skip
def test_union(base: list[str], office: list[str], crew: list[str], stands: list[str]) -> None:
    """What either added is there, what either removed is gone; never a conflict."""
    journal = open_job(tags=base)
    journal.enter(OFFICE, edit(OFFICE, "update", 1, tags=office))
    (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, tags=crew)).decisions
    assert journal.record.values["tags"] == stands
    assert (decision.verdict, decision.clashes) == (Verdict.MERGED, [])


def test_a_union_keeps_what_others_added_through_all_of_a_tablets_edits() -> None:
    """A tablet far from coverage adds one tag, then another; it has not seen what the office added in between."""
    journal = open_job(tags=[])
    journal.enter(OFFICE, edit(OFFICE, "update", 1, tags=["office"]))
    journal.enter(TABLET, edit(TABLET, "update", 1, tags=["one"]), edit(TABLET, "update", 1, tags=["one", "two"]))
    assert journal.record.values["tags"] == ["office", "one", "two"]
    journal.enter(TABLET, edit(TABLET, "update", 1, tags=["two"]))
    assert journal.record.values["tags"] == ["office", "two"]


class TestText:
    """Both where they changed different sentences; else a person decides. (Which they are: ``test_text``.)"""

    @pytest.mark.parametrize(("base", "office", "crew", "stands"), [
        ("Deep. Wet.", "Deep. Very wet.", "Very deep. Wet.", "Very deep. Very wet."),
        ("Deep. Wet.", "Deep. Dry.", "Deep. Dry. Fenced.", None),
        ("Deep. Wet.", "Deep. Wet. Far.", "Deep. Wet.", "Deep. Wet. Far."),  # she entered what she saw
        ("Deep. Wet.", None, "Deep.", None),
        (None, "Deep.", "Wet.", None),
        (None, "Deep.", None, "Deep."),
    ])  # fmt: skip
    def test_what_stands(self, base: str | None, office: str | None, crew: str | None, stands: str | None) -> None:
        journal = open_job(description=base)
        journal.enter(OFFICE, edit(OFFICE, "update", 1, description=office))
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, description=crew)).decisions
        if stands is not None:
            assert (decision.verdict, decision.clashes) == (Verdict.MERGED, [])
            assert journal.record.values["description"] == stands
            return
        (clash,) = decision.clashes
        assert (clash.policy, clash.base, clash.kept, clash.other) == (Policy.TEXT, base, office, crew)
        assert (decision.verdict, clash.settled, clash.kept_is_mine) == (Verdict.CONFLICTED, False, False)
        assert clash.against is not None
        assert journal.record.values["description"] == office

    def test_what_came_out_is_told(self) -> None:
        journal = open_job(resolution="Filled. Sealed.")
        journal.enter(OFFICE, edit(OFFICE, "update", 1, resolution="Filled twice. Sealed."))
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, resolution="Filled. Not sealed.")).decisions
        assert decision.before == {"resolution": "Filled twice. Sealed."}
        assert decision.after == {"resolution": "Filled twice. Not sealed."}

    @pytest.mark.parametrize("base", [1, 2])
    def test_a_tablets_later_edits_keep_what_others_wrote_unseen(self, base: int) -> None:
        """Her own text is drawn over the office's while she is far from coverage: she never sees what came of it."""
        journal = open_job(description="Deep. Wet.")
        journal.enter(OFFICE, edit(OFFICE, "update", 1, description="Call first. Deep. Wet."))
        journal.enter(TABLET, edit(TABLET, "update", 1, description="Deep. Very wet."))
        later = edit(TABLET, "update", base, description="Deep. Very wet. Fenced.")
        (decision,) = journal.enter(TABLET, later).decisions
        assert decision.clashes == []
        assert journal.record.values["description"] == "Call first. Deep. Very wet. Fenced."

    @pytest.mark.parametrize("base", [1, 2])
    def test_a_later_edit_that_meets_what_others_wrote_unseen_asks_a_person(self, base: int) -> None:
        journal = open_job(description="Deep. Wet. Far.")
        journal.enter(OFFICE, edit(OFFICE, "update", 1, description="Very deep. Wet. Far."))
        journal.enter(TABLET, edit(TABLET, "update", 1, description="Deep. Wet. Near."))
        later = edit(TABLET, "update", base, description="Shallow. Wet. Near.")
        (decision,) = journal.enter(TABLET, later).decisions
        (clash,) = decision.clashes
        assert (clash.base, clash.kept, clash.other) == (
            "Deep. Wet. Near.", "Very deep. Wet. Near.", "Shallow. Wet. Near.",
        )  # fmt: skip
        # Whose text it met is known where that is younger than what she saw.
        assert (clash.against.author_id if clash.against else None) == (OFFICE.id if base == 1 else None)
        assert journal.record.values["description"] == "Very deep. Wet. Near."

    def test_three_who_change_three_sentences_come_to_the_same_in_any_order(self) -> None:
        said = [(OFFICE, "A! B. C."), (TABLET, "A. B! C."), (SECOND_TABLET, "A. B. C!")]
        for order in permutations(said):
            journal = open_job(description="A. B. C.")
            for author, text in order:
                journal.enter(author, edit(author, "update", 1, description=text))
            assert journal.record.values["description"] == "A! B! C!"

    def test_another_choice_than_text_is_as_it_was(self) -> None:
        journal = Journal(job(description="A. B."), {("work_order", "description"): Policy.CREW})
        journal.enter(OFFICE, edit(OFFICE, "update", 1, description="A! B."))
        journal.enter(TABLET, edit(TABLET, "update", 1, description="A. B!"))
        assert journal.record.values["description"] == "A. B!"


def test_values_that_are_the_same_do_not_clash() -> None:
    journal = open_job()
    journal.enter(OFFICE, edit(OFFICE, "update", 1, description="Same"))
    (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, description="Same")).decisions
    assert (decision.verdict, decision.version, decision.before) == (Verdict.MERGED, 2, None)


def test_a_partnerships_own_choice_goes_before_the_default() -> None:
    journal = Journal(job(), {("work_order", "priority"): Policy.CREW})
    journal.enter(OFFICE, edit(OFFICE, "update", 1, LATE, priority=1))
    journal.enter(TABLET, edit(TABLET, "update", 1, EARLY, priority=5))
    assert journal.record.values["priority"] == 5


def test_every_field_that_can_be_edited_has_a_policy_that_may_be_chosen() -> None:
    for kind in KINDS.values():
        assert kind.policies.keys() <= set(kind.names)
        assert kind.allowed.keys() <= kind.policies.keys()
        assert kind.required <= set(kind.names) - kind.defaults.keys()
        for name, policies in kind.allowed.items():
            assert kind.policies[name] in policies
        for name, policy in kind.policies.items():
            choices = kind.choices[name]
            assert policy in choices
            assert (Policy.UNION in choices) == (name == "tags"), "only lists can be united"
            assert (Policy.LIFECYCLE in choices) == (name == "status"), "only a status has a life"
            assert (Policy.TEXT in choices) == (name in ("description", "resolution", "result")), "only long text"


class TestDeletion:
    """Deleting against editing is a conflict like any other."""

    def test_an_edit_of_what_was_deleted_keeps_every_value_for_a_person(self) -> None:
        journal = open_job()
        journal.enter(OFFICE, edit(OFFICE, "delete", 1))
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, title="Deep hole", priority=3)).decisions
        assert decision.verdict is Verdict.CONFLICTED
        # The priority is what it was: nothing to decide.
        assert [(c.sort, c.field, c.kept, c.other, c.settled) for c in decision.clashes] == [
            ("deleted", "title", "Hole", "Deep hole", False)
        ]
        assert journal.record.deleted

    def test_deleting_what_others_edited_meanwhile_asks_a_person(self) -> None:
        journal = Journal(task())
        made = {"kind": "task", "record_id": journal.record.id}
        journal.enter(OFFICE, edit(OFFICE, "update", 1, title="Fill and seal", **made))
        (decision,) = journal.enter(TABLET, edit(TABLET, "delete", 1, **made)).decisions
        assert [(c.sort, c.field, c.kept, c.other, c.settled) for c in decision.clashes] == [
            ("deleted", "deleted", False, True, False)
        ]
        assert not journal.record.deleted

    def test_deleting_what_one_has_edited_oneself_is_done(self) -> None:
        journal = Journal(task())
        made = {"kind": "task", "record_id": journal.record.id}
        journal.enter(TABLET, edit(TABLET, "update", 1, done=True, **made))
        (decision,) = journal.enter(TABLET, edit(TABLET, "delete", 1, **made)).decisions
        assert (decision.verdict, decision.version, journal.record.deleted) == (Verdict.APPLIED, 3, True)

    def test_deleting_twice_is_the_same_as_once(self) -> None:
        journal = open_job()
        journal.enter(OFFICE, edit(OFFICE, "delete", 1))
        (decision,) = journal.enter(SECOND_OFFICE, edit(SECOND_OFFICE, "delete", 1)).decisions
        assert (decision.verdict, decision.version) == (Verdict.MERGED, 2)

    def test_restoring_brings_everything_back(self) -> None:
        journal = open_job()
        values = dict(journal.record.values)
        journal.enter(OFFICE, edit(OFFICE, "delete", 1))
        assert journal.record.scope is None
        (decision,) = journal.enter(OFFICE, edit(OFFICE, "restore", 2)).decisions
        assert (decision.verdict, decision.version) == (Verdict.APPLIED, 3)
        assert (journal.record.values, journal.record.scope) == (values, journal.record.crew_id)


class TestCustody:
    """Work done on a job that has left the crew meanwhile is never refused."""

    def test_every_value_is_kept_for_a_person(self) -> None:
        journal = open_job(crew_id=TABLET.crew_id)
        journal.enter(OFFICE, edit(OFFICE, "update", 1, crew_id=OTHER_CREW))
        knows = journal.known()
        knows.left.add(JOB)
        decision = decided(TABLET, edit(TABLET, "update", 1, status="completed", resolution="Filled"), knows)
        assert decision.verdict is Verdict.CONFLICTED
        assert {(c.sort, c.field, c.other, c.settled) for c in decision.clashes} == {
            ("custody", "status", "completed", False), ("custody", "resolution", "Filled", False),
        }  # fmt: skip
        assert knows.records["work_order", JOB].values["status"] == "open"

    def test_what_the_partnership_has_merged_is_merged_and_the_rest_is_kept(self) -> None:
        journal = Journal(job(crew_id=TABLET.crew_id, resolution="Filled."))
        journal.custody_merges = frozenset({("work_order", "status"), ("work_order", "resolution")})
        office = {"crew_id": OTHER_CREW, "resolution": "Filled. Paid by A."}
        journal.enter(OFFICE, edit(OFFICE, "update", 1, **office))
        entered = {"status": "completed", "resolution": "Filled twice.", "asset": "A 7", "priority": 3}
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, **entered)).decisions
        assert decision.verdict is Verdict.CONFLICTED
        # The priority is what it was: nothing to decide.
        assert [(c.sort, c.field, c.policy, c.other, c.settled) for c in decision.clashes] == [
            ("field", "resolution", Policy.TEXT, "Filled twice.", False),
            ("custody", "asset", Policy.REVIEW, "A 7", False),
        ]
        assert (decision.before, journal.record.values["status"]) == ({"status": "open"}, "completed")
        assert journal.record.crew_id == OTHER_CREW

    def test_an_edit_that_is_merged_whole_leaves_no_conflict(self) -> None:
        journal = open_job(crew_id=TABLET.crew_id)
        journal.custody_merges = frozenset({("work_order", "status")})
        journal.enter(OFFICE, edit(OFFICE, "update", 1, crew_id=OTHER_CREW))
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, status="in_progress")).decisions
        assert (decision.verdict, decision.clashes) == (Verdict.MERGED, [])

    def test_what_completing_needs_is_needed_of_it_too(self) -> None:
        """It is taken as if the job had stayed: an edit that would be refused then is refused now."""
        journal = open_job(crew_id=TABLET.crew_id)
        journal.required = {POTHOLE: RequiredOnCompletion(fields=["resolution"])}
        journal.custody_merges = frozenset({("work_order", "status"), ("work_order", "resolution")})
        journal.enter(OFFICE, edit(OFFICE, "update", 1, crew_id=OTHER_CREW))
        made = edit(TABLET, "update", 1, status="completed", resolution="Filled.")
        assert decided(TABLET, made, journal.known()).verdict is Verdict.MERGED
        lacking = decided(TABLET, edit(TABLET, "update", 1, status="completed"), journal.known())
        assert (lacking.verdict, lacking.problem and lacking.problem["code"]) == (
            Verdict.REFUSED, "completion_requirements",
        )  # fmt: skip

    def test_of_what_was_deleted_everything_is_kept_all_the_same(self) -> None:
        journal = open_job(crew_id=TABLET.crew_id)
        journal.custody_merges = frozenset({("work_order", "status")})
        journal.enter(OFFICE, edit(OFFICE, "delete", 1))
        (decision,) = journal.enter(TABLET, edit(TABLET, "update", 1, status="in_progress")).decisions
        assert [(c.sort, c.field) for c in decision.clashes] == [("deleted", "status")]

    def test_of_a_deleted_job_its_tasks_wait_too(self) -> None:
        made_by = {"kind": "task", "record_id": TASK}
        knows = known(job(crew_id=TABLET.crew_id), task())
        knows.records["work_order", JOB].deleted = True
        knows.records["task", TASK].crew_id = None
        knows.left = {JOB}
        knows.custody_merges = frozenset({("task", "title")})
        decision = decided(TABLET, edit(TABLET, "update", 1, title="Seal", **made_by), knows)
        assert [(c.sort, c.field, c.other) for c in decision.clashes] == [("custody", "title", "Seal")]

    def test_deleting_a_task_of_a_job_that_left_always_waits(self) -> None:
        made_by = {"kind": "task", "record_id": TASK}
        knows = known(job(crew_id=OTHER_CREW), task())
        knows.records["task", TASK].crew_id = OTHER_CREW
        knows.left = {JOB}
        knows.custody_merges = frozenset({("task", "title"), ("task", "done")})
        changed = decided(TABLET, edit(TABLET, "update", 1, title="Seal", **made_by), knows)
        assert (changed.verdict, changed.before) == (Verdict.MERGED, {"title": "Fill"})
        deleted = decided(TABLET, edit(TABLET, "delete", 1, **made_by), knows)
        assert [(c.sort, c.field) for c in deleted.clashes] == [("custody", "deleted")]
