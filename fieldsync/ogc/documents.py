"""The JSON of every resource but features: landing page, conformance, collections, queryables; and the links of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fieldsync.ogc.collection import Collection, Document, Extent
from fieldsync.ogc.crs import CRS84

JSON = "application/json"
GEOJSON = "application/geo+json"
HTML = "text/html"
SCHEMA_JSON = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"

QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

CONFORMS_TO = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
)


def link(href: str, rel: str, kind: str, title: str) -> Document:
    """A link as every document has it."""
    return {"href": href, "rel": rel, "type": kind, "title": title}


@dataclass(frozen=True, slots=True)
class Place:
    """The absolute addresses of a partnership's resources."""

    root: str
    """Of its landing page, without a slash at the end."""

    @property
    def landing(self) -> str:
        return f"{self.root}/"

    @property
    def conformance(self) -> str:
        return f"{self.root}/conformance"

    @property
    def definition(self) -> str:
        return f"{self.root}/api"

    @property
    def collections(self) -> str:
        return f"{self.root}/collections"

    def collection(self, collection: Collection) -> str:
        return f"{self.root}/collections/{collection.id}"

    def items(self, collection: Collection, parameters: Mapping[str, str] | None = None) -> str:
        address = f"{self.collection(collection)}/items"
        return f"{address}?{urlencode(parameters, safe=',:/')}" if parameters else address

    def queryables(self, collection: Collection) -> str:
        return f"{self.collection(collection)}/queryables"


def _self_and_html(address: str) -> list[Document]:
    return [
        link(address, "self", JSON, "This document"),
        link(f"{address}?f=html", "alternate", HTML, "This document as a web page"),
    ]


def landing(place: Place, name: str) -> Document:
    """A partnership's landing page."""
    return {
        "title": f"{name}: boundaries and work orders",
        "description": "OGC API Features of a FieldSync partnership. What you see is what your credentials allow;"
        " without any, what the partnership shows to everybody.",
        "links": [
            *_self_and_html(place.landing),
            link(place.definition, "service-desc", OPENAPI, "The definition of this API"),
            link(place.conformance, "conformance", JSON, "The conformance classes that this API keeps to"),
            link(place.collections, "data", JSON, "The collections of features"),
        ],
    }


def conformance(place: Place) -> Document:
    """What the API says that it keeps to."""
    return {"conformsTo": list(CONFORMS_TO), "links": _self_and_html(place.conformance)}


def collection_of(place: Place, collection: Collection, extent: Extent) -> Document:
    """What is to be known of a collection before it is read."""
    address = place.collection(collection)
    return {
        "id": collection.id,
        "title": collection.title,
        "description": collection.description,
        "itemType": "feature",
        "extent": _extent(extent),
        "crs": [crs.uri for crs in collection.crs],
        "storageCrs": CRS84.uri,
        "links": [
            *_self_and_html(address),
            link(place.items(collection), "items", GEOJSON, f"{collection.title}: the features"),
            link(place.queryables(collection), QUERYABLES_REL, SCHEMA_JSON, "By what features can be selected"),
        ],
    }


def _extent(extent: Extent) -> Document:
    document: Document = {}
    if extent.box is not None:
        document["spatial"] = {"bbox": [list(extent.box)], "crs": CRS84.uri}
    if extent.since is not None:
        interval = [_moment(extent.since), _moment(extent.until)]
        document["temporal"] = {
            "interval": [interval],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        }
    return document


def _moment(at: Any) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def collections_of(place: Place, collections: Iterable[Document]) -> Document:
    """The list of what there is."""
    return {
        "title": "Collections",
        "links": _self_and_html(place.collections),
        "collections": list(collections),
    }


def queryables_of(place: Place, collection: Collection) -> Document:
    """The fields by which features can be selected, as JSON Schema."""
    properties: Document = {
        field.name: {"title": field.name, "description": field.description} | dict(field.schema)
        for field in collection.queryables
    }
    properties["geometry"] = {
        "title": "geometry",
        "description": "By bbox.",
        "format": f"geometry-{collection.geometry.lower()}",
        "x-ogc-role": "primary-geometry",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": place.queryables(collection),
        "type": "object",
        "title": collection.title,
        "properties": properties,
        "additionalProperties": False,
    }


def items_links(place: Place, collection: Collection, parameters: Mapping[str, str], following: Mapping[str, str] | None
                ) -> list[Document]:  # fmt: skip
    """The links of a page of features that was asked for with ``parameters``."""
    links = [
        link(place.items(collection, parameters), "self", GEOJSON, "This page"),
        link(place.collection(collection), "collection", JSON, collection.title),
        link(place.queryables(collection), QUERYABLES_REL, SCHEMA_JSON, "By what features can be selected"),
    ]
    if following is not None:
        links.append(link(place.items(collection, {**parameters, **following}), "next", GEOJSON, "The next page"))
    return links


def feature_links(
    place: Place, collection: Collection, feature_id: str, parameters: Mapping[str, str]
) -> list[Document]:
    """The links of a single feature."""
    address = f"{place.collection(collection)}/items/{feature_id}"
    address = f"{address}?{urlencode(parameters, safe=',:/')}" if parameters else address
    return [
        link(address, "self", GEOJSON, "This feature"),
        link(place.collection(collection), "collection", JSON, collection.title),
    ]
