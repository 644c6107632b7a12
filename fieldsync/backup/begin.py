"""Making a restored state a new history, before anybody is let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from fieldsync.partnerships.lineage import Lineage, Shared, begin

Connection = psycopg.Connection[Any]

_HEADS = """
    SELECT h.partnership_id, p.slug, h.epoch, h.change, coalesce(e.entry, 0)
    FROM head h JOIN partnership p ON p.id = h.partnership_id
    -- Its archive belongs to the journal's own table, and is read with it.
    LEFT JOIN (SELECT partnership_id, max(entry) AS entry FROM journal GROUP BY partnership_id) e
        ON e.partnership_id = h.partnership_id
    ORDER BY p.slug
"""

_PAST = "SELECT partnership_id, epoch, entry, change FROM past_epoch"

_KEEP_PAST = """
    INSERT INTO past_epoch (partnership_id, epoch, entry, change, ended_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (partnership_id, epoch) DO UPDATE SET entry = excluded.entry, change = excluded.change
"""

# Whoever is logged in has pages open from a history that has ended; their versions, sent back, would be taken for ours.
_END_SESSIONS = "UPDATE token SET revoked_at = %s WHERE purpose = 'session' AND revoked_at IS NULL"

# One that was used after the backup was made would be good for a second tablet.
_END_CODES = "UPDATE enrolment SET expires_at = %s WHERE used_at IS NULL AND expires_at > %s"


@dataclass(frozen=True, slots=True)
class History:
    """A partnership's history in one database."""

    slug: str
    epoch: UUID
    end: Shared
    past: Lineage


Histories = Mapping[UUID, History]
"""By partnership."""


def read(connection: Connection) -> Histories:
    """The histories of a database, also of one that older code has made.

    Raises:
        psycopg.Error: it cannot be read, or is none of ours.
    """
    past: dict[UUID, dict[str, Shared]] = {}
    if _has(connection, "past_epoch"):
        for partnership_id, epoch, entry, change in connection.execute(_PAST).fetchall():
            past.setdefault(partnership_id, {})[str(epoch)] = Shared(entry, change)
    return {
        partnership_id: History(slug, epoch, Shared(entry, change), past.get(partnership_id, {}))
        for partnership_id, slug, epoch, change, entry in connection.execute(_HEADS).fetchall()
    }


def _has(connection: Connection, table: str) -> bool:
    (found,) = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone() or (False,)
    return bool(found)


def begin_histories(connection: Connection, replaced: Histories, at: datetime) -> dict[UUID, UUID]:
    """Give every partnership a new epoch, remember the past ones, and end log-ins and enrolment codes; in the caller's
    transaction. Returns the new epochs.

    ``replaced``: the histories of the database that is replaced, as far as it can be read.
    """
    epochs: dict[UUID, UUID] = {}
    for partnership_id, restored in read(connection).items():
        other = replaced.get(partnership_id)
        past = begin(
            str(restored.epoch), restored.past, restored.end,
            str(other.epoch) if other else None, other.past if other else None,
        )  # fmt: skip
        rows = [(partnership_id, epoch, *shared, at) for epoch, shared in past.items()]
        connection.cursor().executemany(_KEEP_PAST, rows)
        epochs[partnership_id] = uuid4()
        connection.execute(
            "UPDATE head SET epoch = %s WHERE partnership_id = %s", [epochs[partnership_id], partnership_id]
        )
    connection.execute(_END_SESSIONS, [at])
    connection.execute(_END_CODES, [at, at])
    return epochs
