"""A request takes the same statements for one item and for a hundred."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.assignments.scene import EAST, WEST, Document, Scene, at
from tests.database.test_statement_count import counted

SIZES = (1, 10, 100)
STATEMENTS_MAX = 40
"""Nothing near this many is needed; above it, somebody has begun to ask one thing at a time."""


def items(scene: Scene, count: int, where: Document = WEST, crew: str | None = None, **more: Any) -> list[Document]:
    """A job each, four a day, on as many days as it takes."""
    jobs = [scene.job(where, crew) for _ in range(count)]
    return [
        scene.item(job, crew or "alpha", hour=8 + 2 * (place % 4), day=place // 4, **more)
        for place, job in enumerate(jobs)
    ]


def new_crews(scene: Scene, count: int) -> list[Document]:
    return items(scene, count, reason="Near")


def same_crew(scene: Scene, count: int) -> list[Document]:
    return items(scene, count, crew="alpha")


def lent(scene: Scene, count: int) -> list[Document]:
    return items(scene, count, EAST)


def refused(scene: Scene, count: int) -> list[Document]:
    return [item | {"crew_id": scene.crew("gamma")} for item in items(scene, count)]


def stale(scene: Scene, count: int) -> list[Document]:
    return items(scene, count, work_order_version=7)


Make = Callable[[Scene, int], list[Document]]


def clear(scene: Scene) -> None:
    scene.run("UPDATE assignment SET state = 'released', released_because = 'released'"
              " WHERE partnership_id = :p AND state = 'planned'")  # fmt: skip


@pytest.mark.parametrize("make", [new_crews, same_crew, lent, refused, stale], ids=lambda make: make.__name__)
def test_giving(scene: Scene, make: Make) -> None:
    scene.agree(cap_minutes=100_000, cap_period="month")
    taken = []
    for size in SIZES:
        wanted = make(scene, size)
        with counted(scene.world) as statements:  # type: ignore[arg-type]
            verdicts = scene.give(*wanted)
        expected = "refused" if make in (refused, stale) else "assigned"
        assert {one["verdict"] for one in verdicts} == {expected}, verdicts[0]
        taken.append(statements)
        clear(scene)
    assert taken == [taken[0]] * len(SIZES)
    assert len(taken[0]) <= STATEMENTS_MAX


def later(scene: Scene, given: list[Document]) -> list[Document]:
    return [
        {"id": one["id"], "version": 1, "starts_at": at(9 + 2 * (place % 4), place // 4)}
        for place, one in enumerate(given)
    ]


def others(scene: Scene, given: list[Document]) -> list[Document]:
    return [{"id": one["id"], "version": 1, "crew_id": scene.crew("beta"), "reason": "Ill"} for one in given]


@pytest.mark.parametrize("change", [later, others], ids=lambda change: change.__name__)
def test_moving(scene: Scene, change: Callable[[Scene, list[Document]], list[Document]]) -> None:
    taken = []
    for size in SIZES:
        wanted = change(scene, scene.give(*items(scene, size)))
        with counted(scene.world) as statements:  # type: ignore[arg-type]
            verdicts = scene.moves(*wanted)
        assert {one["verdict"] for one in verdicts} == {"moved"}, verdicts[0]
        taken.append(statements)
        clear(scene)
    assert taken == [taken[0]] * len(SIZES)
    assert len(taken[0]) <= STATEMENTS_MAX
