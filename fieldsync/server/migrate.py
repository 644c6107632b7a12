"""Bring the database's tables to what this version of the code expects."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from fieldsync.cluster.home import PROJECT


def migrate() -> None:
    """Run the migrations that FIELDSYNC_DATABASE_URL's database does not have yet."""
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "migrations").replace("%", "%%"))
    command.upgrade(config, "head")
