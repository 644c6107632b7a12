"""What the crew sees: the server's records from the feed, with its own edits that are not in them yet drawn over."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fieldsync.tablet.edits import to_json

WORK_ORDER = "work_order"
ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the crew sees it."""

    kind: str
    id: str
    version: int
    """As last seen in the feed; 0 for one that was made here and has not come back yet."""
    fields: dict[str, Any]
    own_edits: int
    """Edits made here that are drawn over it and not confirmed by the feed yet."""


def take(
    connection: sqlite3.Connection, changes: Sequence[Mapping[str, Any]], *, reset: bool, more: bool,
    epoch: str | None = None,
) -> None:  # fmt: skip
    """Store a page of the feed, read in ``epoch``. The caller stores its cursor in the same transaction.

    After ``reset`` all that the tablet has is obsolete. It is dropped when the download that replaces it is
    complete, and not before: on a bad line a crew rather sees yesterday's jobs than none.
    """
    if reset:
        connection.execute("UPDATE state SET round = round + 1, sweep = 1")
    (number,) = connection.execute("SELECT round FROM state").fetchone()
    if epoch is not None:
        connection.execute("INSERT OR REPLACE INTO download (round, epoch) VALUES (?, ?)", (number, epoch))
    for change in changes:
        if "gone" in change:
            _drop(connection, change["kind"], change["id"])
        elif "patch" in change:
            _fill(connection, change["kind"], change["id"], change["patch"])
        else:
            # Whatever version it has: after a restore, the server's is a lower one, and holds.
            record = change["record"]
            connection.execute(
                "INSERT OR REPLACE INTO record (kind, id, version, work_order_id, round, body)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (change["kind"], change["id"], change["version"], record.get("work_order_id"), number, to_json(record)),
            )
    if not more:
        connection.execute("DELETE FROM record WHERE round < ? AND (SELECT sweep FROM state)", (number,))
        connection.execute("UPDATE state SET sweep = 0 WHERE sweep")
        # Records of earlier rounds are left where a download was begun twice.
        connection.execute("DELETE FROM download WHERE round < (SELECT min(round) FROM record)")
    connection.execute("UPDATE state SET complete = ?", (not more,))


def _fill(connection: sqlite3.Connection, kind: str, record_id: str, patch: Mapping[str, Any]) -> None:
    """Add columns that the app did not know when the record came. It stays at its version."""
    row = connection.execute("SELECT body FROM record WHERE kind = ? AND id = ?", (kind, record_id)).fetchone()
    if row is not None:
        body = to_json(json.loads(row["body"]) | dict(patch))
        connection.execute("UPDATE record SET body = ? WHERE kind = ? AND id = ?", (body, kind, record_id))


def _drop(connection: sqlite3.Connection, kind: str, record_id: str) -> None:
    """Drop a record that is gone; with a work order, all that hangs on it. Edits in the queue stay."""
    connection.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, record_id))
    if kind == WORK_ORDER:
        connection.execute("DELETE FROM record WHERE work_order_id = ?", (record_id,))


def base_of(connection: sqlite3.Connection, kind: str, record_id: str) -> tuple[int, str | None]:
    """The version of the record as last seen in the feed, 0 where the feed has not brought it; and the epoch in which
    that was, where it is another than the last answer's."""
    row = connection.execute(
        """SELECT r.version, d.epoch FROM record r LEFT JOIN download d ON d.round = r.round
               AND d.epoch IS NOT (SELECT epoch FROM state)
           WHERE r.kind = ? AND r.id = ?""",
        (kind, record_id),
    ).fetchone()
    return (0, None) if row is None else (int(row[0]), row[1])


def server_records(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, dict[str, Any]]]:
    """(kind, id) -> (version, record): what the feed has brought, without the tablet's own edits."""
    rows = connection.execute("SELECT kind, id, version, body FROM record")
    return {(kind, record_id): (version, json.loads(body)) for kind, record_id, version, body in rows}


def record(connection: sqlite3.Connection, kind: str, record_id: str) -> Record | None:
    """One record as the crew sees it; None where there is none."""
    base = connection.execute(
        "SELECT id, version, body FROM record WHERE kind = ? AND id = ?", (kind, record_id)
    ).fetchall()
    own = connection.execute(
        "SELECT record_id, sent FROM edit WHERE kind = ? AND record_id = ? AND shown ORDER BY seq", (kind, record_id)
    ).fetchall()
    return _drawn(connection, kind, base, own).get(record_id)


def records(connection: sqlite3.Connection, kind: str, work_order_id: str | None = None) -> list[Record]:
    """All records of a kind as the crew sees them; only those of one work order where it is given."""
    if work_order_id is None:
        base = connection.execute("SELECT id, version, body FROM record WHERE kind = ?", (kind,)).fetchall()
    else:
        base = connection.execute(
            "SELECT id, version, body FROM record WHERE work_order_id = ? AND kind = ?", (work_order_id, kind)
        ).fetchall()
    own = connection.execute(
        "SELECT record_id, sent FROM edit WHERE kind = ? AND shown ORDER BY seq", (kind,)
    ).fetchall()
    seen = _drawn(connection, kind, base, own)
    return [
        found for found in seen.values() if work_order_id is None or found.fields.get("work_order_id") == work_order_id
    ]


def plan(connection: sqlite3.Connection, work_order_id: str | None) -> list[Record]:
    """The assignments that are planned, by their start; only those of one work order where it is given."""
    planned = [found for found in records(connection, ASSIGNMENT, work_order_id) if found.fields["state"] == "planned"]
    return sorted(planned, key=lambda found: (datetime.fromisoformat(found.fields["starts_at"]), found.id))


def _drawn(
    connection: sqlite3.Connection, kind: str, base: Sequence[sqlite3.Row], own: Sequence[sqlite3.Row]
) -> dict[str, Record]:
    """Records by id, with the tablet's own edits (in their order) drawn over them."""
    seen = {row["id"]: Record(kind, row["id"], row["version"], json.loads(row["body"]), 0) for row in base}
    for row in own:
        edit = json.loads(row["sent"])
        under = seen.get(row["record_id"])
        if edit["action"] == "create":
            if under is None and _has_parent(connection, edit["fields"]):
                seen[row["record_id"]] = Record(kind, row["record_id"], 0, dict(edit["fields"]), 1)
        elif under is None:
            continue  # It is gone: with another crew, or deleted. The edit is still sent.
        elif edit["action"] == "delete":
            del seen[row["record_id"]]
        else:
            fields = under.fields | edit["fields"]
            seen[row["record_id"]] = Record(kind, under.id, under.version, fields, under.own_edits + 1)
    return seen


def _has_parent(connection: sqlite3.Connection, fields: Mapping[str, Any]) -> bool:
    """Whether the work order that it hangs on is here: from the feed, or made on this tablet."""
    parent = fields.get("work_order_id")
    if parent is None:
        return True
    found = connection.execute(
        """SELECT EXISTS (SELECT 1 FROM record WHERE kind = :kind AND id = :id)
               OR EXISTS (SELECT 1 FROM edit WHERE kind = :kind AND record_id = :id AND action = 'create' AND shown)""",
        {"kind": WORK_ORDER, "id": str(parent)},
    ).fetchone()
    return bool(found[0])
