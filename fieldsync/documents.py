"""JSON documents over HTTP: bodies that msgspec reads, preconditions, and answers that the database made."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

import msgspec
from flask import Response, request

from fieldsync.bodies import read_json_body
from fieldsync.explain import explained
from fieldsync.problems import MalformedBody, NotFound, PreconditionFailed, PreconditionRequired, Unprocessable

Shape = TypeVar("Shape")

IF_MATCH = {
    "in": "header", "name": "If-Match", "required": True, "schema": {"type": "string"},
    "description": "The ETag that you read. Without it: 428. If the record has changed since: 412 and the present one.",
}  # fmt: skip
IDEMPOTENCY_KEY = {
    "in": "header", "name": "Idempotency-Key", "required": False, "schema": {"type": "string", "format": "uuid"},
    "description": "The id of this edit, chosen by you. Sent again with the same body: 200 and the same record; with"
                   " another body: 409 `edit_reused`.",
}  # fmt: skip


STALE = (NotFound, PreconditionFailed, PreconditionRequired)
"""What a change of a record with an ETag may meet."""


def etag(version: int) -> str:
    """A strong entity tag."""
    return f'"{version}"'


def versions_wanted() -> frozenset[int]:
    """The versions that the request's If-Match accepts. A weak tag, or one that is none of ours, matches nothing.

    Raises:
        PreconditionRequired: there is none; or it is ``*``, which would overwrite what nobody has looked at.
    """
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        raise PreconditionRequired
    tags = request.if_match.as_set()
    # An empty tag is None to Werkzeug.
    return frozenset(int(tag) for tag in tags if tag and tag.isascii() and tag.isdecimal() and len(tag) < 10)


def idempotency_key() -> UUID | None:
    """The request's Idempotency-Key.

    Raises:
        Unprocessable: it is no UUID.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    try:
        return UUID(given.strip('"'))
    except ValueError:
        raise Unprocessable("The Idempotency-Key must be a UUID.", field="Idempotency-Key") from None


def entered_fields() -> dict[str, msgspec.Raw]:
    """The request's body as the fields of an edit, each as it was sent.

    Raises:
        MalformedBody: it is not a JSON object in UTF-8.
    """
    body = _text()
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise MalformedBody("The body is not a JSON object.") from error


def read_body(shape: type[Shape]) -> Shape:
    """The request's body as a msgspec type.

    Raises:
        MalformedBody: it is not JSON in UTF-8.
        Unprocessable: a field is missing, unknown or not acceptable.
    """
    body = _text()
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        reason, field = explained(error)
        raise Unprocessable(reason, field=field or "body") from error
    except msgspec.DecodeError as error:
        raise MalformedBody("The body is not JSON.") from error


def _text() -> bytes:
    body = read_json_body()
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    return body


def json_response(document: str | bytes, version: int | None = None, status: int = 200) -> Response:
    """JSON text as the answer, with the record's ETag where there is one."""
    response = Response(document, status, mimetype="application/json")
    if version is not None:
        response.headers["ETag"] = etag(version)
    return response
