"""The landing page, and the API reference: Swagger UI, served by ourselves and sealed off from everywhere else."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Flask, Response, current_app, request

from fieldsync.auth.actor import ANYONE, Blueprint
from fieldsync.problems import NotFound
from fieldsync.reference.document import document_of

blp = Blueprint("reference", __name__, actors=(ANYONE,), description="For people who read about the API.")

OURS = files("fieldsync.reference") / "static"
# The package brings Swagger UI's own files in each of its releases; nothing of its code is used.
SWAGGER_UI = files("flask_swagger_ui") / "dist"

ASSETS: dict[str, tuple[Traversable, str]] = {
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript"),
    "swagger-ui.css": (SWAGGER_UI, "text/css"),
    "start.js": (OURS, "text/javascript"),
    "fieldsync.css": (OURS, "text/css"),
    "icon.svg": (OURS, "image/svg+xml"),
}

CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_KEPT = "fieldsync-openapi"


def init_reference(app: Flask) -> None:
    """Serve the reference. It is not part of the document that it shows."""
    app.register_blueprint(blp)


@blp.get("/")
def home() -> Response:
    """The landing page."""
    return _page("home.html")


@blp.get("/docs")
def docs() -> Response:
    """The API reference, for a browser."""
    return _page("docs.html")


@blp.get("/docs/<name>")
def asset(name: str) -> Response:
    """A file that the pages need."""
    if name not in ASSETS:
        raise NotFound
    folder, mimetype = ASSETS[name]
    return _cached(Response((folder / name).read_bytes(), mimetype=mimetype))


@blp.get("/openapi.json")
def openapi() -> Response:
    """The API reference, for programs."""
    kept = current_app.extensions
    if _KEPT not in kept:
        kept[_KEPT] = json.dumps(document_of(current_app), ensure_ascii=False)
    return _cached(Response(kept[_KEPT], mimetype="application/json"))


def _page(name: str) -> Response:
    response = _cached(Response((OURS / name).read_bytes(), mimetype="text/html"))
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _cached(response: Response) -> Response:
    # A browser asks each time, and is told that nothing has changed. Weak: the bytes may be compressed on the way.
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response
