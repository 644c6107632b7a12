"""Migrations and models describe the same schema, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers

from fieldsync import models
from fieldsync.cluster import Databases
from fieldsync.config import Settings
from fieldsync.database import Base

assert models

ROOT = Path(__file__).parents[2]

# Of each schema, everything that the catalogue can spell, by name. Alembic compares neither checks nor exclusions,
# nor the condition, the order or the method of an index. The queue's own (procrastinate) are not in the models.
CATALOGUE = {
    "columns": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), nullif(a.attidentity, ''),
                         nullif(a.attgenerated, ''))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND {ours}
    """,
    "constraints": """
        SELECT c.relname || '.' || k.conname, concat(k.contype, ' ') || pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE {ours}
    """,
    "indexes": """
        SELECT c.relname || '.' || i.relname, pg_get_indexdef(x.indexrelid)
        FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid WHERE {ours}
    """,
    "tables": """
        SELECT c.relname, concat_ws(' ', c.relpersistence, c.reloptions) FROM pg_class c
        WHERE c.relkind = 'r' AND {ours}
    """,
    "functions": """
        SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
          AND p.proname NOT LIKE 'procrastinate%' AND NOT EXISTS (
            SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    """,
    "triggers": """
        SELECT c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND {ours}
    """,
}
OURS = """
    c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version' AND c.relname NOT LIKE 'procrastinate%'
    AND NOT EXISTS (
        SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def engine_of(url: str) -> sa.Engine:
    return sa.create_engine(Settings(database_url=url).sqlalchemy_url, poolclass=sa.NullPool)


def described(url: str) -> dict[str, dict[str, str]]:
    """Kind of thing -> name -> definition."""
    with engine_of(url).connect() as connection:
        return {
            kind: {row[0]: row[1] for row in connection.execute(sa.text(sql.format(ours=OURS)))}
            for kind, sql in CATALOGUE.items()
        }


@pytest.fixture
def made_from_models(databases: Databases) -> Any:
    """A database whose tables were made from the models, without migrations."""
    name = f"fieldsync_models_{uuid4().hex[:12]}"
    engine = engine_of(databases.ensure(name))
    Base.metadata.create_all(engine)
    yield databases.url(name)
    databases.drop(name)


def test_there_is_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_nothing_is_left_to_migrate(new_database: Callable[[], str]) -> None:
    def ours(thing: Any, name: str, *others: Any) -> bool:
        return not name.startswith("procrastinate") and alembic_helpers.include_object(thing, name, *others)

    with engine_of(new_database()).connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_and_models_make_the_same_schema(new_database: Callable[[], str], made_from_models: str) -> None:
    migrated, made = described(new_database()), described(made_from_models)
    for kind in CATALOGUE:
        assert migrated[kind] == made[kind]
    # The comparison is worth something: it sees what alembic does not.
    spelled = " ".join(migrated["constraints"].values()) + " ".join(migrated["indexes"].values())
    for sign in ("EXCLUDE USING gist", "CHECK (", " WHERE (", "NULLS NOT DISTINCT", "USING gist"):
        assert sign in spelled


def test_every_key_begins_with_the_partnership(made_from_models: str) -> None:
    """So that the schema distributes by tenant, and no row can refer to one of another partnership."""
    schema = described(made_from_models)
    for name, definition in schema["indexes"].items():
        if definition.startswith("CREATE UNIQUE INDEX") and not name.startswith("partnership."):
            assert "(partnership_id" in definition, name
    for name, definition in schema["constraints"].items():
        kind, _, rule = definition.partition(" ")
        if name.startswith("partnership."):
            continue
        if kind in "pu":
            assert rule.split("(")[1].startswith("partnership_id"), name
        if kind == "f":
            assert rule.startswith(("FOREIGN KEY (partnership_id)", "FOREIGN KEY (partnership_id, ")), name
