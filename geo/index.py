"""Placing points in memory, with an index built from what PostGIS holds. The rules are in geo.placements."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import TypeAlias
from uuid import UUID

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod
from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.placements import (
    TIE_M,
    Floats,
    Placements,
    Rule,
    as_points,
    check_tolerance,
    on_earth,
    reach_deg,
)
from geo.refusals import VersionIsDraft, VersionUnknown

INDEXES_HELD_MAX = 16
VERTICES_HELD_MAX = 4_000_000
"""What the cache of a process may hold: versions, and vertices in all of them. A vertex takes some 60 bytes
with its share of the prepared polygon, so a worker spends 250 MB at the very most; DC's eight wards have
23,000 vertices."""

_WGS84 = Geod(ellps="WGS84")
_RULES: tuple[Rule, ...] = ("outside", "inside", "border", "overlap", "nearest")
_OUTSIDE, _INSIDE, _BORDER, _OVERLAP, _NEAREST = range(5)

Indexes: TypeAlias = NDArray[np.intp]
Objects: TypeAlias = NDArray[np.object_]


class PlacementIndex:
    """One version's areas, ready to be asked. Immutable once built, so threads may share it."""

    def __init__(
        self,
        area_ids: Sequence[UUID],
        codes: Sequence[str],
        geoms: Objects,
        tolerance_m: float,
        owners: Sequence[str | None] = (),
    ):
        """`geoms` are valid (Multi)Polygons in EPSG:4326, one for each code; codes are distinct.

        `owners` are the codes of the jurisdictions responsible for the areas, where that is not their own.
        """
        check_tolerance(tolerance_m)
        order = np.array(sorted(range(len(codes)), key=codes.__getitem__), dtype=np.intp)
        # Sorted by code, so the lowest code is the lowest position. A last None answers for position -1.
        self._ids: list[UUID | None] = [*(area_ids[at] for at in order.tolist()), None]
        self._codes: list[str | None] = [*(codes[at] for at in order.tolist()), None]
        self.owners = {code: owner for code, owner in zip(codes, owners or codes, strict=True) if owner is not None}
        self._areas = geoms[order]
        self._tree = shapely.STRtree(self._areas)
        self._borders: Objects | None = None
        self.tolerance_m = tolerance_m
        self.vertices = int(shapely.get_num_coordinates(self._areas).sum())
        self._warm()

    @classmethod
    def load(cls, session: Session, partnership_id: UUID, version_id: UUID) -> PlacementIndex:
        """The index of any version, a draft too. Raises VersionUnknown."""
        index, _status = _load(session, partnership_id, version_id)
        return index

    def __len__(self) -> int:
        return len(self._areas)

    def place(self, lon: ArrayLike, lat: ArrayLike, *, tolerance_m: float | None = None) -> Placements:
        """Place points given in degrees, EPSG:4326. Not finite or off the earth is `outside`.

        `tolerance_m` is the layer's now, as `version_in_force` tells it; without it, that of when the index
        was loaded. Raises ValueError for arrays that do not match, too many points, or a tolerance out of
        range.
        """
        lons, lats = as_points(lon, lat)
        reach_m = self.tolerance_m if tolerance_m is None else tolerance_m
        points = np.asarray(shapely.points(lons, lats))
        at, area = self._tree.query(points)
        covered = shapely.intersects_xy(self._areas[area], lons[at], lats[at])
        at, area = at[covered], area[covered]
        found = np.full(lons.size, -1, dtype=np.intp)
        found[at] = area
        rule = np.where(found >= 0, _INSIDE, _OUTSIDE)
        placed = np.count_nonzero(rule)
        if at.size > placed:
            self._settle(points, at, area, found, rule)
        if reach_m and placed < lons.size:
            check_tolerance(reach_m)
            self._draw_in(lons, lats, reach_m, found, rule)
        where = found.tolist()
        ids, codes = self._ids, self._codes
        return Placements([ids[k] for k in where], [codes[k] for k in where], [_RULES[k] for k in rule.tolist()])

    def near_border(self, lon: ArrayLike, lat: ArrayLike, border_m: float) -> NDArray[np.bool_]:
        """Which points (degrees, EPSG:4326) lie within `border_m` metres of any area's border.

        The distance is that of `place`'s tolerance. Raises ValueError as `place` does.
        """
        lons, lats = as_points(lon, lat)
        near = np.zeros(lons.size, dtype=np.bool_)
        here = np.flatnonzero(on_earth(lons, lats))
        if not border_m or not here.size:
            return near
        width, height = reach_deg(lats[here], border_m)
        x, y = lons[here], lats[here]
        row, area = self._tree.query(shapely.box(x - width, y - height, x + width, y + height))
        # Few of the areas whose box is met have their border near: the degrees that the reach may have at
        # most tell most of the others, quickly.
        rings = self._rings()
        points = np.asarray(shapely.points(x, y))
        close = shapely.dwithin(rings[area], points[row], np.maximum(width[row], height))
        for k, n in zip(row[close].tolist(), area[close].tolist(), strict=True):
            at = here[k]
            if not near[at]:
                edge = _closest(self._areas[n], lons[at], lats[at])
                near[at] = _WGS84.inv(lons[at], lats[at], *edge)[2] <= border_m
        return near

    def _rings(self) -> Objects:
        if self._borders is None:
            borders = shapely.boundary(self._areas)
            shapely.prepare(borders)
            self._borders = borders
        return self._borders

    def _settle(self, points: Objects, at: Indexes, area: Indexes, found: Indexes, rule: Indexes) -> None:
        """Decide the points that several areas cover: overlap or border, the lowest code."""
        shared = np.bincount(at)[at] > 1
        order = np.lexsort((area[shared], at[shared]))
        at, area = at[shared][order], area[shared][order]
        contained = shapely.contains_properly(self._areas[area], points[at])
        point, first = np.unique(at, return_index=True)
        found[point] = area[first]
        rule[point] = np.where(np.logical_or.reduceat(contained, first), _OVERLAP, _BORDER)

    def _draw_in(self, lon: Floats, lat: Floats, tolerance_m: float, found: Indexes, rule: Indexes) -> None:
        """Give the points in no area to the nearest one within the tolerance."""
        astray = np.flatnonzero((found < 0) & on_earth(lon, lat))
        width, height = reach_deg(lat[astray], tolerance_m)
        boxes = shapely.box(lon[astray] - width, lat[astray] - height, lon[astray] + width, lat[astray] + height)
        row, area = self._tree.query(boxes)
        if not row.size:
            return
        at = astray[row]
        closest = np.array([_closest(self._areas[k], lon[p], lat[p]) for p, k in zip(at, area, strict=True)])
        _, _, distance_m = _WGS84.inv(lon[at], lat[at], closest[:, 0], closest[:, 1])
        near = np.flatnonzero(distance_m <= tolerance_m)
        # From the last to the first: what stands is the lowest position among those as near as the nearest.
        least = np.full(lon.size, np.inf)
        np.minimum.at(least, at[near], distance_m[near])
        tied = near[distance_m[near] <= least[at[near]] + TIE_M]
        tied = tied[np.argsort(area[tied])[::-1]]
        found[at[tied]] = area[tied]
        rule[at[tied]] = _NEAREST

    def _warm(self) -> None:
        """Build what shapely would build at the first question.

        GEOS builds the tree and each prepared polygon's inner index when first asked, and two threads that
        ask first together would both build it.
        """
        if not len(self._areas):
            return
        shapely.prepare(self._areas)
        west, south, east, north = shapely.bounds(self._areas).T
        middle = shapely.points((west + east) / 2, (south + north) / 2)
        self._tree.query(middle)
        shapely.intersects_xy(self._areas, (west + east) / 2, (south + north) / 2)
        shapely.contains_properly(self._areas, middle)


def _closest(area: shapely.Geometry, lon: float, lat: float) -> tuple[float, float]:
    """The point of an area's rings that is closest to a point outside it.

    Closest in the plane where a degree of longitude is shortened by the cosine of the point's latitude,
    which over the ten kilometres that a tolerance may have is the ground's shape. Each ring's edges are
    projected at once.
    """
    shrink = np.cos(np.radians(lat))
    best, closest = np.inf, (lon, lat)
    for ring in shapely.get_rings(shapely.get_parts(area)):
        corner = shapely.get_coordinates(ring)
        x, y = (corner[:, 0] - lon) * shrink, corner[:, 1] - lat
        dx, dy = np.diff(x), np.diff(y)
        length2 = dx * dx + dy * dy
        along = -(x[:-1] * dx + y[:-1] * dy) / np.where(length2 > 0, length2, 1.0)
        along = np.clip(along, 0.0, 1.0)
        cx, cy = x[:-1] + along * dx, y[:-1] + along * dy
        distance2 = cx * cx + cy * cy
        k = int(np.argmin(distance2))
        if distance2[k] < best:
            best = float(distance2[k])
            edge = corner[k] + along[k] * (corner[k + 1] - corner[k])
            closest = (float(edge[0]), float(edge[1]))
    return closest


def _load(session: Session, partnership_id: UUID, version_id: UUID) -> tuple[PlacementIndex, str]:
    keys = {"partnership_id": partnership_id, "version_id": version_id}
    version = session.execute(_VERSION, keys).one_or_none()
    if version is None:
        raise VersionUnknown(version_id=version_id)
    rows = session.execute(_AREAS, keys).all()
    geoms = shapely.from_wkb([row.wkb for row in rows])
    index = PlacementIndex(
        [row.id for row in rows],
        [row.code for row in rows],
        geoms,
        version.tolerance_m,
        [row.owner_code or row.code for row in rows],
    )
    return index, version.status


_VERSION = text("""
    SELECT layer_version.status, layer.tolerance_m
    FROM layer_version
    JOIN layer ON layer.partnership_id = layer_version.partnership_id AND layer.id = layer_version.layer_id
    WHERE layer_version.partnership_id = :partnership_id AND layer_version.id = :version_id
""")

_AREAS = text("""
    SELECT id, code, owner_code, ST_AsBinary(geom) AS wkb
    FROM area
    WHERE partnership_id = :partnership_id AND version_id = :version_id
""")

_held: OrderedDict[tuple[UUID, UUID], PlacementIndex] = OrderedDict()
_lock = Lock()


def index_for(session: Session, partnership_id: UUID, version_id: UUID) -> PlacementIndex:
    """The index of a published version, from this process's cache or read once from PostGIS.

    A published version never changes, so nothing ever has to be dropped for being stale; the least recently
    used goes when there are too many. Raises VersionUnknown, and VersionIsDraft for one that may still
    change.
    """
    key = (partnership_id, version_id)
    with _lock:
        index = _held.get(key)
        if index is not None:
            _held.move_to_end(key)
            return index
    # Outside the lock: building takes a while and must not hold up those who ask for another version. Two
    # threads may build the same one; the answers are the same and one of them stays.
    index, status = _load(session, partnership_id, version_id)
    if status == "draft":
        raise VersionIsDraft(version_id=version_id)
    with _lock:
        _held[key] = index
        while len(_held) > INDEXES_HELD_MAX or (
            len(_held) > 1 and sum(held.vertices for held in _held.values()) > VERTICES_HELD_MAX
        ):
            _held.popitem(last=False)
    return index
