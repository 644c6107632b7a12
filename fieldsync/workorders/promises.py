"""Promises of the work order's table that the database keeps a statement at a time.

A foreign key looks up the row that it names for each row written, and locks it. For the three that a work order has,
that was a third of what writing one takes, and all crews lock the same few rows. These triggers look once for all rows
of a statement, and what they look for is never deleted (it is retired or disbanded instead). See docs/decisions.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

NAMED = {"service_type_id": "service_type", "crew_id": "crew", "jurisdiction_id": "jurisdiction"}
"""Column of a work order -> the table that has what it names."""

_MISSING = "\n    UNION ALL\n".join(
    f"    SELECT FROM (SELECT DISTINCT partnership_id, {column} AS id FROM written WHERE {column} IS NOT NULL) w\n"
    f"    WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.partnership_id = w.partnership_id AND t.id = w.id)"
    for column, table in NAMED.items()
)

STATEMENTS = (
    f"""
CREATE FUNCTION work_order_names_what_exists() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
{_MISSING}
    ) THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'work_order_names_what_exists',
            MESSAGE = 'a work order names a service type, crew or jurisdiction that does not exist';
    END IF;
    RETURN NULL;
END $$""",
    *(
        f"CREATE TRIGGER work_order_names_what_exists_on_{event} AFTER {event} ON work_order"
        " REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION work_order_names_what_exists()"
        for event in ("insert", "update")
    ),
    """
CREATE FUNCTION never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE restrict_violation USING CONSTRAINT = 'never_deleted',
        MESSAGE = format('rows of %I are never deleted: work orders name them', TG_TABLE_NAME);
END $$""",
    *(
        f"CREATE TRIGGER {table}_never_deleted BEFORE DELETE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION never_deleted()"
        for table in NAMED.values()
    ),
)


def promise(metadata: sa.MetaData) -> None:
    """Have ``metadata.create_all`` make the triggers, as the migrations do."""

    @sa.event.listens_for(metadata, "after_create")
    def make(target: sa.MetaData, connection: sa.Connection, tables: list[sa.Table], **options: Any) -> None:
        if any(table.name == "work_order" for table in tables):
            for statement in STATEMENTS:
                connection.exec_driver_sql(statement.replace("%", "%%"))
