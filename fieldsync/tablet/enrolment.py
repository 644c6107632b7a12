"""Joining a crew by a code, and trading the token for a new one."""

from __future__ import annotations

from typing import Any

from fieldsync.tablet import edits
from fieldsync.tablet.edits import to_json
from fieldsync.tablet.line import Line, ask
from fieldsync.tablet.problems import NotEnrolled, Unreachable
from fieldsync.tablet.store import Store

ENROL = "/v1/devices/enrol"
ROTATE = "/v1/devices/current/token"


def enrol(store: Store, line: Line, code: str, app_version: str) -> None:
    """See ``Tablet.enrol``."""
    answer = ask(line, "POST", ENROL, body=to_json({"code": code, "app_version": app_version}))
    crew = answer.get("crew")
    token, device_id = _text(answer, "token"), _text(answer, "device_id")
    crew_id = _text(crew if isinstance(crew, dict) else {}, "id")
    with store.transaction() as connection:
        edits.renumber(connection)
        # No cursor: another device of perhaps another crew begins from the start.
        connection.execute(
            "UPDATE state SET token = ?, device_id = ?, crew_id = ?, cursor = NULL, complete = 0, turn = turn + 1",
            (token, device_id, crew_id),
        )
        # Perhaps another partnership's: none is better than a wrong one.
        connection.execute("DELETE FROM package")


def rotate(store: Store, line: Line) -> None:
    """See ``Tablet.rotate_token``."""
    token = store.state()["token"]
    if token is None:
        raise NotEnrolled("This tablet has not been enrolled.")
    new = _text(ask(line, "POST", ROTATE, token=token), "token")
    # On the disk before it is used: from its first use on, the server takes no other.
    with store.transaction() as connection:
        connection.execute("UPDATE state SET token = ? WHERE token = ?", (new, token))


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise Unreachable(f"The answer has no {name}.")
    return value
