"""Partnerships that have worked for years: time that has passed, and what housekeeping then does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fieldsync.auth import tokens
from fieldsync.auth.models import StaffRole, Token
from fieldsync.database import new_id
from fieldsync.retention.keep import ROWS_PER_COMMIT, keep_one_short
from tests.sync_model.world import World, now

LONG_AGO = timedelta(days=400)


def let_time_pass(world: World) -> None:
    """All that was received and has left so far happened more than a year ago."""
    world.run("UPDATE journal SET received_at = received_at - :long WHERE partnership_id = :p", long=LONG_AGO)
    world.run(
        "INSERT INTO feed_mark (partnership_id, noted_at, change)"
        " SELECT partnership_id, :at, change FROM head WHERE partnership_id = :p",
        at=now() - LONG_AGO,
    )


def keep_house(world: World, step: int = ROWS_PER_COMMIT) -> int:
    """What a worker does once a day."""
    with world.app.app_context():
        return keep_one_short(world.partnership_id, step=step)


def counts(world: World) -> tuple[int, int]:
    """Entries in the hot journal and in the archive."""
    hot = world.value("SELECT count(*) FROM ONLY journal WHERE partnership_id = :p")
    return hot, world.value("SELECT count(*) FROM journal_archive WHERE partnership_id = :p")


def office_token(world: World) -> str:
    """A token of the dispatcher of the whole partnership."""
    token, token_hash = tokens.make("api", world.partnership_id)
    ids = {"partnership_id": world.partnership_id, "staff_id": world.staff_id}
    with world.session() as session:
        session.add(StaffRole(**ids, id=new_id(), role="dispatcher"))
        session.flush()
        session.add(Token(**ids, token_hash=token_hash, id=new_id(), purpose="api", label="t"))
    return token


def asked(world: World, token: str, path: str) -> Any:
    """What the office reads there."""
    answer = world.client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json
