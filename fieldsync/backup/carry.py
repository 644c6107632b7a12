"""Who may come in: what was changed about that after the backup was made, brought into the restored state.

A backup is put back for the work that is in it. Taken as it is, it would let in a tablet that was stolen since, and
shut out one that was given a new token. So devices and their tokens are made as they are in the database that is
replaced, and what was ended since stays ended. People's names, passwords and roles are those of the backup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

ROWS_AT_ONCE = 5_000
"""Read and written in one go: some 2 MB."""

_DEVICE = """
    jsonb_to_recordset(%(rows)s::jsonb) AS r (partnership_id uuid, id uuid, crew_id uuid, name text, app_version text,
        enrolled_at timestamptz, revoked_at timestamptz, revoked_by uuid, quarantined boolean, former_crew_ids uuid[])
    LEFT JOIN staff s ON s.partnership_id = r.partnership_id AND s.id = r.revoked_by
"""

# Nothing that they sent is there: they begin at number 1, and offer all that they hold. Theirs is the same token.
_ADD_DEVICES = f"""
    INSERT INTO device (partnership_id, id, crew_id, name, app_version, next_seq, enrolled_at, revoked_at, revoked_by,
                        quarantined)
    SELECT r.partnership_id, r.id, r.crew_id, r.name, r.app_version, 1, r.enrolled_at, r.revoked_at, s.id,
           coalesce(r.quarantined, false)
    FROM {_DEVICE} JOIN crew c ON c.partnership_id = r.partnership_id AND c.id = r.crew_id
    ON CONFLICT (partnership_id, id) DO NOTHING
    RETURNING name
"""

_END_DEVICES = f"""
    UPDATE device d SET revoked_at = r.revoked_at, revoked_by = s.id, quarantined = coalesce(r.quarantined, false)
    FROM {_DEVICE}
    WHERE d.partnership_id = r.partnership_id AND d.id = r.id AND r.revoked_at IS NOT NULL AND d.revoked_at IS NULL
    RETURNING d.name
"""

# Where somebody moved it since, it is its old crew's again, or never was: what it offers of the other's is taken.
_REMEMBER_CREWS = f"""
    UPDATE device d SET former_crew_ids = ARRAY(
        SELECT DISTINCT c FROM unnest(d.former_crew_ids || coalesce(r.former_crew_ids, '{{}}') || r.crew_id) c
        WHERE c <> d.crew_id)
    FROM {_DEVICE}
    WHERE d.partnership_id = r.partnership_id AND d.id = r.id
      AND NOT (coalesce(r.former_crew_ids, '{{}}') || r.crew_id) <@ (d.former_crew_ids || d.crew_id)
    RETURNING d.name
"""

_GIVEN = """
    jsonb_to_recordset(%(rows)s::jsonb) AS r (partnership_id uuid, token_hash bytea, id uuid, device_id uuid,
        purpose text, label text, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz,
        last_used_at timestamptz)
"""

_ADD_TOKENS = f"""
    INSERT INTO token AS t (partnership_id, token_hash, id, device_id, purpose, label, created_at, expires_at,
                            revoked_at, last_used_at)
    SELECT r.* FROM {_GIVEN} JOIN device d ON d.partnership_id = r.partnership_id AND d.id = r.device_id
    ON CONFLICT (partnership_id, token_hash) DO UPDATE SET revoked_at = excluded.revoked_at
    RETURNING t.xmax = 0
"""

_END_TOKENS = f"""
    UPDATE token t SET revoked_at = r.revoked_at
    FROM {_GIVEN}
    WHERE t.partnership_id = r.partnership_id AND t.token_hash = r.token_hash AND t.revoked_at IS NULL
    RETURNING coalesce(t.label, t.purpose)
"""

_END_STAFF = """
    UPDATE staff s SET disabled_at = r.disabled_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (partnership_id uuid, id uuid, disabled_at timestamptz)
    WHERE s.partnership_id = r.partnership_id AND s.id = r.id AND s.disabled_at IS NULL
    RETURNING s.email
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """What was brought over, by name."""

    devices_added: list[str]
    devices_ended: list[str]
    tokens_added: int
    """Of devices that the backup knows."""
    tokens_ended: list[str]
    staff_ended: list[str]


def carry(restored: Connection, replaced: Connection) -> Carried:
    """Bring who may come in from the replaced database into the restored one, in the caller's transaction.

    Raises:
        psycopg.Error: the replaced database cannot be read.
    """
    added, ended = [], []
    for rows in _rows(replaced, "device d", "d"):
        added += _names(restored, _ADD_DEVICES, rows)
        ended += _names(restored, _END_DEVICES, rows)
        _names(restored, _REMEMBER_CREWS, rows)
    tokens = 0
    for rows in _rows(replaced, "token d WHERE d.device_id IS NOT NULL", "d"):
        tokens += sum(_names(restored, _ADD_TOKENS, rows))
    tokens_ended = []
    for rows in _rows(replaced, "token d WHERE d.purpose = 'api' AND d.revoked_at IS NOT NULL", "d"):
        tokens_ended += _names(restored, _END_TOKENS, rows)
    staff = []
    for rows in _rows(replaced, "staff d WHERE d.disabled_at IS NOT NULL", "d"):
        staff += _names(restored, _END_STAFF, rows)
    return Carried(added, ended, tokens, tokens_ended, staff)


def _rows(connection: Connection, source: str, name: str) -> Iterator[str]:
    """The rows as JSON, many at a time: whatever columns the code that made them knew."""
    with connection.transaction(), connection.cursor(name="carry") as cursor:
        cursor.execute(f"SELECT to_jsonb({name}) FROM {source}")
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield json.dumps([row[0] for row in rows])


def _names(connection: Connection, statement: str, rows: str) -> list[Any]:
    return [name for (name,) in connection.execute(statement, {"rows": rows}).fetchall()]
