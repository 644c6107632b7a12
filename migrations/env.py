"""Alembic's environment. Runs with lock and statement time-outs, so that a migration cannot stop the service."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context
from geoalchemy2 import alembic_helpers

from fieldsync import models
from fieldsync.config import Settings
from fieldsync.database import Base

assert models

LOCK_TIMEOUT = "5s"
"""A migration that has to wait longer for a table gives up, and can be run again at a quieter time."""


def ours(thing: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
    """Whether autogenerate looks at it: the queue brings its own tables."""
    if (name or "").startswith("procrastinate") or str(getattr(thing, "table", "")).startswith("procrastinate"):
        return False
    return bool(alembic_helpers.include_object(thing, name, kind, reflected, compared_to))


def run() -> None:
    """Bring the database that the caller chose (or the environment's) to the wanted revision."""
    url = context.config.get_main_option("sqlalchemy.url") or Settings.from_env().sqlalchemy_url
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=ours,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
