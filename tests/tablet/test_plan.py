"""When a crew is to do what: its plan on the tablet, with and without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fieldsync.tablet import ReadOnly, Tablet, edits, replica
from fieldsync.workorders.kinds import READ_ONLY_KINDS
from tests.tablet.live import Live

JOB, OTHER = "0197a000-0000-7000-8000-000000000001", "0197a000-0000-7000-8000-000000000002"


def part(name: str, starts_at: str, state: str = "planned", job: str = JOB) -> dict[str, Any]:
    record = {"work_order_id": job, "starts_at": starts_at, "state": state, "minutes": 60, "pinned": False}
    return {"kind": "assignment", "id": name, "version": 1, "record": record}


class TestAlone:
    @pytest.fixture
    def tablet(self, tmp_path: Path) -> Iterator[Tablet]:
        tablet = Tablet(tmp_path / "tablet.sqlite3", "http://127.0.0.1:9")
        yield tablet
        tablet.close()

    def receive(self, tablet: Tablet, *changes: dict[str, Any]) -> None:
        with tablet._store.transaction() as connection:
            replica.take(connection, changes, reset=False, more=False)

    def names(self, tablet: Tablet, job: str | None = None) -> list[str]:
        return [record.id for record in tablet.plan(job)]

    def test_what_is_planned_by_its_start(self, tablet: Tablet) -> None:
        self.receive(
            tablet,
            part("late", "2030-03-04T14:00:00+00:00"),
            part("early", "2030-03-04T09:30:00.5+01:00"),
            part("begun", "2030-03-04T09:00:00+00:00", "done"),
            part("moved away", "2030-03-04T10:00:00+00:00", "released"),
            part("other", "2030-03-04T12:00:00+00:00", job=OTHER),
        )
        assert self.names(tablet) == ["early", "other", "late"]
        assert self.names(tablet, JOB) == ["early", "late"]
        assert self.names(tablet, "nothing") == []

    def test_it_goes_with_the_job(self, tablet: Tablet) -> None:
        job = {"kind": "work_order", "id": JOB, "version": 1, "record": {"title": "Hole"}}
        self.receive(tablet, job, part("early", "2030-03-04T09:00:00+00:00"))
        self.receive(tablet, {"kind": "work_order", "id": JOB, "gone": "reassigned"})
        assert self.names(tablet) == []

    def test_nobody_edits_it_here(self, tablet: Tablet) -> None:
        self.receive(tablet, part("early", "2030-03-04T09:00:00+00:00"))
        with pytest.raises(ReadOnly, match="assignment"):
            tablet.update("assignment", "early", {"starts_at": "2030-03-04T10:00:00Z"})
        with pytest.raises(ReadOnly):
            tablet.create("service_type", {"name": "Mine"})
        assert tablet.waiting() == []


def test_both_sides_know_the_same_kinds_as_read_only() -> None:
    assert edits.READ_ONLY == READ_ONLY_KINDS


def test_from_the_dispatcher_to_the_tablet(live: Live, make_tablet: Callable[..., Tablet]) -> None:
    tablet = make_tablet()
    tablet.sync()
    crew_id = live.crew()["id"]
    job = min(record.id for record in tablet.records("work_order") if record.fields["status"] == "open")
    # Beyond what the demo has planned.
    then = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=40)
    item = {
        "work_order_id": job, "crew_id": crew_id, "starts_at": then.isoformat(), "minutes": 90,
        "override": True, "reason": "A test",
    }  # fmt: skip
    (verdict,) = live.office.need("POST", "/v1/assignments", {"items": [item]})["verdicts"]
    assert verdict["verdict"] == "assigned", verdict
    tablet.sync()
    planned = {record.id: record.fields for record in tablet.plan(job)}[verdict["id"]]
    assert datetime.fromisoformat(planned["starts_at"]) == then
    assert planned["minutes"] == 90
    live.assign(job, None)
    tablet.sync()
    assert tablet.plan(job) == []
