"""Old receipts: left where they are, moved to an archive, or in partitions by time. ``python -m bench.retention``.

Three journals with the same entries of two years, half a year of which is recent; measured in turn, round by round.
What else runs on the machine only adds, so the best of the rounds are compared; the medians stand behind them. Prints a
table; the figures of a run stand in docs/decisions, 21.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import time
import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from rich.console import Console
from rich.table import Table

from bench.__main__ import database

YEARS = timedelta(days=730)
HOT = timedelta(days=180)
AUTHORS = 40
ENTRIES_A_RECORD = 6
BATCH = 500
LOOKED_UP = 200
CHUNK = 500
PARTNERSHIP = uuid.UUID(int=7)

COLUMNS = (
    "partnership_id, edit_id, author_id, side, seq, crew_id, kind, record_id, action, base_version, observed_at,"
    " happened_at, received_at, fields, verdict, version, before"
)

# Entry n of so many: ids that grow with time, as UUIDv7 do; records that are worked on for some days and then no more.
FILL = f"""
INSERT INTO {{table}} ({COLUMNS})
SELECT '{PARTNERSHIP}', CAST(lpad(to_hex(n), 12, '0') || '70008000' || substr(md5(n || 'e'), 1, 12) AS uuid),
    CAST(md5('a' || n %% {AUTHORS}) AS uuid), 'crew', n / {AUTHORS} + 1, CAST(md5('c') AS uuid), 'work_order',
    CAST(lpad(to_hex(n / 600), 12, '0') || '70008000'
         || substr(md5('r' || n %% (600 / {ENTRIES_A_RECORD})), 1, 12) AS uuid),
    'update', n %% 600 / (600 / {ENTRIES_A_RECORD}), t, t, t,
    json_build_object('status', 'in_progress', 'resolution', 'Cut out and filled, number ' || n, 'started_at', t),
    'applied', n %% 600 / (600 / {ENTRIES_A_RECORD}) + 1,
    json_build_object('status', 'open', 'resolution', null, 'started_at', null)
FROM generate_series(%(first)s, %(last)s) n, LATERAL (SELECT %(begin)s + n * %(apart)s AS t) at
"""

INDEXES = {
    "of_record": "(partnership_id, record_id, entry)",
    "refused": "(partnership_id, entry) WHERE side = 'crew' AND (verdict = 'refused' OR refused_fields IS NOT NULL)",
}

BY_NUMBER = """
SELECT count(*), max(length(e.verdict)) FROM unnest(%(seqs)s::bigint[]) wanted (seq) CROSS JOIN LATERAL (
    SELECT * FROM {table} WHERE partnership_id = %(p)s AND author_id = %(author)s AND seq = wanted.seq OFFSET 0) e
"""
BY_ID = """
SELECT count(*), max(length(e.verdict)) FROM unnest(%(ids)s::uuid[]) wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM {table} WHERE partnership_id = %(p)s AND edit_id = wanted.id AND author_id = %(author)s OFFSET 0) e
"""
HISTORY = """
SELECT count(*), max(length(e.verdict)) FROM unnest(%(records)s::uuid[]) wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM {table} WHERE partnership_id = %(p)s AND record_id = wanted.id AND version > 1 OFFSET 0) e
"""
MOVE = f"""
WITH moved AS (
    DELETE FROM ONLY archived WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ONLY archived WHERE partnership_id = '{PARTNERSHIP}' AND received_at < %s
        ORDER BY received_at LIMIT {CHUNK} FOR UPDATE SKIP LOCKED)) RETURNING *
) INSERT INTO archived_old SELECT * FROM moved
"""

JOURNALS = {"as it is": "as_is", "with an archive": "archived", "in partitions by month": "parted"}


def make(connection: psycopg.Connection) -> None:
    """Three journals, with the keys that each may have."""
    connection.execute("DROP TABLE IF EXISTS as_is, archived, archived_old, parted CASCADE")
    options = "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS"
    for table in ("as_is", "archived"):
        connection.execute(f"CREATE TABLE {table} (LIKE journal {options})")
        connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (partnership_id, edit_id, author_id)")
        connection.execute(f"CREATE UNIQUE INDEX ON {table} (partnership_id, author_id, seq) WHERE seq IS NOT NULL")
    connection.execute("CREATE INDEX ON archived (partnership_id, received_at)")
    connection.execute(
        "CREATE TABLE archived_old (PRIMARY KEY (partnership_id, edit_id, author_id)) INHERITS (archived)"
    )
    connection.execute("CREATE UNIQUE INDEX ON archived_old (partnership_id, author_id, seq) WHERE seq IS NOT NULL")
    connection.execute(f"CREATE TABLE parted (LIKE journal {options}) PARTITION BY RANGE (received_at)")
    # A partition's time must be part of each unique key: the same edit received twice would not be refused any more.
    connection.execute("ALTER TABLE parted ADD PRIMARY KEY (partnership_id, edit_id, author_id, received_at)")
    connection.execute("CREATE UNIQUE INDEX ON parted (partnership_id, author_id, seq, received_at)")
    for table in ("as_is", "archived", "archived_old", "parted"):
        for what in INDEXES.values():
            connection.execute(f"CREATE INDEX ON {table} {what}")


def fill(connection: psycopg.Connection, now: datetime, entries: int) -> None:
    """The same entries into each; those older than half a year where they belong."""
    begin, apart = now - YEARS, YEARS / entries
    for month in range(26):
        since, until = (begin + timedelta(days=30 * (month + step)) for step in (0, 1))
        connection.execute(
            f"CREATE TABLE parted_{month} PARTITION OF parted FOR VALUES FROM ('{since}') TO ('{until}')"
        )
    old = int(entries * (1 - HOT / YEARS))
    span = {"begin": begin, "apart": apart}
    for table, first, last in (
        ("as_is", 0, entries - 1), ("parted", 0, entries - 1), ("archived_old", 0, old - 1),
        ("archived", old, entries - 1),
    ):  # fmt: skip
        if table == "archived_old":  # It has no numbers of its own: as they would have been.
            connection.execute("ALTER TABLE archived_old ALTER entry SET DEFAULT nextval('archived_entry_seq')")
        connection.execute(FILL.format(table=table), span | {"first": first, "last": last})
        connection.execute(f"VACUUM (ANALYZE) {table}")


def timed(connection: psycopg.Connection, sql: str, bound: object, expected: int | None = None) -> float:
    """Milliseconds of a statement that has been prepared."""
    began = time.perf_counter()
    cursor = connection.execute(sql, bound, prepare=True)  # type: ignore[call-overload]
    row = cursor.fetchone() if cursor.description else None
    took = (time.perf_counter() - began) * 1000
    if expected is not None and (row is None or row[0] != expected):
        raise RuntimeError(f"{row} of {expected} were found")
    return took


class Looks:
    """What is asked of a journal: of recent entries, and of old ones."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.turn = 0

    def at(self, connection: psycopg.Connection, table: str, age: str) -> dict[str, float]:
        """What -> milliseconds, for ``recent`` or ``old`` entries."""
        bound = self._bound(old=age == "old")
        asked = {
            f"{LOOKED_UP} {age} numbers": (BY_NUMBER, LOOKED_UP),
            f"{LOOKED_UP} {age} ids": (BY_ID, LOOKED_UP),
            f"what was done to 100 {age} records": (HISTORY, 100 * (ENTRIES_A_RECORD - 1)),
        }
        return {what: timed(connection, sql.format(table=table), bound, n) for what, (sql, n) in asked.items()}

    def _bound(self, *, old: bool) -> dict[str, object]:
        """Another author and other records at each turn."""
        self.turn += 1
        author = self.turn % AUTHORS
        newest = self.entries - 1 - (self.entries - 1 - author) % AUTHORS
        last = newest // 3 // AUTHORS * AUTHORS + author if old else newest
        numbers = [last - AUTHORS * step for step in range(LOOKED_UP)]
        block = (self.entries // 3 if old else self.entries - 600) // 600 - self.turn % 20
        return {
            "p": PARTNERSHIP, "author": _md5(f"a{author}"), "seqs": [n // AUTHORS + 1 for n in numbers],
            "ids": [UUID(f"{n:012x}70008000{_md5(f'{n}e').hex[:12]}") for n in numbers],
            "records": [UUID(f"{block:012x}70008000{_md5(f'r{n}').hex[:12]}") for n in range(600 // ENTRIES_A_RECORD)],
        }  # fmt: skip


def _md5(text: str) -> UUID:
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


def measure(url: str, entries: int, rounds: int) -> dict[tuple[str, str], list[float]]:
    """(what, journal) -> milliseconds, or what it says."""
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    now = datetime.now(UTC)
    options = "-c plan_cache_mode=force_generic_plan -c jit=off"
    with psycopg.connect(url, autocommit=True, options=options) as connection:
        make(connection)
        fill(connection, now, entries)
        looks = Looks(entries)
        for turn in range(rounds + 1):
            first = entries + turn * BATCH
            at = {"first": first, "last": first + BATCH - 1, "begin": now - YEARS, "apart": YEARS / entries}
            for name, table in JOURNALS.items():
                found = {"500 entries written": timed(connection, FILL.format(table=table), at)}
                found |= looks.at(connection, table, "recent") | looks.at(connection, table, "old")
                for what, took in found.items() if turn else ():  # the first round warms up
                    taken[what, name].append(took)
        for turn in range(rounds):
            before = _written(connection)
            took = timed(connection, MOVE, [now - HOT + timedelta(days=turn * 5 + 5)])
            taken["500 entries moved", "with an archive"].append(took)
            taken["log written for that, kB", "with an archive"].append(_written(connection) - before)
        for name, table in JOURNALS.items():
            taken["hot, MB", name].append(_bytes(connection, table) / 1e6)
            more = _bytes(connection, "archived_old") if table == "archived" else 0
            taken["all, MB", name].append((_bytes(connection, table) + more) / 1e6)
    return taken


def _written(connection: psycopg.Connection) -> float:
    """Kilobytes of the database's log so far."""
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return float(row[0]) / 1000 if row else 0.0


def _bytes(connection: psycopg.Connection, table: str) -> int:
    """With indexes, and partitions where it has some."""
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(relid)) FROM ("
        " SELECT relid FROM pg_partition_tree(%(table)s) UNION SELECT %(table)s::regclass) r",
        {"table": table},
    ).fetchone()
    return int(row[0]) if row else 0


def _told(samples: list[float]) -> str:
    return f"{min(samples):,.1f} ({statistics.median(samples):,.1f})" if len(samples) > 1 else f"{samples[0]:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=600_000, help="of two years")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    with database() as url:
        taken = measure(url, chosen.entries // 600 * 600, chosen.rounds)
    table = Table("best (median), ms unless it says so", *JOURNALS)
    for what in dict.fromkeys(what for what, _ in taken):
        table.add_row(what, *(_told(taken[what, name]) if (what, name) in taken else "" for name in JOURNALS))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
