"""How a document leaves: as JSON or as a web page, with links in the header, and what may be kept of it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from flask import Response, render_template, request

from fieldsync.auth.actor import recognised
from fieldsync.ogc.collection import Document
from fieldsync.ogc.documents import HTML, JSON

KEPT_S = 60
"""How long anybody's copy of what everybody may see is good without asking again: what a partnership takes back, or
publishes, is late by no more."""

PAGE_SECURITY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def wants_page() -> bool:
    """Whether the caller is a person with a browser."""
    if "f" in request.args:
        return request.args["f"] == "html"
    return request.accept_mimetypes.best_match([JSON, HTML]) == HTML


def answered(document: Document, *, is_live: bool = False) -> Response:
    """A document as JSON, or as a web page for who wants one."""
    if wants_page():
        response = Response(render_template("ogc/page.html", document=document), mimetype=HTML)
        response.headers["Content-Security-Policy"] = PAGE_SECURITY
        return kept(response, msgspec.json.encode(document), is_live=is_live)
    return json_answer(document, JSON, is_live=is_live)


def json_answer(
    document: Document, content_type: str, *, is_live: bool = False, passing: Document | None = None
) -> Response:
    """A document as JSON. ``passing``: members that are another moment's in each answer and make no other document."""
    told = msgspec.json.encode(document)
    body = told if passing is None else told.removesuffix(b"}") + b"," + msgspec.json.encode(passing)[1:]
    return kept(with_links(Response(body, content_type=content_type), document), told, is_live=is_live)


def with_links(response: Response, document: Document) -> Response:
    """Say a document's links in the header, too."""
    for link in document.get("links", ()):
        response.headers.add(
            "Link", f'<{link["href"]}>; rel="{link["rel"]}"; type="{link["type"].replace(chr(34), "")}"'
        )
    return response


def kept(response: Response, told: bytes, *, is_live: bool) -> Response:
    """Say what may be kept of an answer, and answer 304 to who has it already.

    ``told``: what makes it another answer. Of what only some may see, and of what changes at any moment, nothing is
    left in a cache that others use.
    """
    response.vary.update(("Accept", "Authorization"))
    is_public = recognised() is None
    if is_live and not is_public:
        return response  # no-store
    response.headers["Cache-Control"] = f"public, max-age={KEPT_S}" if is_public else "private, no-cache"
    # Weak: the bytes may be compressed on the way.
    mark = blake2b(told, digest_size=16, salt=str(response.mimetype).encode()[-16:])
    response.set_etag(mark.hexdigest(), weak=True)
    response.make_conditional(request)
    return response
