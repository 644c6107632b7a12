"""What the server and PostgreSQL wrote into their logs meanwhile, and whether the database's own pages are whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import psycopg

from fieldsync.simulate.laws import Law
from tests.faults.stage import Stage

LINE_CHARS_MAX = 700

CRASHES = re.compile(
    r"sent SIG(BUS|SEGV|ILL|FPE|ABRT)|WORKER TIMEOUT|Error handling request|Exception in worker process"
)
"""What gunicorn writes when a worker dies otherwise than by our hand, or fails outside the application."""

DAMAGE = re.compile(r"invalid page|could not read block|checksum|corrupt|missing chunk|deadlock detected")
"""A page that is not what was written; and a deadlock, which the order of locks rules out."""

EXPECTED_PANICS = re.compile(r"No space left on device")
"""PostgreSQL cannot go on without its log. It stops, and recovers when there is room."""

_CHECK_INDEXES = """
    SELECT c.oid::regclass::text, bt_index_check(c.oid, heapallindexed => true)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.amname = 'btree' AND n.nspname = 'public' AND i.indisvalid AND c.relpersistence = 'p'
"""


def server_laws(log: Path) -> list[Law]:
    """No request, and nothing in the background, failed in a way that we had not foreseen."""
    law = Law("Nothing unforeseen in the server's log", "")
    lines = 0
    faults: Counter[str] = Counter()
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            lines += 1
            if found := _fault(line):
                faults[found] += 1
    law.findings = [f"{count} times: {fault}" for fault, count in faults.most_common()]
    law.checked = f"{lines:,} lines"
    return [law]


def _fault(line: str) -> str | None:
    """What a line of the log says of a fault; None where it says nothing of one."""
    if line.startswith("{"):
        try:
            said = json.loads(line)
        except ValueError:
            return None  # Two processes wrote at once, or one was killed within the line.
        if said.get("level") not in ("error", "critical"):
            return None
        trace = str(said.get("exception", "")).strip().splitlines()
        return f"{said.get('event')}: {' / '.join(trace[-1:])}"[:LINE_CHARS_MAX]
    if CRASHES.search(line):
        return re.sub(r"\d+", "…", line.strip())[:LINE_CHARS_MAX]
    return None


def database_laws(here: Stage) -> list[Law]:
    """PostgreSQL kept its promises to us."""
    law = Law("The database's pages and indexes are whole", "")
    for line in here.database_log.read_text(encoding="utf-8", errors="replace").splitlines():
        if DAMAGE.search(line) or ("PANIC:" in line and not EXPECTED_PANICS.search(line)):
            law.findings.append(line[:LINE_CHARS_MAX])
    indexes = 0
    with psycopg.connect(here.cluster.databases._url("fieldsync", None), autocommit=True) as admin:
        try:
            admin.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            indexes = len(admin.execute(_CHECK_INDEXES).fetchall())
        except psycopg.errors.FeatureNotSupported:
            law.checked = "the log only: amcheck is not installed"
        except psycopg.Error as error:
            law.findings.append(str(error)[:LINE_CHARS_MAX])
    law.checked = law.checked or f"{indexes} indexes against their tables (amcheck)"
    return [law]
