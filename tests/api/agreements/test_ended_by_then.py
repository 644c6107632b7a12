"""What has ended, when crews or jobs have changed sides since, and when others' agreements end as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from fieldsync.agreements.ended import load_ended
from fieldsync.dispatch import expire
from tests.api.agreements.lent import abroad, acting, add_town, crew_of, employ, finish, lend, plan, sweep, term_of
from tests.api.office.world import World


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests' transactions are none of ours.
    monkeypatch.setattr(expire, "PATIENCE_S", 0.3)


class TestWhoChangedSides:
    def test_a_crew_whose_employer_has_changed_leaves_its_jobs(self, world: World) -> None:
        version_id = lend(world)
        planned, given = abroad(world), abroad(world)
        plan(world, planned, term_of(world, version_id))
        employ(world, "alpha", "third")
        finish(world, version_id)
        assert sweep(world) == 2
        assert (crew_of(world, planned), crew_of(world, given)) == (None, None)

    def test_a_crew_whose_new_employer_may_keeps_them(self, world: World) -> None:
        jobs = []
        for crew, town in (("alpha", "third"), ("beta", "east")):
            version_id = lend(world, crew_ids=[world.crews[crew]])
            jobs += [abroad(world, crew), abroad(world, crew)]
            employ(world, crew, town)
            finish(world, version_id)
        plan(world, jobs[0], term_of(world, version_id))
        lend(world, giver="third")
        assert sweep(world) == 0
        assert [crew_of(world, job) for job in jobs] == [str(world.crews[crew]) for crew in ("alpha", "beta")
                                                         for _ in range(2)]  # fmt: skip

    def test_what_was_planned_by_it_leaves_wherever_the_job_lies_now(self, world: World) -> None:
        version_id = lend(world)
        jobs = [abroad(world), abroad(world)]
        for job, town in zip(jobs, (None, add_town(world, "third")), strict=True):
            plan(world, job, term_of(world, version_id), days=1 + jobs.index(job))
            world.rows(
                "UPDATE work_order SET jurisdiction_id = :town WHERE id = :id RETURNING 1", town=town, id=job["id"]
            )
        finish(world, version_id)
        assert sweep(world) == 2


class TestWhoseTurnItIs:
    """One look takes so many of all partnerships together: what is not over takes nobody's place."""

    def looked(self, world: World, most: int, at: datetime) -> set[UUID]:
        with acting(world) as session:
            return {ended.id for ended in load_ended(session, at, most)}

    def test_what_never_held_waits_until_it_would_have_begun(self, world: World) -> None:
        version_id = lend(world, starts_on=date(2098, 7, 1))
        world.rows("UPDATE agreement_version SET during = 'empty' WHERE id = :id RETURNING 1", id=version_id)
        everything = 100_000
        assert version_id not in self.looked(world, everything, datetime(2098, 6, 30, 23, 59, tzinfo=UTC))
        assert version_id in self.looked(world, everything, datetime(2098, 7, 1, tzinfo=UTC))

    def test_what_has_not_ended_does_not_count(self, world: World, elsewhere: World) -> None:
        elsewhere.rows("UPDATE partnership SET time_zone = 'Pacific/Honolulu' WHERE id = :p RETURNING 1")
        at = datetime(1950, 7, 1, 9, 59, tzinfo=UTC)
        for _ in range(3):
            empty = lend(elsewhere, starts_on=date(2199, 1, 1))
            elsewhere.rows("UPDATE agreement_version SET during = 'empty' WHERE id = :id RETURNING 1", id=empty)
            # Its last day is not over there; here the same one is.
            lend(elsewhere, starts_on=date(1950, 1, 1), ends_on=date(1950, 6, 30))
            lend(elsewhere, starts_on=date(1950, 1, 1))
        version_id = lend(world, starts_on=date(1950, 1, 1), ends_on=date(1950, 6, 30))
        assert self.looked(world, 1, at) == {version_id}
        assert len(self.looked(world, 10, at + timedelta(minutes=1))) == 4

    def test_the_first_to_end_is_the_first(self, world: World) -> None:
        version_ids = [lend(world, starts_on=date(1950, 1, 1), ends_on=date(1950, month, 1)) for month in (3, 2, 4)]
        at = datetime(1950, 12, 1, tzinfo=UTC)
        assert self.looked(world, 2, at) == set(version_ids[:2])
