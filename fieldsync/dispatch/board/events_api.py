"""The board's events over HTTP: a console hears that something has changed, and asks for what."""

from __future__ import annotations

from flask import Response, current_app, request

from fieldsync.auth.actor import Blueprint, staff_actor
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.dispatch.board.problems import StreamsTaken
from fieldsync.dispatch.board.streams import Reader, open_stream
from fieldsync.shapes import refuses

READERS = ("dispatcher", "admin")
MINUTE_S = 60.0

blp = Blueprint(
    "board_events", __name__, url_prefix="/v1/board/events", actors=READERS,
    description="Server-sent events: that something has changed. What it is, `GET /v1/board/changes` tells.",
)  # fmt: skip

_LAST = {
    "in": "header", "name": "Last-Event-ID", "required": False, "schema": {"type": "string"},
    "description": "The `change` up to which you know everything. If the head is further, an event comes at once.",
}  # fmt: skip
_STREAM = {
    "description": "Events `change` with `data: {\"change\": n}` and the same number as `id`; comments as heartbeats.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}  # fmt: skip


@blp.get("")
@blp.doc(parameters=[_LAST], responses={200: _STREAM})
@refuses(StreamsTaken)
def listen() -> Response:
    """Listen to changes

    An event comes when anything in the partnership has changed, within a second, and never more often than five times a
    second: it may be about something that you do not see. The first one says where the partnership stands. Every
    15 seconds without one a comment comes. The stream ends after a while, with the token, and when the server is
    stopped: connect again, with `Last-Event-ID`.
    """
    settings: Settings = current_app.config["FIELDSYNC"]
    actor = staff_actor()
    # The stream outlives the request's session; while it waits it must hold no connection.
    db.session.remove()
    given = request.headers.get("Last-Event-ID", "")
    stream = open_stream(
        db.engine,
        Reader(actor.partnership_id, actor.staff_id, actor.token_id, READERS),
        int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else None,
        most=settings.board_streams,
        seconds=settings.board_stream_minutes * MINUTE_S,
        sock=request.environ.get("gunicorn.socket"),
    )
    response = Response(stream, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    response.headers["Cache-Control"] = "no-store"
    return response
