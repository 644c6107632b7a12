"""Eight dispatchers hammer the same crews: nobody is in two places, every loser is told why, nobody waits for ever."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.assignments.scene import EAST, MONDAY, WEST, Document, Scene, at
from tests.api.office.world import Tablet, make_world

DISPATCHERS = 8
ROUNDS = 40
JOBS = 24
CAP_MINUTES = 600
"""Of west's crews for east in a day: a few jobs, so that it is always about to be reached."""

WHO = ("dispatcher", "second", "of west", "of east")
CODES = {
    "crew_taken", "crew_not_eligible", "precondition_failed", "unknown_reference", "assignment_pinned", "crew_differs",
    "others_refused", "parts_left_behind", "assignment_over", "not_found", "not_allowed", "recall_not_agreed",
    "record_deleted", "illegal_transition", "invalid_value",
}  # fmt: skip
"""What a loser may be told. Never that the server cannot do it now."""


class Dispatcher:
    """One person, who does one thing after the other as chance will have it."""

    def __init__(self, scene: Scene, jobs: list[str], seed: int) -> None:
        self.scene = scene
        self.jobs = jobs
        self.chance = random.Random(seed)
        self.by = WHO[seed % len(WHO)]
        self.told: Counter[str] = Counter()

    def work(self, start: Barrier) -> Counter[str]:
        start.wait(30)
        acts = [self.give, self.give, self.give, self.shift, self.shift, self.exchange, self.release, self.recall,
                self.edit, self.edit, self.end, self.delete]  # fmt: skip
        for _ in range(ROUNDS):
            self.chance.choice(acts)()
        return self.told

    # --- what they do -------------------------------------------------------------------------------------------

    def give(self) -> None:
        chance = self.chance
        items = []
        for _ in range(chance.randint(1, 5)):
            item = self.scene.item(chance.choice(self.jobs), self.crew(), **self.time())
            item |= {"pinned": chance.random() < 0.1, "move_pinned": chance.random() < 0.5}
            if chance.random() < 0.2:
                item["work_order_version"] = chance.randint(1, 4)
            items.append(item)
        body = {"items": items, "all_or_none": chance.random() < 0.2}
        answer = self.ask("POST", "/assignments", json=body, headers={"Idempotency-Key": str(uuid4())})
        self.hear_all(answer, "assigned")

    def shift(self) -> None:
        planned = self.planned()
        some = self.chance.sample(planned, min(len(planned), self.chance.randint(1, 4)))
        self.move([one | {"starts_at": at(self.time()["hour"]), "minutes": 60} for one in map(self.seen, some)])

    def exchange(self) -> None:
        """Two crews exchange what they have."""
        planned = self.planned()
        if len(planned) > 1:
            one, other = self.chance.sample(planned, 2)
            self.move(
                [self.seen(one) | {"crew_id": other["crew_id"]}, self.seen(other) | {"crew_id": one["crew_id"]}],
                all_or_none=True,
            )

    def release(self) -> None:
        self.take_back("release")

    def recall(self) -> None:
        self.take_back("recall")

    def edit(self) -> None:
        """At the desk: a job goes to a crew without a time, or is taken back."""
        job = self.chance.choice(self.jobs)
        crew = self.chance.choice([None, *(self.scene.crew(name) for name in ("alpha", "beta", "gamma"))])
        self.change("PATCH", f"/work-orders/{job}", job, {"crew_id": crew})

    def end(self) -> None:
        job = self.chance.choice(self.jobs)
        for status in ("cancelled", "open"):
            self.change("PATCH", f"/work-orders/{job}", job, {"status": status})

    def delete(self) -> None:
        job = self.chance.choice(self.jobs)
        for method, path in (("DELETE", ""), ("POST", "/restoration")):
            self.change(method, f"/work-orders/{job}{path}", job, None)

    # --- how they ask, and what they hear -------------------------------------------------------------------------

    def crew(self) -> str:
        return self.chance.choice(("alpha", "beta", "gamma"))

    def time(self) -> dict[str, Any]:
        return {"hour": 8 + self.chance.randint(0, 16) / 2, "minutes": self.chance.choice((30, 60, 120))}

    def planned(self) -> list[Document]:
        answer = self.ask("GET", "/assignments", query_string={"state": "planned", "limit": 100})
        items: list[Document] = answer.json["items"]  # type: ignore[index]
        return items

    def seen(self, one: Document) -> Document:
        return {"id": one["id"], "version": one["version"], "move_pinned": True}

    def move(self, items: list[Document], **more: Any) -> None:
        if items:
            self.hear_all(self.ask("POST", "/assignments/moves", json={"items": items} | more), "moved")

    def take_back(self, how: str) -> None:
        if planned := self.planned():
            one = self.chance.choice(planned)
            body = {"reason": "Changed my mind"}
            self.hear(self.ask("POST", f"/assignments/{one['id']}/{how}", if_match=one["etag"], json=body), how)

    def change(self, method: str, path: str, job: str, body: Document | None) -> None:
        found = self.ask("GET", f"/work-orders/{job}")
        if found.status_code == 200:
            more = {} if body is None else {"json": body}
            self.hear(self.ask(method, path, if_match=found.json["etag"], **more), "edited")  # type: ignore[index]

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        answer = self.scene.world.ask(method, path, self.by, **options)
        assert answer.status_code < 500, answer.json
        return answer

    def hear(self, answer: TestResponse, done: str) -> None:
        assert answer.json is not None
        if answer.status_code == 200:
            self.told[done] += 1
        else:
            self.lost(answer.json)

    def hear_all(self, answer: TestResponse, done: str) -> None:
        """The constraint is never what tells them: each item has its own verdict."""
        assert answer.status_code == 200, answer.json
        for verdict in answer.json["verdicts"]:  # type: ignore[index]
            if verdict["verdict"] == done:
                self.told[done] += 1
            else:
                self.lost(verdict["problem"])

    def lost(self, problem: Document) -> None:
        assert problem["code"] in CODES, problem
        assert problem["detail"]
        if problem["code"] == "precondition_failed":
            assert problem["current"]["version"] >= 1
        if problem["code"] in ("crew_taken", "crew_not_eligible"):
            assert [reason for reason in problem["reasons"] if not reason["good"]], problem
        self.told[problem["code"]] += 1


@pytest.fixture
def scene(sync_app: Flask) -> Scene:
    made = Scene(make_world(sync_app))
    made.agree(cap_minutes=CAP_MINUTES, cap_period="day", home_priority=True)
    made.agree("east", "west")
    return made


def test_eight_dispatchers_at_once(scene: Scene) -> None:
    jobs = [scene.job(WEST if number % 2 else EAST) for number in range(JOBS)]
    people = [Dispatcher(scene, jobs, seed) for seed in range(DISPATCHERS)]
    tablets = {name: scene.tablet(name) for name in ("alpha", "beta", "gamma")}
    start = Barrier(DISPATCHERS + 1)

    def pull() -> None:
        """Tablets read along while the plan changes, and finish what they find."""
        chance = random.Random(99)
        start.wait(30)
        for _ in range(ROUNDS):
            tablet = tablets[chance.choice(list(tablets))]
            tablet.exchange()
            if held := [(id_, one["version"]) for (kind, id_), one in tablet.records.items() if kind == "work_order"]:
                job, version = chance.choice(sorted(held))
                status = chance.choice(("in_progress", "on_hold", "completed"))
                tablet.edit("work_order", job, "update", version, status=status)

    with ThreadPoolExecutor(DISPATCHERS + 1) as pool:
        pulling = pool.submit(pull)
        working = [pool.submit(person.work, start) for person in people]
        told = sum((one.result(300) for one in working), Counter[str]())
        pulling.result(300)
    # They got in each other's way, and got things done.
    assert {"assigned", "moved", "release", "recall", "edited"} <= told.keys(), told
    assert {"crew_taken", "crew_not_eligible", "precondition_failed"} <= told.keys(), told
    check_all(scene)
    for name, tablet in tablets.items():
        check_tablet(scene, name, tablet)


def check_all(scene: Scene) -> None:
    scene.check_law()
    rows = scene.world.rows
    doubles = rows(
        "SELECT a.id, b.id FROM assignment a JOIN assignment b ON b.partnership_id = :p AND b.crew_id = a.crew_id"
        " AND b.id > a.id AND b.starts_at < a.ends_at AND b.ends_at > a.starts_at AND b.state = 'planned'"
        " WHERE a.partnership_id = :p AND a.state = 'planned'"
    )
    assert doubles == []
    used = rows(
        "SELECT a.starts_at::date, sum(a.minutes) FROM assignment a"
        " JOIN agreement_term t ON t.partnership_id = :p AND t.id = a.grant_id AND t.cap_minutes IS NOT NULL"
        " WHERE a.partnership_id = :p AND a.state <> 'released' GROUP BY 1 HAVING sum(a.minutes) > :cap",
        cap=CAP_MINUTES,
    )
    assert used == []
    # Whatever was done to an assignment stands in its history, once.
    untold = rows(
        "SELECT a.id, a.version, count(e.id) FROM assignment a"
        " LEFT JOIN assignment_event e ON e.partnership_id = :p AND e.assignment_id = a.id"
        " WHERE a.partnership_id = :p GROUP BY 1, 2 HAVING count(e.id) <> a.version"
    )
    assert untold == []
    # A grant is kept exactly where the crew works for another town.
    wrong = rows(
        "SELECT a.id FROM assignment a JOIN work_order w ON w.partnership_id = :p AND w.id = a.work_order_id"
        " JOIN crew k ON k.partnership_id = :p AND k.id = a.crew_id WHERE a.partnership_id = :p"
        " AND a.state = 'planned' AND (a.grant_id IS NULL) <> (w.jurisdiction_id = k.jurisdiction_id)"
    )
    assert wrong == []


def check_tablet(scene: Scene, name: str, tablet: Tablet) -> None:
    """In the end a tablet holds what its crew's scope holds, whatever happened in between."""
    tablet.exchange()
    held = {(id_, one["version"]) for (kind, id_), one in tablet.records.items() if kind == "assignment"}
    stored = scene.world.rows(
        "SELECT id, version FROM assignment WHERE partnership_id = :p AND scope_crew_id = :crew",
        crew=scene.world.crews[name],
    )
    assert held == {(str(id_), version) for id_, version in stored}


@pytest.mark.parametrize("size", [1, 40])
def test_of_many_who_want_the_same_hour_one_gets_it(scene: Scene, size: int) -> None:
    jobs = [[scene.job() for _ in range(size)] for _ in range(DISPATCHERS)]
    start = Barrier(DISPATCHERS)

    def want(place: int) -> list[Document]:
        items = [scene.item(job, day=day) for day, job in enumerate(jobs[place][:30])]
        start.wait(30)
        return scene.give(*items, by=("dispatcher", "second")[place % 2])

    with ThreadPoolExecutor(DISPATCHERS) as pool:
        answers = list(pool.map(want, range(DISPATCHERS)))
    for day in range(min(size, 30)):
        verdicts = [answer[day] for answer in answers]
        assert sorted(one["verdict"] for one in verdicts) == ["assigned"] + ["refused"] * (DISPATCHERS - 1)
        assert {one["problem"]["code"] for one in verdicts if one["problem"]} == {"crew_taken"}


def test_a_retried_bulk_at_the_same_moment_assigns_once(scene: Scene) -> None:
    for day in range(8):
        items = [scene.item(scene.job(), hour=8 + hour, day=day) for hour in range(4)]
        headers, start = {"Idempotency-Key": str(uuid4())}, Barrier(2)

        def send(_: int, items: list[Document] = items, headers: Any = headers, start: Barrier = start) -> Any:
            start.wait(30)
            return scene.ask(items, headers=headers).json["verdicts"]  # type: ignore[index]

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(send, range(2))
        assert [one["assignment"] for one in first] == [one["assignment"] for one in second]
        assert {(one["repeated"], other["repeated"]) for one, other in zip(first, second, strict=True)} in (
            {(True, False)}, {(False, True)},
        )  # fmt: skip


def test_two_who_use_up_a_cap_together(scene: Scene) -> None:
    """Crews, work orders and dispatchers are all different: only the cap is common."""
    for day in range(6):
        jobs = [scene.job(EAST), scene.job(EAST)]
        start = Barrier(2)

        def want(place: int, jobs: list[str] = jobs, start: Barrier = start, day: int = day) -> str:
            crew = ("alpha", "beta")[place]
            item = scene.item(jobs[place], crew, 0, 400) | {"starts_at": (MONDAY + timedelta(days=day)).isoformat()}
            start.wait(30)
            (verdict,) = scene.give(item, by=("dispatcher", "of east")[place])
            return str(verdict["verdict"])

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(want, range(2))) == ["assigned", "refused"]
