"""The promise that a clock is a work order's, kept a statement at a time.

A foreign key looks up and locks the work order for each clock written, and was more than half of what writing one takes
(see docs/decisions/0010). This trigger looks once for all rows of a statement; and a work order with a clock stays.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

STATEMENTS = (
    """
CREATE FUNCTION service_clock_is_of_a_work_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM written c WHERE NOT EXISTS (
            SELECT FROM work_order w WHERE w.partnership_id = c.partnership_id AND w.id = c.work_order_id OFFSET 0)
    ) THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'service_clock_is_of_a_work_order',
            MESSAGE = 'a service clock names a work order that does not exist';
    END IF;
    RETURN NULL;
END $$""",
    (
        "CREATE TRIGGER service_clock_is_of_a_work_order AFTER INSERT ON service_clock REFERENCING NEW TABLE AS written"
        " FOR EACH STATEMENT EXECUTE FUNCTION service_clock_is_of_a_work_order()"
    ),
    """
CREATE FUNCTION work_order_keeps_its_clocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone w JOIN service_clock c ON c.partnership_id = w.partnership_id AND c.work_order_id = w.id
    ) THEN
        RAISE restrict_violation USING CONSTRAINT = 'work_order_keeps_its_clocks',
            MESSAGE = 'a work order with a service clock cannot be removed';
    END IF;
    RETURN NULL;
END $$""",
    (
        "CREATE TRIGGER work_order_keeps_its_clocks AFTER DELETE ON work_order REFERENCING OLD TABLE AS gone"
        " FOR EACH STATEMENT EXECUTE FUNCTION work_order_keeps_its_clocks()"
    ),
)


def promise(metadata: sa.MetaData) -> None:
    """Have ``metadata.create_all`` make the triggers, as the migrations do."""

    @sa.event.listens_for(metadata, "after_create")
    def make(target: sa.MetaData, connection: sa.Connection, tables: list[sa.Table], **options: Any) -> None:
        if any(table.name == "service_clock" for table in tables):
            for statement in STATEMENTS:
                connection.exec_driver_sql(statement)
