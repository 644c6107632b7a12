"""After the office has revoked this tablet: it shows nothing any more, and hands in what waits.

The server keeps it for a dispatcher, and answers with numbers alone. The queue stays here until the tablet joins anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from fieldsync.tablet import edits
from fieldsync.tablet.edits import BATCH_BYTES_MAX, instant, to_json
from fieldsync.tablet.line import Line, ask
from fieldsync.tablet.problems import NotEnrolled, SequenceGap, ServerRefused, Unreachable
from fieldsync.tablet.store import Store

PATH = "/v1/sync/deposit"
PROTOCOL = 1


def wipe(store: Store) -> None:
    """Drop all that the office ever sent: records, boundaries, others' values in conflicts, the place in the feed. Own
    edits stay."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM record")
        connection.execute("DELETE FROM package")
        # Values of others, and the office's words.
        connection.execute(
            "UPDATE edit SET conflicts = '[]', decided = NULL WHERE conflicts <> '[]' OR decided IS NOT NULL"
        )
        connection.execute(
            "UPDATE state SET revoked = 1, cursor = NULL, complete = 0, refusals_decided = 0, turn = turn + 1"
            " WHERE NOT revoked"
        )


def deposit(store: Store, line: Line, clock: Callable[[], datetime], *, app_version: str, edits_max: int) -> None:
    """Hand in the edits that wait, batch after batch, until all of them are there or the server takes no more.

    Raises:
        Unreachable: nothing came of the last batch; call again later, with the same result.
        NotEnrolled: not even that is taken any more.
        JournalTooShort: the server has lost edits that the tablet no longer holds.
        ServerRefused: the deposit as such is not taken. All of it stays here.
    """
    gap_at = 0
    while True:
        with store.transaction() as connection:
            state = connection.execute("SELECT token, epoch FROM state").fetchone()
            waiting = _batch(connection, edits_max)
        if not waiting:
            return
        if state["token"] is None:
            raise NotEnrolled("This tablet has not been enrolled.")
        head = {"protocol": PROTOCOL, "epoch": state["epoch"], "sent_at": instant(clock()), "app_version": app_version}
        body = f'{to_json(head)[:-1]},"edits":[{",".join(waiting)}]}}'
        try:
            answer = ask(line, "POST", PATH, token=state["token"], body=body)
        except SequenceGap as gap:
            if gap.expected_seq is None or gap.expected_seq == gap_at:
                raise
            gap_at = gap.expected_seq
            with store.transaction() as connection:
                connection.execute("UPDATE edit SET deposited = 0 WHERE seq >= ?", (gap_at,))
                edits.follow_server(connection, gap_at)
            continue
        except ServerRefused as refused:
            if refused.code == "quarantine_full":
                return
            if refused.code != "body_too_large" or len(waiting) <= 1:
                raise
            edits_max = len(waiting) // 2
            continue
        _remember(store, answer.get("deposited_seq"))


def _batch(connection: sqlite3.Connection, edits_max: int) -> list[str]:
    rows = connection.execute(
        "SELECT sent FROM edit WHERE verdict IS NULL AND NOT deposited ORDER BY seq LIMIT ?", (edits_max,)
    )
    sent: list[str] = []
    size = 0
    for (text,) in rows:
        size += len(text.encode())
        if sent and size > BATCH_BYTES_MAX:
            break
        sent.append(text)
    return sent


def _remember(store: Store, deposited_seq: object) -> None:
    if type(deposited_seq) is not int:
        raise Unreachable("The answer has no deposited_seq.")
    with store.transaction() as connection:
        found = connection.execute(
            "UPDATE edit SET deposited = 1 WHERE verdict IS NULL AND NOT deposited AND seq BETWEEN 1 AND ?",
            (deposited_seq,),
        )
    if not found.rowcount:
        raise Unreachable("The answer does not say that anything was deposited.")
