"""Crews of the west that work in the east by agreement, as rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fieldsync.database import new_id, transaction
from fieldsync.dispatch.expire import take_out_what_ended
from fieldsync.partnerships.models import Jurisdiction
from tests.agreements import agree
from tests.api.office.world import EAST, World

Job = dict[str, Any]


@contextmanager
def acting(world: World) -> Iterator[Any]:
    with world.app.app_context(), transaction() as session:
        yield session


def lend(world: World, giver: str = "west", receiver: str = "east", **term: Any) -> UUID:
    """An agreement in force; the id of its version."""
    with acting(world) as session:
        made = agree(session, world.partnership_id, world.towns[giver], world.towns[receiver], **term)
        version_id: UUID = made.version_id
    return version_id


def finish(world: World, version_id: UUID) -> None:
    """Its last day was the day before yesterday."""
    last = datetime.now(UTC).date() - timedelta(days=1)
    world.rows(
        "UPDATE agreement_version SET during = daterange(lower(during), :last) WHERE id = :id RETURNING 1",
        id=version_id, last=last,
    )  # fmt: skip


def abroad(world: World, crew: str = "alpha", **fields: Any) -> Job:
    """A job in the east of a crew of the west."""
    return world.create(location=EAST, crew_id=str(world.crews[crew]), **fields)


def plan(world: World, job: Job, grant_id: UUID, days: int = 1, at: datetime | None = None, minutes: int = 60) -> UUID:
    """An assignment of alpha, by a grant."""
    starts, id_ = at or datetime.now(UTC) + timedelta(days=days), new_id()
    world.rows(
        "INSERT INTO assignment (partnership_id, id, version, change, scope_crew_id, work_order_id, created_at,"
        " updated_at, crew_id, starts_at, ends_at, minutes, state, grant_id)"
        " VALUES (:p, :id, 1, 1, :crew, :job, now(), now(), :crew, :starts, :ends, :minutes, 'planned', :grant)"
        " RETURNING 1",
        id=id_, crew=world.crews["alpha"], job=job["id"], starts=starts, ends=starts + timedelta(minutes=minutes),
        minutes=minutes, grant=grant_id,
    )  # fmt: skip
    return id_


def term_of(world: World, version_id: UUID) -> UUID:
    (row,) = world.rows("SELECT id FROM agreement_term WHERE version_id = :v", v=version_id)
    return row.id  # type: ignore[no-any-return]


def crew_of(world: World, job: Job) -> str | None:
    return world.read(job["id"])["record"]["crew_id"]  # type: ignore[no-any-return]


def sweep(world: World, **options: Any) -> int:
    """Of this partnership only: others' tests leave theirs behind."""
    with world.app.app_context():
        take_out_what_ended(**options)
    (row,) = world.rows("SELECT count(*) FROM scope_exit WHERE partnership_id = :p AND reason = 'agreement_ended'"
                        " AND kind = 'work_order'")  # fmt: skip
    return int(row[0])


def add_town(world: World, code: str) -> UUID:
    world.towns[code] = new_id()
    with acting(world) as session:
        session.add(
            Jurisdiction(partnership_id=world.partnership_id, id=world.towns[code], code=code, name=code, change=1)
        )
    return world.towns[code]


def employ(world: World, crew: str, town: str) -> None:
    """The crew is another town's from now on."""
    body = {"jurisdiction_id": str(world.towns.get(town) or add_town(world, town))}
    answer = world.ask("PATCH", f"/crews/{world.crews[crew]}", "admin", json=body)
    assert answer.status_code == 200, answer.json
