"""Geometries as GDAL hands them over -> flat MultiPolygons (and lines to be widened), or the feature and the
reason why not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from geo.areas import VERTICES_MAX
from geo.refusals import (
    CoordinateNotFinite,
    FileRefused,
    GeometryInvalid,
    GeometryMissing,
    NotPolygon,
    RingTooLong,
    TooManyVertices,
)

RING_VERTICES_MAX = 500_000
"""Vertices of one ring or line. The outline of a state with all its shores has some 100,000; what is longer
came from pixels, and takes minutes where others take milliseconds."""

Objects = NDArray[np.object_]

_LINE, _POLYGON, _MULTILINE, _MULTIPOLYGON = 1, 3, 5, 6
_VERTEX_BYTES_MAX = 32 + 4
"""Of WKB, with height, measure and a vertex's share of its ring's header."""


def shapes(wkbs: Sequence[bytes | None], *, lines: bool = False) -> tuple[Objects, tuple[str, ...]]:
    """MultiPolygons in two dimensions, in the coordinates they came with, and notes on what was left out.

    With `lines`, MultiLineStrings are among them. Polygons may cross themselves or each other. Raises
    GeometryMissing, NotPolygon, CoordinateNotFinite, GeometryInvalid (a ring that is not closed, or of too
    few points), RingTooLong, TooManyVertices.
    """
    size = sum(len(wkb) for wkb in wkbs if wkb is not None)
    if size > _VERTEX_BYTES_MAX * VERTICES_MAX:
        raise TooManyVertices(f"It has more than {VERTICES_MAX}.")
    with warnings.catch_warnings():
        # numpy's, for coordinates that are not finite, which are refused below.
        warnings.simplefilter("ignore", RuntimeWarning)
        geoms = np.array(shapely.from_wkb(list(wkbs), on_invalid="ignore"), dtype=object)
    for missing in np.flatnonzero(shapely.is_missing(geoms)).tolist():
        wkb = wkbs[missing]
        raise GeometryMissing(feature=missing + 1) if wkb is None else _unreadable(wkb, missing + 1)
    taken = [_POLYGON, _MULTIPOLYGON, *([_LINE, _MULTILINE] if lines else [])]
    _refuse_kinds(~np.isin(shapely.get_type_id(geoms), taken), geoms)
    parts, of = shapely.get_parts(geoms, return_index=True)
    hollow = shapely.is_empty(geoms)
    hollow[of[shapely.is_empty(parts) | _without_length(parts)]] = True
    if hollow.any():
        at = int(np.argmax(hollow))
        raise GeometryMissing(f"It is a {geoms[at].geom_type} with nothing in it.", feature=at + 1)
    vertices = int(shapely.get_num_coordinates(geoms).sum())
    if vertices > VERTICES_MAX:
        raise TooManyVertices(f"It has {vertices}, at most {VERTICES_MAX} are taken.")
    _refuse_long(parts, of)
    _refuse_wild(geoms)
    notes = _flattened(geoms)
    del geoms
    flat = shapely.force_2d(parts)
    del parts
    kinds = shapely.get_dimensions(flat)
    # Each feature is polygons or lines: the kinds that hold both are refused above.
    multi = np.empty(int(of[-1]) + 1, dtype=object)
    shapely.multipolygons(flat[kinds == 2], indices=of[kinds == 2], out=multi)
    if (kinds == 1).any():
        shapely.multilinestrings(flat[kinds == 1], indices=of[kinds == 1], out=multi)
    return multi, notes


def _unreadable(wkb: bytes, feature: int) -> FileRefused:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            shapely.from_wkb(wkb)
        except (GEOSException, ValueError) as error:
            reason = str(error).removeprefix("IllegalArgumentException: ").removeprefix("ParseException: ")
        else:
            # Now it can be read: it could not for want of memory.
            raise MemoryError
        if "bad_alloc" in reason:
            raise MemoryError
        # A ring that begins with NaN is not closed either, and cannot be.
        if "closed" in reason and not _can_be_closed(wkb):
            return CoordinateNotFinite(feature=feature)
    return (NotPolygon if "type" in reason.lower() else GeometryInvalid)(f"{reason}.", feature=feature)


def _can_be_closed(wkb: bytes) -> bool:
    closed = shapely.from_wkb(wkb, on_invalid="fix")
    return not shapely.is_missing(closed) and bool(np.isfinite(shapely.get_coordinates(closed)).all())


def _refuse_kinds(wrong: NDArray[np.bool_], geoms: Objects) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        kind = geoms[at].geom_type
        hint = " Lines are taken if you say how wide they are (width_m)." if "Line" in kind else ""
        raise NotPolygon(f"It is a {kind}.{hint}", feature=at + 1)


def _without_length(parts: Objects) -> NDArray[np.bool_]:
    """Lines that begin, stay and end at one place. (Their length would overflow for the wildest coordinates.)"""
    west, south, east, north = shapely.bounds(parts).T
    still: NDArray[np.bool_] = (shapely.get_dimensions(parts) == 1) & (west == east) & (south == north)
    return still


def _refuse_long(parts: Objects, of: NDArray[np.intp]) -> None:
    # A part that is short has no long ring.
    for at in np.flatnonzero(shapely.get_num_coordinates(parts) > RING_VERTICES_MAX):
        rings = shapely.get_rings(parts[at]) if shapely.get_dimensions(parts[at]) == 2 else parts[at : at + 1]
        longest = int(shapely.get_num_coordinates(rings).max())
        if longest > RING_VERTICES_MAX:
            raise RingTooLong(f"It has {longest}, at most {RING_VERTICES_MAX} are taken.", feature=int(of[at]) + 1)


def _refuse_wild(geoms: Objects) -> None:
    coordinates = shapely.get_coordinates(geoms)
    wild = ~np.isfinite(coordinates).all(axis=1)
    if wild.any():
        first = int(np.argmax(wild))
        x, y = coordinates[first]
        at = np.searchsorted(np.cumsum(shapely.get_num_coordinates(geoms)), first, side="right")
        raise CoordinateNotFinite(feature=int(at) + 1, part=f"{x} {y}")


def _flattened(geoms: Objects) -> tuple[str, ...]:
    raised = int(np.count_nonzero(shapely.has_z(geoms) | shapely.has_m(geoms)))
    if not raised:
        return ()
    return (f"{raised} of {geoms.size} features have heights or measures, which were left out.",)
