"""Work orders as a collection: all of them that a member of staff may see, or a few facts of each for anybody."""

from __future__ import annotations

import math
from collections.abc import Collection as Some
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
from fieldsync.ogc.crs import Crs
from fieldsync.ogc.fields import GRID_DEG
from fieldsync.ogc.parameters import Asked
from fieldsync.ogc.public_ids import own_id, public_id
from fieldsync.pages import encode

ID = "work-orders"

FIRST_ID = UUID(int=0)
"""Sorts before every id."""


@dataclass(frozen=True, kw_only=True)
class WorkOrders(Collection):
    """The work orders of a partnership that are not deleted."""

    own: Some[UUID] | None
    """The jurisdictions whose work orders the caller may see; None means all."""
    public: bool
    """Only what anybody may know."""
    key: UUID
    """The key of the public ids."""

    @property
    def _scope(self) -> str:
        return queries.work_order_scope(own=self.own is not None)

    def _bound(self) -> dict[str, Any]:
        bound: dict[str, Any] = {"partnership_id": self.partnership_id}
        return bound if self.own is None else bound | {"own": list(self.own)}

    def extent(self, session: Session) -> Extent:
        row = session.execute(queries.work_orders_extent(self._scope, public=self.public), self._bound()).one()
        if row.west is None:
            return Extent(None, None, None)
        # Outwards to the next line of the public grid: the outermost work order's exact place would show otherwise.
        west, south = (round(math.floor(at / GRID_DEG) * GRID_DEG, 3) for at in (row.west, row.south))
        east, north = (round(math.ceil(at / GRID_DEG) * GRID_DEG, 3) for at in (row.east, row.north))
        return Extent((west, south, east, north), row.first, None)

    def page(self, session: Session, asked: Asked, at: datetime) -> Page:
        after, matched = FIRST_ID, None
        if asked.cursor is not None:
            shown, matched = read_cursor(asked.cursor, [UUID])
            after = own_id(shown, self.key) if self.public else shown
        bound = self._bound() | numbered(asked.shapes) | asked.values | self._period(asked)
        if matched is None:
            where = self._where(asked, bound, by_index=True)
            matched = int(session.execute(queries.count_work_orders(where), bound).scalar_one())
        where = self._where(asked, bound, by_index=matched <= WALK_FROM * asked.limit)
        bound |= {"after": after, "limit": asked.limit, "bytes": PAGE_BYTES_MAX}
        statement = queries.page_of_work_orders(where, self.fields, asked.crs, public=self.public)
        rows = drawn(session, statement, bound) if matched else []
        features = [self._feature(row) for row in rows]
        more = bool(rows) and rows[0].found > len(rows)
        return Page(features, matched, {"cursor": encode([features[-1]["id"], matched])} if more else None)

    def _where(self, asked: Asked, bound: Some[str], *, by_index: bool) -> str:
        return queries.work_order_conditions(
            self._scope, self.fields, asked.values, asked.shapes, bound, public=self.public, by_index=by_index
        )

    def _period(self, asked: Asked) -> dict[str, Any]:
        if asked.period is None:
            return {}
        given = {"since": asked.period.since, "until": asked.period.until}
        return {name: at.date() if self.public else at for name, at in given.items() if at is not None}

    def feature(self, session: Session, feature_id: str, crs: Crs) -> Document | None:
        try:
            shown = UUID(feature_id)
        except ValueError:
            return None
        id_ = own_id(shown, self.key) if self.public else shown
        statement = queries.one_work_order(self._scope, self.fields, crs, public=self.public)
        for row in drawn(session, statement, self._bound() | {"id": id_}):
            return self._feature(row)
        return None

    def _feature(self, row: Any) -> Document:
        shown = public_id(row.id, self.key) if self.public else row.id
        return feature_of(str(shown), row.geometry, {field.name: getattr(row, field.name) for field in self.fields})
