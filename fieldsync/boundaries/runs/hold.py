"""The right to carry out a run: a lock of one database session, which says by itself whether its holder lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause
from sqlalchemy.exc import SQLAlchemyError

from fieldsync.boundaries.runs import queries
from fieldsync.database import db


def right_to_run(run_id: UUID) -> str:
    return f"boundary run {run_id}"


def right_to_moves(partnership_id: UUID) -> str:
    """Jobs of a partnership change hands for one publication after the other."""
    return f"boundary moves {partnership_id}"


class Hold:
    """A right that is held. Progress is written through the same session, so that who has lost it notices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def one(self, statement: TextClause, bound: dict[str, Any]) -> Row[Any] | None:
        """The one row of a statement, or None. It is committed by itself: it must not wait for the work's own
        transaction, which may be open for minutes.

        Raises:
            sqlalchemy.exc.DBAPIError: the session has ended, and with it the right.
        """
        return self._connection.execute(statement, bound).one_or_none()


@contextmanager
def holding(right: str) -> Iterator[Hold | None]:
    """Hold a right for the time of the block; None where somebody else has it."""
    connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        taken = connection.execute(queries.TAKE, {"right": right}).scalar_one()
        yield Hold(connection) if taken else None
    finally:
        try:
            connection.execute(queries.RELEASE)
        except SQLAlchemyError:
            # A session that cannot be asked is not given back to the pool: its lock ends with it.
            connection.invalidate()
        connection.close()
