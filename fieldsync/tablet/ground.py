"""Whose ground a point is, by the package of boundaries: a guess for the crew, until the server has placed the job."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Ring = list[tuple[float, float]]

_METRES_PER_DEG = 111_320.0
"""Of longitude at the equator; a degree of latitude is up to 0.7 % shorter, or 0.4 % longer."""

_SLACK = 1.01


@dataclass(frozen=True, slots=True)
class Whose:
    """Who is responsible at a point, as far as the tablet can tell."""

    owner: str | None
    """The jurisdiction's code; None where no area is near."""
    name: str | None
    """What the area is called."""
    rule: str
    """``overlay``, ``inside``, ``overlap`` (several areas: the lowest code), ``nearest`` or ``outside``."""
    is_sure: bool
    """Whether the server will say the same: no border is so near that drawing it in few points could matter."""


@dataclass(frozen=True, slots=True)
class _Area:
    code: str
    owner: str
    name: str
    box: tuple[float, float, float, float]
    rings: list[Ring]


@dataclass(frozen=True, slots=True)
class _Layer:
    is_overlay: bool
    service_types: frozenset[str]
    tolerance_m: float
    areas: list[_Area]


class Ground:
    """A package, ready to be asked."""

    def __init__(self, package: Mapping[str, Any]) -> None:
        """``package``: a whole one."""
        self._error_m = float(package["error_m"])
        self._layers = [
            _Layer(
                layer["role"] == "overlay", frozenset(layer["service_types"]), float(layer["tolerance_m"]),
                list(_areas(layer["topology"])),
            )
            for layer in package["layers"]
        ]  # fmt: skip

    def whose(self, lon: float, lat: float, service_type: str | None = None) -> Whose:
        """Whose ground a point (degrees, EPSG:4326) is for a service (its code): the first layer that covers it."""
        is_sure = True
        for layer in self._layers:
            if layer.service_types and service_type not in layer.service_types:
                continue
            reach_m = self._error_m + layer.tolerance_m
            covering, nearest, distance_m = _look(layer.areas, lon, lat, reach_m)
            is_sure &= distance_m > self._error_m * _SLACK
            rule = "overlap" if len(covering) > 1 else "inside"
            if not covering and nearest is not None and distance_m <= layer.tolerance_m:
                covering, rule, is_sure = [nearest], "nearest", False
            elif not covering:
                is_sure &= distance_m > reach_m * _SLACK
                continue
            area = min(covering, key=lambda found: found.code)
            return Whose(area.owner, area.name, "overlay" if layer.is_overlay else rule, is_sure)
        return Whose(None, None, "outside", is_sure)


def _areas(topology: Mapping[str, Any]) -> Iterator[_Area]:
    """The areas of a TopoJSON document, each with all its rings, those of holes too."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[Ring] = []
    for steps in topology["arcs"]:
        x = y = 0
        arc: Ring = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            arc.append((x * sx + tx, y * sy + ty))
        arcs.append(arc)
    for area in topology["objects"]["areas"]["geometries"]:
        if area["type"] is None:
            continue
        polygons = [area["arcs"]] if area["type"] == "Polygon" else area["arcs"]
        rings = [_ring(arcs, ring) for polygon in polygons for ring in polygon]
        xs = [x for ring in rings for x, _ in ring]
        ys = [y for ring in rings for _, y in ring]
        owner = area["properties"].get("owner", area["id"])
        box = (min(xs), min(ys), max(xs), max(ys))
        yield _Area(area["id"], owner, area["properties"]["name"], box, rings)


def _ring(arcs: list[Ring], numbers: list[int]) -> Ring:
    """Arcs one after the other; each begins where the one before it ends."""
    ring: Ring = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        ring += arc[1:] if ring else arc
    return ring


def _look(areas: list[_Area], lon: float, lat: float, reach_m: float) -> tuple[list[_Area], _Area | None, float]:
    """The areas that cover a point; the one whose border is nearest (of equals the lowest code), and its distance in
    metres, infinite beyond the reach."""
    shrink = max(math.cos(math.radians(lat)), 0.01)
    far = 2 * reach_m / _METRES_PER_DEG
    covering: list[_Area] = []
    nearest: _Area | None = None
    least_m = math.inf
    for area in areas:
        west, south, east, north = area.box
        if not (south - far <= lat <= north + far and west - far / shrink <= lon <= east + far / shrink):
            continue
        if sum(_crossings(ring, lon, lat) for ring in area.rings) % 2:
            covering.append(area)
        distance_m = min(_distance_m(ring, lon, lat, shrink) for ring in area.rings)
        if distance_m <= 2 * reach_m and (distance_m, area.code) < (least_m, nearest.code if nearest else ""):
            nearest, least_m = area, distance_m
    return covering, nearest, least_m


def _crossings(ring: Ring, lon: float, lat: float) -> int:
    """How often a ray from the point eastward crosses the ring."""
    count = 0
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
            count += 1
    return count


def _distance_m(ring: Ring, lon: float, lat: float, shrink: float) -> float:
    """From the point to the ring, in the plane where a degree of longitude is as long as on the ground there."""
    least = math.inf
    x2, y2 = (ring[0][0] - lon) * shrink, ring[0][1] - lat
    for lon1, lat1 in ring[1:]:
        x1, y1, x2, y2 = x2, y2, (lon1 - lon) * shrink, lat1 - lat
        dx, dy = x2 - x1, y2 - y1
        length2 = dx * dx + dy * dy
        along = 0.0 if length2 == 0 else min(1.0, max(0.0, -(x1 * dx + y1 * dy) / length2))
        cx, cy = x1 + along * dx, y1 + along * dy
        least = min(least, cx * cx + cy * cy)
    return math.sqrt(least) * _METRES_PER_DEG
