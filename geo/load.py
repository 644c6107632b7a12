"""Areas that were read -> a draft version in the database."""

from __future__ import annotations

from uuid import UUID

import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from geo.areas import AreaSet
from geo.refusals import LayerUnknown


def load_draft(session: Session, partnership_id: UUID, layer_id: UUID, areas: AreaSet) -> UUID:
    """Store areas as the layer's next draft version and give its id. Three statements, whatever the number
    of areas.

    Raises LayerUnknown. Does not commit.
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
            "area_count": len(areas),
        },
    )
    session.execute(
        _INSERT_AREAS,
        {
            "partnership_id": partnership_id,
            "version_id": version_id,
            "ids": [uuid7() for _ in areas.codes],
            "codes": list(areas.codes),
            "names": list(areas.names),
            "wkbs": shapely.to_wkb(areas.geoms).tolist(),
        },
    )
    return version_id


_LOCK_LAYER = text("""
    SELECT id FROM layer
    WHERE partnership_id = :partnership_id AND id = :layer_id
    FOR UPDATE
""")

_INSERT_VERSION = text("""
    INSERT INTO layer_version (partnership_id, id, layer_id, number, status, source_name, source_layer,
                               source_crs, source_encoding, area_count)
    SELECT :partnership_id, :version_id, :layer_id, coalesce(max(number), 0) + 1, 'draft', :source_name,
           :source_layer, :source_crs, :source_encoding, :area_count
    FROM layer_version
    WHERE partnership_id = :partnership_id AND layer_id = :layer_id
""")

_INSERT_AREAS = text("""
    INSERT INTO area (partnership_id, id, version_id, code, name, geom)
    SELECT :partnership_id, id, :version_id, code, name, ST_Multi(ST_GeomFromWKB(wkb, 4326))
    FROM unnest(CAST(:ids AS uuid[]), CAST(:codes AS text[]), CAST(:names AS text[]), CAST(:wkbs AS bytea[]))
         AS given (id, code, name, wkb)
""")
