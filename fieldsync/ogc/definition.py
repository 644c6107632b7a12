"""The definition of a partnership's OGC API: OpenAPI 3.0, made for the caller, since each sees other collections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fieldsync.ogc.collection import Collection, Document
from fieldsync.ogc.crs import CRS84
from fieldsync.ogc.documents import GEOJSON, HTML, JSON, OPENAPI, SCHEMA_JSON, Place
from fieldsync.ogc.fields import NAME_CHARS_MAX, Field
from fieldsync.ogc.parameters import CURSOR_CHARS_MAX, FORMATS, LIMIT, LIMIT_MAX

VERSION = "1.0.0"

_STRING: Document = {"type": "string"}


def _array(items: Document, **more: Any) -> Document:
    return {"type": "array", "items": items, **more}


def _object(required: Sequence[str], **properties: Document) -> Document:
    named = {"required": list(required)} if required else {}
    return {"type": "object", **named, "properties": properties}


def _schema(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Document = {
    "link": _object(("href", "rel"), href=_STRING, rel=_STRING, type=_STRING, title=_STRING),
    "landingPage": _object(("links",), title=_STRING, description=_STRING, links=_array(_schema("link"))),
    "confClasses": _object(("conformsTo",), conformsTo=_array(_STRING), links=_array(_schema("link"))),
    "extent": _object(
        (),
        spatial=_object(
            ("bbox",),
            bbox=_array(_array({"type": "number"}, minItems=4, maxItems=4), minItems=1),
            crs={"type": "string", "enum": [CRS84.uri]},
        ),
        temporal=_object(
            ("interval",),
            interval=_array(
                _array({"type": "string", "format": "date-time", "nullable": True}, minItems=2, maxItems=2), minItems=1
            ),
            trs=_STRING,
        ),
    ),
    "collection": _object(
        ("id", "links"),
        id=_STRING, title=_STRING, description=_STRING, itemType=_STRING, extent=_schema("extent"),
        crs=_array(_STRING), storageCrs=_STRING, links=_array(_schema("link")),
    ),
    "collections": _object(
        ("links", "collections"),
        title=_STRING, links=_array(_schema("link")), collections=_array(_schema("collection")),
    ),
    "geometry": _object(("type", "coordinates"), type=_STRING, coordinates={"type": "array", "items": {}}),
    "feature": _object(
        ("type", "id", "geometry", "properties"),
        type={"type": "string", "enum": ["Feature"]}, id=_STRING, geometry=_schema("geometry"),
        properties={"type": "object"}, links=_array(_schema("link")),
    ),
    "featureCollection": _object(
        ("type", "features", "links"),
        type={"type": "string", "enum": ["FeatureCollection"]}, features=_array(_schema("feature")),
        links=_array(_schema("link")), timeStamp={"type": "string", "format": "date-time"},
        numberMatched={"type": "integer", "minimum": 0}, numberReturned={"type": "integer", "minimum": 0},
    ),
    "problem": _object(
        ("type", "title", "status", "code", "detail"),
        type=_STRING, title=_STRING, status={"type": "integer"}, code=_STRING, detail=_STRING, field=_STRING,
    ),
}  # fmt: skip


def _query(name: str, description: str, schema: Document) -> Document:
    return {
        "name": name, "in": "query", "required": False, "description": description, "schema": schema, "style": "form",
        "explode": False,
    }  # fmt: skip


PARAMETERS: Document = {
    "f": _query("f", "The format, where the Accept header does not say it.", {"type": "string", "enum": list(FORMATS)}),
    "fJson": _query("f", "The format: there is one only.", {"type": "string", "enum": ["json"]}),
    "limit": _query(
        "limit", "Most features wanted on a page. Fewer may come where they are large: go by the next link.",
        {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT},
    ),
    "bbox": _query(
        "bbox", "Features that touch this box: lower corner, upper corner, in the axis order of bbox-crs; heights are"
        " not looked at. In degrees, a west edge above the east edge is a box across the antimeridian.",
        {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}},
    ),
    "datetime": _query(
        "datetime", "A moment, or an interval that may be open (`..`) at either end: RFC 3339, or days. Boundaries: the"
        " areas in force then. Work orders: those whose time meets it, which reaches from their first date to their"
        " last, and has no end while they are not done.",
        {"type": "string"},
    ),
    "cursor": _query(
        "cursor", "As it stands in a next link; not to be made up.",
        {"type": "string", "maxLength": CURSOR_CHARS_MAX, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
}  # fmt: skip

_PROBLEM: Document = {"application/problem+json": {"schema": _schema("problem")}}

RESPONSES: Document = {
    "BadRequest": {"description": "A parameter is unknown or not acceptable; `field` names it.", "content": _PROBLEM},
    "CredentialsNeeded": {"description": "The credentials are not valid, or some are needed.", "content": _PROBLEM},
    "NotFound": {"description": "There is nothing here that you may see.", "content": _PROBLEM},
    "Other": {"description": "Any other problem.", "content": _PROBLEM},
}


def definition(place: Place, name: str, collections: Iterable[Collection]) -> Document:
    """The OpenAPI document of the collections that the caller may see."""
    paths: Document = {
        "/": _get("landingPage", "The landing page", {JSON: _schema("landingPage"), HTML: _STRING}, [_ref("f")]),
        "/conformance": _get(
            "conformance", "What this API keeps to", {JSON: _schema("confClasses"), HTML: _STRING}, [_ref("f")]
        ),
        "/api": _get("definition", "This definition", {OPENAPI: {"type": "object"}}, [_ref("fJson")]),
        "/collections": _get(
            "collections", "The collections", {JSON: _schema("collections"), HTML: _STRING}, [_ref("f")]
        ),
    }
    for number, collection in enumerate(collections, 1):
        paths |= _paths(f"{number}", collection)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": f"{name}: boundaries and work orders",
            "version": VERSION,
            "description": "OGC API Features: Part 1 (core, GeoJSON, OpenAPI 3.0), Part 2 (coordinate reference systems"
            " by reference), and of Part 3 queryables and selecting by them. Without credentials it shows what the"
            " partnership shows to everybody.",
        },
        "servers": [{"url": place.root}],
        "security": [{}, {"apiToken": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "parameters": PARAMETERS,
            "responses": RESPONSES,
            "securitySchemes": {
                "apiToken": {"type": "http", "scheme": "bearer", "description": "An API token (`fsk_…`)."},
                "basic": {
                    "type": "http", "scheme": "basic",
                    "description": "Any user name, and an API token (`fsk_…`) as the password.",
                },
            },
        },
    }  # fmt: skip


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/parameters/{name}"}


def _paths(number: str, collection: Collection) -> Document:
    path = f"/collections/{collection.id}"
    uris = [crs.uri for crs in collection.crs]
    crs = _query("crs", "The coordinate system of the answer.", {"type": "string", "enum": uris, "default": CRS84.uri})
    bbox_crs = _query("bbox-crs", "The coordinate system of bbox.", crs["schema"])
    selecting = [_ref(name) for name in PARAMETERS if name != "f"]
    feature_id = {"name": "featureId", "in": "path", "required": True, "schema": _STRING}
    return {
        path: _get(
            f"collection{number}", collection.title, {JSON: _schema("collection"), HTML: _STRING}, [_ref("f")]
        ),
        f"{path}/items": _get(
            f"items{number}", f"{collection.title}: a page of features", {GEOJSON: _schema("featureCollection")},
            [*selecting, crs, bbox_crs, *map(_by, collection.queryables)],
        ),
        f"{path}/items/{{featureId}}": _get(
            f"item{number}", f"{collection.title}: a feature", {GEOJSON: _schema("feature")},
            [feature_id, _ref("fJson"), crs],
        ),
        f"{path}/queryables": _get(
            f"queryables{number}", f"{collection.title}: by what features can be selected",
            {SCHEMA_JSON: {"type": "object"}}, [_ref("fJson")],
        ),
    }  # fmt: skip


def _by(field: Field) -> Document:
    limit = {"maxLength": NAME_CHARS_MAX} if dict(field.schema) == _STRING else {}
    return _query(field.name, field.description, dict(field.schema) | limit)


def _get(operation: str, summary: str, contents: Document, parameters: list[Document]) -> Document:
    content = {kind: {"schema": schema} for kind, schema in contents.items()}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {"description": summary, "content": content},
                "400": {"$ref": "#/components/responses/BadRequest"},
                "401": {"$ref": "#/components/responses/CredentialsNeeded"},
                "404": {"$ref": "#/components/responses/NotFound"},
                "default": {"$ref": "#/components/responses/Other"},
            },
        }
    }
