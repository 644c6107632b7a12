"""One vector tile of a version (Mapbox Vector Tile 2.1), by PostGIS.

A tile has the layer `areas` (polygons) and the layer `labels` (for each area that is large enough for a name, a point
inside it, in one tile only), both with `code`, `name` and `owner_code`; a feature's id is its number in the file.
"""

from __future__ import annotations

import gzip
import math
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from fieldsync.boundaries.held import Held

ZOOM_MAX = 22
"""4 cm a screen's point: nearer than any boundary is known."""

EXTENT = 4_096
"""Steps across a tile."""

BUFFER = 64
"""Steps around a tile that are drawn too, so that a border's stroke is not cut at its edge."""

LABEL_STEPS_MIN = 48
"""Areas smaller than this, which are three of a screen's points, get no label."""

GENERATION = 1
"""Goes up when the same version would give other tiles."""

BYTES_HELD_MAX = 32 * 1024 * 1024
"""Tiles that a process keeps at hand, compressed: some thousands."""

_held = Held(BYTES_HELD_MAX)


def tile(session: Session, partnership_id: UUID, version_id: UUID, z: int, x: int, y: int) -> bytes:
    """A tile, compressed by gzip; nothing at all where nothing is in it.

    ST_AsMVTGeom drops what is closer together than half a step and then draws on the steps: neighbours may be a step
    apart at most, at any zoom.
    """
    key = (partnership_id, version_id, z, x, y)
    found = _held.get(key)
    if found is None:
        drawn = bytes(session.execute(_TILE, _bound(partnership_id, version_id, z, x, y)).scalar_one())
        found = gzip.compress(drawn, compresslevel=6, mtime=0) if drawn else b""
        _held.put(key, found)
    return found


def _bound(partnership_id: UUID, version_id: UUID, z: int, x: int, y: int) -> dict[str, object]:
    margin = BUFFER / EXTENT
    west, north = _corner(z, x - margin, y - margin)
    east, south = _corner(z, x + 1 + margin, y + 1 + margin)
    # A step is this many degrees of longitude, and so many fewer of latitude as it is nearer to a pole.
    step = 360 / 2**z / EXTENT
    shrink = math.cos(math.radians(max(abs(north), abs(south))))
    return {
        "partnership_id": partnership_id, "version_id": version_id, "z": z, "x": x, "y": y, "extent": EXTENT,
        "buffer": BUFFER, "west": max(west, -180.0), "south": south, "east": min(east, 180.0), "north": north,
        "step": step * shrink, "label": step * LABEL_STEPS_MIN,
    }  # fmt: skip


def _corner(z: int, x: float, y: float) -> tuple[float, float]:
    """The north-western corner of a tile in degrees (EPSG:4326), in the scheme XYZ on web Mercator."""
    count = 2**z
    return x / count * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / count))))


# Areas that are smaller than a step are told by their box, which lies in front of the geometry: they are not read.
_TILE = text("""
    WITH near AS MATERIALIZED (
        SELECT feature, code, name, owner_code, geom,
               greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) AS size
        FROM area
        WHERE partnership_id = :partnership_id AND version_id = :version_id
          AND geom && ST_MakeEnvelope(:west, :south, :east, :north, 4326)
          AND greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) >= :step
        ORDER BY feature
    )
    SELECT coalesce((
        SELECT ST_AsMVT(areas, 'areas', :extent, 'geom', 'feature') FROM (
            SELECT ST_AsMVTGeom(ST_Transform(geom, 3857), ST_TileEnvelope(:z, :x, :y), :extent, :buffer) AS geom,
                   feature, code, name, owner_code
            FROM near
        ) AS areas WHERE geom IS NOT NULL
    ), '') || coalesce((
        SELECT ST_AsMVT(labels, 'labels', :extent, 'geom', 'feature') FROM (
            -- Without a buffer: each label is in one tile of a zoom.
            SELECT ST_AsMVTGeom(ST_Transform(ST_PointOnSurface(geom), 3857), ST_TileEnvelope(:z, :x, :y), :extent, 0)
                   AS geom,
                   feature, code, name, owner_code
            FROM near WHERE size >= :label
        ) AS labels WHERE geom IS NOT NULL
    ), '')
""")
