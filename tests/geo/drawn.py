"""Layers drawn in metres: x east and y north of a place in Washington. Ten kilometres north of it, a metre is
drawn a thousandth too short eastward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from geo.areas import Areas
from geo.findings import Finding, Report
from geo.ground import Plane

PLANE = Plane.around(np.array([shapely.Point(-77.0, 38.9)], dtype=object))


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(west, south, east, north)


def row(count: int = 3, side: float = 100.0) -> list[shapely.Polygon]:
    """Squares side by side, eastward."""
    return [box(k * side, 0, (k + 1) * side, side) for k in range(count)]


def drawn(
    shapes: Sequence[shapely.Geometry],
    codes: Sequence[str | None] | None = None,
    names: Sequence[str | None] | None = None,
    owners: Sequence[str | None] = (),
) -> Areas:
    """Areas of these polygons in metres, called A, B, C … of Atown, Btown … unless it is said otherwise."""
    codes = [chr(ord("A") + k) for k in range(len(shapes))] if codes is None else codes
    names = [f"{code}town" for code in codes] if names is None else names
    parts = [shapely.MultiPolygon(list(shapely.get_parts(shape))) for shape in shapes]
    return Areas(tuple(codes), tuple(names), PLANE.lonlat(np.array(parts, dtype=object)), owners=tuple(owners))


def only(report: Report, kind: str) -> Finding:
    """The one finding of this kind."""
    (finding,) = report.of(kind)
    return finding


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}
