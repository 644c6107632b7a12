"""An outline as TopoJSON 1.0 (github.com/topojson/topojson-specification): arcs once, delta-encoded, on a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from geo.topology.arcs import GRID_DEG, Points
from geo.topology.outline import Outline
from geo.topology.rings import Shape

OBJECT = "areas"

TRANSFORM = {"scale": [GRID_DEG, GRID_DEG], "translate": [0, 0]}
"""The same for every topology, so that a step is the same place in all of them: degrees, longitude first."""


def topology_of(outline: Outline) -> dict[str, Any]:
    """A TopoJSON document with one object, `areas`: the areas as Polygons or MultiPolygons by their code.

    A geometry's `id` is the area's code; its properties are `name`, and `owner` where a jurisdiction with another
    code is responsible. The type of an area whose shape is empty is null.
    """
    geometries = [
        _geometry(code, name, owner, shape)
        for code, name, owner, shape in zip(outline.codes, outline.names, outline.owners, outline.shapes, strict=True)
    ]
    arcs = [_arc(line) for line in outline.lines]
    topology: dict[str, Any] = {"type": "Topology", "transform": TRANSFORM}
    if outline.lines:
        points = np.concatenate(outline.lines)
        topology["bbox"] = [step * GRID_DEG for step in (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())]
    return topology | {"objects": {OBJECT: {"type": "GeometryCollection", "geometries": geometries}}, "arcs": arcs}


def _geometry(code: str, name: str, owner: str | None, shape: Shape) -> dict[str, Any]:
    properties = {"name": name} | ({} if owner is None or owner == code else {"owner": owner})
    if not shape:
        drawn: dict[str, Any] = {"type": None}
    elif len(shape) == 1:
        drawn = {"type": "Polygon", "arcs": shape[0]}
    else:
        drawn = {"type": "MultiPolygon", "arcs": shape}
    return drawn | {"id": code, "properties": properties}


def _arc(line: Points) -> list[list[int]]:
    """The first point as it is, then the way to each next one."""
    steps: list[list[int]] = np.concatenate([line[:1], np.diff(line, axis=0)]).tolist()
    return steps
