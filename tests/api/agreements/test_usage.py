"""How much of a cap is used: counted by what is assigned and not released, in the periods of the partners' calendar."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from msgspec import structs

from fieldsync.agreements.grants import load_grants
from fieldsync.agreements.rules import Grant, Usage
from fieldsync.agreements.usage import load_usage
from fieldsync.database import db, new_id
from fieldsync.dispatch import situation
from tests.api.agreements.lent import abroad, acting, lend, plan, term_of
from tests.api.office.world import World

JUNE = datetime(2031, 6, 1, tzinfo=UTC)


def loaded(world: World, starts: datetime, ends: datetime) -> tuple[Grant, Usage]:
    with acting(world) as session:
        (grant,) = load_grants(session, world.partnership_id, starts, ends)
        return grant, load_usage(session, world.partnership_id, [grant], starts, ends)


def test_each_period_has_what_starts_in_it(world: World) -> None:
    world.rows("UPDATE partnership SET time_zone = 'America/New_York' WHERE id = :p RETURNING 1")
    term = term_of(world, lend(world, cap_minutes=1000, cap_period="day", cents_per_hour=6000, cap_cents=1))
    job = abroad(world)
    # 2031-06-02 begins at 4 o'clock in UTC; what starts before counts in the day before, all of it.
    for hours, minutes in ((4, 60), (27, 90), (28.5, 30)):
        plan(world, job, term, at=JUNE + timedelta(hours=hours), minutes=minutes)
    grant, usage = loaded(world, JUNE, JUNE + timedelta(days=3))
    days = [JUNE + timedelta(days=number, hours=12) for number in range(3)]
    assert [usage.minutes(grant, day) for day in days] == [150, 30, 0]
    assert [usage.cents(grant, day) for day in days] == [15_000, 3_000, 0]


def test_what_is_released_or_of_another_grant_does_not_count(world: World) -> None:
    term = term_of(world, lend(world, cap_minutes=1000, cap_period="month"))
    job = abroad(world)
    kept = plan(world, job, term, at=JUNE + timedelta(days=29), minutes=45)
    gone = plan(world, job, term, at=JUNE + timedelta(days=2))
    plan(world, job, world.pothole, at=JUNE + timedelta(days=3))
    done = plan(world, job, term, at=JUNE + timedelta(days=4), minutes=20)
    world.rows(
        "UPDATE assignment SET state = 'released', released_because = 'released' WHERE id = :id RETURNING 1", id=gone
    )
    world.rows("UPDATE assignment SET state = 'done' WHERE id = :id RETURNING 1", id=done)
    # The whole month counts, however short the time that is asked about.
    grant, usage = loaded(world, JUNE + timedelta(days=9), JUNE + timedelta(days=10))
    assert usage.minutes(grant, JUNE) == 65
    assert kept != done


@pytest.mark.parametrize("sort", ["day", "agreement"])
def test_it_is_one_statement_for_all_periods(world: World, sort: str) -> None:
    for _ in range(3):
        lend(world, cap_minutes=1000, cap_period=sort)
    with acting(world) as session:
        starts, ends = JUNE, JUNE + timedelta(days=40)
        grants = load_grants(session, world.partnership_id, starts, ends)
        told: list[str] = []

        def hear(*args: Any) -> None:
            told.append(args[2])

        sa.event.listen(db.engine, "before_cursor_execute", hear)
        try:
            load_usage(session, world.partnership_id, grants, starts, ends)
            load_usage(session, world.partnership_id, [], starts, ends)
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", hear)
        assert len(told) == 1


def test_no_number_of_terms_is_too_many(world: World) -> None:
    term = term_of(world, lend(world, cap_minutes=1000, cap_period="day"))
    plan(world, abroad(world), term, at=JUNE + timedelta(days=33, hours=9), minutes=45)
    starts, ends = JUNE, JUNE + timedelta(days=35)
    with acting(world) as session:
        (grant,) = load_grants(session, world.partnership_id, starts, ends)
        others = [structs.replace(grant, id=new_id()) for _ in range(1_500)]
        usage = load_usage(session, world.partnership_id, [*others, grant], starts, ends)
    assert usage.minutes(grant, JUNE + timedelta(days=33, hours=12)) == 45
    assert {usage.minutes(one, JUNE + timedelta(days=33, hours=12)) for one in others} == {0}


def test_it_is_read_only_of_grants_between_the_crews_and_where_the_jobs_lie(world: World) -> None:
    term = term_of(world, lend(world, cap_minutes=1000, cap_period="month"))
    plan(world, abroad(world), term, at=JUNE + timedelta(days=2), minutes=45)
    east, west = world.towns["east"], world.towns["west"]

    def used(crew: str, receivers: Collection[UUID] | None) -> int:
        with acting(world) as session:
            crew_ids, until = [world.crews[crew]], JUNE + timedelta(days=3)
            known = situation.load(session, world.partnership_id, crew_ids, JUNE, until, None, receivers)
            (grant,) = known.grants
            return known.usage.minutes(grant, JUNE)

    assert [used("alpha", among) for among in (None, {east}, {west}, ())] == [45, 45, 0, 0]
    world.rows("UPDATE crew SET jurisdiction_id = :town WHERE id = :id RETURNING 1", town=east, id=world.crews["beta"])
    assert used("beta", None) == 0
