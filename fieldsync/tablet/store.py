"""The tablet's file: one SQLite database that holds the queue, the replica and the tablet's place in the feed.

They lie in one file so that one transaction covers all of them. That transaction is what the whole design rests on:
a page of the feed, the cursor behind it and the verdicts of the same answer are stored together or not at all.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fieldsync.tablet.problems import StoreTooNew

SCHEMA_VERSION = 3

_SCHEMA = """
CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    server TEXT NOT NULL,
    token TEXT,
    device_id TEXT,
    crew_id TEXT,
    next_seq INTEGER NOT NULL DEFAULT 1,
    epoch TEXT,
    cursor TEXT,
    -- Counts the answers taken in: an answer to a request made before another answer came is a late one.
    turn INTEGER NOT NULL DEFAULT 0,
    -- Counts the resets; records of an earlier round are dropped when the download that replaces them is complete.
    round INTEGER NOT NULL DEFAULT 0,
    sweep INTEGER NOT NULL DEFAULT 0,
    -- Whether the last page was the last one there was.
    complete INTEGER NOT NULL DEFAULT 0,
    skew_ms INTEGER
);

-- The server's records, exactly as they came.
CREATE TABLE record (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    work_order_id TEXT,
    round INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX record_of_work_order ON record (work_order_id) WHERE work_order_id IS NOT NULL;

-- Every edit that was entered here: those that wait (no verdict), and behind them the journal.
CREATE TABLE edit (
    seq INTEGER PRIMARY KEY,
    edit_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    record_id TEXT NOT NULL,
    action TEXT NOT NULL,
    -- The JSON that is sent, byte for byte the same each time.
    sent TEXT NOT NULL,
    -- Whether it is drawn over the server's record: until the feed has brought what came of it.
    shown INTEGER NOT NULL DEFAULT 1,
    verdict TEXT,
    version INTEGER,
    conflicts TEXT,
    problem TEXT,
    -- A refusal or a conflict that the person has not put aside yet.
    attention INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX edit_waiting ON edit (seq) WHERE verdict IS NULL;
CREATE INDEX edit_shown ON edit (kind, record_id) WHERE shown;
CREATE INDEX edit_attention ON edit (seq) WHERE attention;
"""

_PACKAGE = """
-- The boundaries in force, whole, as JSON.
CREATE TABLE package (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), body TEXT NOT NULL);
"""

_HARD_CASES = """
-- What the server takes, as its last answer said (JSON).
ALTER TABLE state ADD COLUMN limits TEXT;
-- The office has revoked this tablet: it deposits what waits, and shows nothing.
ALTER TABLE state ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;
-- How often the office had decided on refused edits when we last looked.
ALTER TABLE state ADD COLUMN refusals_decided INTEGER NOT NULL DEFAULT 0;
-- By the server's clock: acknowledged edits are kept for so and so many days.
ALTER TABLE edit ADD COLUMN acknowledged_at TEXT;
-- Whose server it is: what another partnership's had acknowledged is none of its business.
ALTER TABLE state ADD COLUMN partnership_id TEXT;
-- The first token of this enrolment, and the last few: a server that was restored may know one of them, and not the
-- present one.
CREATE TABLE former_token (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE);
INSERT INTO former_token (token) SELECT token FROM state WHERE token IS NOT NULL;
-- Download (a record's round) -> the epoch in which its records were read: what their versions mean.
CREATE TABLE download (round INTEGER PRIMARY KEY, epoch TEXT NOT NULL);
INSERT INTO download SELECT round, epoch FROM state WHERE epoch IS NOT NULL;
-- Deposited after the tablet was revoked: it has no verdict, but need not be sent again.
ALTER TABLE edit ADD COLUMN deposited INTEGER NOT NULL DEFAULT 0;
-- Fields that the server did not know (JSON), and what the office decided on a refused edit (JSON).
ALTER TABLE edit ADD COLUMN refused_fields TEXT;
ALTER TABLE edit ADD COLUMN decided TEXT;
"""

_STEPS = (_SCHEMA, _PACKAGE, _HARD_CASES)
"""What each version of the file added to the one before it."""


class Store:
    """The open file. Threads of one process share it; a second process may open it too and waits for its turn."""

    def __init__(self, path: Path | str, server: str) -> None:
        """Open or make the file. ``server`` replaces the address that it holds.

        Raises:
            StoreTooNew: a newer version of the app wrote it.
        """
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._connection.row_factory = sqlite3.Row
        # What a person entered must outlive a flat battery, not only a crash of the app. With WAL, FULL is one fsync
        # a commit; fullfsync is what Apple's devices need for the same promise.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        with self.transaction() as connection:
            found: int = connection.execute("PRAGMA user_version").fetchone()[0]
            if found > SCHEMA_VERSION:
                raise StoreTooNew(f"The file has version {found}; this app knows {SCHEMA_VERSION}.")
            for step in _STEPS[found:]:
                # Statement by statement: executescript would commit what it finds open.
                for statement in _statements(step):
                    connection.execute(statement)
            if found == 0:
                connection.execute("INSERT INTO state (only_row, server) VALUES (1, ?)", (server,))
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("UPDATE state SET server = ? WHERE server <> ?", (server, server))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and on the disk when the block ends. Within another one, it becomes part of that."""
        with self._lock:
            if self._depth == 0:
                # IMMEDIATE: what is read inside is still true when it is written.
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._connection
            except BaseException:
                # SQLite has rolled back by itself where the disk was full: that is the error to be told.
                if self._depth == 1 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def read(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of one SELECT."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def state(self) -> sqlite3.Row:
        """The one row of ``state``."""
        return self.read("SELECT * FROM state")[0]

    def close(self) -> None:
        """Close the file. Nothing needs to be saved: all of it already is."""
        with self._lock:
            self._connection.close()


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
