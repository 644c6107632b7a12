"""What a work order names exists, whoever writes it: the database itself refuses otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import ForeignKeyViolation, RestrictViolation


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def named(connection: psycopg.Connection) -> dict[str, UUID]:
    """A partnership with one of each thing that a work order names."""
    ids = {name: uuid4() for name in ("partnership_id", "jurisdiction_id", "crew_id", "service_type_id")}
    for statement in (
        "INSERT INTO partnership (id, slug, name) VALUES (%(partnership_id)s, 'promises', 'Promises')",
        (
            "INSERT INTO jurisdiction (partnership_id, id, code, name, change)"
            " VALUES (%(partnership_id)s, %(jurisdiction_id)s, 'a', 'A', 1)"
        ),
        (
            "INSERT INTO crew (partnership_id, id, jurisdiction_id, code, name)"
            " VALUES (%(partnership_id)s, %(crew_id)s, %(jurisdiction_id)s, 'c', 'C')"
        ),
        (
            "INSERT INTO service_type (partnership_id, id, code, name, change)"
            " VALUES (%(partnership_id)s, %(service_type_id)s, 's', 'S', 1)"
        ),
    ):
        connection.execute(statement, ids)
    return ids


WRITE = """
    INSERT INTO work_order (partnership_id, id, version, change, title, service_type_id, status, priority, location,
        crew_id, tags, jurisdiction_id, placed_by, placed_at, created_at, updated_at)
    SELECT %(partnership_id)s, gen_random_uuid(), 1, 1, 'Pothole ' || n, %(service_type_id)s, 'open', 3,
        ST_SetSRID(ST_MakePoint(-80, 40), 4326), %(crew_id)s, '{}', %(jurisdiction_id)s, 'inside', now(), now(), now()
    FROM generate_series(1, 3) n
"""


def test_what_exists_can_be_named_and_what_may_be_missing_left_out(connection, named) -> None:
    connection.execute(WRITE, named)
    connection.execute(WRITE, named | {"crew_id": None, "jurisdiction_id": None})


@pytest.mark.parametrize("column", ["service_type_id", "crew_id", "jurisdiction_id"])
def test_what_does_not_exist_cannot_be_named(connection, named, column) -> None:
    with pytest.raises(ForeignKeyViolation):
        connection.execute(WRITE, named | {column: uuid4()})


@pytest.mark.parametrize("column", ["service_type_id", "crew_id", "jurisdiction_id"])
def test_nor_by_changing_a_work_order(connection, named, column) -> None:
    connection.execute(WRITE, named)
    with pytest.raises(ForeignKeyViolation):
        connection.execute(
            f"UPDATE work_order SET {column} = gen_random_uuid() WHERE partnership_id = %(partnership_id)s", named
        )


def test_another_partnerships_crew_cannot_be_named(connection, named) -> None:
    other = uuid4()
    connection.execute("INSERT INTO partnership (id, slug, name) VALUES (%s, 'promises-2', 'Two')", [other])
    connection.execute(
        "INSERT INTO service_type (partnership_id, id, code, name, change) VALUES (%s, %s, 's', 'S', 1)",
        [other, named["service_type_id"]],
    )
    with pytest.raises(ForeignKeyViolation):
        connection.execute(WRITE, named | {"partnership_id": other, "jurisdiction_id": None})


@pytest.mark.parametrize("table", ["service_type", "crew", "jurisdiction"])
def test_what_is_named_is_never_deleted(connection, named, table) -> None:
    with pytest.raises(RestrictViolation):
        connection.execute(f"DELETE FROM {table} WHERE partnership_id = %(partnership_id)s", named)
