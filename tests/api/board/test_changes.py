"""What has changed since: a console that applies it shows the same as one that has just been loaded."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fieldsync.database import new_id
from fieldsync.dispatch.board import api, read
from tests.api.board.scene import DAYS, EAST, NEAR, NOWHERE, WEST, Console, Document, Scene, at
from tests.api.office.world import World

READERS = ("dispatcher", "of west", "of east")


@pytest.fixture
def consoles(scene: Scene) -> list[Console]:
    return [Console(scene.world, by) for by in READERS]


def agree(consoles: list[Console]) -> None:
    """Each shows what a new one would, and has not loaded everything for it."""
    for console in consoles:
        console.catch_up()
        console.shows_what(Console(console.world, console.by, limit=console.limit))
        assert console.resets == 0


NONE = "00000000-0000-0000-0000-000000000000"


def changes(scene: Scene, console: Console, **more: Any) -> Document:
    had = console.standing
    asked = DAYS | {"since": had["change"], "seen_at": had["at"], "epoch": had["epoch"]} | more
    answer = scene.world.ask("GET", "/board/changes", console.by, query_string=asked)
    assert answer.status_code == 200, answer.json
    document: Document = answer.json  # type: ignore[assignment]
    return document


class TestOneByOne:
    def test_nothing(self, scene: Scene, consoles: list[Console]) -> None:
        found = changes(scene, consoles[0])
        assert not found["more"]
        assert not found["reset"]
        assert [found[name] for name in ("crews", "crew_ids", "jobs", "left_jobs", "assignments")] == [
            [], None, [], [], []
        ]  # fmt: skip
        assert found["counts"] == consoles[0].counts

    def test_a_new_job(self, scene: Scene, consoles: list[Console]) -> None:
        job = scene.job(EAST)
        assert [one["id"] for one in changes(scene, consoles[0])["jobs"]] == [job]
        # What is east's is nothing to west: not even its id.
        assert job not in str(changes(scene, consoles[1]))
        agree(consoles)

    def test_an_assignment_that_is_made_moved_and_released(self, scene: Scene, consoles: list[Console]) -> None:
        job = scene.job()
        made = scene.assigned(job, hour=8)
        found = changes(scene, consoles[0])
        assert [crew["code"] for crew in found["crews"]] == ["alpha"]
        assert [(one["id"], one["state"]) for one in found["assignments"]] == [(made["id"], "planned")]
        assert [(one["id"], one["unassigned"]) for one in found["jobs"]] == [(job, False)]
        agree(consoles)
        moved = scene.changed(made, starts_at=at(10), crew_id=scene.crew("beta"))
        # The crew that it left comes, too.
        assert [crew["code"] for crew in changes(scene, consoles[0])["crews"]] == ["alpha", "beta"]
        agree(consoles)
        scene.done(scene.take("release", moved))
        found = changes(scene, consoles[0])
        assert [(one["state"], one["released_because"]) for one in found["assignments"]] == [("released", "released")]
        agree(consoles)

    def test_a_second_part_of_a_job_that_the_crew_has_already(self, scene: Scene, consoles: list[Console]) -> None:
        job = scene.job(crew="alpha")
        agree(consoles)
        made = scene.assigned(job, hour=8)
        agree(consoles)
        scene.assigned(job, hour=8, day=1)
        agree(consoles)
        scene.done(scene.take("release", made))
        agree(consoles)

    def test_a_job_that_another_gets_deleted_or_moves_away(self, scene: Scene, consoles: list[Console]) -> None:
        gone, moved, planned = scene.job(), scene.job(), scene.job()
        scene.assigned(planned, hour=8)
        agree(consoles)
        scene.world.ask("DELETE", f"/work-orders/{gone}", if_match='"1"')
        scene.world.change(scene.world.read(moved), location=EAST)
        scene.world.change(scene.world.read(planned), location=NEAR)
        found = changes(scene, consoles[1])
        assert sorted(found["left_jobs"]) == sorted([gone, moved])
        # East never saw the one that is gone.
        assert gone not in str(changes(scene, consoles[2]))
        assert [crew["code"] for crew in found["crews"]] == ["alpha"]
        agree(consoles)

    def test_what_is_about_crews(self, scene: Scene, consoles: list[Console]) -> None:
        crew, member = scene.crew("alpha"), str(scene.world.member)
        scene.assigned(scene.job(), hour=8)
        agree(consoles)
        joined = scene.made(f"/crews/{crew}/memberships", {"member_id": member, "since": "2029-01-01"})
        agree(consoles)
        scene.done(
            scene.world.ask("PATCH", f"/crews/{crew}/memberships/{joined['id']}", "admin", json={"is_lead": True})
        )
        agree(consoles)
        away = {"starts_at": at(7), "ends_at": at(9), "reason": "Doctor"}
        scene.made(f"/members/{member}/absences", away)
        agree(consoles)
        scene.made(f"/crews/{crew}/absences", away)
        agree(consoles)
        scene.made(f"/crews/{crew}/shift-exceptions", {"day": "2030-03-05", "reason": "Holiday"})
        agree(consoles)
        scene.done(scene.world.ask("PATCH", f"/crews/{crew}", "admin", json={"name": "Alpha One", "depot": WEST}))
        agree(consoles)

    def test_a_crew_that_changes_its_employer(self, scene: Scene, consoles: list[Console]) -> None:
        body = {"jurisdiction_id": str(scene.world.towns["east"])}
        scene.done(scene.world.ask("PATCH", f"/crews/{scene.crew('beta')}", "admin", json=body))
        found = changes(scene, consoles[1])
        assert found["crew_ids"] == [scene.crew("alpha")]
        assert scene.crew("beta") not in str(found)
        agree(consoles)

    def test_a_crew_that_is_disbanded_and_reinstated(self, scene: Scene, consoles: list[Console]) -> None:
        for verb in ("disband", "reinstate"):
            scene.done(scene.world.ask("POST", f"/crews/{scene.crew('beta')}/{verb}", "admin"))
            agree(consoles)

    def test_an_agreement_that_comes_and_ends(self, scene: Scene, consoles: list[Console]) -> None:
        towns = scene.world.towns
        term = {"giver_id": str(towns["west"]), "receiver_id": str(towns["east"])}
        wanted = {"code": "A-1", "title": "Sharing", "starts_on": "2030-01-01", "terms": [term], "notice_days": 0}
        wanted["jurisdiction_id"] = str(towns["west"])
        agreement = scene.made("/agreements", wanted)
        agree(consoles)
        version = agreement["versions"][0]
        for party in version["parties"]:
            if party["accepted_at"] is None:
                path = f"/agreements/{agreement['id']}/versions/{version['id']}/accept"
                scene.done(scene.world.ask("POST", path, "admin", json={"jurisdiction_id": party["jurisdiction_id"]}))
        agree(consoles)
        assert scene.crew("alpha") in consoles[2].crews
        scene.assigned(scene.job(EAST), "alpha", hour=8)
        agree(consoles)
        ended = {"on": "2030-03-01", "reason": "Enough", "jurisdiction_id": str(towns["west"])}
        scene.done(scene.world.ask("POST", f"/agreements/{agreement['id']}/end", "admin", json=ended))
        agree(consoles)
        # Beta left; alpha has work of hers.
        assert scene.crew("beta") not in consoles[2].crews
        (planned,) = consoles[2].crews[scene.crew("alpha")]["assignments"]
        assert planned["clashes"]

    def test_a_planned_time_that_passes(
        self, scene: Scene, consoles: list[Console], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = scene.job()
        scene.assigned(job, hour=8)
        agree(consoles)
        assert job not in consoles[0].jobs
        monkeypatch.setattr(api, "now", lambda: datetime(2030, 3, 4, 9, tzinfo=UTC))
        assert [one["id"] for one in changes(scene, consoles[0])["jobs"]] == [job]
        agree(consoles)
        assert job in consoles[0].jobs
        # Once it is told, it is not told again.
        assert changes(scene, consoles[0])["jobs"] == []

    def test_what_only_tablets_do(self, scene: Scene, consoles: list[Console]) -> None:
        job = scene.job(crew="alpha")
        scene.assigned(job, hour=8)
        agree(consoles)
        tablet = scene.tablet("alpha")
        tablet.exchange()
        record = tablet.records["work_order", job]
        tablet.edit("work_order", job, "update", record["version"], status="in_progress")
        agree(consoles)
        tablet.edit("work_order", job, "update", record["version"] + 1, status="completed")
        agree(consoles)
        assert consoles[0].crews[scene.crew("alpha")]["assignments"] == []


class TestWholeHistories:
    @pytest.mark.parametrize("seed", range(6))
    def test_end_with_the_same_board(self, scene: Scene, consoles: list[Console], seed: int) -> None:
        """Random deeds of dispatchers, admins and tablets; consoles look now and then, each at its own times."""
        deeds = Deeds(scene, random.Random(seed))
        scene.agree()
        for console in consoles:
            console.load()
        for _ in range(40):
            deeds.one()
            for console in consoles:
                if deeds.chance.random() < 0.3:
                    console.catch_up()
        scene.check_law()
        agree(consoles)
        assert sum(console.questions for console in consoles) > 10
        assert len(deeds.done) > 25, deeds.done


class Deeds:
    """Something that somebody does, at random; what is refused is refused."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.scene, self.chance = scene, chance
        self.jobs = [scene.job(self.place()) for _ in range(8)]
        self.done: list[str] = []

    def one(self) -> None:
        deed = self.chance.choice(
            [self.create, self.assign, self.assign, self.assign, self.move, self.move, self.release, self.edit,
             self.finish, self.delete, self.away, self.hand_over, self.tablet]
        )  # fmt: skip
        answer = deed()
        if answer is not None and answer.status_code < 300:
            self.done.append(deed.__name__)

    def place(self) -> Document:
        return self.chance.choice([WEST, NEAR, EAST, EAST, NOWHERE])

    def crew(self) -> str:
        return self.chance.choice(["alpha", "beta", "gamma"])

    def planned(self) -> Document | None:
        answer = self.scene.world.ask("GET", "/assignments", query_string={"state": "planned", "limit": 500})
        assert answer.json is not None
        items: list[Document] = answer.json["items"]
        return self.chance.choice(items) if items else None

    def create(self) -> Any:
        job = self.scene.world.create(location=self.place(), title=f"Job {len(self.jobs)}")
        self.jobs.append(job["id"])
        self.done.append("create")

    def assign(self) -> Any:
        hour, day = self.chance.uniform(6, 15) // 0.5 * 0.5, self.chance.randrange(-1, 6)
        more = {"override": True, "reason": "So"} if self.chance.random() < 0.5 else {}
        item = self.scene.item(self.chance.choice(self.jobs), self.crew(), hour, 60, day, **more)
        return self.scene.ask([item], all_or_none=True)

    def move(self) -> Any:
        if (assignment := self.planned()) is None:
            return None
        starts = at(self.chance.randrange(6, 16), self.chance.randrange(-1, 6))
        body = {"starts_at": starts, "override": True, "reason": "So"}
        if self.chance.random() < 0.5:
            body["crew_id"] = self.scene.crew(self.crew())
        return self.scene.change(assignment, **body)

    def release(self) -> Any:
        assignment = self.planned()
        return None if assignment is None else self.scene.take("release", assignment)

    def _now(self) -> Document:
        return self.scene.world.read(self.chance.choice(self.jobs))

    def edit(self) -> Any:
        job = self._now()
        fields = self.chance.choice(
            [{"title": f"T{self.chance.random()}"}, {"priority": self.chance.randint(1, 5)}, {"location": self.place()},
             {"due_at": at(self.chance.randrange(24))}, {"service_type_id": str(self.scene.world.signal)}]
        )  # fmt: skip
        return self.scene.world.ask("PATCH", f"/work-orders/{job['id']}", if_match=job["etag"], json=fields)

    def finish(self) -> Any:
        job = self._now()
        status = self.chance.choice(["completed", "closed", "open", "in_progress", "on_hold"])
        path = f"/work-orders/{job['id']}"
        return self.scene.world.ask("PATCH", path, if_match=job["etag"], json={"status": status})

    def delete(self) -> Any:
        job = self._now()
        return self.scene.world.ask("DELETE", f"/work-orders/{job['id']}", if_match=job["etag"])

    def hand_over(self) -> Any:
        job = self._now()
        crew_id = self.chance.choice([None, self.scene.crew(self.crew())])
        path = f"/work-orders/{job['id']}/assignment"
        return self.scene.world.ask("POST", path, if_match=job["etag"], json={"crew_id": crew_id})

    def away(self) -> Any:
        starts = datetime(2030, 3, 4, tzinfo=UTC) + timedelta(hours=self.chance.randrange(120))
        body = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=4)).isoformat(), "reason": "So"}
        return self.scene.world.ask("POST", f"/crews/{self.scene.crew(self.crew())}/absences", "admin", json=body)

    def tablet(self) -> Any:
        tablet = self.scene.tablet(self.crew())
        tablet.numbers = iter(range(self._next(tablet.crew), 10**9))
        tablet.exchange()
        held = [record for (kind, _), record in tablet.records.items() if kind == "work_order"]
        if held:
            record = self.chance.choice(held)
            status = self.chance.choice(["in_progress", "completed", "on_hold"])
            tablet.edit("work_order", record["id"], "update", record["version"], status=status)
            self.done.append("tablet")

    def _next(self, crew: str) -> int:
        ((number,),) = self.scene.world.rows(
            "SELECT next_seq FROM device WHERE partnership_id = :p AND crew_id = :id", id=self.scene.world.crews[crew]
        )
        return int(number)


class TestHowMuch:
    def test_comes_in_pages_of_whole_commits(
        self, scene: Scene, consoles: list[Console], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(read, "CHANGES_PAGE", 3)
        jobs = [scene.job() for _ in range(8)]
        scene.give(*(scene.item(job, hour=7 + place) for place, job in enumerate(jobs[:6])))
        found = changes(scene, consoles[0])
        assert found["more"]
        assert found["change"] < scene.board()["change"]
        asked = consoles[0].questions
        agree(consoles)
        assert consoles[0].questions > asked + 2

    def test_too_much_is_loaded_anew(
        self, scene: Scene, consoles: list[Console], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(read, "CHANGES_MAX", 3)
        for _ in range(4):
            scene.job()
        found = changes(scene, consoles[0])
        assert found["reset"]
        assert [found[name] for name in ("crews", "jobs", "assignments")] == [[], [], []]
        consoles[0].catch_up()
        assert consoles[0].resets == 1
        consoles[0].shows_what(Console(scene.world))

    @pytest.mark.parametrize(("jobs", "reset"), [(3, False), (4, True)])
    def test_of_jobs_that_ran_out_none_is_lost_for_the_parts_of_others(
        self, scene: Scene, consoles: list[Console], monkeypatch: pytest.MonkeyPatch, jobs: int, reset: bool
    ) -> None:
        made, now = [scene.job() for _ in range(jobs)], datetime.now(UTC)
        for nth in range(3 * jobs):
            scene.world.rows(
                "INSERT INTO assignment (partnership_id, id, version, change, scope_crew_id, work_order_id, created_at,"
                " updated_at, crew_id, starts_at, ends_at, minutes, state)"
                " VALUES (:p, :id, 1, 1, :crew, :job, now(), now(), :crew, :starts, :ends, 10, 'planned') RETURNING 1",
                id=new_id(), crew=scene.crew("alpha"), job=made[nth // 3],
                starts=now - timedelta(minutes=10 * (nth + 2)), ends=now - timedelta(minutes=10 * (nth + 1)),
            )  # fmt: skip
        consoles[0].load()
        monkeypatch.setattr(read, "CHANGES_MAX", 3)
        found = changes(scene, consoles[0], seen_at=(now - timedelta(hours=5)).isoformat())
        assert found["reset"] is reset
        assert sorted(job["id"] for job in found["jobs"]) == ([] if reset else sorted(made))

    def test_numbers_of_another_life_of_the_server(self, scene: Scene, consoles: list[Console]) -> None:
        assert changes(scene, consoles[0], since=1_000_000)["reset"]
        assert changes(scene, consoles[0], epoch=NONE)["reset"]
        assert not changes(scene, consoles[0])["reset"]
        # A restored server has the same numbers for other changes: whoever does not say whose are hers is not answered.
        answer = scene.world.ask("GET", "/board/changes", query_string=DAYS | {"since": 1})
        assert (answer.status_code, answer.json["field"]) == (422, "epoch")

    def test_what_a_kind_of_work_needs_is_in_every_job(self, scene: Scene, consoles: list[Console]) -> None:
        path = f"/service-types/{scene.world.pothole}"
        scene.done(scene.world.ask("PATCH", path, "admin", json={"name": "Holes"}))
        assert changes(scene, consoles[0])["reset"]

    def test_a_moment_to_come_is_as_good_as_now(self, scene: Scene, consoles: list[Console]) -> None:
        assert not changes(scene, consoles[0], seen_at="2199-01-01T00:00:00Z")["reset"]
        assert not changes(scene, consoles[0], seen_at="1900-01-01T00:00:00Z")["reset"]

    @pytest.mark.parametrize(
        "asked", [{"since": -1}, {"since": "x"}, {"since": 2**63}, {"seen_at": "now"}, {"to": "x"}, {"epoch": "x"}]
    )
    def test_what_makes_no_sense_is_refused(self, scene: Scene, asked: Document) -> None:
        answer = scene.world.ask("GET", "/board/changes", query_string=DAYS | {"since": 1, "epoch": NONE} | asked)
        assert answer.status_code == 422
        assert answer.json is not None
        assert answer.json["field"] in asked

    def test_of_another_partnership_nothing(self, scene: Scene, consoles: list[Console], elsewhere: World) -> None:
        elsewhere.create()
        found = changes(scene, consoles[0])
        assert (found["jobs"], found["change"]) == ([], consoles[0].standing["change"])
