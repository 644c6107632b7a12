"""Tables in memory: what the application has written, with commit, rollback, backup and restore.

A row is never changed once it stands in a table; another one takes its place. So a copy of the tables is a backup.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Key = tuple[Any, ...] | str | bytes
Row = dict[str, Any]

Backup = tuple[dict[str, dict[Key, Row]], int]


class Tables:
    """The tables of one partnership. Ids are text, as JSON has them; moments of records as PostgreSQL spells them."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Key, Row]] = {}
        self._undo: list[tuple[dict[Key, Row], Key, Row | None]] = []
        self._entries = 0

    def __getitem__(self, name: str) -> dict[Key, Row]:
        """A table, to be read only."""
        return self._tables.setdefault(name, {})

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a table in the order in which they were first written."""
        return iter(self[name].values())

    def put(self, name: str, key: Key, row: Row) -> None:
        """Insert a row, or let it take the place of the one with this key."""
        table = self[name]
        self._undo.append((table, key, table.get(key)))
        table[key] = row

    def drop(self, name: str, key: Key) -> None:
        """Delete a row, if it is there."""
        table = self[name]
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def next_entry(self) -> int:
        """The next number of the journal. As a sequence's, it does not come back when a transaction is rolled back."""
        self._entries += 1
        return self._entries

    def commit(self) -> None:
        """What was written since the last commit stands."""
        self._undo.clear()

    def rollback(self) -> None:
        """Nothing of what was written since the last commit was ever there."""
        while self._undo:
            table, key, before = self._undo.pop()
            if before is None:
                table.pop(key, None)
            else:
                table[key] = before

    def back_up(self) -> Backup:
        """All that is committed."""
        assert not self._undo
        return {name: dict(table) for name, table in self._tables.items()}, self._entries

    def restore(self, backup: Backup) -> None:
        """Be again what was backed up."""
        self._undo.clear()
        tables, self._entries = backup
        self._tables = {name: dict(table) for name, table in tables.items()}


def spelled(moment: datetime) -> str:
    """A moment as PostgreSQL writes a timestamptz into JSON, in UTC."""
    text = moment.astimezone(UTC).isoformat()
    if "." not in text:
        return text
    seconds, _, rest = text.partition(".")
    fraction = rest.removesuffix("+00:00").rstrip("0")
    return f"{seconds}.{fraction}+00:00" if fraction else f"{seconds}+00:00"


def respelled(moment: str | None) -> str | None:
    """The same of a moment that comes as text."""
    return None if moment is None else spelled(datetime.fromisoformat(moment))
