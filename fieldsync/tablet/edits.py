"""The queue of numbered edits, and the journal of those that the server has acknowledged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fieldsync.tablet.problems import EditTooLarge, JournalTooShort, ReadOnly

READ_ONLY = frozenset({"assignment", "jurisdiction", "service_type"})
"""Kinds that the feed brings and nobody edits here: the server would refuse it, days later perhaps."""

EDIT_BYTES_MAX = 256 * 1024
"""One edit as JSON. The server's own limits on text stay below it; a batch of one edit must always be possible."""

BATCH_EDITS_MAX = 500
"""Edits in one exchange: about 150 kB of JSON, 15 kB compressed. The server takes 1,000."""

BATCH_BYTES_MAX = 2 * 1024 * 1024
"""JSON in one exchange before compression; the server takes 16 MB."""

JOURNAL_EDITS_MAX = 20_000
"""Acknowledged edits kept at most, however many the server asks for: some 10 MB."""

JOURNAL_EDITS = 5_000
JOURNAL_DAYS = 14
"""How many, and how long, where the server does not say. They are for one that comes back from a backup."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an edit on the server: the first verdict, also where the answer said ``repeated``."""

    verdict: str
    """``refused``, ``conflicted``, ``merged`` or ``applied``."""
    version: int | None
    """The record's version once the edit was done; None where it was refused."""
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    problem: dict[str, Any] | None = None
    """For ``refused``: ``code``, ``title``, ``detail`` and, where known, ``field``."""
    refused_fields: list[dict[str, Any]] = field(default_factory=list)
    """Fields that the edit was taken without, as the server is older than this app: a problem for each."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to one record, as it was entered on this tablet."""

    seq: int
    edit_id: str
    kind: str
    record_id: str
    action: str
    base_version: int | None
    observed_at: str
    fields: dict[str, Any]
    verdict: Verdict | None
    """None while it waits."""
    decided: dict[str, Any] | None = None
    """What the office decided on a refused edit: ``state`` (``applied``, ``sent_back``, ``dismissed``), ``reason``,
    ``by``, ``at``."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Edits to be sent, in their order; ``more`` says that others wait behind them."""

    sent: list[str]
    """Each edit as JSON text."""
    more: bool


def enter(
    connection: sqlite3.Connection, kind: str, record_id: str, action: str, base_version: int | None,
    fields: Mapping[str, Any], observed_at: datetime, edit_id: str, epoch: str | None = None,
) -> int:  # fmt: skip
    """Give an edit the next number and put it into the queue. Returns the number.

    ``epoch``: that of ``base_version``, where it is another than that of the last answer.

    Raises:
        ReadOnly: records of this kind are not edited on a tablet.
        EditTooLarge: its JSON is larger than ``EDIT_BYTES_MAX``.
        TypeError, ValueError: a value cannot be JSON.
    """
    if kind in READ_ONLY:
        raise ReadOnly(f"The office enters what is a {kind}.")
    seq: int = connection.execute("SELECT next_seq FROM state").fetchone()[0]
    document = {
        "seq": seq,
        "edit_id": edit_id,
        "kind": kind,
        "record_id": record_id,
        "action": action,
        "base_version": base_version,
        "observed_at": instant(observed_at),
        "fields": fields,
    }
    if epoch is not None:
        document["epoch"] = epoch
    sent = to_json(document)
    if len(sent.encode()) > EDIT_BYTES_MAX:
        raise EditTooLarge(f"An edit may have {EDIT_BYTES_MAX:,} bytes.")
    connection.execute(
        "INSERT INTO edit (seq, edit_id, kind, record_id, action, sent) VALUES (?, ?, ?, ?, ?, ?)",
        (seq, edit_id, kind, record_id, action, sent),
    )
    connection.execute("UPDATE state SET next_seq = ?", (seq + 1,))
    return seq


def batch(connection: sqlite3.Connection, edits_max: int) -> Batch:
    """The edits that wait, from the first, as many as one exchange may carry."""
    rows = connection.execute(
        "SELECT sent FROM edit WHERE verdict IS NULL ORDER BY seq LIMIT ?", (edits_max + 1,)
    ).fetchall()
    sent: list[str] = []
    size = 0
    for (text,) in rows[:edits_max]:
        size += len(text.encode())
        if sent and size > BATCH_BYTES_MAX:
            break
        sent.append(text)
    return Batch(sent, len(rows) > len(sent))


def settle(connection: sqlite3.Connection, verdicts: Iterable[Mapping[str, Any]], server_time: str) -> None:
    """Write the verdicts of an answer beside their edits. A repetition brings the verdict of the first time."""
    at = instant(datetime.fromisoformat(server_time))
    rows = []
    for given in verdicts:
        first = given["recorded"] if given["verdict"] == "repeated" else given
        refused = first["verdict"] == "refused"
        rows.append(
            {
                "verdict": first["verdict"],
                "version": first["version"],
                "conflicts": to_json(first["conflicts"]),
                "problem": None if first["problem"] is None else to_json(first["problem"]),
                "refused": refused,
                "attention": refused or bool(first["conflicts"]) or bool(first.get("refused_fields")),
                "refused_fields": to_json(first["refused_fields"]) if first.get("refused_fields") else None,
                "at": at,
                "seq": given["seq"],
                "edit_id": given["edit_id"],
            }
        )
    # By number and id: a verdict on anything but the edit that bears this number here is none of ours. What was
    # refused never stands, so it is not shown over the record any longer. What a person has put aside stays aside.
    connection.executemany(
        """UPDATE edit SET verdict = :verdict, version = :version, conflicts = :conflicts, problem = :problem,
               refused_fields = :refused_fields, attention = :attention, shown = shown AND NOT :refused,
               acknowledged_at = :at
           WHERE seq = :seq AND edit_id = :edit_id AND verdict IS NULL""",
        rows,
    )


def hide_settled(connection: sqlite3.Connection, complete: bool) -> None:
    """Stop drawing acknowledged edits over records that now hold what came of them.

    ``complete``: the feed was read to its end after they were acknowledged, so all records do.
    """
    connection.execute(
        """UPDATE edit SET shown = 0
           WHERE shown AND verdict IS NOT NULL
             AND (? OR EXISTS (SELECT 1 FROM record r
                               WHERE r.kind = edit.kind AND r.id = edit.record_id AND r.version >= edit.version))""",
        (complete,),
    )


def follow_server(connection: sqlite3.Connection, expected_seq: int) -> None:
    """Make the queue begin where the server says.

    Lower than the first edit that waits: the server has lost edits (it was restored from a backup), which wait again.
    Higher than our next number: this tablet's file is an old copy; its next edit takes the number that is free.

    Raises:
        JournalTooShort: the server lost edits that are not in the journal any more.
    """
    next_seq: int = connection.execute("SELECT next_seq FROM state").fetchone()[0]
    if expected_seq >= next_seq:
        connection.execute("UPDATE state SET next_seq = ?", (expected_seq,))
        return
    (held,) = connection.execute("SELECT count(*) FROM edit WHERE seq >= ?", (expected_seq,)).fetchone()
    if held < next_seq - expected_seq:
        # The oldest from which on nothing is missing.
        (missing,) = connection.execute(
            "SELECT max(seq) FROM edit WHERE NOT EXISTS (SELECT 1 FROM edit e WHERE e.seq = edit.seq - 1)"
        ).fetchone()
        raise JournalTooShort(expected_seq, next_seq if missing is None else missing)
    put_back(connection, expected_seq)


def put_back(connection: sqlite3.Connection, from_seq: int) -> None:
    """Let acknowledged edits wait again, from a number on."""
    connection.execute(
        """UPDATE edit SET verdict = NULL, version = NULL, conflicts = NULL, problem = NULL, attention = 0, shown = 1,
               acknowledged_at = NULL, refused_fields = NULL, decided = NULL
           WHERE seq >= ? AND verdict IS NOT NULL""",
        (from_seq,),
    )


def remember_epoch(connection: sqlite3.Connection, epoch: str) -> None:
    """The server has another epoch from now on: write the one until now into the edits whose base version is of it.

    Until now they needed none, being of the envelope's. It is no part of what an edit says, so it is the same edit.
    """
    connection.execute(
        """UPDATE edit SET sent = substr(sent, 1, length(sent) - 1) || ',"epoch":' || json_quote(?) || '}'
           WHERE json_extract(sent, '$.base_version') > 0 AND json_extract(sent, '$.epoch') IS NULL""",
        (epoch,),
    )


def prune(connection: sqlite3.Connection, server_time: str, limits: Mapping[str, Any]) -> None:
    """Drop acknowledged edits beyond the journal's bounds, in number and age, except what the person still has to see.

    ``limits``: those of the server's last answer. The age goes by the server's clock: the tablet's may jump by days.
    """
    most, days = limits.get("acknowledged_edits"), limits.get("acknowledged_days")
    most = most if type(most) is int and most >= 0 else JOURNAL_EDITS
    days = days if type(days) is int and 0 <= days <= 36_500 else JOURNAL_DAYS
    oldest = instant(datetime.fromisoformat(server_time) - timedelta(days=days))
    connection.execute(
        """DELETE FROM edit
           WHERE verdict IS NOT NULL AND NOT shown AND NOT attention AND seq > 0
             AND (seq < (SELECT next_seq FROM state) - ? OR acknowledged_at < ?)""",
        (min(most, JOURNAL_EDITS_MAX), oldest),
    )


def go_on_after(connection: sqlite3.Connection, expected_seq: int, deposited_seq: int | None) -> None:
    """The server knows the device that this tablet was: what it has of its edits is not sent a second time.

    Those below ``expected_seq`` were received; of some the tablet has not heard, and never will. Those up to
    ``deposited_seq`` wait there for a person. All others wait here (again).
    """
    put_back(connection, expected_seq)
    has_below = max(expected_seq, 0 if deposited_seq is None else deposited_seq + 1)
    connection.execute("DELETE FROM edit WHERE seq > 0 AND seq < ? AND verdict IS NULL", (has_below,))


def renumber(connection: sqlite3.Connection) -> None:
    """Number the waiting edits from 1: the tablet is a new device to the server. The old journal goes."""
    connection.execute("DELETE FROM edit WHERE verdict IS NOT NULL AND NOT attention")
    connection.execute("UPDATE edit SET deposited = 0 WHERE deposited")
    # What the person still has to see stays, under numbers that are no longer used for anything.
    (aside,) = connection.execute("SELECT coalesce(min(seq), 0) FROM edit WHERE seq < 0").fetchone()
    for row in connection.execute("SELECT seq FROM edit WHERE verdict IS NOT NULL AND seq > 0 ORDER BY seq").fetchall():
        aside -= 1
        connection.execute("UPDATE edit SET seq = ?, shown = 0 WHERE seq = ?", (aside, row["seq"]))
    # In order and downwards only, so that no number is taken twice on the way.
    waiting = connection.execute("SELECT seq, sent FROM edit WHERE verdict IS NULL ORDER BY seq").fetchall()
    for number, row in enumerate(waiting, start=1):
        sent = to_json(json.loads(row["sent"]) | {"seq": number})
        connection.execute("UPDATE edit SET seq = ?, sent = ? WHERE seq = ?", (number, sent, row["seq"]))
    connection.execute("UPDATE state SET next_seq = ?", (len(waiting) + 1,))


def from_row(row: sqlite3.Row) -> Edit:
    """The edit that a row of the table holds."""
    document = json.loads(row["sent"])
    verdict = None
    if row["verdict"] is not None:
        problem = None if row["problem"] is None else json.loads(row["problem"])
        refused_fields = json.loads(row["refused_fields"] or "[]")
        verdict = Verdict(row["verdict"], row["version"], json.loads(row["conflicts"]), problem, refused_fields)
    return Edit(
        row["seq"], row["edit_id"], row["kind"], row["record_id"], row["action"], document["base_version"],
        document["observed_at"], document["fields"], verdict,
        None if row["decided"] is None else json.loads(row["decided"]),
    )  # fmt: skip


def to_json(value: Any) -> str:
    """JSON as it is sent. NaN and infinity are no JSON; moments are UTC with ``Z``.

    Raises:
        TypeError, ValueError: it holds something that cannot be sent.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def instant(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")
