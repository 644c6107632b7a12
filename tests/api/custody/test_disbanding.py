"""Disbanding a crew: its open jobs go to nobody, its tablets' scope is empty, and it can be taken back."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from fieldsync.boundaries.runs import worker
from fieldsync.database import db, new_id, transaction
from fieldsync.dispatch.disbanding import api, take_out
from fieldsync.dispatch.disbanding.take_out import take_out_of_disbanded_crews
from tests.api.agreements.lent import finish, lend, sweep
from tests.api.custody.losing import move_device
from tests.api.office.world import EAST, WEST, World, now

Document = dict[str, Any]


def disband(world: World, crew: str = "alpha", verb: str = "disband") -> Document:
    answer = world.ask("POST", f"/crews/{world.crews[crew]}/{verb}", "admin")
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[return-value]


def of_alpha(world: World, **fields: Any) -> Document:
    return world.create(crew_id=str(world.crews["alpha"]), **fields)


def done(world: World, **fields: Any) -> Document:
    return world.change(of_alpha(world), status="completed", **fields)


def keep_house(world: World) -> int:
    with world.app.app_context():
        return take_out_of_disbanded_crews()


def taken_out_at(world: World) -> datetime | None:
    ((at,),) = world.rows("SELECT taken_out_at FROM crew WHERE id = :id", id=world.crews["alpha"])
    return at  # type: ignore[no-any-return]


def crew_of(world: World, job: Document) -> str | None:
    return world.read(job["id"])["record"]["crew_id"]  # type: ignore[no-any-return]


class TestOnItsTablets:
    def test_everything_leaves_and_open_jobs_say_why(self, world: World) -> None:
        open_, completed = of_alpha(world), done(world)
        tablet = world.tablet("alpha")
        tablet.exchange()
        assert len(tablet.records) > 2
        disband(world)
        answer = tablet.exchange()
        assert (answer["reset"], answer["reset_because"]) == (True, "crew_changed")
        assert tablet.gone == [(open_["id"], "crew_disbanded")]
        assert {key[0] for key in tablet.records} == {"jurisdiction", "service_type"}
        assert (crew_of(world, open_), crew_of(world, completed)) == (None, str(world.crews["alpha"]))
        idle = tablet.exchange()
        assert (idle["changes"], idle["reset"], idle["more"]) == ([], False, False)

    def test_what_it_did_offline_is_taken(self, world: World) -> None:
        job, tablet = done(world), world.tablet("alpha")
        tablet.exchange()
        disband(world)
        verdict = tablet.edit(
            "work_order", job["id"], "update", tablet.records["work_order", job["id"]]["version"], resolution="Filled"
        )
        assert verdict["verdict"] == "applied"
        assert world.read(job["id"])["record"]["resolution"] == "Filled"
        entry = tablet.edit("labor_entry", uuid4(), "create", work_order_id=job["id"], minutes=30, worker="Maria")
        assert entry["verdict"] == "applied"
        assert ("work_order", job["id"]) not in tablet.records

    def test_what_it_found_goes_to_nobody_and_what_it_finished_stays_its_own(self, world: World) -> None:
        tablet = world.tablet("alpha")
        tablet.exchange()
        disband(world)
        found, finished = str(new_id()), str(new_id())
        edits = []
        for record_id in (found, finished):
            fields = {"title": "Hole", "service_type_id": str(world.pothole), "location": WEST, "status": "in_progress"}
            edits.append(_edit(tablet, record_id, "create", None, **fields))
        edits.append(_edit(tablet, finished, "update", 0, status="completed"))
        answer = tablet.exchange(edits)
        assert [one["verdict"] for one in answer["verdicts"]] == ["applied"] * 3
        assert (crew_of(world, {"id": found}), crew_of(world, {"id": finished})) == (None, str(world.crews["alpha"]))
        assert (found, "crew_disbanded") in tablet.gone
        assert not [key for key in tablet.records if key[0] == "work_order"]
        # Afterwards, too, it may go on with it: a dispatcher decides.
        late = tablet.edit("work_order", found, "update", 1, status="completed")
        assert (late["verdict"], late["conflicts"][0]["sort"]) == ("conflicted", "custody")
        history = world.ask("GET", f"/work-orders/{found}/history").json["items"]
        left = next(one for one in history if "crew_id" in (one["changed"] or {}))
        assert (left["by"]["side"], left["by"]["name"]) == ("office", "Admin")

    def test_a_job_that_it_takes_up_again_does_not_stay_with_it(self, world: World) -> None:
        job, tablet = done(world), world.tablet("alpha")
        tablet.exchange()
        disband(world)
        version = world.read(job["id"])["version"]
        verdict = tablet.edit("work_order", job["id"], "update", version, status="in_progress")
        assert verdict["verdict"] == "applied"
        record = world.read(job["id"])["record"]
        assert (record["status"], record["crew_id"]) == ("in_progress", None)

    def test_a_tablet_that_is_moved_to_a_crew_that_works_starts_anew(self, world: World) -> None:
        old, new = of_alpha(world), world.create(crew_id=str(world.crews["beta"]))
        tablet = world.tablet("alpha")
        tablet.exchange()
        disband(world)
        tablet.exchange()
        move_device(world, "beta")
        assert tablet.exchange()["reset_because"] == "crew_changed"
        assert {key[1] for key in tablet.records if key[0] == "work_order"} == {new["id"]}
        verdict = tablet.edit("note", uuid4(), "create", work_order_id=old["id"], body="Left the cones")
        assert verdict["verdict"] == "applied"


def _edit(tablet: Any, record_id: str, action: str, base: int | None, **fields: Any) -> Document:
    return {"seq": next(tablet.numbers), "edit_id": str(uuid4()), "kind": "work_order", "record_id": record_id,
            "action": action, "base_version": base, "observed_at": now().isoformat(), "fields": fields}  # fmt: skip


class TestTakingItBack:
    def test_brings_its_done_jobs_back_and_leaves_the_others_with_nobody(self, world: World) -> None:
        open_, completed = of_alpha(world), done(world)
        awake, asleep = world.tablet("alpha"), world.tablet("alpha")
        awake.exchange()
        asleep.exchange()
        disband(world)
        awake.exchange()
        disband(world, verb="reinstate")
        assert awake.exchange()["reset"] is True
        # One that was away all the time never heard of it: its place is as good as it was.
        assert asleep.exchange()["reset"] is False
        for tablet in (awake, asleep):
            assert {key[1] for key in tablet.records if key[0] == "work_order"} == {completed["id"]}
        assert asleep.gone == [(open_["id"], "crew_disbanded")]
        world.ask(
            "POST", f"/work-orders/{open_['id']}/assignment", if_match=world.read(open_["id"])["etag"],
            json={"crew_id": str(world.crews["alpha"])},
        )  # fmt: skip
        for tablet in (awake, asleep):
            tablet.exchange()
            assert ("work_order", open_["id"]) in tablet.records

    def test_disbanded_again_it_is_empty_again(self, world: World) -> None:
        done(world)
        tablet = world.tablet("alpha")
        for _ in range(2):
            tablet.exchange()
            assert [key for key in tablet.records if key[0] == "work_order"]
            disband(world)
            tablet.exchange()
            assert not [key for key in tablet.records if key[0] == "work_order"]
            disband(world, verb="reinstate")


class TestTheRest:
    def test_is_taken_by_the_worker(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "TAKEN_AT_ONCE", 2)
        monkeypatch.setattr(take_out, "TAKEN_PER_COMMIT", 2)
        monkeypatch.setattr(take_out, "TAKEN_PER_SWEEP", 3)
        jobs = [of_alpha(world) for _ in range(7)]
        disband(world)
        assert sum(crew_of(world, job) is None for job in jobs) == 2
        seen = []
        while taken_out_at(world) is None:
            keep_house(world)
            seen.append(sum(crew_of(world, job) is None for job in jobs))
        assert seen[-1] == 7
        assert len(seen) <= 4
        assert keep_house(world) == 0
        assert take_out_of_disbanded_crews in [worker._at_path(path) for path in worker.HOUSEKEEPING]

    def test_killed_in_the_middle_it_goes_on(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        class Killed(BaseException):
            pass

        monkeypatch.setattr(take_out, "TAKEN_PER_COMMIT", 2)
        jobs = [of_alpha(world) for _ in range(5)]
        whole, written = take_out.write, []

        def once(*args: Any) -> Any:
            written.append(1)
            if len(written) > 1:
                raise Killed
            return whole(*args)

        monkeypatch.setattr(take_out, "write", once)
        with pytest.raises(Killed):
            disband(world)
        assert sum(crew_of(world, job) is None for job in jobs) == 2
        monkeypatch.setattr(take_out, "write", whole)
        keep_house(world)
        assert [crew_of(world, job) for job in jobs] == [None] * 5

    def test_a_dispatcher_who_gives_a_job_away_at_that_moment_is_not_overlooked(self, world: World) -> None:
        job = world.create()
        assigned, swept = threading.Event(), threading.Event()

        def dispatcher() -> None:
            with world.app.app_context(), transaction() as session:
                bound = {"id": job["id"], "crew": world.crews["alpha"]}
                session.execute(text("SELECT FROM work_order WHERE id = :id FOR NO KEY UPDATE"), bound)
                session.execute(text("UPDATE work_order SET crew_id = :crew WHERE id = :id"), bound)
                assigned.set()
                assert swept.wait(30)

        thread = threading.Thread(target=dispatcher)
        thread.start()
        assert assigned.wait(30)
        disband(world)
        keep_house(world)
        assert taken_out_at(world) is None
        swept.set()
        thread.join()
        keep_house(world)
        assert taken_out_at(world) is not None
        assert crew_of(world, job) is None

    def test_a_crew_that_is_reinstated_meanwhile_keeps_the_rest(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "TAKEN_AT_ONCE", 1)
        monkeypatch.setattr(take_out, "TAKEN_PER_COMMIT", 1)
        jobs = [of_alpha(world) for _ in range(4)]
        disband(world)
        disband(world, verb="reinstate")
        keep_house(world)
        assert sum(crew_of(world, job) is None for job in jobs) == 1

    def test_what_was_planned_is_released(self, world: World) -> None:
        job = of_alpha(world)
        starts = now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        item = {"work_order_id": job["id"], "crew_id": str(world.crews["alpha"]), "starts_at": starts.isoformat(),
                "minutes": 60, "override": True, "reason": "No shifts"}  # fmt: skip
        answer = world.ask("POST", "/assignments", json={"items": [item]})
        assert answer.json["verdicts"][0]["verdict"] == "assigned", answer.json
        disband(world)
        (row,) = world.rows("SELECT state, released_because FROM assignment WHERE partnership_id = :p")
        assert tuple(row) == ("released", "crew_disbanded")


def test_tablets_exchange_while_it_is_disbanded_and_reinstated_and_moved(world: World) -> None:
    """Nobody waits for anybody in a circle: every request is answered, and at the end the laws hold."""
    jobs = [of_alpha(world) for _ in range(30)]
    tablet = world.tablet("alpha")
    tablet.exchange()
    stop = threading.Event()

    def crew() -> int:
        sent = 0
        while not stop.is_set():
            job = jobs[sent % len(jobs)]
            tablet.edit("note", uuid4(), "create", work_order_id=job["id"], body=f"{sent}")
            sent += 1
        return sent

    def people() -> None:
        for turn in range(6):
            disband(world, verb="disband" if turn % 2 == 0 else "reinstate")
            move_device(world, "beta" if turn % 2 == 0 else "alpha")

    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(crew)
        try:
            pool.submit(people).result()
        finally:
            stop.set()
        sent = sending.result()
    assert sent > 0
    ((notes,),) = world.rows("SELECT count(*) FROM note WHERE partnership_id = :p")
    ((refused,),) = world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p AND verdict = 'refused'")
    assert (notes, refused) == (sent, 0)


class TestReopening:
    """A job whose crew may not do it any more is not opened again for it."""

    def reopen(self, world: World, job: Document, **more: Any) -> Any:
        found = world.read(job["id"])
        return world.ask("PATCH", f"/work-orders/{job['id']}", if_match=found["etag"], json={"status": "open"} | more)

    def test_of_a_disbanded_crew(self, world: World) -> None:
        job = done(world)
        disband(world)
        answer = self.reopen(world, job)
        assert (answer.status_code, answer.json["code"]) == (409, "crew_not_eligible")
        assert "crew_disbanded" in [reason["code"] for reason in answer.json["reasons"] if not reason["good"]]
        answer = self.reopen(world, job, crew_id=None)
        assert (answer.status_code, answer.json["record"]["crew_id"]) == (200, None)

    def test_whose_agreement_has_ended(self, world: World) -> None:
        version_id = lend(world)
        job = world.create(location=EAST, crew_id=str(world.crews["alpha"]))
        job = world.change(job, status="completed")
        finish(world, version_id)
        sweep(world)
        # The record of who did it, on the crew's own tablet: it stays.
        tablet = world.tablet("alpha")
        tablet.exchange()
        assert ("work_order", job["id"]) in tablet.records
        assert self.reopen(world, job).json["code"] == "crew_not_eligible"
        assert self.reopen(world, job, crew_id=None).status_code == 200

    def test_by_the_crew_itself_takes_it_out(self, world: World) -> None:
        version_id = lend(world)
        job = world.change(world.create(location=EAST, crew_id=str(world.crews["alpha"])), status="completed")
        tablet = world.tablet("alpha")
        tablet.exchange()
        world.rows("UPDATE agreement_version SET taken_out_at = now() WHERE id = :id RETURNING 1", id=version_id)
        finish(world, version_id)
        verdict = tablet.edit("work_order", job["id"], "update", job["version"], status="in_progress")
        assert verdict["verdict"] == "applied"
        assert tablet.gone == [(job["id"], "agreement_ended")]
        record = world.read(job["id"])["record"]
        assert (record["status"], record["crew_id"]) == ("in_progress", None)

    def test_a_deleted_one_comes_back_to_nobody(self, world: World) -> None:
        job = of_alpha(world)
        world.ask("DELETE", f"/work-orders/{job['id']}", if_match=job["etag"])
        disband(world)
        deleted = world.read(job["id"])
        answer = world.ask("POST", f"/work-orders/{job['id']}/restoration", if_match=deleted["etag"])
        assert (answer.status_code, answer.json["record"]["crew_id"]) == (200, None)
        assert world.rows("SELECT 1 FROM work_order WHERE id = :id AND deleted_at IS NULL", id=job["id"])

    def test_at_home_is_as_ever(self, world: World) -> None:
        job = done(world)
        assert self.reopen(world, job).json["record"]["crew_id"] == str(world.crews["alpha"])


def test_the_open_jobs_are_found_among_a_million_done_ones(world: World) -> None:
    """Along the index of open ones, whatever the statistics say."""
    with world.app.app_context():
        bound = {"partnership_id": world.partnership_id, "crew_id": world.crews["alpha"], "after": uuid4(), "rows": 100}
        plan = "\n".join(row[0] for row in db.session.execute(text(f"EXPLAIN {take_out._OPEN_OF_CREW.text}"), bound))
    assert "work_order_open" in plan
