"""A partnership that is older than a default: what its journal met before is written down when the default changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from fieldsync.cluster import Databases
from fieldsync.config import Settings

MIGRATIONS = Path(__file__).parents[2] / "migrations"


@pytest.fixture
def older(databases: Databases) -> Iterator[tuple[Config, sa.Engine]]:
    """A database as it was before partnerships could choose policies through the API."""
    name = f"fieldsync_older_{uuid4().hex[:12]}"
    url = Settings(database_url=databases.ensure(name)).sqlalchemy_url
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", str(url).replace("%", "%%"))
    command.upgrade(config, "0004")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield config, engine
    databases.drop(name)


def test_the_defaults_until_then_are_in_the_history(older: tuple[Config, sa.Engine]) -> None:
    config, engine = older
    plain, chooser = uuid4(), uuid4()
    with engine.begin() as connection:
        for number, partnership_id in enumerate((plain, chooser)):
            connection.execute(
                sa.text("INSERT INTO partnership (id, slug, name) VALUES (:id, :slug, 'P')"),
                {"id": partnership_id, "slug": f"p{number}"},
            )
        connection.execute(
            sa.text("INSERT INTO field_policy VALUES (:id, 'work_order', 'resolution', 'office')"), {"id": chooser}
        )
    command.upgrade(config, "0005")
    with engine.begin() as connection:
        rows = connection.execute(
            sa.text("SELECT partnership_id, kind, field, policy_before, policy, entry FROM field_policy_change")
        ).all()
        own = connection.execute(sa.text("SELECT policy, custody, version FROM field_policy")).all()
        entry = connection.execute(sa.text("SELECT nextval(pg_get_serial_sequence('journal', 'entry'))")).scalar_one()
    found: dict[UUID, set[tuple[str, str, str]]] = {plain: set(), chooser: set()}
    for row in rows:
        found[row.partnership_id].add((row.field, row.policy_before, row.policy))
        assert row.entry < entry
    changed = {("description", "review", "text"), ("result", "review", "text")}
    assert found == {plain: changed | {("resolution", "crew", "text")}, chooser: changed}
    assert own == [("office", "review", 1)], "what was chosen stays chosen"
    command.downgrade(config, "0004")
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT policy FROM field_policy")).scalars().all() == ["office"]
