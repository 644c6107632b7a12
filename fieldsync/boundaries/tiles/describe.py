"""The TileJSON (3.0.0) of a version: what a map needs to know about its tiles."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.tiles.find import Version

MAXZOOM = 14
"""Half a metre a step. Maps draw tiles of this zoom larger from there on, and need no others."""

LATITUDE_MAX = 85.0511287798066
"""Where web Mercator ends."""

FIELDS = {
    "code": "String. The area's code in its layer.",
    "name": "String. What people call it.",
    "owner_code": "String. An overlay's: the code of the jurisdiction that is responsible here.",
}


class TileJson(msgspec.Struct):
    """TileJSON 3.0.0."""

    tilejson: str
    name: str
    version: str
    description: str
    attribution: str
    scheme: str
    tiles: list[str]
    minzoom: int
    maxzoom: int
    bounds: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]
    center: Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]
    vector_layers: list[dict[str, Any]]


def describe(session: Session, version: Version, server: str) -> TileJson:
    """The description of a version's tiles on the server at this address."""
    bound = {"partnership_id": version.partnership_id, "version_id": version.version_id}
    row = session.execute(_EXTENT, bound).one()
    # A version without areas is everywhere and nowhere.
    west, south, east, north = (-180.0, -LATITUDE_MAX, 180.0, LATITUDE_MAX) if row.west is None else tuple(row)
    south, north = max(south, -LATITUDE_MAX), min(north, LATITUDE_MAX)
    wide = max(east - west, north - south, 360 / 2**MAXZOOM)
    kind = ", a draft" if version.is_draft else ""
    return TileJson(
        tilejson="3.0.0",
        name=version.layer,
        version=f"{version.number}.0.0",
        description=f"Version {version.number}{kind}.",
        attribution=version.partnership,
        scheme="xyz",
        tiles=[f"{server}/v1/boundaries/tiles/{version.slug}/{version.version_id}/{{z}}/{{x}}/{{y}}.mvt"],
        minzoom=0,
        maxzoom=MAXZOOM,
        bounds=[west, south, east, north],
        center=[(west + east) / 2, (south + north) / 2, min(MAXZOOM, int(math.log2(360 / wide)))],
        vector_layers=[
            {"id": "areas", "description": "The areas.", "minzoom": 0, "maxzoom": MAXZOOM, "fields": FIELDS},
            {"id": "labels", "description": "A point in each.", "minzoom": 0, "maxzoom": MAXZOOM, "fields": FIELDS},
        ],
    )


_EXTENT = text("""
    SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (
        SELECT ST_Extent(geom) AS box FROM area
        WHERE partnership_id = :partnership_id AND version_id = :version_id
    ) AS extent
""")
