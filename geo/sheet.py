"""The areas of a layer that can be measured, laid flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.areas import Areas
from geo.findings import FEATURES_PER_FINDING_MAX, called, features_of, place
from geo.ground import Floats, Indexes, Objects, Plane


@dataclass(frozen=True, slots=True)
class Sheet:
    """Valid areas in a plane. What is k-th here is `areas`' number `at[k]`, from 0; `m2` are square metres on
    the ground."""

    areas: Areas
    plane: Plane
    at: Indexes
    shapes: Objects
    m2: Floats

    @classmethod
    def of(cls, areas: Areas, plane: Plane, valid: NDArray[np.bool_]) -> Sheet:
        at = np.flatnonzero(valid)
        shapes = plane.flat(areas.geoms[at])
        return cls(areas, plane, at, shapes, plane.areas_m2(shapes))

    def those(self, which: Any) -> Sheet:
        """A sheet of some of these, in the same plane."""
        return Sheet(self.areas, self.plane, self.at[which], self.shapes[which], self.m2[which])

    def __len__(self) -> int:
        return int(self.at.size)

    def called(self, k: int) -> str:
        here = int(self.at[k])
        return called(self.areas.codes[here], self.areas.names[here], here + 1)

    def code(self, k: int) -> str | None:
        return self.areas.codes[int(self.at[k])]

    def name(self, k: int) -> str | None:
        return self.areas.names[int(self.at[k])]

    def codes(self, ks: Any) -> tuple[str | None, ...]:
        return tuple(self.code(int(k)) for k in ks[:FEATURES_PER_FINDING_MAX])

    def features(self, ks: Any) -> tuple[int, ...]:
        return features_of([int(self.at[int(k)]) for k in ks[:FEATURES_PER_FINDING_MAX]])

    def place(self, flat: shapely.Geometry | None) -> shapely.Geometry | None:
        """Where a geometry of the plane is, in degrees and few vertices."""
        return place(None if flat is None else self.plane.lonlat([flat])[0])
