"""Vector tiles and TileJSON over HTTP: of public layers for anybody, of others for those of the partnership."""

from __future__ import annotations

import gzip
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, current_app, request
from marshmallow import fields

from fieldsync.auth.actor import ANYONE, STAFF, Blueprint, staff_actor
from fieldsync.boundaries.tiles.describe import TileJson, describe
from fieldsync.boundaries.tiles.draw import GENERATION, ZOOM_MAX, tile
from fieldsync.boundaries.tiles.find import Version, find_version, find_version_of_layer, slug_of
from fieldsync.config import Settings
from fieldsync.database import db
from fieldsync.problems import CredentialsNeeded, NotAuthenticated, NotFound
from fieldsync.schemas import Request
from fieldsync.shapes import json_answer, refuses

MVT = "application/vnd.mapbox-vector-tile"

TILE_SECONDS = 7 * 24 * 3600
"""How long a map may keep a tile without asking. A version's tiles never change, but who may see them does."""

blp = Blueprint(
    "boundary_tiles", __name__, url_prefix="/v1/boundaries/tiles", actors=(ANYONE,),
    description="Vector tiles of boundary layers. Without a token, those of public layers; with one (a bearer token, or"
                " an API token as the password of HTTP Basic), those of its partnership; drafts for `gis` and `admin`.",
)  # fmt: skip

layer_blp = Blueprint(
    "boundary_layer_tiles", __name__, url_prefix="/v1/boundaries/layers", actors=STAFF,
    description="What a map needs to know about the tiles of a boundary layer.",
)  # fmt: skip


class TileJsonArgs(Request):
    """Of which version."""

    version = fields.UUID(
        load_default=None,
        metadata={
            "description": "A version of the layer; left out, the one in force. `gis` and `admin`: also a draft."
        },
    )


TILEJSON_ANSWER = json_answer(TileJson, "TileJSON 3.0.0.")


@blp.get("/<slug>/<uuid:version_id>/<int:z>/<int:x>/<int:y>.mvt")
@blp.doc(
    responses={
        200: {"description": "A tile.", "content": {MVT: {"schema": {"type": "string", "format": "binary"}}}},
        204: {"description": "Nothing is in this tile."},
        304: {"description": "You have it: `If-None-Match` names it."},
    }
)
@refuses(NotAuthenticated, CredentialsNeeded)
def read_tile(slug: str, version_id: UUID, z: int, x: int, y: int) -> Response:
    """A vector tile of a version

    Layers `areas` and `labels`, with `code`, `name` and `owner_code`; XYZ on web Mercator, extent 4096.
    """
    version = find_version(slug, version_id)
    if z > ZOOM_MAX or max(x, y) >= 2**z:
        raise NotFound("There is no such tile.")
    zipped = any(name.lower() == "gzip" and quality > 0 for name, quality in request.accept_encodings)
    # One tag for each encoding: a strong one stands for the very bytes.
    etag = f"{version_id.hex}-{z}-{x}-{y}-{GENERATION}{'-gzip' if zipped else ''}"
    if request.if_none_match.contains_weak(etag):
        return _keep(Response(status=304), etag, version)
    drawn = tile(db.session(), version.partnership_id, version_id, z, x, y)
    if not drawn:
        return _keep(Response(status=204), etag, version)
    answer = Response(drawn if zipped else gzip.decompress(drawn), mimetype=MVT)
    if zipped:
        answer.content_encoding = "gzip"
    return _keep(answer, etag, version)


def _keep(answer: Response, etag: str, version: Version) -> Response:
    answer.set_etag(etag)
    answer.vary.add("Accept-Encoding")
    whose = "public" if version.is_public else "private"
    answer.headers["Cache-Control"] = f"{whose}, max-age={TILE_SECONDS}, immutable"
    return _open(answer, version)


def _open(answer: Response, version: Version) -> Response:
    """Let pages of other sites read what anybody may; of the rest, caches keep one answer for each who asks."""
    if version.is_public:
        answer.headers["Access-Control-Allow-Origin"] = "*"
    else:
        answer.vary.add("Authorization")
    return answer


@blp.get("/<slug>/<uuid:layer_id>/tilejson.json")
@blp.arguments(TileJsonArgs, location="query")
@blp.doc(responses={200: TILEJSON_ANSWER, 304: {"description": "You have it: `If-None-Match` names it."}})
@refuses(NotAuthenticated, CredentialsNeeded)
def read_tilejson(asked: dict[str, Any], slug: str, layer_id: UUID) -> Response:
    """The TileJSON of a layer, for a map"""
    return _tilejson(slug, layer_id, asked["version"])


@layer_blp.get("/<uuid:layer_id>/tilejson.json")
@layer_blp.arguments(TileJsonArgs, location="query")
@layer_blp.doc(responses={200: TILEJSON_ANSWER, 304: {"description": "You have it: `If-None-Match` names it."}})
def read_layers_tilejson(asked: dict[str, Any], layer_id: UUID) -> Response:
    """The TileJSON of a layer of your partnership"""
    return _tilejson(slug_of(staff_actor().partnership_id), layer_id, asked["version"])


def _tilejson(slug: str, layer_id: UUID, version_id: UUID | None) -> Response:
    version = find_version_of_layer(slug, layer_id, version_id)
    settings: Settings = current_app.config["FIELDSYNC"]
    server = (settings.public_url or request.url_root).rstrip("/")
    answer = Response(msgspec.json.encode(describe(db.session(), version, server)), mimetype="application/json")
    answer.add_etag()
    # Another version may come into force at any moment.
    answer.headers["Cache-Control"] = f"{'public' if version.is_public else 'private'}, no-cache"
    _open(answer, version).make_conditional(request)
    return answer
