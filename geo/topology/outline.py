"""The areas of a layer in few points, as a tablet needs them: neighbours share their border, to the last digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.areas import Areas
from geo.topology.arcs import GRID_DEG, Points, arcs_of
from geo.topology.rings import Shape, shapes_of
from geo.topology.simplify import simplify

ERROR_M = 5.0
"""How far a border may be moved: what a tablet's own fix is off by under trees and between houses."""

RECIPE = 1
"""Goes up when the same areas would give other outlines: those that were stored are made anew."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Areas drawn with shared arcs, in the order of their codes (by Unicode code point).

    `lines` are the arcs, in whole steps of GRID_DEG, in the order of their coordinates. The shape of an area that is
    narrower than a step everywhere is empty.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    owners: tuple[str | None, ...]
    shapes: list[Shape]
    lines: list[Points]
    error_m: float


def outline_of(areas: Areas, error_m: float = ERROR_M) -> Outline:
    """Outlines of a published version's areas (valid, with distinct codes and a name each).

    Every point of an outline's border is within `error_m` metres of the area's true border (on WGS 84, edges being
    straight in longitude and latitude). The borders that neighbours share stay shared, so that there are no gaps and
    overlaps but those that the areas have, where these are wider than a step of the grid. Polygons are valid.

    The same areas give the same outline; and where a border is the same in two versions of a layer, so are its arcs,
    nearly always. Raises ValueError when `error_m` is below two metres, where the grid is too coarse.
    """
    if error_m < 2:
        raise ValueError("An outline is drawn on a grid of a metre; error_m must be at least 2.")
    order = sorted(range(len(areas)), key=lambda k: areas.codes[k] or "")
    geoms = areas.geoms[np.array(order, dtype=np.intp)]
    metres = _metres_per_step(geoms)
    arcs = arcs_of(geoms)
    # Drawing on the grid moves a point by half a cell's diagonal at most.
    lines = simplify(arcs.lines, error_m - float(np.hypot(*metres)) / 2, metres)
    ranks = sorted(range(len(lines)), key=lambda k: lines[k].tolist())
    lines = [lines[k] for k in ranks]
    shapes = shapes_of(lines, [arcs.left[k] for k in ranks], [arcs.right[k] for k in ranks], len(order))
    owners = areas.owners or (None,) * len(order)
    return Outline(
        tuple(areas.codes[k] or "" for k in order),
        tuple(areas.names[k] or "" for k in order),
        tuple(owners[k] for k in order),
        shapes,
        lines,
        error_m,
    )


def _metres_per_step(geoms: np.ndarray[tuple[int], np.dtype[np.object_]]) -> tuple[float, float]:
    """How long a step of the grid is at most where these areas are, eastward and northward, on WGS 84.

    The latitude is taken down to a whole degree, so that an area that reaches a little farther does not change all
    others' outlines.
    """
    _, south, _, north = shapely.total_bounds(geoms).tolist()
    least = 0.0 if south <= 0 <= north else np.floor(min(abs(south), abs(north)))
    phi = np.radians(least)
    a, e2 = 6_378_137.0, 0.006694379990141317
    eastward = a * np.cos(phi) / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    # The meridian's radius is largest at the poles.
    northward = a / np.sqrt(1 - e2)
    step = np.radians(GRID_DEG)
    return float(eastward * step), float(northward * step)
