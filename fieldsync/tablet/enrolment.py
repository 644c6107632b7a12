"""Joining a crew by a code, and trading the token for a new one."""

from __future__ import annotations

import sqlite3
from typing import Any

from fieldsync.tablet import edits
from fieldsync.tablet.edits import to_json
from fieldsync.tablet.line import Line, ask
from fieldsync.tablet.problems import NotEnrolled, Unreachable
from fieldsync.tablet.store import Store

ENROL = "/v1/devices/enrol"
CURRENT = "/v1/devices/current"
ROTATE = "/v1/devices/current/token"

TOKENS_KEPT = 8
"""Earlier tokens beside the first: changed every few weeks, they reach back further than any backup does."""


def enrol(store: Store, line: Line, code: str, app_version: str) -> None:
    """See ``Tablet.enrol``."""
    # The first one: a server that was restored knows it if it knows the device at all.
    first = store.read("SELECT token FROM former_token ORDER BY number LIMIT 1")
    asked = {"code": code, "app_version": app_version}
    if first:
        asked["former_token"] = first[0]["token"]
    answer = ask(line, "POST", ENROL, body=to_json(asked))
    crew, partnership = _object(answer, "crew"), _object(answer, "partnership")
    token, device_id, crew_id = _text(answer, "token"), _text(answer, "device_id"), _text(crew, "id")
    with store.transaction() as connection:
        if first:
            _sort_out(connection, answer, partnership.get("id"))
        edits.renumber(connection)
        # No cursor: another device of perhaps another crew begins from the start.
        connection.execute(
            """UPDATE state SET token = ?, device_id = ?, crew_id = ?, partnership_id = ?, cursor = NULL, complete = 0,
                   revoked = 0, turn = turn + 1""",
            (token, device_id, crew_id, partnership.get("id")),
        )
        connection.execute("DELETE FROM former_token")
        connection.execute("INSERT INTO former_token (token) VALUES (?)", (token,))
        # Perhaps another partnership's: none is better than a wrong one.
        connection.execute("DELETE FROM package")


def _sort_out(connection: sqlite3.Connection, answer: dict[str, Any], partnership_id: object) -> None:
    """Which edits the server has, and which it has to be sent (again)."""
    former = answer.get("former")
    if isinstance(former, dict):
        deposited = former.get("deposited_seq")
        edits.go_on_after(
            connection, _number(former, "expected_seq"), None if deposited is None else _number(former, "deposited_seq")
        )
        return
    state = connection.execute("SELECT epoch, partnership_id FROM state").fetchone()
    same = state["partnership_id"] in (None, partnership_id)
    if same and state["epoch"] is not None and answer.get("epoch") not in (None, state["epoch"]):
        # It was restored to before this tablet's device was made, and has nothing of what it did.
        edits.put_back(connection, 1)


def rotate(store: Store, line: Line) -> None:
    """See ``Tablet.rotate_token``."""
    token = store.state()["token"]
    if token is None:
        raise NotEnrolled("This tablet has not been enrolled.")
    new = _text(ask(line, "POST", ROTATE, token=token), "token")
    # On the disk before it is used: from its first use on, the server takes no other.
    with store.transaction() as connection:
        if connection.execute("UPDATE state SET token = ? WHERE token = ?", (new, token)).rowcount:
            connection.execute("INSERT OR IGNORE INTO former_token (token) VALUES (?)", (new,))
        connection.execute(
            """DELETE FROM former_token WHERE number > (SELECT min(number) FROM former_token)
                   AND number <= (SELECT max(number) FROM former_token) - ?""",
            (TOKENS_KEPT,),
        )


def fall_back(store: Store, line: Line, refused: str) -> bool:
    """Take up an earlier token that the server takes, now that it does not take ``refused``. Whether there is one.

    So it is where the server was restored from a backup that is older than the last change of the token: it goes by
    the one from then. Elsewhere earlier tokens have ended, and nothing changes.

    Raises:
        Unreachable: nobody knows yet.
    """
    with store.transaction() as connection:
        rows = connection.execute(
            """SELECT number, token FROM former_token
               WHERE number < coalesce((SELECT number FROM former_token WHERE token = ?), 9e18) ORDER BY number DESC""",
            (refused,),
        ).fetchall()
    for row in rows:
        try:
            ask(line, "GET", CURRENT, token=row["token"])
        except NotEnrolled:
            continue
        with store.transaction() as connection:
            connection.execute("UPDATE state SET token = ? WHERE token = ?", (row["token"], refused))
            connection.execute("DELETE FROM former_token WHERE number > ?", (row["number"],))
        return True
    return False


def _object(answer: dict[str, Any], name: str) -> dict[str, Any]:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise Unreachable(f"The answer has no {name}.")
    return value


def _number(answer: dict[str, Any], name: str) -> int:
    value = answer.get(name)
    if type(value) is not int or value < 0:
        raise Unreachable(f"The answer has no {name}.")
    return value
