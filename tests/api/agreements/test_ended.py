"""What has ended takes its jobs out of the crews' scopes, once and for all, whatever else happens meanwhile."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from fieldsync.agreements.requests.models import ResourceOffer, ResourceRequest
from fieldsync.boundaries.runs import worker
from fieldsync.database import new_id, transaction
from fieldsync.dispatch import expire
from fieldsync.dispatch.expire import take_out_what_ended
from tests.api.agreements.lent import abroad, acting, crew_of, finish, lend, plan, sweep, term_of
from tests.api.office.world import EAST, World


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests' transactions are none of ours; one test waits for its own.
    monkeypatch.setattr(expire, "PATIENCE_S", 0.3)


class TestOnTheTablet:
    def test_jobs_leave_it_and_what_it_still_sends_is_kept(self, world: World) -> None:
        version_id = lend(world)
        job, tablet = abroad(world), world.tablet("alpha")
        tablet.exchange()
        seen = tablet.records["work_order", job["id"]]["version"]
        finish(world, version_id)
        assert sweep(world) == 1

        work = tablet.edit("work_order", job["id"], "update", seen, status="in_progress")
        assert (work["verdict"], [one["sort"] for one in work["conflicts"]]) == ("conflicted", ["custody"])
        assert tablet.gone == [(job["id"], "agreement_ended")]
        assert ("work_order", job["id"]) not in tablet.records
        entry = tablet.edit("labor_entry", uuid4(), "create", work_order_id=job["id"], minutes=45, worker="Maria")
        assert entry["verdict"] == "applied"
        whole = world.read(job["id"], include="entries")
        assert [one["record"]["minutes"] for one in whole["entries"]] == [45]
        assert (whole["record"]["crew_id"], whole["record"]["status"]) == (None, "open")

    def test_the_history_names_the_agreement(self, world: World) -> None:
        version_id = lend(world)
        job = abroad(world)
        finish(world, version_id)
        sweep(world)
        history = world.ask("GET", f"/work-orders/{job['id']}/history").json["items"]
        by = {"side": "agreements", "id": str(version_id), "name": "Test, version 1"}
        assert {name: history[-1]["by"][name] for name in by} == by
        change = {"before": str(world.crews["alpha"]), "after": None}
        assert (history[-1]["verdict"], history[-1]["changed"]) == ("applied", {"crew_id": change})

    def test_what_was_planned_is_released(self, world: World) -> None:
        version_id = lend(world)
        job = abroad(world)
        plan(world, job, term_of(world, version_id))
        finish(world, version_id)
        sweep(world)
        (row,) = world.rows("SELECT state, released_because FROM assignment WHERE partnership_id = :p")
        assert tuple(row) == ("released", "agreement_ended")
        (row,) = world.rows("SELECT action, reason, staff_id FROM assignment_event WHERE partnership_id = :p")
        assert tuple(row) == ("released", "agreement_ended", None)


class TestWhatIsTakenOut:
    def test_not_before_the_last_day_is_over_where_the_partners_are(self, world: World) -> None:
        world.rows("UPDATE partnership SET time_zone = 'America/New_York' WHERE id = :p RETURNING 1")
        lend(world, ends_on=date(2098, 6, 30))
        abroad(world)
        assert sweep(world, clock=lambda: datetime(2098, 7, 1, 3, 59, tzinfo=UTC)) == 0
        assert sweep(world, clock=lambda: datetime(2098, 7, 1, 4, 0, tzinfo=UTC)) == 1

    def test_what_another_agreement_allows_stays(self, world: World) -> None:
        version_id = lend(world)
        lend(world, service_type_ids=[world.signal])
        gone, stays = abroad(world), abroad(world, service_type_id=str(world.signal))
        finish(world, version_id)
        assert sweep(world) == 1
        assert (crew_of(world, gone), crew_of(world, stays)) == (None, str(world.crews["alpha"]))

    def test_what_did_not_rest_on_it_stays(self, world: World) -> None:
        other = lend(world, crew_ids=[world.crews["beta"]])
        version_id = lend(world, crew_ids=[world.crews["alpha"]], service_type_ids=[world.pothole])
        done = abroad(world)
        world.change(done, status="completed")
        deleted = abroad(world)
        world.ask("DELETE", f"/work-orders/{deleted['id']}", if_match=deleted["etag"])
        at_home = world.create(crew_id=str(world.crews["alpha"]))
        of_beta, of_nobody = abroad(world, "beta"), world.create(location=EAST)
        finish(world, version_id)
        before = world.rows("SELECT id, version, change FROM work_order WHERE partnership_id = :p ORDER BY id")
        assert sweep(world) == 0
        assert world.rows("SELECT id, version, change FROM work_order WHERE partnership_id = :p ORDER BY id") == before
        assert crew_of(world, at_home) == str(world.crews["alpha"])
        assert crew_of(world, of_beta) == str(world.crews["beta"])
        assert crew_of(world, of_nobody) is None
        finish(world, other)
        assert sweep(world) == 1

    def test_what_was_planned_by_it_leaves_even_if_it_is_another_kind_of_job_now(self, world: World) -> None:
        version_id = lend(world, service_type_ids=[world.pothole])
        job = abroad(world)
        plan(world, job, term_of(world, version_id))
        world.rows(
            "UPDATE work_order SET service_type_id = :s WHERE id = :id RETURNING 1", s=world.signal, id=job["id"]
        )
        finish(world, version_id)
        assert sweep(world) == 1

    def test_an_offer_that_was_accepted_ends_as_well(self, world: World) -> None:
        now, own = datetime.now(UTC), {"partnership_id": world.partnership_id}
        request_id, offer_id = new_id(), new_id()
        times = {"starts_at": now - timedelta(hours=2), "ends_at": now + timedelta(hours=2)}
        with acting(world) as session:
            session.add(
                ResourceRequest(
                    **own, **times, id=request_id, version=1, jurisdiction_id=world.towns["east"], title="Storm",
                    service_type_id=world.pothole, crews_wanted=1, state="filled", created_at=now,
                    created_by=world.staff["dispatcher"],
                )
            )  # fmt: skip
            session.flush()
            session.add(
                ResourceOffer(
                    **own, **times, id=offer_id, version=1, request_id=request_id, crew_id=world.crews["alpha"],
                    jurisdiction_id=world.towns["west"], state="accepted", created_at=now,
                    created_by=world.staff["dispatcher"],
                )
            )  # fmt: skip
        job = abroad(world)
        assert sweep(world) == 0
        world.rows(
            "UPDATE resource_offer SET state = 'released', ends_at = :at WHERE id = :id RETURNING 1", id=offer_id,
            at=now - timedelta(minutes=5),
        )  # fmt: skip
        assert sweep(world) == 1
        by = world.ask("GET", f"/work-orders/{job['id']}/history").json["items"][-1]["by"]
        assert (by["id"], by["name"]) == (str(offer_id), "Storm")
        (row,) = world.rows("SELECT taken_out_at FROM resource_offer WHERE id = :id", id=offer_id)
        assert row.taken_out_at is not None

    def test_it_is_written_down_once(self, world: World) -> None:
        version_id = lend(world)
        abroad(world)
        finish(world, version_id)
        for _ in range(3):
            assert sweep(world) == 1
        (row,) = world.rows("SELECT taken_out_at FROM agreement_version WHERE id = :id", id=version_id)
        assert row.taken_out_at is not None
        events = world.rows("SELECT action, staff_id FROM agreement_event WHERE version_id = :id", id=version_id)
        assert [tuple(event) for event in events] == [("taken_out", None)]

    def test_what_was_planned_goes_over_to_the_next_version(self, world: World) -> None:
        """From then on it is counted, and paid, by that one; where its hours do not allow it, it stays as it is."""
        version_id = lend(world)
        hours = [{"weekday": day, "from": "00:00", "until": "24:00"} for day in range(1, 8)]
        following = lend(world, hours=hours, service_type_ids=[world.pothole], cap_minutes=9_999, cap_period="month")
        lend(world, hours=[{"weekday": 1, "from": "00:00", "until": "00:01"}], service_type_ids=[world.signal])
        before, after = term_of(world, version_id), term_of(world, following)
        jobs = [abroad(world), abroad(world, service_type_id=str(world.signal))]
        over, stays = (plan(world, job, before, days=number) for number, job in enumerate(jobs, start=1))
        begun = plan(world, jobs[0], before, days=-3)
        finish(world, version_id)
        for _ in range(2):
            assert sweep(world) == 0
            rows = world.rows("SELECT id, grant_id, version, state FROM assignment WHERE partnership_id = :p")
            assert {row.id: (row.grant_id, row.version, row.state) for row in rows} == {
                over: (after, 2, "planned"), stays: (before, 1, "planned"), begun: (before, 1, "planned"),
            }  # fmt: skip
        (head,) = world.rows("SELECT change FROM head WHERE partnership_id = :p")
        (row,) = world.rows("SELECT change FROM assignment WHERE id = :id", id=over)
        assert row.change == head.change


class TestWhileOthersWork:
    def test_two_at_once_do_it_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(expire, "TAKEN_PER_COMMIT", 3)
        version_id = lend(world)
        jobs = [abroad(world) for _ in range(20)]
        finish(world, version_id)
        with ThreadPoolExecutor(2) as pool:
            for one in [pool.submit(sweep, world) for _ in range(2)]:
                one.result()
        assert all(crew_of(world, job) is None for job in jobs)
        (row,) = world.rows("SELECT count(*) FROM journal WHERE partnership_id = :p AND side = 'agreements'")
        assert row[0] == len(jobs)
        events = world.rows("SELECT 1 FROM agreement_event WHERE version_id = :id", id=version_id)
        assert len(events) == 1

    def test_many_are_taken_out_in_several_sweeps(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(expire, "TAKEN_PER_COMMIT", 1)
        monkeypatch.setattr(expire, "TAKEN_PER_SWEEP", 2)
        monkeypatch.setattr(expire, "EXAMINED_PER_READ", 3)
        version_id = lend(world)
        for _ in range(5):
            abroad(world)
        finish(world, version_id)
        over = []
        for out in (2, 4, 5):
            assert sweep(world) == out
            (row,) = world.rows("SELECT taken_out_at FROM agreement_version WHERE id = :id", id=version_id)
            over.append(row.taken_out_at is not None)
        assert over == [False, False, True]

    def test_killed_in_the_middle_it_goes_on(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        class Killed(BaseException):
            pass

        def dying(*args: Any) -> Any:
            raise Killed

        monkeypatch.setattr(expire, "TAKEN_PER_COMMIT", 2)
        version_id = lend(world)
        jobs = [abroad(world) for _ in range(6)]
        finish(world, version_id)
        written: list[int] = []
        whole = expire.write

        def once(*args: Any) -> Any:
            written.append(1)
            return whole(*args) if len(written) == 1 else dying()

        monkeypatch.setattr(expire, "write", once)
        with pytest.raises(Killed):
            sweep(world)
        assert sum(crew_of(world, job) is None for job in jobs) == 2
        monkeypatch.setattr(expire, "write", whole)
        assert sweep(world) == 6

    def test_a_lock_held_by_somebody_leaves_it_for_the_next_sweep(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dispatcher who gives the job away under the agreement at that moment is not overlooked."""
        version_id = lend(world)
        job = world.create(location=EAST)
        assigned, swept = threading.Event(), threading.Event()

        def dispatcher() -> None:
            with world.app.app_context(), transaction() as session:
                bound = {"p": world.partnership_id, "id": job["id"], "crew": world.crews["alpha"]}
                # As the journal does: lock, look at the grants, write.
                session.execute(text("SELECT FROM work_order WHERE id = :id FOR NO KEY UPDATE"), bound)
                session.execute(text("UPDATE work_order SET crew_id = :crew WHERE id = :id"), bound)
                assigned.set()
                assert swept.wait(30)

        thread = threading.Thread(target=dispatcher)
        thread.start()
        assert assigned.wait(30)
        finish(world, version_id)
        assert sweep(world) == 0
        (row,) = world.rows("SELECT taken_out_at FROM agreement_version WHERE id = :id", id=version_id)
        assert row.taken_out_at is None
        swept.set()
        thread.join()
        assert sweep(world) == 1
        assert crew_of(world, job) is None

    def test_it_is_looked_again_for_a_while_after_the_end(self, world: World) -> None:
        version_id = lend(world, ends_on=date(2098, 6, 30))
        sql = "SELECT taken_out_at FROM agreement_version WHERE id = :id"
        end = datetime(2098, 7, 1, tzinfo=UTC)
        for after, over in ((0, False), (30, False), (61, True)):
            sweep(world, clock=lambda after=after: end + timedelta(seconds=after))  # type: ignore[misc]
            (row,) = world.rows(sql, id=version_id)
            assert (row.taken_out_at is not None) is over

    def test_another_agreement_that_comes_meanwhile_counts(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is looked again under the lock."""
        version_id = lend(world)
        job = abroad(world)
        finish(world, version_id)
        found = expire.lock_work_orders

        def locking(*args: Any) -> None:
            found(*args)
            thread = threading.Thread(target=lend, args=(world,))
            thread.start()
            thread.join()

        monkeypatch.setattr(expire, "lock_work_orders", locking)
        assert sweep(world) == 0
        assert crew_of(world, job) == str(world.crews["alpha"])


def test_the_worker_does_it_when_it_keeps_house(world: World) -> None:
    assert take_out_what_ended in [worker._at_path(path) for path in worker.HOUSEKEEPING]
    version_id = lend(world)
    job = abroad(world)
    finish(world, version_id)
    works = worker.Worker(world.app, world.app.config["FIELDSYNC"])
    asyncio.run(works._look_after(worker.HOUSEKEEPING[0]))
    assert crew_of(world, job) is None
    asyncio.run(works._look_after("fieldsync.dispatch.expire:nothing"))  # is logged, and ends nothing


def test_amending_takes_out_what_the_next_version_does_not_allow(world: World) -> None:
    """Through the API: accepted by both, it ends the version before with yesterday."""
    terms = {"giver_id": str(world.towns["west"]), "receiver_id": str(world.towns["east"])}
    today = datetime.now(UTC).date()

    def agreed(path: str, **body: Any) -> dict[str, Any]:
        west, east = ({"jurisdiction_id": str(world.towns[town])} for town in ("west", "east"))
        answer = world.ask("POST", path, "admin", json=body | west)
        assert answer.status_code == 201, answer.json
        version = answer.json.get("versions", [answer.json])[-1]
        answer = world.ask(
            "POST", f"/agreements/{version['agreement_id']}/versions/{version['id']}/accept", "admin", json=east
        )
        assert answer.status_code == 200, answer.json
        return version  # type: ignore[no-any-return]

    first = agreed("/agreements", code="A", title="All", starts_on=str(today), terms=[terms])
    pothole, signal = abroad(world), abroad(world, service_type_id=str(world.signal))
    narrower = [terms | {"service_type_ids": [str(world.signal)]}]
    agreed(f"/agreements/{first['agreement_id']}/versions", starts_on=str(today), terms=narrower)
    assert sweep(world) == 1
    assert (crew_of(world, pothole), crew_of(world, signal)) == (None, str(world.crews["alpha"]))
