"""What a tablet says is missing before its crew taps "completed", and what the server says to that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from fieldsync.tablet import Lacking, Tablet, completion, edits, replica
from fieldsync.workorders.completion import (
    ENTRY_KINDS,
    FIELDS,
    RequiredOnCompletion,
    Task,
    missing,
    parse,
    stated,
)
from tests.rules.test_completion import CASES, COUNTS, REQUIRED, TASKS, THINGS
from tests.tablet.live import Live

JOB = "0197a000-0000-7000-8000-000000000001"
POTHOLE = "0197a000-0000-7000-8000-000000000002"
MUCH = {"fields": ["resolution"], "tasks": {"all": True, "named": ["Clean"]}, "entries": {"labor_entry": 2}}


def by_the_server(listed: list[dict[str, Any]]) -> list[Lacking]:
    """The server's words as the tablet's."""
    return [
        Lacking(one["code"], one.get("field") or one.get("title") or one["kind"], one.get("least"), one.get("there"))
        for one in listed
    ]


def both(
    required: RequiredOnCompletion, values: dict[str, Any], tasks: list[Task], counts: dict[str, int]
) -> tuple[list[Lacking], list[Lacking]]:
    fields = [{"title": task.title, "done": task.done, "position": task.position} for task in tasks]
    on_tablet = completion.missing(stated(required), values, fields, counts)
    return on_tablet, by_the_server([one.document() for one in missing(required, values, tasks, counts)])


@given(REQUIRED, THINGS, TASKS, COUNTS)
def test_both_say_the_same(
    required: RequiredOnCompletion, values: dict[str, Any], tasks: list[Task], counts: dict[str, int]
) -> None:
    on_tablet, on_server = both(required, values, tasks, counts)
    assert on_tablet == on_server


@pytest.mark.parametrize("case", CASES)
def test_both_say_the_same_of_what_matters_most(case: str) -> None:
    required, values, tasks, counts, expected = CASES[case]
    on_tablet, on_server = both(parse(required), values, tasks, counts)
    assert on_tablet == on_server
    assert len(on_tablet) == len(expected)


def test_both_know_the_same_fields_and_kinds() -> None:
    assert (completion.FIELDS, completion.ENTRIES) == (FIELDS, ENTRY_KINDS)


class TestAlone:
    """Without a network, from what it holds."""

    @pytest.fixture
    def tablet(self, tmp_path: Path) -> Iterator[Tablet]:
        tablet = Tablet(tmp_path / "tablet.sqlite3", "http://127.0.0.1:9")
        yield tablet
        tablet.close()

    def receive(self, tablet: Tablet, *changes: tuple[str, str, dict[str, Any]]) -> None:
        page = [{"kind": kind, "id": name, "version": 1, "record": record} for kind, name, record in changes]
        with tablet._store.transaction() as connection:
            replica.take(connection, page, reset=False, more=False)
            edits.hide_settled(connection, complete=True)

    def test_own_edits_count(self, tablet: Tablet) -> None:
        dig = {"work_order_id": JOB, "title": "Dig", "done": False, "position": 0}
        self.receive(
            tablet,
            ("service_type", POTHOLE, {"code": "pothole", "required_on_completion": MUCH}),
            ("work_order", JOB, {"title": "Hole", "service_type_id": POTHOLE, "resolution": None}),
            ("task", "t1", dig),
            ("labor_entry", "l1", {"work_order_id": JOB, "minutes": 30}),
            ("labor_entry", "l2", {"work_order_id": "another", "minutes": 30}),
        )
        expected = [
            Lacking("field_empty", "resolution"),
            Lacking("task_absent", "Clean"),
            Lacking("task_not_done", "Dig"),
            Lacking("entries_too_few", "labor_entry", 2, 1),
        ]
        assert tablet.lacking(JOB) == expected
        assert tablet.lacking(JOB, {"resolution": "Filled"}) == expected[1:]
        clean = tablet.create("task", {"work_order_id": JOB, "title": "Clean"})
        assert tablet.lacking(JOB)[1] == Lacking("task_not_done", "Clean")
        tablet.update("task", clean, {"done": True})
        tablet.update("work_order", JOB, {"resolution": "Filled"})
        tablet.create("labor_entry", {"work_order_id": JOB, "minutes": 15})
        assert tablet.lacking(JOB) == [expected[2]]
        tablet.delete("task", "t1")
        assert tablet.lacking(JOB) == []
        assert tablet.lacking(JOB, {"resolution": " "}) == [expected[0]]

    def test_a_job_made_here(self, tablet: Tablet) -> None:
        self.receive(tablet, ("service_type", POTHOLE, {"required_on_completion": {"entries": {"note": 1}}}))
        job = tablet.create("work_order", {"title": "Hole", "service_type_id": POTHOLE})
        assert tablet.lacking(job) == [Lacking("entries_too_few", "note", 1, 0)]
        tablet.create("note", {"work_order_id": job, "body": "Deep."})
        assert tablet.lacking(job) == []

    def test_what_it_does_not_know_it_does_not_ask_for(self, tablet: Tablet) -> None:
        assert tablet.lacking(JOB) == []
        self.receive(tablet, ("work_order", JOB, {"title": "Hole", "service_type_id": POTHOLE}))
        assert tablet.lacking(JOB) == []
        # A server of an earlier version says nothing of it.
        self.receive(tablet, ("service_type", POTHOLE, {"code": "pothole"}))
        assert tablet.lacking(JOB) == []


def test_what_it_says_is_what_the_server_says(live: Live, make_tablet: Callable[..., Tablet]) -> None:
    tablet = make_tablet()
    tablet.sync()
    service = tablet.records("service_type")[0].id
    job = tablet.create(
        "work_order", {"title": "New", "service_type_id": service, "location": {"lon": -80.0, "lat": 40.44}}
    )
    tablet.create("task", {"work_order_id": job, "title": "Dig"})
    assert live.sql(
        """WITH h AS (UPDATE head SET change = change + 1 WHERE partnership_id =
                          (SELECT partnership_id FROM service_type WHERE id = %s) RETURNING change)
           UPDATE service_type SET required_on_completion = %s, change = h.change FROM h WHERE id = %s RETURNING 1""",
        service, json.dumps(MUCH), service,
    )  # fmt: skip
    tablet.update("work_order", job, {"status": "completed"})
    tablet.sync()
    (refused,) = tablet.refused()
    assert refused.verdict is not None
    assert refused.verdict.problem is not None
    said = by_the_server(refused.verdict.problem["missing"])
    assert tablet.lacking(job) == said
    assert [lack.name for lack in said] == ["resolution", "Clean", "Dig", "labor_entry"]
    for lack in tablet.lacking(job):
        if lack.code == "task_absent":
            tablet.create("task", {"work_order_id": job, "title": lack.name, "done": True})
        elif lack.code == "task_not_done":
            (task,) = [task for task in tablet.records("task", job) if task.fields["title"] == lack.name]
            tablet.update("task", task.id, {"done": True})
        elif lack.code == "entries_too_few":
            for _ in range((lack.least or 0) - (lack.there or 0)):
                tablet.create(lack.name, {"work_order_id": job, "minutes": 15})
    assert tablet.lacking(job, {"resolution": "Filled"}) == []
    tablet.update("work_order", job, {"status": "completed", "resolution": "Filled"})
    tablet.sync()
    assert tablet.refused() == [refused], "nothing else was refused"
    record = tablet.record("work_order", job)
    assert record is not None
    assert (record.fields["status"], record.own_edits) == ("completed", 0)
