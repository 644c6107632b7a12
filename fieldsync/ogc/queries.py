"""The SQL of /ogc. All of it binds ``partnership_id``; a page of features is one statement, whatever is asked for.

A page is cut twice: after ``limit`` features, and where what is before a feature weighs ``bytes`` already, so that no
answer grows beyond what a worker should hold. Only what is on the page is made into GeoJSON.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import text

from fieldsync.ogc.crs import Crs
from fieldsync.ogc.fields import BEGUN, CREATED_DAY, ENDED, GRID_DEG, PUBLIC_ENDED, PUBLIC_LOCATION, Field

AREA_BYTES = "(300 + 28 * ST_NPoints(a.geom))"
"""What an area takes in an answer: in degrees a vertex has about 28 characters."""

WORK_ORDER_BYTES = "(800 + octet_length(coalesce(w.description, '')) + octet_length(coalesce(w.resolution, '')))"
PUBLIC_WORK_ORDER_BYTES = "400"

# What a person has published and nothing but that; each layer with its versions in their order.
PARTNERSHIP = text("""
    SELECT p.id, p.slug, p.name, p.public_work_orders, h.epoch
    FROM partnership p JOIN head h ON h.partnership_id = p.id
    WHERE p.slug = :slug
""")

# PostGIS knows most EPSG systems by the same number; one that it does not know cannot be offered.
LAYERS = text("""
    SELECT l.id, l.name, l.role, l.public,
           array_agg(v.id ORDER BY v.starts) AS ids, array_agg(v.number ORDER BY v.starts) AS numbers,
           array_agg(v.starts ORDER BY v.starts) AS starts, array_agg(v.ends ORDER BY v.starts) AS ends,
           array_agg(v.area_count ORDER BY v.starts) AS counts,
           array_agg(DISTINCT r.srid) FILTER (WHERE r.srid IS NOT NULL) AS srids
    FROM layer l
    JOIN layer_version v ON v.partnership_id = l.partnership_id AND v.layer_id = l.id AND v.status = 'published'
    LEFT JOIN LATERAL (
        SELECT srid FROM spatial_ref_sys
        WHERE auth_name = 'EPSG'
          AND srid = CASE WHEN v.source_crs ~ '^EPSG:[0-9]{4,6}$' THEN CAST(substring(v.source_crs, 6) AS int) END
        OFFSET 0
    ) r ON true
    WHERE l.partnership_id = :partnership_id AND (l.public OR :is_staff)
    GROUP BY l.partnership_id, l.id
    ORDER BY l.name, l.id
    LIMIT :layers
""")

AREA_BOXES = text("""
    SELECT version_id, ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
    FROM (SELECT version_id, ST_Extent(geom) AS box FROM area
          WHERE partnership_id = :partnership_id AND version_id = ANY(CAST(:versions AS uuid[]))
          GROUP BY version_id) b
""")


def touches(shapes: Sequence[bytes], geom: str, *, by_index: bool, index: str = "", margin_deg: float = 0.0) -> str:
    """The condition that a geometry touches one of ``shapes`` (bound as ``shape_0`` …).

    ``geom``: the expression that is compared. ``index``: the indexed column where that is another one, within
    ``margin_deg`` of it. Without ``by_index`` none is used: for a box that takes in so much that it is quicker to walk
    along in the order of the page.
    """
    conditions = []
    for number in range(len(shapes)):
        # Read once for the whole statement, not for each row.
        shape = f"(SELECT ST_GeomFromWKB(:shape_{number}, 4326))"
        condition = f"ST_Intersects({geom}, {shape})" if by_index else f"_ST_Intersects({geom}, {shape})"
        if by_index and index:
            condition = f"({index} && ST_Expand({shape}, {margin_deg}) AND {condition})"
        conditions.append(condition)
    return f"({' OR '.join(conditions)})" if conditions else "false"


def _drawn(geom: str, crs: Crs) -> str:
    """A geometry as GeoJSON, in the axis order of the system's authority."""
    led = f"ST_Transform({geom}, {crs.srid})" if crs.srid != 4326 else geom
    flipped = f"ST_FlipCoordinates({led})" if crs.flips else led
    return f"ST_AsGeoJSON({flipped}, {crs.decimals}, 0)"


def _columns(fields: Sequence[Field]) -> str:
    return ", ".join(f"{field.sql} AS {field.name}" for field in fields if field.sql)


def _filters(fields: Sequence[Field], names: Collection[str]) -> list[str]:
    return [field.condition for field in fields if field.name in names]


# --- areas --------------------------------------------------------------------------------------------------------


def area_conditions(fields: Sequence[Field], values: Mapping[str, Any], shapes: Sequence[bytes] | None, *,
                    by_index: bool) -> str:  # fmt: skip
    """What selects areas ``a`` of a version, as one condition."""
    conditions = ["true", *_filters(fields, values)]
    if shapes is not None:
        conditions.append(touches(shapes, "a.geom", by_index=by_index))
    return " AND ".join(conditions)


def count_areas(where: str) -> sa.TextClause:
    """How many areas of ``versions`` there are."""
    return text(f"""
        SELECT count(*) FROM area a
        WHERE a.partnership_id = :partnership_id AND a.version_id = ANY(CAST(:versions AS uuid[])) AND {where}
    """)


def page_of_areas(where: str, fields: Sequence[Field], crs: Crs) -> sa.TextClause:
    """A page of the areas of ``versions`` in their order, after feature number ``after`` of the first of them.

    ``found`` is how many there were to choose from, one more than ``limit`` at most.
    """
    return text(f"""
        SELECT k.version_id, k.feature, k.found, f.*
        FROM (
            SELECT p.*, count(*) OVER () AS found, row_number() OVER page AS place,
                   sum(weight) OVER page - weight AS before
            FROM (
                SELECT v.place AS version, v.id AS version_id, k.id, k.feature, k.weight
                FROM unnest(CAST(:versions AS uuid[])) WITH ORDINALITY v (id, place)
                CROSS JOIN LATERAL (
                    SELECT a.id, a.feature, {AREA_BYTES} AS weight
                    FROM area a
                    WHERE a.partnership_id = :partnership_id AND a.version_id = v.id
                      AND a.feature > CASE v.place WHEN 1 THEN CAST(:after AS bigint) ELSE 0 END AND {where}
                    ORDER BY a.feature LIMIT :limit + 1
                ) k
                ORDER BY v.place, k.feature LIMIT :limit + 1
            ) p
            WINDOW page AS (ORDER BY p.version, p.feature ROWS UNBOUNDED PRECEDING)
        ) k
        CROSS JOIN LATERAL (
            SELECT a.id, {_columns(fields)}, {_drawn("a.geom", crs)} AS geometry
            FROM area a WHERE a.partnership_id = :partnership_id AND a.id = k.id OFFSET 0
        ) f
        WHERE k.place <= :limit AND k.before < :bytes
        ORDER BY k.place
    """)


def one_area(fields: Sequence[Field], crs: Crs) -> sa.TextClause:
    """An area of one of ``versions``."""
    return text(f"""
        SELECT a.version_id, a.id, {_columns(fields)}, {_drawn("a.geom", crs)} AS geometry
        FROM area a
        WHERE a.partnership_id = :partnership_id AND a.id = :id AND a.version_id = ANY(CAST(:versions AS uuid[]))
    """)


# --- work orders --------------------------------------------------------------------------------------------------

_ALIVE = "w.partnership_id = :partnership_id AND w.deleted_at IS NULL"


def work_order_scope(*, own: bool) -> str:
    """Which work orders the caller sees at all."""
    return f"{_ALIVE} AND w.jurisdiction_id = ANY(CAST(:own AS uuid[]))" if own else _ALIVE


def work_order_conditions(
    scope: str, fields: Sequence[Field], values: Mapping[str, Any], shapes: Sequence[bytes] | None,
    bounds: Collection[str], *, public: bool, by_index: bool,
) -> str:  # fmt: skip
    """What selects work orders ``w``; ``bounds``: which of ``since`` and ``until`` are given.

    Anybody's are selected by what anybody is shown: the rounded place, and days.
    """
    conditions = [scope, *_filters(fields, values)]
    if shapes is not None and public:
        margin = GRID_DEG * 0.51
        conditions.append(touches(shapes, PUBLIC_LOCATION, by_index=by_index, index="w.location", margin_deg=margin))
    elif shapes is not None:
        conditions.append(touches(shapes, "w.location", by_index=by_index))
    begun, ended = (CREATED_DAY, PUBLIC_ENDED) if public else (BEGUN, ENDED)
    kind = "date" if public else "timestamptz"
    if "until" in bounds:
        conditions.append(f"{begun} <= CAST(:until AS {kind})")
    if "since" in bounds:
        conditions.append(f"{ended} >= CAST(:since AS {kind})")
    return " AND ".join(conditions)


def count_work_orders(where: str) -> sa.TextClause:
    """How many there are."""
    return text(f"SELECT count(*) FROM work_order w WHERE {where}")


_NAMES = """
    LEFT JOIN service_type s ON s.partnership_id = w.partnership_id AND s.id = w.service_type_id
    LEFT JOIN jurisdiction j ON j.partnership_id = w.partnership_id AND j.id = w.jurisdiction_id
    LEFT JOIN crew c ON c.partnership_id = w.partnership_id AND c.id = w.crew_id
"""


def page_of_work_orders(where: str, fields: Sequence[Field], crs: Crs, *, public: bool) -> sa.TextClause:
    """A page of work orders in the order of their ids, after ``after``; ``found`` as for areas."""
    location = PUBLIC_LOCATION if public else "w.location"
    weight = PUBLIC_WORK_ORDER_BYTES if public else WORK_ORDER_BYTES
    return text(f"""
        SELECT k.found, f.*
        FROM (
            SELECT p.*, count(*) OVER () AS found, row_number() OVER page AS place,
                   sum(weight) OVER page - weight AS before
            FROM (
                SELECT w.id, {weight} AS weight FROM work_order w
                WHERE {where} AND w.id > CAST(:after AS uuid)
                ORDER BY w.id LIMIT :limit + 1
            ) p
            WINDOW page AS (ORDER BY p.id ROWS UNBOUNDED PRECEDING)
        ) k
        CROSS JOIN LATERAL (
            SELECT w.id, {_columns(fields)}, {_drawn(location, crs)} AS geometry
            FROM work_order w {_NAMES}
            WHERE w.partnership_id = :partnership_id AND w.id = k.id OFFSET 0
        ) f
        WHERE k.place <= :limit AND k.before < :bytes
        ORDER BY k.place
    """)


def one_work_order(scope: str, fields: Sequence[Field], crs: Crs, *, public: bool) -> sa.TextClause:
    """One that the caller may see."""
    location = PUBLIC_LOCATION if public else "w.location"
    return text(f"""
        SELECT w.id, {_columns(fields)}, {_drawn(location, crs)} AS geometry
        FROM work_order w {_NAMES} WHERE {scope} AND w.id = :id
    """)


def work_orders_extent(scope: str, *, public: bool) -> sa.TextClause:
    """Where and when there are work orders: corners, and the first moment (for anybody: day)."""
    first = f"CAST(min({CREATED_DAY}) AS timestamp) AT TIME ZONE 'UTC'" if public else f"min({BEGUN})"
    return text(f"""
        SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north, first
        FROM (SELECT ST_Extent(w.location) AS box, {first} AS first FROM work_order w WHERE {scope}) b
    """)
