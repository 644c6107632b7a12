"""Boundary layers over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fieldsync.auth.actor import Blueprint, require_whole_partnership, staff_actor
from fieldsync.boundaries.layers.schemas import (
    LayerArgs,
    LayerPageSchema,
    LayerPatchSchema,
    LayerSchema,
    NewLayerSchema,
)
from fieldsync.boundaries.layers.write import change_layer, create_layer, list_layers, read_layer
from fieldsync.boundaries.problems import JurisdictionLayerExists, RankTaken
from fieldsync.database import db, transaction
from fieldsync.pages import Page, decode, encode
from fieldsync.problems import AlreadyThere, UnknownReference
from fieldsync.shapes import refuses

READERS = ("gis", "admin", "dispatcher")
WRITERS = ("gis", "admin")

blp = Blueprint(
    "boundary_layers", __name__, url_prefix="/v1/boundaries/layers", actors=READERS,
    description="Boundary layers and their settings. Who may change them may do so for the whole partnership.",
)  # fmt: skip


@blp.get("")
@blp.arguments(LayerArgs, location="query")
@blp.response(200, LayerPageSchema)
def list_(asked: dict[str, Any]) -> Page:
    """Layers, by name"""
    after = None if asked["cursor"] is None else decode(asked["cursor"], [str])[0]
    limit = asked["limit"]
    rows = list_layers(db.session(), staff_actor().partnership_id, asked.get("role"), after, limit + 1)
    return Page(rows[:limit], encode([rows[limit - 1]["name"]]) if len(rows) > limit else None)


@blp.post("", actors=WRITERS)
@blp.arguments(NewLayerSchema)
@blp.response(201, LayerSchema)
@refuses(AlreadyThere, JurisdictionLayerExists, RankTaken, UnknownReference)
def create(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make a layer

    It decides nothing until a version of it is published.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        layer_id = create_layer(session, partnership_id, wanted)
    return read_layer(db.session(), partnership_id, layer_id)


@blp.get("/<uuid:layer_id>")
@blp.response(200, LayerSchema)
def read(layer_id: UUID) -> dict[str, Any]:
    """One layer"""
    return read_layer(db.session(), staff_actor().partnership_id, layer_id)


@blp.patch("/<uuid:layer_id>", actors=WRITERS)
@blp.arguments(LayerPatchSchema)
@blp.response(200, LayerSchema)
@refuses(AlreadyThere, RankTaken, UnknownReference)
def update(wanted: dict[str, Any], layer_id: UUID) -> dict[str, Any]:
    """Change a layer's settings

    Jobs that are placed stay where they are; the next ones are placed by the new settings.
    """
    partnership_id = require_whole_partnership().partnership_id
    with transaction() as session:
        change_layer(session, partnership_id, layer_id, wanted)
    return read_layer(db.session(), partnership_id, layer_id)
