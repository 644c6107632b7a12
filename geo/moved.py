"""The ground of two versions, each piece counted for one code, and the pieces that changed hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.areas import Areas
from geo.covered import only_in
from geo.crossing import (
    Entangled,
    crossings,
    entangled,
    overlaid,
    polygonal,
    self_crossings,
    suspects,
    united,
    unmatched_edges,
)
from geo.ground import Floats, Indexes, Objects, Plane, sums

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Parted:
    """The areas of a version in the order of their codes, in a plane, each without what lower codes have of
    it: that is how points are placed where areas overlap."""

    codes: list[str]
    names: list[str | None]
    plane: Plane
    shapes: Objects
    m2: Floats

    @classmethod
    def of(cls, areas: Areas, plane: Plane, tell: Tell) -> Parted:
        """Part valid areas with distinct codes. Raises Entangled."""
        order = sorted(range(len(areas)), key=lambda at: areas.codes[at] or "")
        shapes = plane.flat(areas.geoms[order])
        if entangled(shapes, shapes):
            raise Entangled
        shared = self_crossings(plane, shapes, suspects(unmatched_edges(shapes), shapes.size), tell)
        parted = shapes.copy()
        for at in np.unique(shared.right).tolist():
            lower = united(shapes[shared.left[shared.right == at]], matched=False)
            parted[at] = polygonal(overlaid(shapely.difference, shapes[[at]], np.array([lower])))[0]
        codes = [areas.codes[at] or "" for at in order]
        return cls(codes, [areas.names[at] for at in order], plane, parted, plane.areas_m2(parted))


@dataclass(frozen=True, slots=True)
class Moved:
    """Polygons of ground that changed hands, in the plane: the positions of its code in the version before
    and in this one, -1 for no area, and square metres."""

    old: Indexes
    new: Indexes
    shapes: Objects
    m2: Floats

    def by_code(self, old: int, new: int) -> tuple[Floats, Floats]:
        """Square metres lost by each of `old` codes, and gained by each of `new`."""
        lost, gained = self.old >= 0, self.new >= 0
        return sums(self.old[lost], self.m2[lost], old), sums(self.new[gained], self.m2[gained], new)

    def by_pair(self) -> list[tuple[int, int, float]]:
        """From one code to another: the positions and square metres."""
        both = (self.old >= 0) & (self.new >= 0)
        pairs, of = np.unique(np.column_stack([self.old, self.new])[both], axis=0, return_inverse=True)
        m2 = sums(of.reshape(-1), self.m2[both], len(pairs))
        return [(int(i), int(j), float(each)) for (i, j), each in zip(pairs, m2, strict=True)]


def moved_ground(before: Parted, after: Parted, tell: Tell) -> Moved:
    """Every piece of ground that has another code than before, or one in one version only.

    Both are in one plane. Raises Entangled.
    """
    plane = before.plane
    i, j = _differing(before, after)
    old, new = before.shapes[i], after.shapes[j]
    others = _other_codes(before, after, i, j)
    handed = crossings(plane, old, new, others, lambda done: tell(done, int(i.size)))
    had, has = united(old), united(new)
    lost = crossings(plane, old, only_in(plane, had, has)[0], None, lambda done: None)
    gained = crossings(plane, new, only_in(plane, has, had)[0], None, lambda done: None)
    found = [
        _pieces(plane, i[handed.left], j[handed.right], handed.shapes),
        _pieces(plane, i[lost.left], _nobody(len(lost)), lost.shapes),
        _pieces(plane, _nobody(len(gained)), j[gained.left], gained.shapes),
    ]
    return Moved(
        np.concatenate([each.old for each in found]),
        np.concatenate([each.new for each in found]),
        np.concatenate([each.shapes for each in found]),
        np.concatenate([each.m2 for each in found]),
    )


def _differing(before: Parted, after: Parted) -> tuple[Indexes, Indexes]:
    """Positions whose code does not have the same polygon in the other version.

    The polygons of a version do not overlap, so ground under one that is in both is with its code in both.
    """
    where = {code: at for at, code in enumerate(after.codes)}
    pairs = [(at, where[code]) for at, code in enumerate(before.codes) if code in where]
    i, j = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    same = shapely.equals_identical(before.shapes[i], after.shapes[j])
    return (
        np.setdiff1d(np.arange(len(before.codes)), i[same]),
        np.setdiff1d(np.arange(len(after.codes)), j[same]),
    )


def _other_codes(
    before: Parted, after: Parted, i: Indexes, j: Indexes
) -> Callable[[Indexes, Indexes], NDArray[np.bool_]]:
    number = {code: at for at, code in enumerate(sorted({*before.codes, *after.codes}))}
    old = np.array([number[before.codes[at]] for at in i], dtype=np.intp)
    new = np.array([number[after.codes[at]] for at in j], dtype=np.intp)
    return lambda left, right: old[left] != new[right]


def _nobody(count: int) -> Indexes:
    return np.full(count, -1, dtype=np.intp)


def _pieces(plane: Plane, old: Indexes, new: Indexes, shapes: Objects) -> Moved:
    parts, of = shapely.get_parts(shapes, return_index=True)
    m2 = plane.areas_m2(parts)
    solid = m2 > 0
    return Moved(old[of[solid]], new[of[solid]], parts[solid], m2[solid])
