"""What a caller may see of a partnership: its collections."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from fieldsync.auth.actor import StaffActor
from fieldsync.auth.schemas import SLUG
from fieldsync.ogc import queries
from fieldsync.ogc.boundaries import PREFIX, ROLES, Boundaries, Version
from fieldsync.ogc.collection import Collection
from fieldsync.ogc.crs import Crs, offered
from fieldsync.ogc.fields import AREA, PUBLIC_WORK_ORDER, WORK_ORDER
from fieldsync.ogc.work_orders import ID as WORK_ORDERS
from fieldsync.ogc.work_orders import WorkOrders
from fieldsync.problems import CredentialsNeeded, NotFound

LAYERS_MAX = 1_000
"""Collections of one partnership; by name, those beyond are not shown. A partnership has a dozen layers."""

SOURCE_CRS_MAX = 20
"""Coordinate systems in which a partnership's layers came and which are offered again. Each one that is offered is a
line in every collection."""

SEES_WORK_ORDERS = ("dispatcher", "gis", "admin")
"""Roles that read work orders as staff do, each for its jurisdictions; others see what anybody sees."""

STAFF_DESCRIPTION = "Work orders that are not deleted, as far as your role goes."
PUBLIC_DESCRIPTION = (
    "Where there is work and how it stands. Places are rounded to 0.001 degrees, about 100 m, and moments to days."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A partnership, and what the caller may see of it."""

    slug: str
    name: str
    collections: tuple[Collection, ...]

    def collection(self, collection_id: str) -> Collection:
        """Raises:
        NotFound: there is none that the caller may see.
        """
        for collection in self.collections:
            if collection.id == collection_id:
                return collection
        raise NotFound


def find(session: Session, slug: str, actor: StaffActor | None) -> Found:
    """The partnership with this slug, for staff of its own or (None) for anybody.

    Raises:
        CredentialsNeeded: nobody in particular asks, and there is nothing that anybody may see; whether there is a
            partnership of that name or not.
        NotFound: staff of another partnership ask, or there is none.
    """
    # What no partnership can be called may hold what PostgreSQL does not take for text.
    row = session.execute(queries.PARTNERSHIP, {"slug": slug}).one_or_none() if re.match(SLUG, slug) else None
    if row is None or (actor is not None and actor.partnership_id != row.id):
        raise CredentialsNeeded if actor is None else NotFound
    keys = {"partnership_id": row.id, "is_staff": actor is not None and bool(actor.roles), "layers": LAYERS_MAX}
    layers = session.execute(queries.LAYERS, keys).all()
    crs = offered(sorted({srid for layer in layers for srid in layer.srids or ()})[:SOURCE_CRS_MAX])
    collections = [*_boundaries(layers, row.id, crs), *_work_orders(row, actor, crs)]
    if actor is None and not collections:
        raise CredentialsNeeded
    return Found(row.slug, row.name, tuple(collections))


def _boundaries(layers: Iterable[Any], partnership_id: UUID, crs: tuple[Crs, ...]) -> Iterable[Boundaries]:
    for layer in layers:
        columns = (layer.ids, layer.numbers, layer.starts, layer.ends, layer.counts)
        yield Boundaries(
            id=PREFIX + str(layer.id),
            title=layer.name,
            description=f"{ROLES[layer.role]} The areas in force now, or with datetime those in force then.",
            geometry="MultiPolygon",
            fields=AREA,
            crs=crs,
            partnership_id=partnership_id,
            is_live=False,
            layer_name=layer.name,
            versions=tuple(Version(*values) for values in zip(*columns, strict=True)),
        )


def _work_orders(partnership: Any, actor: StaffActor | None, crs: tuple[Crs, ...]) -> Iterable[WorkOrders]:
    sees = actor is not None and bool(actor.roles.keys() & set(SEES_WORK_ORDERS))
    if not sees and not partnership.public_work_orders:
        return
    yield WorkOrders(
        id=WORK_ORDERS,
        title="Work orders",
        description=STAFF_DESCRIPTION if sees else PUBLIC_DESCRIPTION,
        geometry="Point",
        fields=WORK_ORDER if sees else PUBLIC_WORK_ORDER,
        crs=crs,
        partnership_id=partnership.id,
        is_live=True,
        own=actor.jurisdiction_ids(SEES_WORK_ORDERS) if sees and actor is not None else None,
        public=not sees,
        key=partnership.epoch,
    )
