"""A session without a database: each statement of the application is answered by a few lines over tables in memory.

All of the application runs as it is, down to the statement. What stands here for PostgreSQL is held to the same
answers by playing the same scenarios on both (``tests/simulator/test_both.py``).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, wraps
from types import ModuleType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import TextClause

from tests.simulator.memory.tables import Key, Tables

Bound = dict[str, Any]
Answering = Callable[[Tables, Bound], Iterable[Any] | int | None]
MakingAnswer = Callable[..., Iterable[Any] | int | None]

_ANSWERS: dict[TextClause, Answering] = {}
_MADE: dict[str, MakingAnswer] = {}


def answers(*statements: Any) -> Callable[[Answering], Answering]:
    """Says that the function answers these statements: rows (tuples) from the tables and what is bound."""

    def register(function: Answering) -> Answering:
        _ANSWERS.update(dict.fromkeys(statements, function))
        return function

    return register


def answers_made(module: ModuleType, name: str) -> Callable[[MakingAnswer], MakingAnswer]:
    """Says that the function answers the statements that ``module.name(…)`` makes: it gets what they were made of,
    too."""

    def register(function: MakingAnswer) -> MakingAnswer:
        made_by = f"{module.__name__}.{name}"
        _MADE[made_by] = function
        original = getattr(module, name)

        @wraps(original)
        def make(*args: Any, **named: Any) -> Any:
            statement = original(*args, **named)
            if statement is not None:
                statement.simulated = (made_by, args, named)
            return statement

        if hasattr(original, "cache_clear"):  # Other tests of the same process forget what was made.
            make.cache_clear = original.cache_clear  # type: ignore[attr-defined]
        setattr(module, name, make)
        return function

    return register


def scalar(value: Any) -> list[tuple[Any]]:
    """The answer of a statement that gives one value."""
    return [(value,)]


def as_json(value: Any) -> list[tuple[str]]:
    """The answer of a statement that gives one text of JSON."""
    return [(msgspec.json.encode(value).decode(),)]


def as_row(**values: Any) -> Any:
    """A row whose values are found by their names, too."""
    return _shape(tuple(values))(*values.values())


@cache
def _shape(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names)  # type: ignore[misc]


def texts(ids: Iterable[UUID]) -> list[str]:
    """Ids as the tables have them."""
    return [str(one) for one in ids]


def rows_of(bound: Bound) -> list[Any]:
    """The rows that a statement is to write, as the JSON that it would send."""
    sent = bound["rows"]
    return msgspec.json.decode(sent.dumps(sent.obj))  # type: ignore[no-any-return]


_DEFAULTS: dict[str, Any] = {"0": 0, "1": 1, "false": False, "{}": ()}
"""What the database puts where nothing is given, by how it is declared."""


def _value(row: Any, column: Any) -> Any:
    value = getattr(row, column.name)
    if value is None and column.server_default is not None:
        return _DEFAULTS.get(str(getattr(column.server_default.arg, "text", column.server_default.arg)))
    return value


class Killed(BaseException):
    """The server's process is gone. Nothing of the application survives to handle it."""


class Result:
    """What a statement gave."""

    def __init__(self, rows: Iterable[Any] | int | None) -> None:
        """``rows``: those that it gave, or how many it wrote."""
        self.rowcount = rows if isinstance(rows, int) else 0
        self._rows = [] if rows is None or isinstance(rows, int) else list(rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        """All rows."""
        return self._rows

    def one(self) -> Any:
        """The only row."""
        (row,) = self._rows
        return row

    def one_or_none(self) -> Any:
        """The only row, or None."""
        return self.one() if self._rows else None

    def scalars(self) -> Result:
        """The first values of all rows."""
        return Result(row[0] for row in self._rows)

    def scalar_one(self) -> Any:
        """The one value."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The one value, or None."""
        return self.scalar_one() if self._rows else None


class Session:
    """Stands for ``db.session`` and for the session that it gives. One at a time: nothing here is concurrent."""

    def __init__(self, tables: Tables, partnership_id: UUID) -> None:
        self.tables = tables
        self.partnership_id = partnership_id
        self.info: dict[str, Any] = {}
        self.left: int | None = None
        """So many statements are carried out yet; then the process is killed. None: it lives."""
        self.carried_out = 0

    def __call__(self) -> Session:
        return self

    def execute(self, statement: Any, bound: Bound | None = None) -> Result:
        """Carry out a statement.

        Raises:
            Killed: the process ends here.
            NotImplementedError: nothing stands for this statement.
        """
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        self.carried_out += 1
        given = bound or {}
        assert given.get("partnership_id", self.partnership_id) == self.partnership_id
        answering = _ANSWERS.get(statement)
        if answering is not None:
            return Result(answering(self.tables, given))
        made = getattr(statement, "simulated", None)
        if made is None:
            raise NotImplementedError(f"Nothing stands for this statement:\n{statement}")
        made_by, args, named = made
        return Result(_MADE[made_by](self.tables, given, *args, **named))

    def add(self, row: Any) -> None:
        """Insert the row of a mapped object."""
        values = {column.name: _value(row, column) for column in row.__table__.c}
        key: Key = () if "id" not in values else str(values["id"])
        if row.__tablename__ == "token":
            key = values["token_hash"]
        plain = {name: str(value) if isinstance(value, UUID) else value for name, value in values.items()}
        self.tables.put(row.__tablename__, key, plain)

    def flush(self) -> None:
        """Nothing waits."""

    def commit(self) -> None:
        """As a transaction's end."""
        self.tables.commit()
        self.info.clear()

    def rollback(self) -> None:
        """As a transaction that never was."""
        self.tables.rollback()
        self.info.clear()

    remove = close = rollback
