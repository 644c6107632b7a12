"""Which boundary versions decide at a moment; and where points belong by PostGIS, the authority.

The index in memory follows the same rules (geo.placements) and gives the same answers; tests hold both to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.index import PlacementIndex, index_for
from geo.placements import (
    TIE_M,
    Placement,
    Placements,
    Rule,
    as_points,
    check_tolerance,
    on_earth,
    reach_deg,
)

__all__ = [
    "InForce",
    "Placement",
    "PlacementIndex",
    "Placements",
    "Rule",
    "Ruling",
    "in_force",
    "index_for",
    "place_in_postgis",
]

EDGE_DEG = 1e-9
"""A tenth of a millimetre. PostGIS decides points in polygons, and cuts them, in plain doubles, which may
err in the last bit; a point this close to an edge is therefore asked again of the whole area, with GEOS's
exact predicate."""


_OUTSIDE = Placement(None, None, "outside")


class Ruling(msgspec.Struct, frozen=True):
    """A layer that decides whose a job is, with the version of it in force and the layer's settings now.

    `rank` is an overlay's, None for the jurisdiction layer; an overlay with `service_types` (codes) decides
    for these only.
    """

    layer_id: UUID
    version_id: UUID
    rank: int | None
    tolerance_m: float
    border_m: float
    service_types: frozenset[str]


class InForce(msgspec.Struct, frozen=True):
    """What decides at a moment: overlays by rank, and the jurisdiction layer (None before its first version).

    `at` is that moment, by the database's clock unless it was given.
    """

    at: datetime
    overlays: tuple[Ruling, ...] = ()
    base: Ruling | None = None


def in_force(session: Session, partnership_id: UUID, at: datetime | None = None) -> InForce:
    """The published versions that decide at `at`; without it, now.

    Now is the database's, one clock for all servers: whatever reads it before a version comes into force is
    in a transaction that a publication can wait for.
    """
    row = session.execute(_IN_FORCE, {"partnership_id": partnership_id, "at": at}).scalar_one()
    moment, rulings = _DECODER.decode(row)
    return InForce(
        moment,
        tuple(ruling for ruling in rulings if ruling.rank is not None),
        next((ruling for ruling in rulings if ruling.rank is None), None),
    )


_DECODER = msgspec.json.Decoder(tuple[datetime, list[Ruling]])


def place_in_postgis(
    session: Session,
    partnership_id: UUID,
    version_id: UUID,
    points: Sequence[tuple[float, float]],
    *,
    tolerance_m: float | None = None,
) -> Placements:
    """Place (lon, lat) points, degrees EPSG:4326, by one statement over a published version's pieces.

    `tolerance_m` is the layer's unless given. A version that is unknown or has no pieces places every point
    `outside`. Raises ValueError for more than POINTS_PER_CALL_MAX points or a tolerance out of range.
    """
    lon, lat = as_points([p[0] for p in points], [p[1] for p in points])
    session.execute(_NO_JIT)
    if tolerance_m is None:
        found = session.execute(_TOLERANCE, {"partnership_id": partnership_id, "version_id": version_id})
        tolerance_m = found.scalar_one_or_none() or 0.0
    check_tolerance(tolerance_m)
    here = on_earth(lon, lat)
    lon, lat = lon[here], lat[here]
    width, height = reach_deg(lat, tolerance_m)
    rows = session.execute(
        _PLACE,
        {
            "partnership_id": partnership_id,
            "version_id": version_id,
            "lon": lon.tolist(),
            "lat": lat.tolist(),
            "width": width.tolist(),
            "height": height,
            "tolerance_m": tolerance_m,
            "edge_deg": EDGE_DEG,
            "tie_m": TIE_M,
        },
    ).all()
    answer = iter(rows)
    placed = [tuple(next(answer)) if is_here else _OUTSIDE for is_here in here.tolist()]
    return Placements([p[0] for p in placed], [p[1] for p in placed], [p[2] for p in placed])


# The planner takes the functions for so dear that it compiles the statement: up to 0.4 s, for 0.2 s of work.
_NO_JIT = text("SET LOCAL jit = off")

# One value, decoded at once. The moment is fixed in a sub-select of its own, which is computed once.
_IN_FORCE = text("""
    SELECT json_build_array(to_json(moment.at), coalesce((
        SELECT json_agg(json_build_object(
            'layer_id', layer.id, 'version_id', layer_version.id, 'rank', layer.rank,
            'tolerance_m', layer.tolerance_m, 'border_m', layer.border_m, 'service_types', layer.service_types
        ) ORDER BY layer.rank)
        FROM layer
        JOIN layer_version
          ON layer_version.partnership_id = layer.partnership_id AND layer_version.layer_id = layer.id
        WHERE layer.partnership_id = :partnership_id
          AND layer.role IN ('jurisdiction', 'overlay')
          AND layer_version.status = 'published'
          AND layer_version.during @> moment.at
    ), '[]'))::text
    FROM (SELECT coalesce(CAST(:at AS timestamptz), clock_timestamp()) AS at OFFSET 0) AS moment
""")

_TOLERANCE = text("""
    SELECT layer.tolerance_m
    FROM layer_version
    JOIN layer ON layer.partnership_id = layer_version.partnership_id AND layer.id = layer_version.layer_id
    WHERE layer_version.partnership_id = :partnership_id AND layer_version.id = :version_id
""")

# The lateral joins ask point by point, through the index, whatever the statistics say; plain joins of the
# same parts were planned a hundred times slower on tables just filled.
_PLACE = text("""
    SELECT COALESCE(settled.area_id, nearest.area_id) AS area_id, COALESCE(settled.code, nearest.code) AS code,
           COALESCE(settled.rule, nearest.rule, 'outside') AS rule
    FROM unnest(CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:width AS float8[]))
         WITH ORDINALITY AS point (lon, lat, width, n)
    CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_MakePoint(point.lon, point.lat), 4326)) AS at (geom)
    LEFT JOIN LATERAL (
        -- A point on a shared border goes to the lowest area code, so that two runs agree.
        SELECT (array_agg(area.id ORDER BY area.code COLLATE "C"))[1] AS area_id,
               min(area.code COLLATE "C") AS code,
               CASE WHEN count(*) = 1 THEN 'inside'
                    WHEN bool_or(NOT hit.at_edge OR NOT ST_Intersects(ST_Boundary(area.geom), at.geom))
                    THEN 'overlap' ELSE 'border' END AS rule
        FROM (
            -- Well inside any piece of an area is inside the area. At the edge of all that hold the point,
            -- it may be at the area's border or at one of our own cuts: the pieces cannot tell.
            SELECT piece.area_id, bool_and(ST_DWithin(ST_Boundary(piece.geom), at.geom, :edge_deg)) AS at_edge
            FROM area_piece AS piece
            WHERE piece.partnership_id = :partnership_id
              AND piece.version_id = :version_id
              AND ST_DWithin(piece.geom, at.geom, :edge_deg)
            GROUP BY piece.area_id
        ) AS hit
        JOIN area ON area.partnership_id = :partnership_id AND area.id = hit.area_id
        -- ST_Covers would take the shortcut in plain doubles; ST_Relate has none.
        WHERE NOT hit.at_edge OR ST_RelateMatch(ST_Relate(area.geom, at.geom), '******F**')
        HAVING count(*) > 0
    ) AS settled ON true
    LEFT JOIN LATERAL (
        SELECT (array_agg(area.id ORDER BY area.code COLLATE "C"))[1] AS area_id,
               min(area.code COLLATE "C") AS code, 'nearest' AS rule
        FROM (
            SELECT reach.area_id, reach.distance_m, min(reach.distance_m) OVER () AS least_m
            FROM (
                SELECT piece.area_id, min(ST_DistanceSpheroid(
                           ST_SetSRID(ST_MakePoint(ST_X(closest.geom) / shrink, ST_Y(closest.geom)), 4326),
                           at.geom, 'SPHEROID["WGS 84",6378137,298.257223563]')) AS distance_m
                FROM area_piece AS piece
                CROSS JOIN LATERAL (SELECT cos(radians(point.lat))) AS latitude (shrink)
                -- The closest in the plane where a degree of longitude is as long as on the ground there.
                CROSS JOIN LATERAL (SELECT ST_ClosestPoint(ST_Scale(piece.geom, shrink, 1),
                                                           ST_Scale(at.geom, shrink, 1))) AS closest (geom)
                WHERE settled.area_id IS NULL AND :tolerance_m > 0
                  AND piece.partnership_id = :partnership_id
                  AND piece.version_id = :version_id
                  AND piece.geom && ST_Expand(at.geom, point.width, :height)
                GROUP BY piece.area_id
            ) AS reach
            WHERE reach.distance_m <= :tolerance_m
        ) AS near
        JOIN area ON area.partnership_id = :partnership_id AND area.id = near.area_id
        WHERE near.distance_m <= near.least_m + :tie_m
        HAVING count(*) > 0
    ) AS nearest ON true
    ORDER BY point.n
""")
