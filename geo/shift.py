"""Whether a layer as a whole lies elsewhere than the version before: a datum mistaken, a wrong transformation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.crossing import overlaid
from geo.findings import Tolerances
from geo.ground import Floats, Indexes, Objects
from geo.sheet import Sheet

SAMPLE_MAX = 200
"""Areas, the largest, whose outlines are laid upon each other; the others only have their centres compared."""

_AGREEING = 0.8
"""So many of the areas have to have moved alike: a few may have been redrawn on the same occasion."""

_EXPLAINED = 0.75
"""Moving an area back has to take away so much of what differs, or it did not just move."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Metres east and north by which areas moved, how many of the areas did and of how many."""

    east_m: float
    north_m: float
    moved: int
    areas: int

    @property
    def distance_m(self) -> float:
        return float(np.hypot(self.east_m, self.north_m))


def common_shift(old: Sheet, new: Sheet, i: Indexes, j: Indexes, tolerances: Tolerances) -> Shift | None:
    """The offset that most of the areas share, old[i] having become new[j]; None if there is none of at least
    `tolerances.shift_m`.

    The sheets are in one plane. The offset is the median of that of the centres; it counts if most centres
    agree with it and if the outlines fall together when it is taken back.
    """
    if not i.size:
        return None
    steps = _centres(new.shapes[j]) - _centres(old.shapes[i])
    offset = np.median(steps, axis=0)
    length = float(np.hypot(*offset))
    if length < tolerances.shift_m:
        return None
    agree = np.hypot(*(steps - offset).T) <= length / 4
    if agree.mean() < _AGREEING:
        return None
    sample = np.lexsort((np.arange(i.size), -old.m2[i]))[:SAMPLE_MAX]
    before, after = old.shapes[i[sample]], new.shapes[j[sample]]
    apart = _differing(before, after)
    left = _differing(_moved(before, offset), after)
    explained = left <= (1 - _EXPLAINED) * apart
    if explained.mean() < _AGREEING:
        return None
    return Shift(float(offset[0]), float(offset[1]), int(agree.sum()), int(i.size))


def _centres(shapes: Objects) -> Floats:
    return np.asarray(shapely.get_coordinates(shapely.centroid(shapes)), dtype=np.float64)


def _moved(shapes: Objects, offset: Floats) -> Objects:
    return np.asarray(shapely.set_coordinates(shapes.copy(), shapely.get_coordinates(shapes) + offset), dtype=object)


def _differing(some: Objects, others: Objects) -> Floats:
    return np.asarray(shapely.area(overlaid(shapely.symmetric_difference, some, others)), dtype=np.float64)
