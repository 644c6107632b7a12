"""In which coordinate systems a layer would lie where it should."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import shapely
from pyproj import CRS, Proj
from pyproj.aoi import AreaOfInterest
from pyproj.database import CRSInfo, query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import Transformer

from geo.crs import AREA_OF_USE_SLACK_DEG, WGS84, Floats, Objects, title

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

SUGGESTIONS_MAX = 5
"""More are not looked through."""

CANDIDATES_MAX = 400
"""Systems that are tried, at some 3 ms each. A county lies in about 130, a state in 200."""

_FINALISTS = 12
"""Of these the shift of the datum is computed too, which takes 20 ms each and moves a layer by up to 200 m."""

_ESRI_WIDTH_MAX_DEG = 60.0
"""Esri's list has the feet and metre variants that EPSG's lacks; its wider systems are maps of the world."""

_SAME_DEG = 5e-5
"""Systems that put a layer within five metres of each other are one suggestion, the commonest of them."""

_OVERLAP_MIN = 1e-6
"""A park of a hundred metres has four times as much of its county; degrees taken for metres shrink a county to
a millionth of that."""

_SAMPLE = 500
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_COMMON = ("WGS 84", "NAD83", "ETRS89")


class _Area(Protocol):
    """An area of use, of which pyproj has two classes."""

    @property
    def bounds(self) -> Box: ...


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A system, the lon/lat box it is made for, and where the layer then lies."""

    crs: str
    name: str
    geographic: bool
    made_for: Box
    swap_axes: bool = False
    box: Box | None = None
    overlap: float = 0.0

    def order(self, stated: str | None) -> tuple[object, ...]:
        authority, _, code = self.crs.partition(":")
        common = self.name.split(" / ")[0] in _COMMON
        likely = (self.crs != stated, self.crs != "EPSG:4326", not common)
        return (-round(self.overlap, 2), self.swap_axes, *likely, authority, len(code), code)


def sample_of(geoms: Objects) -> Floats:
    """Some vertices that stand for a layer (n by 2): its outermost ones, and others spread over it."""
    coordinates = shapely.get_coordinates(geoms)
    # The hull of a line through all of them is that of their set, for a tenth of the time.
    outermost = shapely.get_coordinates(shapely.convex_hull(shapely.linestrings(coordinates)))
    return np.concatenate([_thinned(outermost), _thinned(coordinates)])


def _thinned(coordinates: Floats) -> Floats:
    at = np.linspace(0, len(coordinates) - 1, min(_SAMPLE, len(coordinates))).astype(np.intp)
    return coordinates[at]


def suggestions(sample: Floats, stated: CRS | None, around: Box | None) -> list[dict[str, object]]:
    """Systems in which the layer covers the box `around`, the best first, for a person to choose from.

    Each is {"crs": authority and code, "name", "swap_axes": whether x and y must be exchanged, "overlap": the
    intersection of the layer's lon/lat box and `around`, divided by their union}. Without `around` there is
    nothing to hold a system against: then only the stated one is tried with its axes exchanged, and
    `overlap` is None.
    """
    if around is None:
        return [] if stated is None else _exchanged(sample, stated)
    known = title(stated) if stated is not None else None
    found = [placed for candidate in _candidates(stated, around) for placed in _placed(candidate, sample, around)]
    found.sort(key=lambda candidate: candidate.order(known))
    finalists = [_shifted(candidate, sample, around) for candidate in found[:_FINALISTS]]
    finalists.sort(key=lambda candidate: candidate.order(known))
    chosen: list[_Candidate] = []
    for candidate in finalists:
        near = any(
            candidate.swap_axes == other.swap_axes and np.allclose(candidate.box, other.box, rtol=0, atol=_SAME_DEG)
            for other in chosen
            if candidate.box is not None and other.box is not None
        )
        if not near and candidate.overlap >= _OVERLAP_MIN and 2 * candidate.overlap >= finalists[0].overlap:
            chosen.append(candidate)
    return [
        {"crs": one.crs, "name": one.name, "swap_axes": one.swap_axes, "overlap": float(f"{one.overlap:.3g}")}
        for one in chosen[:SUGGESTIONS_MAX]
    ]


def _exchanged(sample: Floats, stated: CRS) -> list[dict[str, object]]:
    box = _box(swapped := replace(_of(stated), swap_axes=True), sample)
    if box is None:
        return []
    return [{"crs": swapped.crs, "name": swapped.name, "swap_axes": True, "overlap": None}]


def _candidates(stated: CRS | None, around: Box) -> Iterator[_Candidate]:
    """The stated system, those made for all of the box, then those made for a part of it, the local ones
    first."""
    where = AreaOfInterest(*around)
    seen = set()
    if stated is not None:
        seen.add(title(stated))
        yield _of(stated)
    for whole in (True, False):
        infos = [
            *query_crs_info("EPSG", [PJType.GEOGRAPHIC_2D_CRS, PJType.PROJECTED_CRS], where, contains=whole),
            *filter(_local, query_crs_info("ESRI", [PJType.PROJECTED_CRS], where, contains=whole)),
        ]
        for info in sorted(infos, key=lambda info: (_width(info), info.auth_name, info.code)):
            code = f"{info.auth_name}:{info.code}"
            if code not in seen and len(seen) < CANDIDATES_MAX:
                seen.add(code)
                geographic = info.type == PJType.GEOGRAPHIC_2D_CRS
                yield _Candidate(code, info.name, geographic, _made_for(info.area_of_use))


def _of(crs: CRS) -> _Candidate:
    # What has no code of an authority can be given by its definition.
    code = title(crs) if crs.to_authority(min_confidence=90) else crs.to_wkt()
    return _Candidate(code, crs.name, crs.is_geographic, _made_for(crs.area_of_use))


def _made_for(area: _Area | None) -> Box:
    """The box in which `geo.crs.reproject` takes a coordinate of the system."""
    west, south, east, north = area.bounds if area is not None else _WORLD
    if west > east:  # Across the antimeridian.
        west, east = -180.0, 180.0
    slack = AREA_OF_USE_SLACK_DEG
    return (max(west - slack, -180.0), max(south - slack, -90.0), min(east + slack, 180.0), min(north + slack, 90.0))


def _width(info: CRSInfo) -> float:
    if info.area_of_use is None:
        return 360.0
    return (info.area_of_use.east - info.area_of_use.west) % 360.0 or 360.0


def _local(info: CRSInfo) -> bool:
    return _width(info) <= _ESRI_WIDTH_MAX_DEG


def _placed(candidate: _Candidate, sample: Floats, around: Box) -> Iterator[_Candidate]:
    """The candidate with the file's axes and with exchanged ones, as far as the layer then meets the box."""
    for one in (candidate, replace(candidate, swap_axes=True)):
        box = _box(one, sample)
        if box is not None and (overlap := _overlap(box, around)) >= _OVERLAP_MIN:
            yield replace(one, box=box, overlap=overlap)


def _box(candidate: _Candidate, sample: Floats) -> Box | None:
    """The layer's lon/lat box, its system's own datum taken for WGS 84; None where the coordinates are none of
    that system."""
    x, y = (sample[:, ::-1] if candidate.swap_axes else sample).T
    if candidate.geographic:
        return _bounds(x, y, candidate.made_for)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # That PROJ's short form has no datum.
            lon, lat = Proj(candidate.crs)(x, y, inverse=True)
    except (CRSError, ProjError):
        return None
    return _bounds(lon, lat, candidate.made_for)


def _shifted(candidate: _Candidate, sample: Floats, around: Box) -> _Candidate:
    """The candidate with its datum led to WGS 84."""
    x, y = (sample[:, ::-1] if candidate.swap_axes else sample).T
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            lon, lat = Transformer.from_crs(candidate.crs, WGS84, always_xy=True).transform(x, y)
    except (CRSError, ProjError):
        return candidate
    box = _bounds(lon, lat, candidate.made_for)
    return candidate if box is None else replace(candidate, box=box, overlap=_overlap(box, around))


def _bounds(lon: Floats, lat: Floats, made_for: Box) -> Box | None:
    west, south, east, north = float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
    # Comparisons with NaN and infinity fail, too.
    inside = made_for[0] <= west <= east <= made_for[2] and made_for[1] <= south <= north <= made_for[3]
    return (west, south, east, north) if inside else None


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union, in square degrees."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - both))
