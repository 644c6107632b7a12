"""A simulated day from its beginning to its verdict."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldsync.simulate.database import check_database
from fieldsync.simulate.drive import Watcher, drive
from fieldsync.simulate.laws import check
from fieldsync.simulate.plan import Plan
from fieldsync.simulate.report import document


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated day came to."""

    document: dict[str, Any]
    """See ``fieldsync.simulate.report.document``."""

    @property
    def lawful(self) -> bool:
        """Whether every law holds."""
        return all(law["holds"] for law in self.document["laws"])


def run(
    plan: Plan, server: str, token: str, database_url: str | None = None, watcher: Watcher | None = None
) -> Outcome:
    """Drive the day and check the laws.

    Args:
        server: the address of a running server.
        token: of a dispatcher of the whole partnership, in which nobody else should be at work.
        database_url: also compare with the database itself.

    Raises:
        OfficeRefused: the server cannot be reached, or does not let the dispatcher do what she has to.
    """
    with tempfile.TemporaryDirectory(prefix="fieldsync-simulate-") as folder:
        day = drive(plan, server, token, Path(folder), watcher)
        try:
            checked = check(day, watcher)
            if database_url:
                checked.laws.append(check_database(day, database_url))
            return Outcome(document(day, checked))
        finally:
            day.close()
