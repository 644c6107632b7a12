"""Areas that were read -> a draft version in the database; a version in the database -> its areas."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from geo.areas import Areas, AreaSet
from geo.refusals import LayerUnknown, VersionUnknown

AREAS_PER_STATEMENT = 5_000
"""Areas written by one statement: progress can be told between two, and neither holds a copy of all."""


def load_draft(
    session: Session,
    partnership_id: UUID,
    layer_id: UUID,
    areas: AreaSet,
    *,
    created_by: UUID | None = None,
    repair_of: UUID | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> UUID:
    """Store areas as the layer's next draft version and give its id.

    `progress` is told the areas written and their number; what it raises ends the work. Raises LayerUnknown.
    Does not commit.
    """
    # Lock, then count: two uploads at once would both take the same number.
    layer = {"partnership_id": partnership_id, "layer_id": layer_id}
    if session.execute(_LOCK_LAYER, layer).one_or_none() is None:
        raise LayerUnknown(layer_id=layer_id)
    version_id = uuid7()
    source = areas.source
    session.execute(
        _INSERT_VERSION,
        layer
        | {
            "version_id": version_id,
            "source_name": source.name,
            "source_layer": source.layer,
            "source_crs": source.crs,
            "source_encoding": source.encoding,
            "reading": json.dumps(asdict(source)),
            "notes": list(areas.notes),
            "area_count": len(areas),
            "created_by": created_by,
            "repair_of": repair_of,
        },
    )
    for begin in range(0, len(areas), AREAS_PER_STATEMENT):
        _insert(session, partnership_id, version_id, areas, slice(begin, begin + AREAS_PER_STATEMENT))
        progress(min(begin + AREAS_PER_STATEMENT, len(areas)), len(areas))
    return version_id


def _insert(session: Session, partnership_id: UUID, version_id: UUID, areas: AreaSet, part: slice) -> None:
    count = len(areas.codes[part])
    session.execute(
        _INSERT_AREAS,
        {
            "partnership_id": partnership_id,
            "version_id": version_id,
            "ids": [uuid7() for _ in range(count)],
            "features": list(range(part.start + 1, part.start + count + 1)),
            "codes": list(areas.codes[part]),
            "names": list(areas.names[part]),
            "owners": list(areas.owners[part]) or [None] * count,
            "dates": list(areas.valid_from[part]) or [None] * count,
            "wkbs": shapely.to_wkb(areas.geoms[part]).tolist(),
        },
    )


def load_areas(session: Session, partnership_id: UUID, version_id: UUID) -> Areas:
    """The areas of any version, in the order of their features; all of them in memory.

    Raises VersionUnknown.
    """
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    if session.execute(_KNOWN, keys).one_or_none() is None:
        raise VersionUnknown(version_id=version_id)
    rows = session.execute(_AREAS, keys).all()
    geoms = np.array(shapely.from_wkb([row.wkb for row in rows]), dtype=object)
    owners = tuple(row.owner_code for row in rows)
    dates = tuple(row.valid_from for row in rows)
    return Areas(
        tuple(row.code for row in rows),
        tuple(row.name for row in rows),
        geoms,
        owners=owners if any(owners) else (),
        valid_from=dates if any(dates) else (),
    )


_LOCK_LAYER = text("""
    SELECT id FROM layer
    WHERE partnership_id = :partnership_id AND id = :layer_id
    FOR NO KEY UPDATE
""")

_INSERT_VERSION = text("""
    INSERT INTO layer_version (partnership_id, id, layer_id, number, status, source_name, source_layer,
                               source_crs, source_encoding, reading, notes, area_count, created_by, repair_of)
    SELECT :partnership_id, :version_id, :layer_id, coalesce(max(number), 0) + 1, 'draft', :source_name,
           :source_layer, :source_crs, :source_encoding, CAST(:reading AS jsonb), CAST(:notes AS text[]),
           :area_count, :created_by, :repair_of
    FROM layer_version
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id
""")

_INSERT_AREAS = text("""
    INSERT INTO area (partnership_id, id, version_id, feature, code, name, owner_code, valid_from, geom)
    SELECT :partnership_id, id, :version_id, feature, code, name, owner, valid_from,
           ST_Multi(ST_GeomFromWKB(wkb, 4326))
    FROM unnest(CAST(:ids AS uuid[]), CAST(:features AS int[]), CAST(:codes AS text[]), CAST(:names AS text[]),
                CAST(:owners AS text[]), CAST(:dates AS date[]), CAST(:wkbs AS bytea[]))
         AS given (id, feature, code, name, owner, valid_from, wkb)
""")

_KNOWN = text("SELECT 1 FROM layer_version WHERE partnership_id = :partnership_id AND id = :version_id")

_AREAS = text("""
    SELECT code, name, owner_code, valid_from, ST_AsBinary(geom) AS wkb
    FROM area
    WHERE partnership_id = :partnership_id AND version_id = :version_id
    ORDER BY feature
""")
