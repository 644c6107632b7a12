"""A TopoJSON topology -> a GeoJSON file that GDAL reads, or a reason why not.

GDAL's own driver passes over arcs that are not there, takes what is no number for 0, and needs twenty times a
file's size in memory; so the arcs are joined here, as "The TopoJSON Format Specification" 1.0.0 says, and
everything else is left to the way that GeoJSON goes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from geo.areas import AREAS_MAX, VERTICES_MAX
from geo.geojson import Outline, decoded
from geo.refusals import (
    CoordinateNotFinite,
    FileUnreadable,
    LayerNotChosen,
    LayerNotFound,
    NoAreas,
    NotPolygon,
    TooManyAreas,
    TooManyVertices,
)

Arc = NDArray[np.float64]

# How deep the indexes of arcs lie in each kind of geometry; a line of arcs lies innermost.
_ARCS = {
    "LineString": list[int],
    "MultiLineString": list[list[int]],
    "Polygon": list[list[int]],
    "MultiPolygon": list[list[list[int]]],
}


class _Transform(msgspec.Struct):
    scale: tuple[float, float]
    translate: tuple[float, float]


class _Object(msgspec.Struct):
    type: str | None = None
    arcs: msgspec.Raw = msgspec.Raw(b"[]")
    geometries: msgspec.Raw = msgspec.Raw(b"[]")
    properties: msgspec.Raw = msgspec.Raw(b"null")
    id: msgspec.Raw = msgspec.Raw(b"null")


def write_geojson(outline: Outline, folder: Path, layer: str | None) -> tuple[Path, str, int]:
    """Write one object of a topology as GeoJSON into `folder`: the file, the object's name, and the number of
    its features.

    Raises LayerNotChosen and LayerNotFound (with `layers`, the names of the objects), NoAreas, FileUnreadable
    (with the feature, or the arc as `part`), NotPolygon, CoordinateNotFinite, TooManyAreas, TooManyVertices.
    """
    objects = decoded(outline.objects, dict[str, msgspec.Raw])
    name = _choose(sorted(objects), layer)
    chosen = decoded(objects[name], _Object)
    geometries = decoded(chosen.geometries, list[_Object]) if chosen.type == "GeometryCollection" else [chosen]
    if len(geometries) > AREAS_MAX:
        raise TooManyAreas(f"It has {len(geometries)}, at most {AREAS_MAX} are taken.")
    arcs = _arcs(outline)
    left = 2 * VERTICES_MAX  # Where arcs meet, a position is counted for each.
    path = folder / "areas.geojson"
    with path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        for feature, geometry in enumerate(geometries, start=1):
            drawn, vertices = _draw(geometry, arcs, feature, left)
            left -= vertices
            file.write(b"," if feature > 1 else b"")
            file.write(msgspec.json.encode(_as_feature(geometry, drawn)))
        file.write(b"]}")
    return path, name, len(geometries)


def _choose(names: list[str], layer: str | None) -> str:
    if layer is not None and layer not in names:
        raise LayerNotFound(f"It has {', '.join(names)[:500] or 'none'}.", part=layer, layers=names)
    if not names:
        raise NoAreas("It has no objects.")
    if layer is None and len(names) > 1:
        raise LayerNotChosen(f"They are {', '.join(names)[:500]}.", layers=names)
    return layer or names[0]


def _as_feature(geometry: _Object, drawn: object) -> dict[str, object]:
    feature: dict[str, object] = {"type": "Feature", "properties": geometry.properties, "geometry": drawn}
    return feature if bytes(geometry.id) == b"null" else feature | {"id": geometry.id}


def _arcs(outline: Outline) -> list[Arc]:
    """The arcs' positions. With a transform they are counted from the position before, in whole steps
    (section 2.1.3)."""
    transform = None if bytes(outline.transform) == b"null" else decoded(outline.transform, _Transform)
    arcs: list[Arc] = []
    total = 0
    for at, raw in enumerate(decoded(outline.arcs, list[msgspec.Raw])):
        try:
            positions = msgspec.json.decode(raw, type=list[tuple[float, float]])
        except (msgspec.ValidationError, RecursionError) as error:
            raise FileUnreadable("It is no line of positions of two numbers.", part=f"arc {at}") from error
        total += len(positions)
        if total > VERTICES_MAX:
            raise TooManyVertices(f"It has more than {VERTICES_MAX}.", part=f"arc {at}")
        arc = np.array(positions, dtype=np.float64).reshape(-1, 2)
        if transform is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                arc = np.cumsum(arc, axis=0) * transform.scale + transform.translate
        if not np.isfinite(arc).all():
            raise CoordinateNotFinite(part=f"arc {at}")
        arcs.append(arc)
    return arcs


def _draw(geometry: _Object, arcs: list[Arc], feature: int, left: int) -> tuple[dict[str, Any] | None, int]:
    """The geometry with coordinates in place of arcs, and how many they are."""
    if geometry.type is None:
        return None, 0
    if geometry.type not in _ARCS:
        raise NotPolygon(f"It is a {geometry.type[:40]}.", feature=feature)
    try:
        indexes = msgspec.json.decode(geometry.arcs, type=_ARCS[geometry.type])
    except (msgspec.ValidationError, RecursionError) as error:
        raise FileUnreadable(f"Its arcs are not those of a {geometry.type}.", feature=feature) from error
    vertices = 0
    for line in _lines(indexes):
        for index in line:
            if not -len(arcs) <= index < len(arcs):
                raise FileUnreadable(f"There is no arc {index}, only {len(arcs)}.", feature=feature)
            vertices += len(arcs[index if index >= 0 else ~index])
    if vertices > left:
        raise TooManyVertices(f"It has more than {VERTICES_MAX}.", feature=feature)
    return {"type": geometry.type, "coordinates": _join(indexes, arcs)}, vertices


def _lines(indexes: Any) -> list[list[int]]:
    """The lines of arcs, however deep they lie."""
    if not indexes or not isinstance(indexes[0], list):
        return [indexes]
    return [line for inner in indexes for line in _lines(inner)]


def _join(indexes: Any, arcs: list[Arc]) -> Any:
    """Positions of a line of arcs, each beginning where the one before ended (section 2.1.4); ~i is arc i
    backward."""
    if indexes and isinstance(indexes[0], list):
        return [_join(inner, arcs) for inner in indexes]
    steps = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in indexes]
    joined = [step if at == 0 else step[1:] for at, step in enumerate(steps)]
    return np.concatenate(joined).tolist() if joined else []
