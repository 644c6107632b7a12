"""Bring the database's tables to what this version of the code expects."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from fieldsync.cluster.home import PROJECT


def migrate() -> None:
    """Run the migrations that FIELDSYNC_DATABASE_URL's database does not have yet."""
    command.upgrade(_config(), "head")


def head_of_code() -> str:
    """The revision to which this version of the code brings a database."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def knows(revision: str) -> bool:
    """Whether this version of the code can bring a database at this revision up to date."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "migrations").replace("%", "%%"))
    return config
