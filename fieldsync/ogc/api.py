"""OGC API Features: boundaries and work orders for QGIS, GDAL, ArcGIS, and for whoever has a browser.

Anybody may ask. Who brings no credentials sees what the partnership shows to everybody; nothing else exists for her.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.urls import iri_to_uri

from fieldsync.auth.actor import ANYONE, Blueprint, recognised
from fieldsync.clock import now
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.ogc import documents
from fieldsync.ogc.answers import answered, json_answer
from fieldsync.ogc.definition import definition
from fieldsync.ogc.documents import GEOJSON, JSON, OPENAPI, SCHEMA_JSON, Place
from fieldsync.ogc.find import Found, find
from fieldsync.ogc.parameters import FORMATS, check_names, read_asked, read_crs
from fieldsync.problems import CredentialsNeeded, NotFound

blp = Blueprint(
    "ogc", __name__, url_prefix="/ogc", actors=(ANYONE,), recognises=True, template_folder="templates",
    description="OGC API Features, which describes itself: see the landing page of a partnership.",
)  # fmt: skip


def init_ogc(app: Flask) -> None:
    """Serve /ogc. It is not part of openapi.yaml: each partnership's has a definition of its own, in OpenAPI 3.0."""
    app.register_blueprint(blp)


def _root() -> str:
    settings: Settings = current_app.config["FIELDSYNC"]
    return iri_to_uri(settings.public_url or request.url_root).rstrip("/")


def _place(found: Found) -> Place:
    return Place(f"{_root()}/ogc/{found.slug}")


def _partnership(slug: str) -> Found:
    return find(db.session(), slug, recognised())


def _within(slug: str) -> Found:
    # What is not shown does not exist, whoever asks: only the pages from which a person begins ask for credentials.
    try:
        return _partnership(slug)
    except CredentialsNeeded:
        raise NotFound from None


@blp.get("/", strict_slashes=False)
def start() -> Response:
    """How to find a partnership's landing page"""
    check_names(request.args, formats=FORMATS)
    address = f"{_root()}/ogc"
    document: dict[str, Any] = {
        "title": "FieldSync: OGC API Features",
        "description": "Each partnership has a landing page of its own, under the short name with which its people log"
        f" in: {address}/{{partnership}}/",
        "links": [documents.link(f"{address}/", "self", JSON, "This document")],
    }
    return answered(document)


@blp.get("/<slug>/", strict_slashes=False)
def landing(slug: str) -> Response:
    """A partnership's landing page"""
    check_names(request.args, formats=FORMATS)
    found = _partnership(slug)
    return answered(documents.landing(_place(found), found.name))


@blp.get("/<slug>/conformance")
def conformance(slug: str) -> Response:
    """What the API keeps to"""
    check_names(request.args, formats=FORMATS)
    return answered(documents.conformance(_place(_partnership(slug))))


@blp.get("/<slug>/api")
def api(slug: str) -> Response:
    """The definition of the API, in OpenAPI 3.0"""
    check_names(request.args)
    found = _partnership(slug)
    return json_answer(definition(_place(found), found.name, found.collections), OPENAPI)


@blp.get("/<slug>/collections")
def collections(slug: str) -> Response:
    """What there is"""
    check_names(request.args, formats=FORMATS)
    found = _partnership(slug)
    place, session = _place(found), db.session()
    listed = [documents.collection_of(place, one, one.extent(session)) for one in found.collections]
    return answered(documents.collections_of(place, listed))


@blp.get("/<slug>/collections/<collection_id>")
def collection(slug: str, collection_id: str) -> Response:
    """What is to be known of a collection"""
    check_names(request.args, formats=FORMATS)
    found = _within(slug)
    one = found.collection(collection_id)
    return answered(documents.collection_of(_place(found), one, one.extent(db.session())))


@blp.get("/<slug>/collections/<collection_id>/queryables")
def queryables(slug: str, collection_id: str) -> Response:
    """By what features can be selected"""
    check_names(request.args)
    found = _within(slug)
    return json_answer(documents.queryables_of(_place(found), found.collection(collection_id)), SCHEMA_JSON)


@blp.get("/<slug>/collections/<collection_id>/items")
def items(slug: str, collection_id: str) -> Response:
    """A page of features"""
    found = _within(slug)
    one = found.collection(collection_id)
    asked = read_asked(request.args, one.crs, one.queryables)
    at = now()
    page = one.page(db.session(), asked, at)
    document = {
        "type": "FeatureCollection",
        "numberMatched": page.matched,
        "numberReturned": len(page.features),
        "links": documents.items_links(_place(found), one, request.args.to_dict(), page.following),
        "features": page.features,
    }
    passing = {"timeStamp": at.astimezone(UTC)}
    response = json_answer(document, GEOJSON, is_live=one.is_live, passing=passing)
    response.headers["Content-Crs"] = f"<{asked.crs.uri}>"
    return response


@blp.get("/<slug>/collections/<collection_id>/items/<feature_id>")
def item(slug: str, collection_id: str, feature_id: str) -> Response:
    """A feature"""
    found = _within(slug)
    one = found.collection(collection_id)
    check_names(request.args, "crs")
    crs = read_crs(request.args, "crs", one.crs)
    feature = one.feature(db.session(), feature_id, crs)
    if feature is None:
        raise NotFound
    feature["links"] = documents.feature_links(_place(found), one, feature["id"], request.args.to_dict())
    response = json_answer(feature, GEOJSON, is_live=one.is_live)
    response.headers["Content-Crs"] = f"<{crs.uri}>"
    return response
