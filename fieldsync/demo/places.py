"""Points in, on the borders of, and outside the demo's counties: seeded, so that two runs agree."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import shapely
from shapely.geometry import shape

COUNTIES = Path(__file__).with_name("counties.geojson")

OUTSIDE_DEG = 0.5
"""How far around the counties a point outside is sought: about 50 km."""


class Place(NamedTuple):
    """A point in degrees, EPSG:4326, and where it belongs."""

    lon: float
    lat: float
    code: str | None
    """The lowest code among the counties that cover it (a point on a border is in both); None: outside."""


class Places:
    """The counties of a GeoJSON file whose features have ``code`` and ``name``."""

    def __init__(self, path: Path = COUNTIES) -> None:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        features.sort(key=lambda feature: feature["properties"]["code"])
        self.names: dict[str, str] = {f["properties"]["code"]: f["properties"]["name"] for f in features}
        """Code -> name, in the order of the codes."""
        self._codes = list(self.names)
        self._areas = [shape(feature["geometry"]) for feature in features]
        for area in self._areas:
            shapely.prepare(area)
        self._weights = [area.area for area in self._areas]
        self._shared = _shared_vertices(self._areas)
        self._extent = shapely.total_bounds(self._areas)

    def at(self, lon: float, lat: float) -> Place:
        """The place at a point."""
        for code, area in zip(self._codes, self._areas, strict=True):
            if shapely.intersects_xy(area, lon, lat):
                return Place(lon, lat, code)
        return Place(lon, lat, None)

    def inside(self, chance: random.Random, code: str | None = None) -> Place:
        """A point in a county: the one with this code, else a large one more often than a small one."""
        if code is None:
            (area,) = chance.choices(self._areas, self._weights)
        else:
            area = self._areas[self._codes.index(code)]
        west, south, east, north = area.bounds
        while True:
            lon, lat = _rounded(chance.uniform(west, east), chance.uniform(south, north))
            if shapely.contains_xy(area, lon, lat):
                return self.at(lon, lat)

    def middle(self, code: str) -> Place:
        """A point well inside the county with this code."""
        point = self._areas[self._codes.index(code)].representative_point()
        return Place(*_rounded(point.x, point.y), code)

    def on_border(self, chance: random.Random) -> Place:
        """A point on the line that two or more counties share: one of the vertices that they have in common."""
        return self.at(*chance.choice(self._shared))

    def outside(self, chance: random.Random) -> Place:
        """A point near the counties and in none of them."""
        west, south, east, north = self._extent
        while True:
            place = self.at(*_rounded(
                chance.uniform(west - OUTSIDE_DEG, east + OUTSIDE_DEG),
                chance.uniform(south - OUTSIDE_DEG, north + OUTSIDE_DEG),
            ))  # fmt: skip
            if place.code is None:
                return place


def _rounded(lon: float, lat: float) -> tuple[float, float]:
    """To six decimals, a decimetre: as a tablet's GPS writes it."""
    return round(lon, 6), round(lat, 6)


def _shared_vertices(areas: Sequence[shapely.Geometry]) -> list[tuple[float, float]]:
    counts: Counter[tuple[float, float]] = Counter()
    for area in areas:
        counts.update({(float(lon), float(lat)) for lon, lat in shapely.get_coordinates(area)})
    return sorted(vertex for vertex, areas_there in counts.items() if areas_there > 1)
