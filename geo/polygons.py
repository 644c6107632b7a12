"""Geometries as GDAL hands them over -> flat, valid MultiPolygons, or the feature and the reason why not."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from geo.areas import VERTICES_MAX
from geo.refusals import CoordinateNotFinite, GeometryInvalid, GeometryMissing, NotPolygon, TooManyVertices

Objects = NDArray[np.object_]

_POLYGON, _MULTIPOLYGON = 3, 6


def polygons(wkbs: Sequence[bytes | None]) -> tuple[Objects, tuple[str, ...]]:
    """MultiPolygons in two dimensions, in the coordinates they came with, and notes on what was left out.

    Raises GeometryMissing, NotPolygon, CoordinateNotFinite, GeometryInvalid (a ring that is not closed, or
    of too few points), TooManyVertices. Whether polygons cross themselves is asked after reprojection: see
    `refuse_invalid`.
    """
    with warnings.catch_warnings():
        # numpy's, for coordinates that are not finite, which are refused below.
        warnings.simplefilter("ignore", RuntimeWarning)
        geoms = np.array(shapely.from_wkb(list(wkbs), on_invalid="ignore"), dtype=object)
    for feature, (wkb, geom) in enumerate(zip(wkbs, geoms, strict=True), start=1):
        if wkb is None:
            raise GeometryMissing(feature=feature)
        if geom is None:
            raise _unreadable(wkb, feature)
    _refuse_first(~np.isin(shapely.get_type_id(geoms), (_POLYGON, _MULTIPOLYGON)), geoms, NotPolygon)
    parts, of = shapely.get_parts(geoms, return_index=True)
    hollow = np.isin(np.arange(geoms.size), of[shapely.is_empty(parts)])
    _refuse_first(shapely.is_empty(geoms) | hollow, geoms, GeometryMissing)
    vertices = int(shapely.get_num_coordinates(geoms).sum())
    if vertices > VERTICES_MAX:
        raise TooManyVertices(f"It has {vertices}, at most {VERTICES_MAX} are taken.")
    coordinates, at = shapely.get_coordinates(geoms, return_index=True)
    wild = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if wild.size:
        x, y = coordinates[wild[0]]
        raise CoordinateNotFinite(feature=int(at[wild[0]]) + 1, part=f"{x} {y}")
    # Each feature's parts stand together; a feature begins where `of` changes.
    groups = np.split(shapely.force_2d(parts), np.flatnonzero(np.diff(of)) + 1)
    return np.array([shapely.multipolygons(group) for group in groups], dtype=object), _flattened(geoms)


def refuse_invalid(geoms: Objects) -> None:
    """Raises GeometryInvalid with the first invalid feature, GEOS's reason and its place."""
    invalid = np.flatnonzero(~shapely.is_valid(geoms))
    if not invalid.size:
        return
    reason = shapely.is_valid_reason(geoms[invalid[0]])
    what, place = re.fullmatch(r"(.*?)(?:\[(.*)\])?", reason, re.DOTALL).groups()  # type: ignore[union-attr]
    others = f" So are {invalid.size - 1} others." if invalid.size > 1 else ""
    raise GeometryInvalid(
        f"{what}.{others}",
        feature=int(invalid[0]) + 1,
        part=place,
        features=(invalid + 1).tolist(),
    )


def _unreadable(wkb: bytes, feature: int) -> GeometryInvalid | NotPolygon:
    try:
        shapely.from_wkb(wkb)
    except (GEOSException, ValueError) as error:
        reason = str(error).removeprefix("IllegalArgumentException: ").removeprefix("ParseException: ")
        if "type" in reason.lower():
            return NotPolygon(f"{reason}.", feature=feature)
        return GeometryInvalid(f"{reason}.", feature=feature)
    return GeometryInvalid(feature=feature)


def _refuse_first(wrong: NDArray[np.bool_], geoms: Objects, refusal: type[NotPolygon] | type[GeometryMissing]) -> None:
    at = np.flatnonzero(wrong)
    if at.size:
        raise refusal(f"It is a {geoms[at[0]].geom_type}.", feature=int(at[0]) + 1)


def _flattened(geoms: Objects) -> tuple[str, ...]:
    raised = int(np.count_nonzero(shapely.has_z(geoms) | shapely.has_m(geoms)))
    if not raised:
        return ()
    return (f"{raised} of {geoms.size} features have heights or measures, which were left out.",)
