"""Refused edits: what the office decided on them, and entering one again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from fieldsync.tablet import edits, replica
from fieldsync.tablet.edits import to_json
from fieldsync.tablet.line import Line, ask
from fieldsync.tablet.problems import NotEnrolled, NotRefused, Unreachable
from fieldsync.tablet.store import Store

PATH = "/v1/sync/refused"

_STATES = frozenset({"applied", "sent_back", "dismissed"})


def is_news(connection: sqlite3.Connection, told: int | None) -> bool:
    """Whether the office has decided on a refused edit since we last looked; ``told``: how often it has in all.

    Fewer than we know of: the server was restored from a backup, or this tablet is a new device to it.
    """
    if told is None:
        return False
    (seen,) = connection.execute("SELECT refusals_decided FROM state").fetchone()
    if told < seen:
        connection.execute("UPDATE state SET refusals_decided = 0")
    return bool(told != seen)


def fetch(store: Store, line: Line) -> int:
    """Fetch what the office has decided since we last looked. Returns how many decisions came.

    Each page is stored before the next is asked for, so that it goes on from there if the line breaks.

    Raises:
        NotEnrolled, Unreachable, ServerRefused
    """
    came = 0
    while True:
        state = store.state()
        if state["token"] is None:
            raise NotEnrolled("This tablet has not been enrolled.")
        path = f"{PATH}?decided_after={state['refusals_decided']}"
        page = ask(line, "GET", path, token=state["token"])
        try:
            rows = [_row(item) for item in page["items"]]
            upto = rows[-1]["number"] if page["next"] is not None else int(page["decided"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Unreachable(f"The answer has not the shape of a list of refused edits: {error}.") from error
        with store.transaction() as connection:
            # Once put aside, a refusal comes back before the person with the office's words, and only then.
            connection.executemany(
                """UPDATE edit SET decided = :decided, attention = :attention
                   WHERE edit_id = :edit_id AND verdict IS NOT NULL AND decided IS NOT :decided""",
                rows,
            )
            connection.execute("UPDATE state SET refusals_decided = ?", (upto,))
        came += len(rows)
        if page["next"] is None:
            return came


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    decided = item["decided"]
    if decided["state"] not in _STATES:
        raise ValueError(decided["state"])
    # What the office has entered itself, the feed brings: nobody has to do anything any more.
    return {
        "edit_id": str(item["edit_id"]),
        "decided": to_json(decided),
        "attention": decided["state"] != "applied",
        "number": int(decided["number"]),
    }


def enter_again(
    connection: sqlite3.Connection, seq: int, fields: Mapping[str, Any], without: Collection[str], at: datetime,
    edit_id: str,
) -> int:  # fmt: skip
    """See ``Tablet.enter_again``."""
    row = connection.execute("SELECT * FROM edit WHERE seq = ?", (seq,)).fetchone()
    if row is None or (row["verdict"] != "refused" and row["refused_fields"] is None):
        raise NotRefused(f"Edit {seq} was not refused.")
    entered, action = dict(json.loads(row["sent"])["fields"]), row["action"]
    if row["verdict"] != "refused":
        # The rest of it stands already.
        names = {problem["field"] for problem in json.loads(row["refused_fields"])}
        entered, action = {name: value for name, value in entered.items() if name in names}, "update"
    entered = {name: value for name, value in entered.items() if name not in without} | dict(fields)
    # A refused creation makes the record under the id that it has here, so that what hangs on it finds it.
    kind, record_id = row["kind"], row["record_id"]
    base, epoch = (None, None) if action == "create" else replica.base_of(connection, kind, record_id)
    new = edits.enter(connection, kind, record_id, action, base, entered, at, edit_id, epoch)
    connection.execute("UPDATE edit SET attention = 0 WHERE seq = ?", (seq,))
    return new
