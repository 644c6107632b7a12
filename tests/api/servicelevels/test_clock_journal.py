"""Clocks follow the journal: what edits of tablets and of the office start, pause and stop."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from fieldsync.database import db, new_id
from fieldsync.workorders.rules import TRANSITIONS, Status
from tests.api.office.world import EAST, NOWHERE, WEST, Tablet, World, now
from tests.api.servicelevels.promises import Promises, ago, clocks, moment, promise, stored

ABOUT_CLOCKS = ("service_clock", "service_pause", "service_policy")


@pytest.fixture
def tablet(world: World, promises: Promises) -> Tablet:
    return world.tablet("alpha")


def job(world: World, tablet: Tablet, at: datetime, **more: Any) -> UUID:
    """A work order that a crew made then."""
    record_id = new_id()
    fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST} | more
    assert tablet.edit("work_order", record_id, "create", at=at, **fields)["verdict"] == "applied"
    return record_id


def status(tablet: Tablet, record_id: UUID, wanted: str, at: datetime, base: int = 99) -> None:
    verdict = tablet.edit("work_order", record_id, "update", base, at=at, status=wanted)
    assert verdict["verdict"] == "applied", verdict


def test_they_start_when_it_happened_and_not_when_it_was_sent(world: World, tablet: Tablet) -> None:
    made = ago(30)
    record_id = job(world, tablet, made)
    found = stored(world, record_id)
    for sort, minutes in (("response", 60), ("resolution", 240)):
        # The tablet's time is corrected for its skew: by the time that the request took.
        assert timedelta() <= found[sort]["started_at"] - made < timedelta(seconds=20)
        assert found[sort]["due_at"] == found[sort]["started_at"] + timedelta(minutes=minutes)
    record = world.read(str(record_id))["record"]
    assert moment(record["respond_by"]) == found["response"]["due_at"]
    assert moment(record["resolve_by"]) == found["resolution"]["due_at"]


def test_the_tablet_sees_when_it_is_due(world: World, tablet: Tablet) -> None:
    record_id = job(world, tablet, ago(10))
    tablet.exchange()
    assert tablet.records["work_order", str(record_id)]["record"]["resolve_by"] is not None
    status(tablet, record_id, "completed", ago(5))
    tablet.exchange()
    assert tablet.records["work_order", str(record_id)]["record"]["resolve_by"] is None


def test_work_begun_in_time_without_coverage_was_begun_in_time(world: World, tablet: Tablet) -> None:
    record_id = job(world, tablet, ago(300))
    status(tablet, record_id, "in_progress", ago(270))
    status(tablet, record_id, "completed", ago(10))
    found = clocks(world, record_id)
    assert [found[sort]["breached"] for sort in ("response", "resolution")] == [False, True]
    assert found["response"]["spent_minutes"] == pytest.approx(30, abs=0.5)
    assert {clock["stopped_because"] for clock in found.values()} == {"done"}


def test_without_a_policy_there_are_none(world: World) -> None:
    made = world.create()
    assert (made["record"]["respond_by"], clocks(world, made["id"])) == (None, {})
    promise(world)
    # What was there before goes on without.
    changed = world.change(made, status="on_hold")
    assert (changed["record"]["resolve_by"], clocks(world, made["id"])) == (None, {})


def test_what_was_made_before_the_policy_began_has_none(world: World) -> None:
    promise(world, timedelta(minutes=60))
    tablet = world.tablet("alpha")
    assert stored(world, job(world, tablet, ago(90))) == {}
    assert stored(world, job(world, tablet, ago(30))).keys() == {"response", "resolution"}


def test_on_hold_the_record_says_that_nothing_is_due(world: World, promises: Promises) -> None:
    made = world.create()
    held = world.change(made, status="on_hold")
    assert (held["record"]["respond_by"], held["record"]["resolve_by"]) == (None, None)
    again = world.change(held, status="open")
    assert again["record"]["resolve_by"] > made["record"]["resolve_by"]
    ((cause, ends),) = [(p["cause"], p["ends_at"]) for p in _pauses(world, made["id"])]
    assert cause == "on_hold"
    assert ends is not None


def _pauses(world: World, record_id: Any) -> list[dict[str, Any]]:
    pauses: list[dict[str, Any]] = world.ask("GET", f"/work-orders/{record_id}/clock").json["pauses"]
    return pauses


def test_reopened_it_goes_on_with_what_was_spent(world: World, tablet: Tablet) -> None:
    record_id = job(world, tablet, ago(100))
    status(tablet, record_id, "completed", ago(70))
    status(tablet, record_id, "in_progress", ago(10))
    found = clocks(world, record_id)
    assert found["resolution"]["spent_minutes"] == pytest.approx(40, abs=0.5)
    assert (found["response"]["state"], found["resolution"]["state"]) == ("stopped", "running")


def test_cancelled_deleted_and_restored(world: World, promises: Promises) -> None:
    made = world.create()
    path = f"/work-orders/{made['id']}"
    answer = world.ask("POST", path + "/cancellation", if_match=made["etag"], json={"reason": "Twice"})
    assert {clock["stopped_because"] for clock in clocks(world, made["id"]).values()} == {"cancelled"}
    opened = world.change(answer.json, status="open")
    deleted = world.ask("DELETE", path, if_match=opened["etag"]).json
    assert deleted["record"]["resolve_by"] is None
    restored = world.ask("POST", path + "/restoration", if_match=deleted["etag"]).json
    assert restored["record"]["resolve_by"] is not None


class TestTargets:
    def test_another_priority_is_another_promise(self, world: World, promises: Promises) -> None:
        made = world.create()
        urgent = world.change(made, priority=1)
        found = clocks(world, made["id"])
        assert [found[sort]["target_minutes"] for sort in ("response", "resolution")] == [30, 120]
        assert moment(urgent["record"]["resolve_by"]) < moment(made["record"]["resolve_by"])  # type: ignore[operator]

    def test_a_clock_keeps_its_policy(self, world: World, promises: Promises) -> None:
        made = world.create()
        target = {"calendar_id": str(promises.calendar_id), "response_minutes": 5}
        answer = world.ask("POST", "/service-levels/policies", "admin", json={"targets": [target]})
        assert answer.status_code == 201, answer.json
        world.change(made, priority=1)
        assert {(c["policy_number"], c["target_minutes"]) for c in clocks(world, made["id"]).values()} == {
            (1, 30), (1, 120),
        }  # fmt: skip
        later = world.create()
        assert [(c["policy_number"], c["target_minutes"]) for c in clocks(world, later["id"]).values()] == [(2, 5)]

    def test_of_one_edit_with_another_kind_and_status(self, world: World, tablet: Tablet) -> None:
        record_id = job(world, tablet, ago(30))
        verdict = tablet.edit("work_order", record_id, "update", 1, at=ago(10), service_type_id=str(world.signal),
                              status="on_hold")  # fmt: skip
        assert verdict["verdict"] == "applied"
        found = clocks(world, record_id)
        assert (found["response"]["stopped_because"], found["resolution"]["target_minutes"]) == ("no_target", 120)
        # Signals do not wait.
        assert (found["resolution"]["state"], _pauses(world, record_id)) == ("running", [])

    def test_by_jurisdiction_a_person_who_moves_the_point_changes_it(self, world: World, promises: Promises) -> None:
        world.rows(
            """INSERT INTO service_target (partnership_id, id, policy_id, jurisdiction_id, service_type_id, calendar_id,
                                           resolution_minutes)
               VALUES (:p, :id, :policy, :east, :type, :calendar, 7) RETURNING id""",
            id=uuid4(), policy=promises.policy_id, east=world.towns["east"], type=world.pothole,
            calendar=promises.calendar_id,
        )  # fmt: skip
        made = world.create()
        moved = world.change(made, location=EAST)
        assert clocks(world, made["id"])["resolution"]["target_minutes"] == 7
        world.change(moved, location=WEST)
        assert clocks(world, made["id"])["resolution"]["target_minutes"] == 240

    def test_neither_another_crew_nor_triage_touches_them(self, world: World, promises: Promises) -> None:
        made = world.create(location=NOWHERE)
        before = stored(world, made["id"])
        given = world.change(made, crew_id=str(world.crews["alpha"]))
        moved = world.ask(
            "POST", f"/triage/{made['id']}", if_match=given["etag"],
            json={"decision": "move", "jurisdiction_id": str(world.towns["west"])},
        )  # fmt: skip
        assert moved.status_code == 200, moved.json
        assert world.read(made["id"])["record"]["jurisdiction_id"] == str(world.towns["west"])
        world.change(world.read(made["id"]), crew_id=str(world.crews["beta"]))
        assert stored(world, made["id"]) == before


class TestBatches:
    def test_of_one_record_are_folded_in_their_order(self, world: World, tablet: Tablet) -> None:
        record_id = new_id()
        fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
        steps = [(None, 200), ("in_progress", 170), ("on_hold", 150), ("in_progress", 100), ("completed", 90)]
        edits = []
        for wanted, minutes in steps:
            action, values = ("create", fields) if wanted is None else ("update", {"status": wanted})
            edits.append(
                {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "kind": "work_order", "action": action,
                 "record_id": str(record_id), "base_version": None if wanted is None else 1,
                 "observed_at": ago(minutes).isoformat(), "fields": values}
            )  # fmt: skip
        verdicts = tablet.exchange(edits)["verdicts"]
        assert [verdict["verdict"] for verdict in verdicts] == ["applied"] * 5
        found = stored(world, record_id)
        assert found["response"]["spent_minutes"] == pytest.approx(30, abs=0.5)
        assert found["resolution"]["spent_minutes"] == pytest.approx(60, abs=0.5)
        ((cause, minutes),) = world.rows(
            """SELECT cause, extract(epoch FROM ends_at - starts_at) / 60 FROM service_pause
               WHERE partnership_id = :p AND work_order_id = :id""",
            id=record_id,
        )  # fmt: skip
        assert (cause, minutes) == ("on_hold", pytest.approx(50, abs=0.5))

    def test_however_they_were_batched_the_clocks_are_the_same(self, world: World, tablet: Tablet) -> None:
        chance = random.Random(4)
        alike: list[tuple[UUID, UUID]] = []
        for _ in range(12):
            together, apart = new_id(), new_id()
            histories = []
            statuses = _history(chance)
            for record_id in (together, apart):
                fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
                history = [("create", fields, ago(3_000))]
                for number, (changed, minutes) in enumerate(statuses):
                    history.append(("update", changed, ago(3_000 - minutes - number)))
                histories.append([
                    {"edit_id": str(uuid4()), "kind": "work_order", "action": action, "record_id": str(record_id),
                     "base_version": None if action == "create" else 99, "observed_at": at.isoformat(),
                     "fields": values}
                    for action, values, at in history
                ])  # fmt: skip
            sent_at = now().isoformat()
            for edits in (histories[0], *([edit] for edit in histories[1])):
                numbered = [{"seq": next(tablet.numbers)} | edit for edit in edits]
                # One time of sending for all: the same correction for skew, but for the time that each request took.
                answer = world.ask(
                    "POST", "/sync", by="alpha",
                    json={"protocol": 1, "sent_at": sent_at, "cursor": None, "limit": 0, "edits": numbered},
                )  # fmt: skip
                assert answer.status_code == 200, answer.json
            alike.append((together, apart))
        for together, apart in alike:
            one, other = stored(world, together), stored(world, apart)
            assert one.keys() == other.keys()
            for sort, clock in one.items():
                for name, value in clock.items():
                    expected: Any = other[sort][name]
                    if isinstance(value, datetime):
                        assert abs(value - expected) < timedelta(seconds=30), (sort, name)
                    elif isinstance(value, float):
                        assert value == pytest.approx(expected, abs=0.5)
                    else:
                        assert value == expected, (sort, name)

    @pytest.mark.parametrize("promised", [True, False])
    def test_take_the_same_statements_however_large(self, world: World, promised: bool) -> None:
        if promised:
            promise(world)
        tablet = world.tablet("alpha")
        taken: dict[str, list[list[str]]] = {"create": [], "status": [], "mixed": []}
        for size in (1, 1, 20, 200):  # the first one fills what a process keeps ready
            ids = [new_id() for _ in range(size)]
            fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST}
            taken["create"].append(_statements(world, tablet, [("create", id_, None, fields) for id_ in ids]))
            held = [("update", id_, 1, {"status": "on_hold"}) for id_ in ids]
            taken["status"].append(_statements(world, tablet, held))
            more = [("create", new_id(), None, fields) for _ in ids]
            more += [("update", id_, 2, {"status": "completed"}) for id_ in ids]
            taken["mixed"].append(_statements(world, tablet, more))
        for runs in taken.values():
            assert [len(run) for run in runs[1:]] == [len(runs[1])] * 3
        clocked = [[s for s in runs[-1] if any(name in s for name in ABOUT_CLOCKS)] for runs in taken.values()]
        # Looking whether anything is promised, reading clocks, writing new ones, others, and pauses.
        assert [len(some) for some in clocked] == ([2, 4, 5] if promised else [1, 1, 1])

    def test_what_no_clock_goes_by_takes_no_statement(self, world: World, tablet: Tablet) -> None:
        record_id = job(world, tablet, ago(10))
        statements = _statements(world, tablet, [("update", record_id, 1, {"title": "Deep hole", "location": WEST})])
        assert [s for s in statements if any(name in s for name in ABOUT_CLOCKS)] == []


def _statements(world: World, tablet: Tablet, wanted: list[tuple[str, UUID, int | None, dict[str, Any]]]) -> list[str]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    edits = [
        {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "kind": "work_order", "record_id": str(record_id),
         "action": action, "base_version": base, "observed_at": now().isoformat(), "fields": fields}
        for action, record_id, base, fields in wanted
    ]  # fmt: skip
    with world.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        body = {"protocol": 1, "sent_at": now().isoformat(), "cursor": None, "limit": 0, "edits": edits}
        answer = world.ask("POST", "/sync", by="alpha", json=body)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert {verdict["verdict"] for verdict in answer.json["verdicts"]} == {"applied"}
    return statements


def _history(chance: random.Random) -> list[tuple[dict[str, Any], int]]:
    """What a crew does to a work order, and how many minutes after it was made; now and then told late."""
    current, minutes, history = Status.OPEN, 0, []
    for _ in range(chance.randint(1, 6)):
        minutes = max(1, minutes + chance.randint(-60, 400))
        if chance.random() < 0.3:
            history.append(({"priority": chance.randint(1, 2)}, minutes))
        else:
            current = chance.choice(sorted(TRANSITIONS["crew"][current]))
            history.append(({"status": str(current)}, minutes))
    return history
