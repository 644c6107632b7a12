"""Edits that would complete a work order without what is required: these are refused, and no others."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.journal.edits import Author, Decision, Edit, Known, Recorded, Verdict
from fieldsync.journal.merge import decide
from fieldsync.workorders.completion import FIELDS, Missing, RequiredOnCompletion, is_empty, parse
from fieldsync.workorders.kinds import Policy
from fieldsync.workorders.rules import Status
from tests.rules.stage import (
    JOB,
    OFFICE,
    OTHER_CREW,
    POTHOLE,
    SECOND_TABLET,
    TABLET,
    TASK,
    Journal,
    edit,
    job,
    known,
    named,
    task,
)
from tests.rules.test_completion import spelled
from tests.rules.test_merge_laws import POLICIES, SAID, Said

TREE = named("tree")

# --- edits that complete ------------------------------------------------------------------------------------------


def requiring(document: dict[str, Any], *records: Any, service_type: UUID = POTHOLE, **recorded: Any) -> Known:
    """What is known where a service type requires this. ``recorded``: what stands on the job beside the records."""
    knows = known(*(records or (job(),)), required={service_type: parse(document)})
    knows.existing["service_type"].add(TREE)
    knows.recorded[JOB] = Recorded(**recorded)
    knows.recorded[JOB].edited += [({}, record) for record in records if record.kind.name == "task"]
    return knows


def done(**fields: Any) -> Edit:
    return edit(TABLET, "update", 1, status="completed", **fields)


def made(kind: str, number: int = 0, author: Author = TABLET, **fields: Any) -> Edit:
    """An edit that records something on the job."""
    record_id = named(f"{kind} {number}")
    return edit(author, "create", None, number, kind=kind, record_id=record_id, work_order_id=str(JOB), **fields)


def verdicts(author: Author, edits: list[Edit], knows: Known) -> list[str]:
    return [_told(decision) for decision in decide(author, edits, knows).decisions]


def _told(decision: Decision) -> str:
    """The verdict, or what is missing."""
    if decision.problem is None:
        return str(decision.verdict)
    assert decision.problem["code"] == "completion_requirements", decision.problem
    assert decision.problem["field"] == "status"
    assert (decision.verdict, decision.version, decision.before) == (Verdict.REFUSED, None, None)
    return ", ".join(spelled(msgspec.convert(one, Missing)) for one in decision.problem["missing"])


def test_it_is_refused_and_changes_nothing() -> None:
    knows = requiring({"fields": ["resolution"], "entries": {"note": 1}})
    outcome = decide(TABLET, [done(title="Deep hole")], knows)
    assert _told(outcome.decisions[0]) == "field_empty resolution, entries_too_few note 0/1"
    assert outcome.touched == {}
    assert knows.records["work_order", JOB].values == job().values


def test_what_comes_with_it_counts() -> None:
    assert verdicts(TABLET, [done(resolution="Filled")], requiring({"fields": ["resolution"]})) == ["applied"]


def test_what_it_takes_away_counts() -> None:
    knows = requiring({"fields": ["resolution"]}, job(resolution="Filled"))
    assert verdicts(TABLET, [done(resolution=None)], knows) == ["field_empty resolution"]


def test_fields_that_no_edit_names_are_looked_at() -> None:
    """Those are not read with the record, and not written with it either."""
    record = job()
    del record.values["resolution"], record.values["service_type_id"]
    held = {"resolution": "Filled", "service_type_id": POTHOLE}
    assert verdicts(TABLET, [done()], requiring({"fields": ["resolution"]}, record, values=held)) == ["applied"]
    assert "resolution" not in record.values
    step = task()
    del step.values["title"], step.values["position"]
    knows = requiring({"tasks": {"named": ["Fill"]}}, job(), step)
    knows.recorded[JOB].edited = [({"title": "Fill", "done": False, "position": 0}, step)]
    finish = edit(TABLET, "update", 1, kind="task", record_id=TASK, done=True)
    assert verdicts(TABLET, [finish, done()], knows) == ["applied", "applied"]
    again = requiring({"fields": ["resolution"]}, job(), values={})
    assert verdicts(TABLET, [done()], again) == ["field_empty resolution"]


@pytest.mark.parametrize(
    ("last", "lacking"),
    [(0, "field_empty resolution"), (1, "task_not_done Fill"), (2, "entries_too_few labor_entry 0/1")],
)
def test_what_came_before_in_the_batch_counts_and_what_comes_behind_does_not(last: int, lacking: str) -> None:
    """Nothing behind a refused completion is blocked by it, and it can be tried again."""
    document = {"fields": ["resolution"], "tasks": {"named": ["Fill"]}, "entries": {"labor_entry": 1}}
    steps = [
        edit(TABLET, "update", 1, resolution="Filled"),
        edit(TABLET, "update", 1, kind="task", record_id=TASK, done=True),
        made("labor_entry", minutes=30),
    ]
    late = steps.pop(last)
    again = edit(TABLET, "update", 1, 9, status="completed")
    knows = requiring(document, job(), task())
    assert verdicts(TABLET, [*steps, done(), late, again], knows) == ["applied", "applied", lacking, *["applied"] * 2]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_what_came_before_does_not_matter(order: tuple[int, ...]) -> None:
    document = {"fields": ["asset"], "tasks": {"all": True, "named": ["Clean"]}, "entries": {"note": 1}}
    steps = [
        edit(TABLET, "update", 1, asset="A1"),
        edit(TABLET, "update", 1, kind="task", record_id=TASK, done=True),
        made("task", title="Clean", done=True),
        made("note", body="Deep."),
    ]
    knows = requiring(document, job(), task())
    assert verdicts(TABLET, [*(steps[which] for which in order), done()], knows)[-1] == "applied"


def test_every_entry_counts() -> None:
    notes = [made("note", number, body="x") for number in range(2)]
    knows = requiring({"entries": {"note": 3}}, entries={"note": 1})
    assert verdicts(TABLET, [notes[0], done(), notes[1], done()], knows) == [
        "applied", "entries_too_few note 2/3", "applied", "applied",
    ]  # fmt: skip


def test_a_deleted_task_does_not_count() -> None:
    delete = edit(TABLET, "delete", 1, kind="task", record_id=TASK)
    knows = requiring({"tasks": {"all": True}}, job(), task())
    assert verdicts(TABLET, [delete, done()], knows) == ["applied", "applied"]
    knows = requiring({"tasks": {"named": ["Fill"]}}, job(), task(done=True))
    assert verdicts(TABLET, [delete, done()], knows) == ["applied", "task_absent Fill"]
    restore = edit(OFFICE, "restore", 2, kind="task", record_id=TASK)
    knows = requiring({"tasks": {"all": True}}, job(), task())
    knows.records["task", TASK].deleted = True
    complete = edit(OFFICE, "update", 1, status="completed")
    assert verdicts(OFFICE, [complete, restore], knows) == ["applied", "applied"]
    knows = requiring({"tasks": {"all": True}}, job(), task())
    knows.records["task", TASK].deleted = True
    assert verdicts(OFFICE, [restore, complete], knows) == ["applied", "task_not_done Fill"]


def test_what_is_recorded_on_another_job_does_not_count() -> None:
    elsewhere = named("another job")
    other = job()
    other.id = other.work_order_id = elsewhere
    note = edit(TABLET, "create", None, kind="note", record_id=named("n"), work_order_id=str(elsewhere), body="x")
    knows = requiring({"entries": {"note": 1}}, job(), other)
    assert verdicts(TABLET, [note, done()], knows) == ["applied", "entries_too_few note 0/1"]


def test_a_new_job_that_is_done_already() -> None:
    """Nothing can be recorded on it before it is there, so what must be recorded cannot be."""
    fields = {"title": "Hole", "service_type_id": str(POTHOLE), "location": {"lon": -80, "lat": 40}}
    lost, begun = named("lost job"), named("begun job")

    def new(record_id: UUID, **more: Any) -> Edit:
        return edit(TABLET, "create", None, record_id=record_id, **fields, **more)

    document = {"fields": ["resolution"]}
    assert verdicts(TABLET, [new(lost, status="completed")], requiring(document)) == ["field_empty resolution"]
    filled = new(lost, status="completed", resolution="Filled")
    assert verdicts(TABLET, [filled], requiring(document)) == ["applied"]
    note = edit(TABLET, "create", None, kind="note", record_id=named("n"), work_order_id=str(begun), body="x")
    complete = edit(TABLET, "update", 0, record_id=begun, status="completed")
    knows = requiring({"entries": {"note": 1}})
    begin = new(begun, status="in_progress")
    assert verdicts(TABLET, [begin, complete, note, complete], knows) == [
        "applied", "entries_too_few note 0/1", "applied", "applied",
    ]  # fmt: skip
    on_it = edit(TABLET, "create", None, kind="note", record_id=named("m"), work_order_id=str(lost), body="x")
    problems = [d.problem for d in decide(TABLET, [new(lost, status="completed"), on_it], knows).decisions]
    assert [problem and problem["code"] for problem in problems] == ["completion_requirements", "depends_on"]


class TestTheServiceTypeThatStands:
    """…after the edit decides."""

    def test_that_the_edit_itself_gives(self) -> None:
        knows = requiring({"fields": ["asset"]}, service_type=TREE)
        assert verdicts(TABLET, [done(service_type_id=str(TREE))], knows) == ["field_empty asset"]
        knows = requiring({"fields": ["asset"]})
        assert verdicts(TABLET, [done(service_type_id=str(TREE))], knows) == ["applied"]

    def test_that_an_edit_before_gave(self) -> None:
        knows = requiring({"fields": ["asset"]}, service_type=TREE)
        first = edit(TABLET, "update", 1, service_type_id=str(TREE))
        assert verdicts(TABLET, [first, done()], knows) == ["applied", "field_empty asset"]

    def test_that_the_office_chose(self) -> None:
        """The crew says that it is a tree; the office has said since that it is a hole, and the office decides that."""
        bush = named("bush")
        for required, expected in ((TREE, "conflicted"), (POTHOLE, "conflicted"), (bush, "field_empty asset")):
            knows = requiring({"fields": ["asset"]}, service_type=required)
            knows.existing["service_type"].add(bush)
            decide(OFFICE, [edit(OFFICE, "update", 1, service_type_id=str(bush))], knows)
            assert verdicts(TABLET, [done(service_type_id=str(TREE))], knows) == [expected]


class TestWhatIsNotChecked:
    """Only what takes a work order to `completed`."""

    EVERYTHING = {"fields": list(FIELDS), "entries": {"note": 1}}  # noqa: RUF012

    def test_other_statuses(self) -> None:
        knows = requiring(self.EVERYTHING)
        other = [edit(TABLET, "update", 1, number, status=s) for number, s in enumerate(("in_progress", "on_hold"))]
        assert verdicts(TABLET, other, knows) == ["applied", "applied"]

    @pytest.mark.parametrize("status", [Status.COMPLETED, Status.CLOSED])
    def test_what_is_completed_already(self, status: Status) -> None:
        """Completed before more was required: it can be edited, and the office can close it."""
        knows = requiring(self.EVERYTHING, job(status=status))
        wanted = "completed" if status is Status.COMPLETED else "closed"
        assert verdicts(OFFICE, [edit(OFFICE, "update", 1, status=wanted, title="x")], knows) == ["applied"]
        if status is Status.COMPLETED:
            assert verdicts(OFFICE, [edit(OFFICE, "update", 2, status="closed")], knows) == ["applied"]

    def test_what_has_left_the_crew(self) -> None:
        """Work is never refused because the office moved the job: it waits for a person."""
        knows = requiring(self.EVERYTHING, job(crew_id=OTHER_CREW))
        knows.left.add(JOB)
        outcome = decide(TABLET, [done()], knows)
        assert [(clash.sort, clash.field) for clash in outcome.decisions[0].clashes] == [("custody", "status")]

    def test_what_is_deleted(self) -> None:
        record = job()
        record.deleted = True
        outcome = decide(TABLET, [done()], requiring(self.EVERYTHING, record))
        assert [(clash.sort, clash.field) for clash in outcome.decisions[0].clashes] == [("deleted", "status")]

    def test_a_status_that_does_not_come_to_stand(self) -> None:
        """The office cancelled it meanwhile, and a person decides."""
        journal = Journal(job(), required={POTHOLE: parse(self.EVERYTHING)})
        journal.enter(OFFICE, edit(OFFICE, "update", 1, 5, status="cancelled"))
        (decision,) = journal.enter(TABLET, done()).decisions
        assert _told(decision) == "conflicted"
        assert journal.record.values["status"] == Status.CANCELLED


def test_a_status_that_cannot_follow_is_said_first() -> None:
    knows = requiring({"fields": ["asset"]}, job(status=Status.CANCELLED))
    (decision,) = decide(TABLET, [done()], knows).decisions
    assert decision.problem is not None
    assert decision.problem["code"] == "illegal_transition"


def test_a_refused_completion_is_not_the_authors_view() -> None:
    """Her next status follows what stood before it."""
    knows = requiring({"fields": ["asset"]}, job(status=Status.ON_HOLD))
    edits = [done(), edit(TABLET, "update", 1, 1, status="on_hold"), edit(TABLET, "update", 1, 2, status="in_progress")]
    assert verdicts(TABLET, edits, knows) == ["field_empty asset", "applied", "applied"]


def test_a_second_tablet_of_the_crew_completes_what_the_first_has_prepared() -> None:
    journal = Journal(job(), required={POTHOLE: parse({"fields": ["resolution"]})})
    journal.enter(TABLET, edit(TABLET, "update", 1, 1, resolution="Filled"))
    (decision,) = journal.enter(SECOND_TABLET, edit(SECOND_TABLET, "update", 1, 2, status="completed")).decisions
    assert _told(decision) == "merged"


# --- laws of deciding ---------------------------------------------------------------------------------------------

STORY = st.lists(SAID, min_size=1, max_size=12)
NEEDED = st.lists(st.sampled_from(["description", "tags", "resolution"]), unique=True, min_size=1).map(
    lambda names: {POTHOLE: RequiredOnCompletion(fields=names)}  # type: ignore[arg-type]
)


@given(STORY, POLICIES, NEEDED)
def test_no_work_order_becomes_completed_without_what_is_required(
    story: list[Said], policies: dict[tuple[str, str], Policy], required: dict[UUID, RequiredOnCompletion]
) -> None:
    """…whoever else edits it meanwhile; and what is refused for it would have completed it."""
    journal = Journal(job(), policies, required=required)
    for said in story:
        was = dict(journal.record.values)
        one = said.on(journal.record.version)
        (decision,) = journal.enter(said.author, one).decisions
        now = journal.record.values
        if now["status"] == Status.COMPLETED != was["status"]:
            assert not any(is_empty(now[name]) for name in required[POTHOLE].fields)
        if decision.problem is not None and decision.problem["code"] == "completion_requirements":
            assert now == was
            assert was["status"] not in (Status.COMPLETED, Status.CLOSED)
            assert one.values["status"] == Status.COMPLETED
            assert {lack["field"] for lack in decision.problem["missing"]} <= set(required[POTHOLE].fields)


@given(STORY, POLICIES, NEEDED)
def test_what_was_accepted_is_replayed_without_asking_what_was_required(
    story: list[Said], policies: dict[tuple[str, str], Policy], required: dict[UUID, RequiredOnCompletion]
) -> None:
    """Requirements decide whether an edit is taken, and nothing of what is done with it. So a replay of the journal
    gives the same whatever was required then, or is required now."""
    then, now = Journal(job(), policies, required=required), Journal(job(), policies)
    for said in story:
        one = said.on(then.record.version)
        (decision,) = then.enter(said.author, one).decisions
        if decision.verdict is Verdict.REFUSED:
            continue
        (again,) = now.enter(said.author, one).decisions
        assert (again.verdict, again.version, again.before, again.after) == (
            decision.verdict, decision.version, decision.before, decision.after,
        )  # fmt: skip
        assert [(c.field, c.base, c.kept, c.other) for c in again.clashes] == [
            (c.field, c.base, c.kept, c.other) for c in decision.clashes
        ]
    assert now.record.values == then.record.values


@given(STORY, POLICIES, NEEDED, st.lists(SAID, min_size=1, max_size=6), st.sampled_from([TABLET, OFFICE]))
def test_in_one_batch_or_one_by_one_the_same_is_refused(
    story: list[Said], policies: dict[tuple[str, str], Policy], required: dict[UUID, RequiredOnCompletion],
    batch: list[Said], author: Author,
) -> None:  # fmt: skip
    at_once, singly = (Journal(job(), policies, required=required) for _ in range(2))
    for said in story:
        one = said.on(at_once.record.version)
        for journal in (at_once, singly):
            journal.enter(said.author, one)
    edits = [said._replace(author=author).on(at_once.record.version) for said in batch]
    together = at_once.enter(author, *edits).decisions
    apart = [decision for one in edits for decision in singly.enter(author, one).decisions]
    assert [(d.verdict, d.version, d.problem) for d in together] == [(d.verdict, d.version, d.problem) for d in apart]
