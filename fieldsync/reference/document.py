"""The OpenAPI document: what flask-smorest gathers, completed with what is the same for many routes.

That is: who may call, the problems that any route may answer with, and the shapes of records and of queued edits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin

from fieldsync.auth.actor import ANYONE, DEVICE, REVOKED_DEVICE, Blueprint
from fieldsync.problems import (
    BodyTooLarge,
    MalformedBody,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    Unprocessable,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from fieldsync.reference.records import complete_exchange

Document = dict[str, Any]

_DEVICES = {DEVICE, REVOKED_DEVICE}

DESCRIPTION = """\
FieldSync is the backend of field crews that neighbouring local governments share.

Tablets and the office both send a bearer token: a tablet gets one at `POST /v1/devices/enrol` for a one-time code, a
member of staff at `POST /v1/sessions` for her password, a program from an admin at `POST /v1/api-tokens`.

- Times are RFC 3339 with a time zone, and in UTC in answers. Points are longitude and latitude in degrees (EPSG:4326).
- Request bodies are JSON, plain or compressed (`Content-Encoding: gzip` or `zstd`), and so are answers.
- Lists come in pages: send `next` of one page as `cursor` for the one after it.
- A problem is `application/problem+json` (RFC 9457). Its `code` is what a program goes by.
- Whatever you may not see answers 404, as if it did not exist.
- Fields may be added to answers at any time: ignore those that you do not know.
"""

PROBLEM_SCHEMA: Document = {
    "type": "object",
    "description": "Why the request was not carried out (RFC 9457). More facts may stand beside these.",
    "properties": {
        "type": {"type": "string", "description": "`urn:fieldsync:problem:` and the code."},
        "title": {"type": "string", "description": "A sentence, the same for every problem with this code."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "For programs to go by; see docs/problems.md."},
        "detail": {"type": "string", "description": "A sentence about this occurrence."},
        "field": {"type": "string", "description": "Where in the request, if it is about one place."},
        "errors": {
            "type": "array",
            "description": "All places that are not acceptable, where there are several.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["field", "detail"],
            },
        },
        "request_id": {"type": ["string", "null"], "description": "Name it when you ask for help."},
    },
    "required": ["type", "title", "status", "code", "detail"],
    "additionalProperties": True,
}

PROBLEM_CONTENT: Document = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

OTHER_PROBLEM: Document = {
    "description": "Any other problem; most often 503 `come_again` or 500 `internal_fault`.",
    "content": PROBLEM_CONTENT,
}

SECURITY_SCHEMES: Document = {
    "deviceToken": {"type": "http", "scheme": "bearer", "description": "A tablet's token (`fsd_…`)."},
    "staffToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A member of staff's session (`fss_…`) or an API token that acts as her (`fsk_…`).",
    },
}


def document_of(app: Flask) -> Document:
    """The OpenAPI document of an application, the same on every machine and for every run."""
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    gathered: Document = api.spec.to_dict()
    document = {name: gathered[name] for name in ("openapi", "info", "tags", "paths", "components")}
    document["servers"] = [{"url": "/"}]
    shared: Document = {"OtherProblem": OTHER_PROBLEM}
    for path, method, endpoint in _routes(app):
        operation = document["paths"].get(path, {}).get(method)
        if operation is not None:
            _complete(app, operation, endpoint, document["paths"][path], shared)
    document["info"]["description"] = DESCRIPTION
    document["tags"] = [tag | {"name": tag["name"].replace("_", " ")} for tag in document["tags"]]
    components = document["components"]
    # In the place of flask-smorest's own error answers.
    components["responses"] = dict(sorted(shared.items()))
    for unused in ("Error", "PaginationMetadata"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = SECURITY_SCHEMES
    complete_exchange(components["schemas"])
    components["schemas"] = dict(sorted(components["schemas"].items()))
    _plain_ticks(document)
    return document


def _plain_ticks(part: Any) -> None:
    """Python's docstrings have double backticks for code; Markdown has single ones."""
    if isinstance(part, dict):
        if isinstance(part.get("description"), str):
            part["description"] = part["description"].replace("``", "`")
        part = part.values()
    elif not isinstance(part, list):
        return
    for inner in part:
        _plain_ticks(inner)


def _routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Path as OpenAPI writes it, method in small letters, endpoint."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield FlaskPlugin.flaskpath2openapi(rule.rule), method.lower(), rule.endpoint


def _complete(app: Flask, operation: Document, endpoint: str, path: Document, shared: Document) -> None:
    blueprint = app.blueprints[endpoint.rpartition(".")[0]]
    assert isinstance(blueprint, Blueprint)
    actors = blueprint.actors_of(endpoint)
    for parameter in operation.get("parameters", ()):
        # apispec writes the default of a comma-separated list as text.
        if isinstance(parameter.get("schema", {}).get("default"), str) and parameter["schema"]["type"] == "array":
            del parameter["schema"]["default"]
    operation["tags"] = [tag.replace("_", " ") for tag in operation["tags"]]
    operation["operationId"] = endpoint.replace(".", "_")
    operation["security"] = _security(actors)
    if roles := [actor for actor in actors if actor not in (ANYONE, *_DEVICES)]:
        needed = ", ".join(f"`{role}`" for role in roles)
        whole = ", for the whole partnership" if blueprint.whole_partnership else ""
        said = operation.get("description", "")
        operation["description"] = f"{said}\n\nRoles: {needed}{whole}.".strip()
    own: Iterable[type[Problem]] = getattr(app.view_functions[endpoint], "problems", ())
    _add_problems(operation, [*_usual(operation, path, actors), *own], shared)


def _security(actors: tuple[str, ...]) -> list[Document]:
    if ANYONE in actors:
        return []
    schemes: list[Document] = [{"staffToken": []}] if set(actors) - _DEVICES else []
    return schemes + ([{"deviceToken": []}] if _DEVICES & set(actors) else [])


def _usual(operation: Document, path: Document, actors: tuple[str, ...]) -> Iterator[type[Problem]]:
    """The problems that follow from the route's kind."""
    if ANYONE not in actors:
        yield NotAuthenticated
        yield NotAllowed
    parameters = [*operation.get("parameters", ()), *path.get("parameters", ())]
    if any(parameter.get("in") == "path" for parameter in parameters):
        yield NotFound
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        yield from (MalformedBody, BodyTooLarge, UnsupportedEncoding, UnsupportedMediaType, Unprocessable)
    elif "requestBody" in operation:
        yield from (BodyTooLarge, Unprocessable)
    elif any(parameter.get("in") == "query" for parameter in parameters):
        yield Unprocessable


def _add_problems(operation: Document, problems: Iterable[type[Problem]], shared: Document) -> None:
    """Give the operation its problems, by status. One that stands alone under its status refers to ``shared``."""
    by_status: dict[str, list[type[Problem]]] = defaultdict(list)
    for problem in problems:
        if problem not in by_status[str(problem.status)]:
            by_status[str(problem.status)].append(problem)
    # What flask-smorest says of a refused argument is said better here.
    answers = {
        str(status): answer
        for status, answer in operation.pop("responses", {}).items()
        if "$ref" not in answer and str(status) != "default"
    }
    for status, answer in answers.items():
        if int(status) >= 400:
            answer["content"] = PROBLEM_CONTENT
    for status, kinds in by_status.items():
        said = answers.get(status, {}).get("description", "")
        lines = [_line(kind) for kind in kinds if f"`{kind.code}`" not in said]
        if said or len(kinds) > 1:
            description = "\n\n".join([said, *lines] if said else lines)
            answers[status] = {"description": description, "content": PROBLEM_CONTENT}
        else:
            shared[kinds[0].__name__] = {"description": lines[0], "content": PROBLEM_CONTENT}
            answers[status] = {"$ref": f"#/components/responses/{kinds[0].__name__}"}
    operation["responses"] = {
        **dict(sorted(answers.items())),
        "default": {"$ref": "#/components/responses/OtherProblem"},
    }


def _line(problem: type[Problem]) -> str:
    return f"`{problem.code}`: {title_of(problem)}"


def title_of(problem: type[Problem]) -> str:
    """The sentence that is the same for every occurrence of a problem."""
    return (problem.__doc__ or "").strip().splitlines()[0]
