"""Layers made for tests: cells with winding borders that neighbours share to the last bit."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Objects = NDArray[np.object_]


def winding_cells(
    columns: int = 4,
    rows: int = 3,
    *,
    points: int = 12,
    seed: int = 0,
    west: float = -80.0,
    south: float = 40.0,
    cell_deg: float = 0.01,
    wobble: float = 0.02,
) -> Objects:
    """Columns x rows MultiPolygons, each side of a cell a random walk of so many points between its corners.

    `wobble` is how far a side strays, in cells. The cells are a valid coverage (see `is_coverage`) unless that is
    large.
    """
    chance = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(columns + 1), np.arange(rows + 1), indexing="ij"), -1).astype(float)
    corners += chance.uniform(-0.15, 0.15, corners.shape)
    across = _sides(chance, corners[:-1], corners[1:], points, wobble)
    upward = _sides(chance, corners[:, :-1], corners[:, 1:], points, wobble)
    cells = []
    for i in range(columns):
        for j in range(rows):
            ring = [across[i, j][:-1], upward[i + 1, j][:-1], across[i, j + 1][:0:-1], upward[i, j][::-1]]
            cells.append(shapely.MultiPolygon([shapely.Polygon(np.concatenate(ring))]))
    return shapely.transform(np.array(cells, dtype=object), lambda xy: xy * cell_deg + (west, south))


def _sides(
    chance: np.random.Generator, begin: NDArray[np.float64], end: NDArray[np.float64], points: int, wobble: float
) -> NDArray[np.float64]:
    along = np.linspace(0, 1, points + 1)
    walk = np.cumsum(chance.normal(size=(*begin.shape[:2], points + 1)), axis=-1)
    walk -= walk[..., :1] + (walk[..., -1:] - walk[..., :1]) * along
    walk *= wobble / np.sqrt(points)
    way = end - begin
    beside = np.stack([-way[..., 1], way[..., 0]], -1)
    sides: NDArray[np.float64] = (
        begin[..., None, :] + way[..., None, :] * along[:, None] + beside[..., None, :] * walk[..., None]
    )
    # To the last bit the same corner, whichever side it is the end of.
    sides[..., 0, :], sides[..., -1, :] = begin, end
    return sides


def is_coverage(geoms: Objects) -> bool:
    return bool(shapely.is_valid(geoms).all() and shapely.coverage_is_valid(geoms))


def turned(geoms: Objects, by: int) -> Objects:
    """The same polygons, each ring begun at another point and every second one run the other way."""

    def turn(k: int, ring: shapely.Geometry) -> shapely.Geometry:
        points = shapely.get_coordinates(ring)[:-1]
        points = np.roll(points, -by, axis=0)
        points = np.concatenate([points, points[:1]])
        return shapely.LinearRing(points[::-1] if k % 2 else points)

    def polygon(part: shapely.Geometry) -> shapely.Polygon:
        outer, *holes = shapely.get_rings(part)
        return shapely.Polygon(turn(by, outer), [turn(by + k, hole) for k, hole in enumerate(holes)])

    return np.array([shapely.MultiPolygon([polygon(part) for part in geom.geoms]) for geom in geoms], dtype=object)
