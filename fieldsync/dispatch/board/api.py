"""The board over HTTP, for dispatchers and, to read, for admins."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response, current_app

from fieldsync.auth.actor import Blueprint, own_jurisdictions, staff_actor
from fieldsync.clock import now
from fieldsync.database import db
from fieldsync.dispatch.board.read import Reader, Since, read_board, read_changes, read_jobs
from fieldsync.dispatch.board.schemas import BoardArgs, ChangesArgs, JobsArgs
from fieldsync.dispatch.board.shapes import Board, BoardChanges, BoardJobPage
from fieldsync.dispatch.travel import StraightLine
from fieldsync.documents import json_response
from fieldsync.shapes import json_answer

blp = Blueprint(
    "board", __name__, url_prefix="/v1/board", actors=("dispatcher", "admin"),
    description="The board: crews that you may give work to and their days, jobs that wait, and what else does."
                " See docs/board.md for how a console stays current.",
)  # fmt: skip


def _reader(jurisdiction_id: UUID | None) -> Reader:
    """Begin a transaction in which all statements see the same."""
    actor, own = staff_actor(), own_jurisdictions()
    if jurisdiction_id is not None:
        own = frozenset({jurisdiction_id}) if own is None else own & {jurisdiction_id}
    session = db.session()
    session.rollback()  # that of the authentication
    session.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
    return Reader(session, actor.partnership_id, own, now(), StraightLine.of(current_app.config["FIELDSYNC"]))


@blp.get("")
@blp.arguments(BoardArgs, location="query")
@blp.doc(responses={200: json_answer(Board, "The board, all of one moment.")})
def read(asked: dict[str, Any]) -> Response:
    """Read the board of some days

    Crews are those of your jurisdictions, those that an agreement or an offer gives to them at some time of these days,
    and those that work for them then all the same. `change` and `at` are what to ask for changes with.
    """
    reader = _reader(asked["jurisdiction_id"])
    return json_response(msgspec.json.encode(read_board(reader, asked["first"], asked["last"], asked["limit"])))


@blp.get("/jobs")
@blp.arguments(JobsArgs, location="query")
@blp.doc(responses={200: json_answer(BoardJobPage, "A page.")})
def jobs(asked: dict[str, Any]) -> Response:
    """List the open jobs for which nothing is planned, the soonest due first

    The board has the first page of them. Whoever reads on after it asks for the changes since the board's `change`.
    """
    return json_response(
        msgspec.json.encode(read_jobs(_reader(asked["jurisdiction_id"]), asked["cursor"], asked["limit"]))
    )


@blp.get("/changes")
@blp.arguments(ChangesArgs, location="query")
@blp.doc(responses={200: json_answer(BoardChanges, "What has changed, all of one moment.")})
def changes(asked: dict[str, Any]) -> Response:
    """Read what has changed since

    For the same days as the board. Crews come whole, since one assignment bears on the ways and the load around it;
    jobs say whether they wait. Counts are always those of this moment.
    """
    since = Since(asked["since"], asked["seen_at"], asked["epoch"])
    found = read_changes(_reader(asked["jurisdiction_id"]), asked["first"], asked["last"], since)
    return json_response(msgspec.json.encode(found))
