"""A share of the scenarios, in memory and on PostgreSQL; and that both are the same server.

``make simulate-many`` plays thousands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.simulator.__main__ import shortest
from tests.simulator.memory.tables import Row
from tests.simulator.play import Play
from tests.simulator.run import Failure, simulate
from tests.simulator.scenario import Step
from tests.simulator.servers import MemoryServer, PostgresServer, Server

IN_MEMORY = 150
ON_POSTGRES = 16

COMPARED = ("journal", "conflict", "work_order", "task", "note", "labor_entry", "equipment_entry", "material_entry",
            "scope_exit", "scope_left", "placement_change", "past_epoch", "quarantined_edit", "head")  # fmt: skip
NOT_COMPARED = {"partnership_id", "entry", "base_entry", "location", "placed_at", "changed_at", "ended_at", "archived",
                "bytes", "sent_at", "received_at", "change", "noted_at", "reversed_at", "from_placement",
                "to_placement"}  # fmt: skip
"""Whose partnership it is, what the database counts or notes by its own clock, and what the tables in memory know in
another form. Numbers of changes are compared in the answers."""


def told(failure: Failure | None) -> str:
    return "" if failure is None else failure.text()


@pytest.mark.parametrize("first", range(0, IN_MEMORY, 50))
def test_all_laws_hold_in_memory(first: int) -> None:
    failures = [told(failure) for seed in range(first, first + 50) if (failure := simulate(seed)) is not None]
    assert failures == []


@pytest.mark.parametrize("seed", range(ON_POSTGRES))
def test_postgres_answers_as_the_tables_in_memory_do(seed: int, postgres: Callable[[], PostgresServer]) -> None:
    """All laws hold on PostgreSQL, too; and every answer, and every row that is left, is the same."""
    found: list[Any] = []
    for make_server in (MemoryServer, postgres):
        failure = simulate(seed, None, make_server, observe=lambda play: found.append(list(left_by(play))))
        assert told(failure) == ""
    in_memory, on_postgres = found
    for one, other in zip(in_memory, on_postgres, strict=True):
        assert one == other


def left_by(play: Play) -> Iterator[tuple[str, Any]]:
    for answer in play.answers:
        yield "answer", answer
    for table in COMPARED:
        rows = [compared(row) for row in play.server.rows(table)]
        yield table, rows if table == "journal" else sorted(rows, key=repr)


def compared(row: Row) -> Row:
    return {name: row[name] for name in sorted(row) if name not in NOT_COMPARED and row[name] is not None}


def test_the_same_seed_is_the_same_story() -> None:
    histories: list[list[str]] = []
    for _ in range(2):
        assert simulate(7, None, MemoryServer, observe=lambda play: histories.append(play.told)) is None
    assert histories[0] == histories[1]
    assert len(histories[0]) > 20


def test_any_step_can_be_left_out() -> None:
    for seed in range(5):
        for keep in (range(5, 60, 2), range(6, 60, 3), range(9, 60)):
            steps = [number for number in keep if number < 20]
            assert told(simulate(seed, steps)) == ""


def test_whose_a_done_job_is_does_not_depend_on_what_came_in_one_batch(postgres: Callable[[], PostgresServer]) -> None:
    """A job that is done keeps the jurisdiction that it was done for; its point was corrected in the same exchange."""
    steps = [
        Step("office", 0, 0, {"do": "office_job", "crew": 0, "fields": {}, "behind": 0}),
        Step("publish", 0, 0, {"line": -70.0, "release": False}),
        Step("sync", 0, 0, {"page": 500}),
        Step("finish", 0, 1, {"edits": [{"status": "completed"}, {"location": {"lon": -79.9, "lat": 40.5}}]}),
        Step("sync", 0, 0, {"page": 500}),
        Step("finish", 0, 1, {"edits": [{"status": "in_progress"}, {"location": {"lon": 0.1, "lat": -0.3}}]}),
    ]
    for make_server in (MemoryServer, postgres):
        assert told(simulate(0, None, make_server, steps=steps)) == ""


def test_a_server_that_breaks_a_law_is_found_and_told_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    def latest_wins(*_: Any) -> bool:
        return True

    monkeypatch.setattr("fieldsync.journal.clash._wins", latest_wins)
    failure = next(failure for seed in range(200) if (failure := simulate(seed)) is not None)
    short = shortest(failure, MemoryServer)
    assert len(short.kept) < len(failure.kept) / 2
    assert "law" in short.text() or "verdict" in short.text()
    assert f"--seed {failure.seed} --keep" in short.text()


def test_a_killed_process_leaves_nothing_half_done() -> None:
    server: Server = MemoryServer()
    assert isinstance(server, MemoryServer)
    server.tables.put("crew", "one", {"id": "one"})
    server.tables.commit()
    backup = server.back_up()
    server.tables.put("crew", "one", {"id": "one", "name": "A"})
    server.tables.put("crew", "two", {"id": "two"})
    server.tables.drop("crew", "one")
    server.tables.rollback()
    assert server.rows("crew") == [{"id": "one"}]
    server.tables.put("crew", "two", {"id": "two"})
    server.tables.commit()
    server.restore(backup)
    assert server.rows("crew") == [{"id": "one"}]
