"""Turning what goes wrong into RFC 9457 problems: one place, for every address."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from flask import Flask, Response, g, make_response
from flask_smorest import Api
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from fieldsync.database import translated
from fieldsync.problems import (
    BadRequest,
    BodyTooLarge,
    ComeAgain,
    InternalFault,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unprocessable,
    UnsupportedMediaType,
)

log = structlog.get_logger()

_BY_STATUS: dict[int, type[Problem]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    422: Unprocessable,
}


class ProblemApi(Api):  # type: ignore[misc]  # flask-smorest is not typed
    """flask-smorest's Api whose errors are ours."""

    def handle_http_exception(self, error: HTTPException) -> Response:
        return answer(from_http(error), error)


def answer(problem: Problem, error: HTTPException | None = None) -> Response:
    """The problem as an HTTP answer."""
    document = problem.document() | {"request_id": g.get("request_id")}
    response = make_response(msgspec.json.encode(document), problem.status)
    response.mimetype = "application/problem+json"
    if error is not None and isinstance(error.code, int) and error.code == 405:
        response.headers.extend(dict(error.get_headers()) | {"Content-Type": "application/problem+json"})
    response.headers.update(problem.headers())
    return response


def from_http(error: HTTPException) -> Problem:
    """The problem that a framework's HTTP error means; marshmallow's messages keep their fields."""
    data: dict[str, Any] = getattr(error, "data", None) or {}
    messages = data.get("messages")
    kind = _BY_STATUS.get(error.code or 500, BadRequest if (error.code or 500) < 500 else InternalFault)
    if not isinstance(messages, dict):
        return kind()
    errors = [{"field": field, "detail": detail} for field, detail in _flat(messages)]
    if not errors:
        return kind()
    return kind(errors[0]["detail"], field=errors[0]["field"], errors=errors[:50])


def _flat(messages: dict[Any, Any], path: str = "") -> list[tuple[str, str]]:
    """marshmallow's nested messages as ``(dotted field, sentence)``; the place (json, query …) is left out."""
    flat: list[tuple[str, str]] = []
    for key, value in messages.items():
        inside = path == "" and key in ("json", "query", "headers", "path", "form", "files", "json_or_form")
        name = "" if inside or key == "_schema" else str(key)
        field = ".".join(part for part in (path, name) if part)
        if isinstance(value, dict):
            flat += _flat(value, field)
        else:
            flat += [(field or "body", str(item)) for item in (value if isinstance(value, list) else [value])]
    return flat


def init_problems(app: Flask) -> None:
    """Every error that leaves the application leaves as a problem."""

    @app.errorhandler(Problem)
    def on_problem(problem: Problem) -> Response:
        return answer(problem)

    @app.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> Response:
        return answer(from_http(error), error)

    @app.errorhandler(PoolTimeout)
    def on_pool(error: PoolTimeout) -> Response:
        log.warning("no database connection was free in time")
        return answer(ComeAgain())

    @app.errorhandler(Exception)
    def on_fault(error: Exception) -> Response:
        meant = translated(error) if isinstance(error, DBAPIError) else error
        if isinstance(meant, Problem):
            return answer(meant)
        log.error("fault", exc_info=error)
        return answer(InternalFault())
