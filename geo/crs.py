"""Coordinate systems: understood, and led to EPSG:4326 lon/lat, or refused."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import AreaOfInterest, Transformer, TransformerGroup

from geo.refusals import CrsMissing, CrsUnreadable, CrsUntied, OutsideAreaOfUse

AREA_OF_USE_SLACK_DEG = 1.0
"""How far outside its system's area of use a coordinate may lie. Layers are drawn a little past the edge of
a zone; a wrong system, or feet taken for metres, is off by far more."""

WGS84 = CRS.from_epsg(4326)
_ROUND_TRIP_SLACK = 1e-6
"""Of the coordinates' own size: there and back again must give the same number to this part."""

Objects = NDArray[np.object_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reprojected:
    """`geoms` in EPSG:4326; `accuracy_m` of the transformation, 0 without one, None when not known."""

    geoms: Objects
    accuracy_m: float | None
    notes: tuple[str, ...]


def understand(stated: str | None) -> CRS:
    """The CRS that a file or a person states, as authority code or WKT, in two dimensions.

    Raises CrsMissing for None, "unknown" and "undefined", CrsUnreadable for what is no place on earth.
    """
    if not stated:
        raise CrsMissing
    try:
        crs = CRS.from_user_input(stated)
    except (CRSError, ValueError) as error:
        raise CrsUnreadable(f"It says {stated[:80]!r}.") from error
    if crs.name.lower().startswith(("undefined", "unknown")):
        raise CrsMissing(f'It says "{crs.name[:80]}".')
    if crs.area_of_use is None and (code := crs.to_authority(min_confidence=90)):
        # A .prj seldom names its authority, and with it goes the area of use.
        crs = CRS.from_authority(*code)
    flat = crs.to_2d()
    if not (flat.is_geographic or flat.is_projected):
        raise CrsUnreadable(f'"{crs.name[:80]}" is not a map\'s coordinate system.')
    return flat


def title(crs: CRS) -> str:
    """A short name to show and store: "EPSG:2272" where there is one."""
    code = crs.to_authority(min_confidence=90)
    return ":".join(code) if code else crs.name[:200]


def reproject(geoms: Objects, crs: CRS) -> Reprojected:
    """Lead geometries with finite coordinates from `crs` to EPSG:4326; x is lon. Those in `geoms` are
    replaced.

    Edges stay straight between the same vertices. Raises CrsUntied, and OutsideAreaOfUse with the first
    feature.
    """
    source = shapely.get_coordinates(geoms)
    if crs.is_geographic and crs.axis_info[0].unit_name == "degree":
        _refuse_outside(geoms, source, source, (-180.0, -90.0, 180.0, 90.0), crs)
    if crs == WGS84 or crs.to_authority(min_confidence=100) in (("EPSG", "4326"), ("OGC", "CRS84")):
        return Reprojected(geoms, 0.0, ())
    area = crs.area_of_use
    bounds = area.bounds if area is not None else (-180.0, -90.0, 180.0, 90.0)
    rough = _rough(crs)
    # Far from its area a system has no transformation either, and the distance is what to tell.
    _refuse_outside(geoms, source, np.column_stack(rough.transform(source[:, 0], source[:, 1])), bounds, crs)
    transformer, notes = _transformer(crs, rough, source)
    lonlat = np.column_stack(transformer.transform(source[:, 0], source[:, 1]))
    # Longitude wraps around: only the way back tells that a coordinate never was on this map.
    for axis, back in enumerate(transformer.transform(lonlat[:, 0], lonlat[:, 1], direction="INVERSE")):
        with np.errstate(invalid="ignore"):
            wide = np.maximum(np.abs(source[:, axis]), 1.0)
            strayed = ~(np.abs(back - source[:, axis]) <= _ROUND_TRIP_SLACK * wide)
        lonlat[strayed] = np.nan
    if area is None:
        notes = (*notes, f'The area of use of "{crs.name}" is not known and was not checked.')
    _refuse_outside(geoms, source, lonlat, bounds, crs)
    accuracy = transformer.accuracy if transformer.accuracy >= 0 else None
    return Reprojected(shapely.set_coordinates(geoms, lonlat), accuracy, notes)


def _rough(crs: CRS) -> Transformer:
    try:
        return Transformer.from_crs(crs, WGS84, always_xy=True)
    except (CRSError, ProjError) as error:
        raise CrsUntied(f'"{crs.name}": {error}.') from error


def _transformer(crs: CRS, rough: Transformer, source: Floats) -> tuple[Transformer, tuple[str, ...]]:
    """The best transformation to WGS 84 for where the coordinates are: one for all of them, so that a shared
    border stays shared. (Left to itself, PROJ may choose another for each point.)"""
    try:
        west, south, east, north = rough.transform_bounds(*source.min(axis=0), *source.max(axis=0))
        inside = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
        where = AreaOfInterest(west, south, east, north) if inside else None
        with warnings.catch_warnings():
            # That a better one lacks its grid is told in the notes.
            warnings.simplefilter("ignore", UserWarning)
            group = TransformerGroup(crs, WGS84, always_xy=True, area_of_interest=where)
    except (CRSError, ProjError) as error:
        raise CrsUntied(f'"{crs.name}": {error}.') from error
    known = [way for way in group.transformers if "ballpark" not in way.description.lower()]
    if not known:
        raise CrsUntied(f'"{crs.name}" is known only to within hundreds of metres.')
    way = known[0]
    accuracy = f"within {way.accuracy:g} m" if way.accuracy >= 0 else "unknown"
    notes = [f'Reprojected from {title(crs)} by "{way.description}", accuracy {accuracy}.']
    if not group.best_available:
        notes.append("A better transformation exists, but its grid is not installed.")
    return way, tuple(notes)


def _refuse_outside(
    geoms: Objects, source: Floats, lonlat: Floats, bounds: tuple[float, float, float, float], crs: CRS
) -> None:
    west, south, east, north = bounds
    slack = AREA_OF_USE_SLACK_DEG
    lon, lat = lonlat.T
    if west <= east:
        fits = (lon >= max(west - slack, -180.0)) & (lon <= min(east + slack, 180.0))
    else:  # Across the antimeridian.
        fits = ((lon >= west - slack) & (lon <= 180.0)) | ((lon <= east + slack) & (lon >= -180.0))
    fits &= (lat >= max(south - slack, -90.0)) & (lat <= min(north + slack, 90.0))
    if fits.all():
        return
    first = int(np.argmin(fits))
    x, y = source[first]
    raise OutsideAreaOfUse(
        f"{title(crs)} is made for {west:g} to {east:g} degrees east, {south:g} to {north:g} north.",
        feature=int(np.searchsorted(np.cumsum(shapely.get_num_coordinates(geoms)), first, side="right")) + 1,
        part=f"{x:.9g} {y:.9g}",
    )
