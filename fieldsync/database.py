"""The database handle, the models' base, and ``transaction()``: the only place that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
import structlog
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from fieldsync.config import Settings
from fieldsync.problems import ComeAgain, IdTaken, Problem
from geo.tables import metadata

log = structlog.get_logger()

CONSTRAINT_PROBLEMS: dict[str, type[Problem]] = {}
"""Constraint name -> the problem it means. Each domain adds its own beside its models."""

COME_AGAIN_STATES = {
    "40001",  # serialization failure
    "40P01",  # deadlock detected
    "55P03",  # lock not available (lock_timeout)
    "57014",  # query cancelled (statement_timeout)
    "57P01",  # admin shutdown
    "57P02",  # crash shutdown
    "57P03",  # cannot connect now
    "53300",  # too many connections
    "53100",  # disk full
    "08006",  # connection failure
    "23505",  # unique violation that no domain has named: two requests made the same row at once
}


class Base(orm.DeclarativeBase):
    """Declarative base. Shares geo's metadata, so that the schema is one and has one naming convention."""

    registry = orm.registry(
        metadata=metadata,
        type_annotation_map={
            dict[str, Any]: postgresql.JSONB,
            list[str]: postgresql.ARRAY(sa.Text),
            str: sa.Text,
            UUID: sa.Uuid(as_uuid=True),
            datetime: sa.DateTime(timezone=True),
        },
    )


PartnershipId = Annotated[UUID, orm.mapped_column(sa.ForeignKey("partnership.id"), primary_key=True)]
"""First column of every key: the tenant."""

ImpliedPartnershipId = Annotated[UUID, orm.mapped_column(primary_key=True)]
"""The same where another foreign key of the row implies that the partnership exists: a hot table saves the probe."""

RowId = Annotated[UUID, orm.mapped_column(primary_key=True)]


def tenant_key(column: str, table: str, target: str = "id", **options: Any) -> sa.ForeignKeyConstraint:
    """A foreign key within the tenant: ``(partnership_id, column)`` to ``table (partnership_id, target)``."""
    return sa.ForeignKeyConstraint(
        ["partnership_id", column], [f"{table}.partnership_id", f"{table}.{target}"], **options
    )


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """A check that ``column`` holds one of ``values``."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def new_id() -> UUID:
    """A UUIDv7: unique, and later ones sort later, which keeps index pages warm."""
    return uuid7()


def engine_options(settings: Settings) -> dict[str, Any]:
    """SQLAlchemy engine options: the pool, and time-outs that the server enforces for each connection."""
    return {
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.pool_timeout_s,
        # No ping before use: it costs every exchange two round trips. After a restart of the database the first request
        # on an old connection is asked to come again, and the pool begins anew.
        "connect_args": {
            "application_name": "fieldsync",
            "options": (
                f"-c statement_timeout={settings.statement_timeout_ms}"
                f" -c idle_in_transaction_session_timeout={settings.idle_in_transaction_timeout_ms}"
                f" -c lock_timeout={settings.lock_timeout_ms}"
                # Acknowledged is durable: a deployment's default must not weaken it.
                " -c synchronous_commit=on -c timezone=UTC -c jit=off"
                # One plan for all partnerships: a plan made for one that the statistics do not know yet takes it for
                # empty, and reads the whole of it instead of going by the key. It saves the planning, too.
                " -c plan_cache_mode=force_generic_plan"
            ),
        },
    }


@contextmanager
def transaction() -> Iterator[orm.Session]:
    """Run the block in one database transaction: commit at its end, roll back if anything is raised.

    Raises:
        Problem: a broken constraint that a domain has named in ``CONSTRAINT_PROBLEMS``.
        ComeAgain: the database could not do it now (deadlock, time-out, restart); the same request may be sent again.
    """
    session = db.session()
    try:
        yield session
        session.commit()
    except DBAPIError as error:
        session.rollback()
        raise translated(error) from error
    except BaseException:
        session.rollback()
        raise


def init_sessions(app: Flask) -> None:
    """Give back a request's session at its end, also one whose connection has broken meanwhile."""

    # The last that is registered is called first: before Flask-SQLAlchemy's own, which would let the error through, and
    # with it nothing of the answer.
    @app.teardown_appcontext
    def at_the_end(error: BaseException | None) -> None:
        give_back()


def give_back() -> None:
    """Give back the session of a request whose answer is made, also one whose connection has broken meanwhile.

    What is rolled back only read, or was rolled back before: nothing depends on it.
    """
    try:
        db.session.remove()
    except DBAPIError as broken:
        db.session.registry.clear()
        log.warning("a connection broke before it was given back", reason=str(broken.orig))


def translated(error: DBAPIError) -> BaseException:
    """The problem that a database error means to a caller; the error itself where it is a fault of ours."""
    original = error.orig
    if isinstance(original, psycopg.Error):
        name = original.diag.constraint_name
        if name is not None and name.startswith("pk_"):
            return IdTaken()
        if name in CONSTRAINT_PROBLEMS:
            return CONSTRAINT_PROBLEMS[name]()
        if original.sqlstate in COME_AGAIN_STATES or error.connection_invalidated:
            return ComeAgain()
        if isinstance(original, psycopg.OperationalError) and original.sqlstate is None:
            return ComeAgain()  # the connection itself is gone
    return error
