"""Where on earth a layer lies: by the file's word, by a person's, or not at all until a person decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geo.crs import Objects, reproject, title, understand
from geo.refusals import CrsMissing, CrsSuspect, CrsUnreadable, CrsUntied, OutsideAreaOfUse
from geo.suggest import Box, sample_of, suggestions


@dataclass(frozen=True, slots=True)
class Located:
    """`geoms` in EPSG:4326 lon/lat; the title of the system they came in; the transformation's accuracy, 0
    without one and None when not known."""

    geoms: Objects
    crs: str
    accuracy_m: float | None
    notes: tuple[str, ...]


# Finite coordinates can be as large as 1e308: what overflows is outside of every area, and is refused as that.
@np.errstate(over="ignore", invalid="ignore")
def locate(
    geoms: Objects, stated: str | None, given: str | None, *, swap_axes: bool = False, around: Box | None = None
) -> Located:
    """Lead a layer to EPSG:4326, by the system that a person gave, else by the one that the file states.

    `swap_axes` exchanges x and y beforehand. `around` is the lon/lat box of where the layer should be: one that
    does not meet it is suspect, unless a person gave the system. Geometries in `geoms` are replaced. Raises
    CrsMissing, CrsUnreadable, CrsUntied, OutsideAreaOfUse and CrsSuspect, each with `suggestions` (see
    geo.suggest) of what a person may give.
    """
    sample = sample_of(geoms)
    if swap_axes:
        geoms = shapely.transform(geoms, lambda coordinates: coordinates[:, ::-1])
    try:
        crs, notes = _settle(stated, given)
    except (CrsMissing, CrsUnreadable) as refusal:
        refusal.facts["suggestions"] = suggestions(sample, None, around)
        raise
    if swap_axes:
        notes = (*notes, "x and y were exchanged, as you said.")
    try:
        moved = reproject(geoms, crs)
    except (OutsideAreaOfUse, CrsUntied) as refusal:
        refusal.facts["suggestions"] = suggestions(sample, crs, around)
        raise
    box = shapely.total_bounds(moved.geoms)
    if around is not None and not _meet(box, around):
        west, south, east, north = np.round(box, 4).tolist()
        where = f"It lies from {west:g} to {east:g} degrees east, {south:g} to {north:g} north"
        if given is None and not swap_axes:
            raise CrsSuspect(f"{where}.", part=title(crs), suggestions=suggestions(sample, crs, around))
        notes = (*notes, f"{where}, away from the area that it is for. You gave the system.")
    return Located(moved.geoms, title(crs), moved.accuracy_m, (*notes, *moved.notes))


def _settle(stated: str | None, given: str | None) -> tuple[CRS, tuple[str, ...]]:
    """The system to be used. A person's word stands above the file's."""
    if given is None:
        return understand(stated), ()
    crs = understand(given)
    try:
        own = title(understand(stated))
    except (CrsMissing, CrsUnreadable):
        return crs, ()
    return crs, () if own == title(crs) else (f"The file says {own}; you said {given}.",)


def _meet(one: NDArray[np.float64], other: Box) -> bool:
    return bool(one[0] <= other[2] and one[2] >= other[0] and one[1] <= other[3] and one[3] >= other[1])
