"""How long the way from one place to another takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Protocol

from fieldsync.config import Settings
from fieldsync.crews.facts import Point

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS 84's ellipsoid (IUGG); with it a sphere's distances are within 0.6 % of the ellipsoid's."""


class Travel(Protocol):
    """How long it takes to drive."""

    def minutes(self, a: Point, b: Point) -> float:
        """Minutes from ``a`` to ``b``; there and back may differ. Never more over ``b`` than straight there, as a
        shortest way is: what eligibility promises about more bookings rests on it."""


def distance_m(a: Point, b: Point) -> float:
    """Metres as the crow flies, on a sphere (haversine: R. W. Sinnott, Sky and Telescope 68, 1984)."""
    if a == b:
        return 0.0
    south, north = radians(a[1]), radians(b[1])
    up, along = sin((north - south) / 2), sin(radians(b[0] - a[0]) / 2)
    share = up * up + cos(south) * cos(north) * along * along
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(share)))


class StraightLine:
    """As the crow flies, times what roads are longer, at one speed."""

    def __init__(self, kmh: float, detour: float) -> None:
        """``kmh``: mean speed on the road; ``detour``: length of the road by that of the straight line, at least 1."""
        self._minutes_a_metre = detour * 60 / (kmh * 1000)

    @classmethod
    def of(cls, settings: Settings) -> StraightLine:
        """At the speed and with the detour that the deployment has chosen."""
        return cls(settings.travel_kmh, settings.travel_detour_percent / 100)

    def minutes(self, a: Point, b: Point) -> float:
        """Minutes from ``a`` to ``b``."""
        return distance_m(a, b) * self._minutes_a_metre


class Matrix:
    """Ways that a router has measured; those that it has not, another way of reckoning gives."""

    def __init__(self, minutes: Mapping[tuple[Point, Point], float], otherwise: Travel) -> None:
        self._minutes = minutes
        self._otherwise = otherwise

    def minutes(self, a: Point, b: Point) -> float:
        """Minutes from ``a`` to ``b``."""
        known = self._minutes.get((a, b))
        return self._otherwise.minutes(a, b) if known is None else known
