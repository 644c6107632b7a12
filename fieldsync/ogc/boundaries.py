"""A boundary layer as a collection: the areas of its version in force, or of those in force in a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.ogc import queries
from fieldsync.ogc.collection import (
    PAGE_BYTES_MAX,
    WALK_FROM,
    Collection,
    Document,
    Extent,
    Page,
    drawn,
    feature_of,
    numbered,
    read_cursor,
)
from fieldsync.ogc.crs import Box, Crs
from fieldsync.ogc.parameters import Asked, Period
from fieldsync.pages import encode
from fieldsync.problems import InvalidParameter

PREFIX = "boundaries-"
"""Before a layer's id. Its name may change, and what a person saved in a map must still find it then."""

ROLES = {
    "jurisdiction": "Who is responsible where.",
    "overlay": "What lies inside a jurisdiction and belongs to another one.",
    "reference": "To look at: it decides nothing.",
}

BOXES_MAX = 10_000
_boxes: dict[UUID, Box] = {}
"""The box of each version that was asked for. A published version never changes, so none is ever stale."""


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of a layer."""

    id: UUID
    number: int
    starts: datetime
    ends: datetime | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Boundaries(Collection):
    """A layer with at least one published version."""

    layer_name: str
    versions: tuple[Version, ...]
    """In the order of their starts."""

    def extent(self, session: Session) -> Extent:
        unknown = [version.id for version in self.versions if version.id not in _boxes]
        if unknown:
            if len(_boxes) > BOXES_MAX:
                _boxes.clear()
            keys = {"partnership_id": self.partnership_id, "versions": unknown}
            for row in session.execute(queries.AREA_BOXES, keys):
                _boxes[row.version_id] = (row.west, row.south, row.east, row.north)
        boxes = [_boxes[version.id] for version in self.versions]
        west, south = (min(box[i] for box in boxes) for i in (0, 1))
        east, north = (max(box[i] for box in boxes) for i in (2, 3))
        return Extent((west, south, east, north), self.versions[0].starts, self.versions[-1].ends)

    def page(self, session: Session, asked: Asked, at: datetime) -> Page:
        period = asked.period or Period(at, at)
        versions = [version for version in self.versions if period.overlaps(version.starts, version.ends)]
        after, matched = 0, None
        if asked.cursor is not None:
            starts, after, matched = read_cursor(asked.cursor, [datetime, int])
            if starts not in [version.starts for version in versions]:
                raise InvalidParameter("Another version is in force than when that page was read.", field="cursor")
            versions = [version for version in versions if version.starts >= starts]
        shapes = asked.shapes
        bound: dict[str, Any] = {"partnership_id": self.partnership_id, "versions": [v.id for v in versions]}
        bound |= numbered(shapes) | asked.values
        if matched is None:
            matched = self._count(session, asked, versions, bound)
        by_index = matched <= WALK_FROM * asked.limit
        where = queries.area_conditions(self.fields, asked.values, shapes, by_index=by_index)
        bound |= {"after": after, "limit": asked.limit, "bytes": PAGE_BYTES_MAX}
        rows = drawn(session, queries.page_of_areas(where, self.fields, asked.crs), bound) if matched else []
        by_id = {version.id: version for version in versions}
        features = [self._feature(row, by_id[row.version_id]) for row in rows]
        following = None
        if rows and rows[0].found > len(rows):
            last = rows[-1]
            key = encode([by_id[last.version_id].starts, last.feature, matched])
            # The moment stays that of the first page, so that all pages are of the same version.
            following = {"cursor": key} if asked.period else {"cursor": key, "datetime": at.isoformat()}
        return Page(features, matched, following)

    def _count(self, session: Session, asked: Asked, versions: Sequence[Version], bound: dict[str, Any]) -> int:
        if asked.shapes is None and not asked.values:
            return sum(version.count for version in versions)
        where = queries.area_conditions(self.fields, asked.values, asked.shapes, by_index=True)
        return int(session.execute(queries.count_areas(where), bound).scalar_one())

    def feature(self, session: Session, feature_id: str, crs: Crs) -> Document | None:
        try:
            id_ = UUID(feature_id)
        except ValueError:
            return None
        bound = {"partnership_id": self.partnership_id, "id": id_, "versions": [v.id for v in self.versions]}
        for row in drawn(session, queries.one_area(self.fields, crs), bound):
            return self._feature(row, next(v for v in self.versions if v.id == row.version_id))
        return None

    def _feature(self, row: Any, version: Version) -> Document:
        known = {
            "layer": self.layer_name,
            "version": version.number,
            "in_force_from": version.starts,
            "in_force_until": version.ends,
        }
        properties = {field.name: getattr(row, field.name) if field.sql else known[field.name] for field in self.fields}
        return feature_of(str(row.id), row.geometry, properties)
