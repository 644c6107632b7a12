"""Who is responsible at a point: the overlays in their order, then the jurisdiction layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from geo.assign import InForce, Ruling, index_for
from geo.index import PlacementIndex
from geo.placements import Rule

Deciding: TypeAlias = Rule | Literal["overlay"]
IndexOf: TypeAlias = Callable[[Session, UUID, UUID], PlacementIndex]


@dataclass(slots=True)
class Responsible:
    """What was found for one point: the area, the code of the jurisdiction responsible, the version, the rule.

    `area_id` and `owner` are None where the rule is `outside`. `near_border`: the point is so close to a
    border of the deciding layers, or in so many areas, that a person should look at it.
    """

    area_id: UUID | None
    owner: str | None
    version_id: UUID | None
    rule: Deciding
    near_border: bool = False


def responsible(
    session: Session,
    partnership_id: UUID,
    layers: InForce,
    lon: Sequence[float],
    lat: Sequence[float],
    services: Sequence[str | None],
    index_of: IndexOf = index_for,
) -> list[Responsible]:
    """Who is responsible at points (degrees, EPSG:4326) for services (codes, None for none in particular).

    The first overlay in its rank's order that takes the service and covers the point decides; otherwise the
    jurisdiction layer does, by the rules in geo.placements. `index_of` finds a version's index: another one
    than `index_for` where a draft takes part. Raises ValueError for more points than one call takes.
    """
    nowhere = None if layers.base is None else layers.base.version_id
    found = [Responsible(None, None, nowhere, "outside") for _ in lon]
    open_ = np.arange(len(found))
    lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    for ruling in (*layers.overlays, layers.base):
        if ruling is None or not open_.size:
            continue
        asked = open_[_takes(ruling, services, open_)]
        index = index_of(session, partnership_id, ruling.version_id)
        settled = _decide(index, ruling, lons, lats, asked, found)
        open_ = np.setdiff1d(open_, settled, assume_unique=True)
    return found


def _takes(ruling: Ruling, services: Sequence[str | None], positions: NDArray[np.intp]) -> NDArray[np.bool_]:
    if not ruling.service_types:
        return np.ones(positions.size, dtype=np.bool_)
    return np.array([services[k] in ruling.service_types for k in positions.tolist()], dtype=np.bool_)


def _decide(
    index: PlacementIndex,
    ruling: Ruling,
    lons: NDArray[np.float64],
    lats: NDArray[np.float64],
    asked: NDArray[np.intp],
    found: list[Responsible],
) -> NDArray[np.intp]:
    """Settle what this layer decides; returns those positions. Flags stand, whichever layer decides then."""
    overlay = ruling.rank is not None
    placements = index.place(lons[asked], lats[asked], tolerance_m=ruling.tolerance_m)
    near = index.near_border(lons[asked], lats[asked], ruling.border_m)
    settled = []
    for k, area_id, code, rule, is_near in zip(
        asked.tolist(), placements.area_ids, placements.codes, placements.rules, near.tolist(), strict=True
    ):
        one = found[k]
        one.near_border |= is_near or (ruling.border_m > 0 and rule in ("border", "overlap", "nearest"))
        if area_id is not None and code is not None:
            one.area_id, one.owner = area_id, index.owners.get(code)
            one.version_id, one.rule = ruling.version_id, "overlay" if overlay else rule
            settled.append(k)
    return np.array(settled, dtype=np.intp)
